//! What the parts of a profile keep within, whoever sends them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Identifier, LOCATION, ProfilePatch};
use crate::json::{self, Bounds, Fault, RawObject};
use crate::limits;

/// What properties keep within.
const BOUNDS: Bounds = Bounds {
    depth_max: limits::PROPERTY_DEPTH_MAX,
    keys_max: limits::PROPERTIES_MAX,
    string_bytes_max: limits::PROPERTY_STRING_BYTES_MAX,
    array_items_max: limits::PROPERTY_ARRAY_ITEMS_MAX,
};

/// Changes of lists and other properties (contract: ProfileMetaPatchProperties).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PatchProperties<'a> {
    #[serde(borrow)]
    append: Option<&'a RawValue>,
    #[serde(borrow)]
    unappend: Option<&'a RawValue>,
    #[serde(borrow)]
    unset: Option<&'a RawValue>,
}

impl ProfilePatch {
    pub(super) fn take_properties(
        &mut self,
        changes: PatchProperties<'_>,
        at: &str,
    ) -> Result<(), Fault> {
        self.append = object(changes.append, &format!("{at}/append"))?;
        self.unappend = object(changes.unappend, &format!("{at}/unappend"))?;
        if let Some(unset) = changes.unset {
            self.unset = one_or_many(unset).ok_or_else(|| {
                Fault::new(format!("{at}/unset"), "must be a key or a list of keys")
            })?;
        }
        Ok(())
    }
}

/// A text, or several; `null` is none.
pub(super) fn one_or_many(raw: &RawValue) -> Option<Vec<String>> {
    let many = serde_json::from_str::<Option<Vec<String>>>(raw.get()).ok();
    let one = || serde_json::from_str::<String>(raw.get()).ok().map(|one| Some(vec![one]));
    many.or_else(one).map(Option::unwrap_or_default)
}

/// Whether a location has its own fields, with single values.
pub(super) fn location(location: &RawObject, at: &str) -> Result<(), Fault> {
    for (key, value) in location.iter() {
        let at = || format!("{at}{}", json::pointer_to(key));
        if !LOCATION.contains(&key) {
            let known = LOCATION.join(", ");
            return Err(Fault::new(at(), format!("not a field of a location; those are {known}")));
        }
        if value.get().starts_with(['{', '[', 't', 'f']) {
            return Err(Fault::new(at(), "must be a string or a number"));
        }
    }
    Ok(())
}

/// An identifier, `at` its place; a blank one is none.
pub(super) fn identifier(kind: Identifier, given: &str, at: &str) -> Result<Option<String>, Fault> {
    let text = given.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let length = text.chars().count();
    if length > limits::IDENTIFIER_CHARS_MAX {
        let most = limits::IDENTIFIER_CHARS_MAX;
        return Err(Fault::new(at, format!("has {length} characters, at most {most} may be")));
    }
    match kind {
        Identifier::Email if !is_email(text) => {
            Err(Fault::new(at, "is not an e-mail address (name@host)"))
        }
        Identifier::PhoneNumber if !is_e164(text) => Err(Fault::new(
            at,
            "is not a phone number in E.164 form (+ and 7 to 15 digits, as +15005550006)",
        )),
        _ => Ok(Some(text.to_owned())),
    }
}

/// One `@` with something on both sides and no blanks: the rest is the mail system's to judge.
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// One of the [`TEXTS`](super::TEXTS), `at` its place.
pub(super) fn text(given: Cow<'_, str>, at: &str) -> Result<String, Fault> {
    let most = limits::PROFILE_TEXT_CHARS_MAX;
    if given.chars().count() > most {
        return Err(Fault::new(at, format!("has more than {most} characters")));
    }
    Ok(given.into_owned())
}

/// An object within the bounds of properties; `null` is an empty one.
pub(super) fn object(raw: Option<&RawValue>, at: &str) -> Result<RawObject, Fault> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
        return Ok(RawObject::default());
    };
    if raw.get().len() > limits::PROFILE_BYTES_MAX {
        let most = limits::PROFILE_BYTES_MAX;
        return Err(Fault::new(at, format!("is larger than {most} bytes")));
    }
    json::check_object(raw, &BOUNDS).map_err(|fault| fault.under(at))?;
    serde_json::from_str(raw.get()).map_err(|error| Fault::new(at, error.to_string()))
}
