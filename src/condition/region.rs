//! `profile-region`: whether the country of the person's location is in a region.
//!
//! A country is what people write into `location.country`: its ISO 3166 code of two or three
//! letters or its usual English names, in upper or lower case. Not a guess from anything else.

use serde_json::Value;

use super::Subject;
use super::explain::quoted;
use crate::json::Fault;
use crate::json::object::Object;

/// Where a profile has its country, as [`Touches`](super::Touches) names it.
pub(super) const COUNTRY: &str = "location.country";

const UNITED_STATES: &[&str] =
    &["us", "usa", "u.s.", "u.s.a.", "united states", "united states of america"];

/// The members of the European Union.
#[rustfmt::skip]
const EUROPEAN_UNION: &[&str] = &[
    "at", "aut", "austria",
    "be", "bel", "belgium",
    "bg", "bgr", "bulgaria",
    "hr", "hrv", "croatia",
    "cy", "cyp", "cyprus",
    "cz", "cze", "czechia", "czech republic", "the czech republic",
    "dk", "dnk", "denmark",
    "ee", "est", "estonia",
    "fi", "fin", "finland",
    "fr", "fra", "france",
    "de", "deu", "germany",
    "gr", "grc", "el", "greece",
    "hu", "hun", "hungary",
    "ie", "irl", "ireland", "republic of ireland",
    "it", "ita", "italy",
    "lv", "lva", "latvia",
    "lt", "ltu", "lithuania",
    "lu", "lux", "luxembourg",
    "mt", "mlt", "malta",
    "nl", "nld", "netherlands", "the netherlands",
    "pl", "pol", "poland",
    "pt", "prt", "portugal",
    "ro", "rou", "romania",
    "sk", "svk", "slovakia", "slovak republic",
    "si", "svn", "slovenia",
    "es", "esp", "spain",
    "se", "swe", "sweden",
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RegionTest {
    is_inside: bool,
    region: Region,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Region {
    EuropeanUnion,
    UnitedStates,
}

impl RegionTest {
    pub(super) fn parse(object: &Object<'_>) -> Result<Self, Fault> {
        object.only(&["type", "in_region", "region"])?;
        let is_inside = object.boolean("in_region")?;
        let region =
            match object.choice("region", "a region", &["european_union", "united_states"])? {
                "european_union" => Region::EuropeanUnion,
                _ => Region::UnitedStates,
            };
        Ok(Self { is_inside, region })
    }

    /// Whether it holds; who has no country is in no region.
    pub(super) fn holds(self, subject: &dyn Subject) -> bool {
        self.region.has(country(subject)) == self.is_inside
    }

    /// Why it holds or does not.
    pub(super) fn reason(self, subject: &dyn Subject) -> String {
        let country = country(subject);
        let Some(name) = country else { return "the location has no country".to_owned() };
        let sense = if self.region.has(country) { "" } else { "not " };
        let region = match self.region {
            Region::EuropeanUnion => "the European Union",
            Region::UnitedStates => "the United States",
        };
        format!("the location's country is {}, {sense}in {region}", quoted(name))
    }
}

impl Region {
    fn has(self, country: Option<&str>) -> bool {
        let names = match self {
            Self::EuropeanUnion => EUROPEAN_UNION,
            Self::UnitedStates => UNITED_STATES,
        };
        country.is_some_and(|country| {
            names.iter().any(|name| name.eq_ignore_ascii_case(country.trim()))
        })
    }
}

fn country(subject: &dyn Subject) -> Option<&str> {
    subject.profile_location()?.get("country").and_then(Value::as_str)
}
