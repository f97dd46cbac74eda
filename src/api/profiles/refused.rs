//! Why a call about people was refused, as the API says it.

use crate::api::error::Problem;
use crate::id::ProfileId;
use crate::json::Fault;
use crate::limits;
use crate::people::{PeopleError, SOURCES_AT};
use crate::profile::{AbsorbError, ChangeError as PersonError};

impl From<PersonError> for Problem {
    fn from(error: PersonError) -> Self {
        let at_most = |what: &str, id: ProfileId| format!("with these, profile {id} would {what}");
        match error {
            PersonError::Unknown(id) => Self::not_found(format!("No profile {id}.")),
            PersonError::Merged(id, now) => Self::not_found(format!(
                "Profile {id} was merged into another; the person is now known as {now}."
            )),
            PersonError::Taken(owner) => Self::duplicate_profile(owner),
            PersonError::TooLarge(id) => {
                let what = format!("hold more than {} bytes", limits::PROFILE_BYTES_MAX);
                Self::invalid(Fault::new("/data/attributes/properties", at_most(&what, id)))
            }
            PersonError::TooManyIdentifiers(id) => {
                let most = limits::PROFILE_ALIASES_MAX;
                let what = format!("have more than {most} identifiers besides those shown");
                Self::invalid(Fault::new("/data/meta/patch_identifiers/append", at_most(&what, id)))
            }
            PersonError::Store(error) => error.into(),
        }
    }
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Change(error) => error.into(),
            PeopleError::Ingest(error) => error.into(),
            PeopleError::Absorb(AbsorbError::TooMany) => Self::invalid(Fault::new(
                SOURCES_AT,
                format!(
                    "with these, one person would have more than {} former ids",
                    limits::MERGED_INTO_ONE_MAX
                ),
            )),
            PeopleError::Absorb(AbsorbError::Destination(PersonError::Store(error))) => {
                error.into()
            }
            PeopleError::Absorb(AbsorbError::Destination(error)) => {
                Self::from(error).pointing("/data/id")
            }
            PeopleError::Absorb(AbsorbError::Source(place, error)) => {
                Self::from(error).pointing(&format!("{SOURCES_AT}/{place}/id"))
            }
        }
    }
}
