//! The attributes of a request, by name, and the reading of those that the original has; here too
//! are the few of ours that are about its secret and its switch.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::BOUNDS;
use super::settings;
use super::value::{self, At as _};
use crate::egress::{Destination, Policy};
use crate::json::{self, Fault, RawObject};
use crate::limits;
use crate::secret::Secret;
use crate::signing::Which;

pub(super) const ATTRIBUTES_AT: &str = "/data/attributes";

/// What a request may set, beside the table in `settings.rs`.
const SET: [&str; 8] = [
    "name",
    "description",
    "endpoint_url",
    "secret_key",
    "generate_secret",
    "klaviyo_signed_with",
    "enabled",
    "backlog",
];

/// What answers show and nobody sets: ignored, so that an answer may be sent back.
const SHOWN: [&str; 12] = [
    "id",
    "created_at",
    "updated_at",
    "disabled_at",
    "disabled_reason",
    "disabled_detail",
    "previous_secret_expires_at",
    "ed25519_public_key",
    "failing_since",
    "failures_in_a_row",
    "breaker",
    "blocked_profiles",
];

/// The attributes that a request names.
pub(super) struct Attributes(RawObject);

impl Attributes {
    pub(super) fn read(given: Option<&RawValue>) -> Result<Self, Fault> {
        // `[]` is how PHP writes an object without members.
        let Some(given) = given.filter(|given| !matches!(given.get(), "[]" | "null")) else {
            return Ok(Self(RawObject::default()));
        };
        json::check_object(given, &BOUNDS).at(ATTRIBUTES_AT)?;
        json::parse(given.get().as_bytes()).at(ATTRIBUTES_AT).map(Self)
    }

    /// The attributes of a webhook. A name that is none of them is refused: a misspelt `filter`
    /// would send everything.
    pub(super) fn of_webhook(given: Option<&RawValue>) -> Result<Self, Fault> {
        let given = Self::read(given)?;
        given.expect_known(settings::names().chain(SET), &SHOWN)?;
        Ok(given)
    }

    /// Refuses a name that is none of `settable` and `ignored`.
    pub(super) fn expect_known(
        &self,
        settable: impl Iterator<Item = &'static str>,
        ignored: &[&str],
    ) -> Result<(), Fault> {
        let settable: Vec<_> = settable.collect();
        let is_known = |name: &str| settable.contains(&name) || ignored.contains(&name);
        let Some((name, _)) = self.0.iter().find(|(name, _)| !is_known(name)) else {
            return Ok(());
        };
        let why = match json::nearest_name(name, &settable) {
            Some(nearest) => format!("is not an attribute; did you mean `{nearest}`?"),
            None => format!("is not an attribute; possible are `{}`", settable.join("`, `")),
        };
        Err(Fault::new(format!("{ATTRIBUTES_AT}{}", json::pointer_to(name)), why))
    }

    /// Whether the request says anything about it; `null` is nothing.
    pub(super) fn names(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|raw| raw.get() != "null")
    }

    /// The text of an attribute.
    pub(super) fn raw(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name)
    }

    /// An attribute whose `null` means the same as its absence.
    fn optional<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<Option<T>, Fault> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        json::parse(raw.get().as_bytes()).at(&format!("{ATTRIBUTES_AT}/{name}"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        self.optional(name)
    }

    pub(super) fn required<T>(&self, name: &str, read: Option<T>) -> Result<T, Fault> {
        read.ok_or_else(|| {
            Fault::new(format!("{ATTRIBUTES_AT}/{name}"), format!("`{name}` is required"))
        })
    }

    pub(super) fn name(&self) -> Result<Option<String>, Fault> {
        let Some(given) = self.optional::<Cow<'_, str>>("name")? else { return Ok(None) };
        let name = given.trim();
        let (length, most) = (name.chars().count(), limits::WEBHOOK_NAME_CHARS_MAX);
        if length == 0 || length > most {
            let why = format!("has {length} characters; 1 to {most} may be");
            return Err(Fault::new(format!("{ATTRIBUTES_AT}/name"), why));
        }
        Ok(Some(name.to_owned()))
    }

    /// `Some(None)` clears it.
    pub(super) fn description(&self) -> Result<Option<Option<String>>, Fault> {
        if self.raw("description").is_none() {
            return Ok(None);
        }
        let given = self.optional::<String>("description")?;
        let most = limits::WEBHOOK_DESCRIPTION_CHARS_MAX;
        if given.as_ref().is_some_and(|text| text.chars().count() > most) {
            let why = format!("has more than {most} characters");
            return Err(Fault::new(format!("{ATTRIBUTES_AT}/description"), why));
        }
        Ok(Some(given))
    }

    pub(super) fn endpoint_url(&self, policy: &Policy) -> Result<Option<String>, Fault> {
        let Some(given) = self.optional::<String>("endpoint_url")? else { return Ok(None) };
        let at = || format!("{ATTRIBUTES_AT}/endpoint_url");
        Destination::parse(&given, policy).map_err(|error| Fault::new(at(), error.to_string()))?;
        Ok(Some(given))
    }

    pub(super) fn secret(&self) -> Result<Option<Secret>, Fault> {
        let Some(given) = self.optional::<Cow<'_, str>>("secret_key")? else { return Ok(None) };
        let length = given.chars().count();
        let (least, most) = (limits::SECRET_CHARS_MIN, limits::SECRET_CHARS_MAX);
        if !(least..=most).contains(&length) {
            let why = format!("has {length} characters; {least} to {most} may be");
            return Err(Fault::new(format!("{ATTRIBUTES_AT}/secret_key"), why));
        }
        Ok(Some(Secret::new(given.into_owned())))
    }

    pub(super) fn klaviyo_signed_with(&self) -> Result<Option<Which>, Fault> {
        self.choice("klaviyo_signed_with", &SIGNED_WITH)
    }

    /// What a webhook that is switched on does with deliveries that waited for it.
    pub(super) fn skips_backlog(&self, enabled: Option<bool>) -> Result<bool, Fault> {
        const BACKLOG: [(&str, bool); 2] = [("deliver", false), ("skip", true)];
        let given = self.choice("backlog", &BACKLOG)?;
        if given.is_some() && enabled != Some(true) {
            let why = "goes with `enabled`: true, and says what happens to deliveries that waited";
            return Err(Fault::new(format!("{ATTRIBUTES_AT}/backlog"), why));
        }
        Ok(given.unwrap_or(false))
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Fault> {
        let Some(raw) = self.raw(name).filter(|raw| raw.get() != "null") else { return Ok(None) };
        value::word(&value::read(raw)?, words).at(&format!("{ATTRIBUTES_AT}/{name}")).map(Some)
    }

    /// A duration within bounds.
    pub(super) fn duration(
        &self,
        name: &str,
        bounds: value::Durations,
    ) -> Result<Option<std::time::Duration>, Fault> {
        let Some(raw) = self.raw(name).filter(|raw| raw.get() != "null") else { return Ok(None) };
        value::duration(&value::read(raw)?, bounds).at(&format!("{ATTRIBUTES_AT}/{name}")).map(Some)
    }
}

/// The names of the two secrets of a rotation.
pub(super) const SIGNED_WITH: [(&str, Which); 2] =
    [("current", Which::Current), ("previous", Which::Previous)];
