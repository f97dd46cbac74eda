//! Whether what a job kept of an entry that failed is about the person.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Erasure;
use crate::job::ItemError;

/// What gives a person away.
pub(super) struct Needles {
    /// Their ids and identifiers, in lower case.
    texts: BTreeSet<String>,
    /// Their ids alone.
    ids: Vec<String>,
}

impl Needles {
    pub(super) fn of(erasure: &Erasure) -> Self {
        let ids: Vec<_> = erasure.trail.people.iter().map(ToString::to_string).collect();
        let texts = ids.iter().chain(&erasure.identifiers).map(|text| folded(text));
        Self { texts: texts.collect(), ids }
    }

    /// Whether one of the texts of the entry is one of theirs, or what was wrong with it tells of
    /// them. An identifier may be as short as `1`, so that it is no sign within a longer text.
    pub(super) fn are_in(&self, error: &ItemError) -> bool {
        let is_told = self.ids.iter().any(|id| error.detail.contains(id.as_str()));
        is_told
            || match serde_json::from_str(&error.original) {
                Ok(entry) => self.are_within(&entry),
                Err(_) => self.texts.iter().any(|text| folded(&error.original).contains(text)),
            }
    }

    fn are_within(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.texts.contains(&folded(text)),
            Value::Array(values) => values.iter().any(|value| self.are_within(value)),
            Value::Object(fields) => fields.values().any(|value| self.are_within(value)),
            Value::Number(number) => self.texts.contains(&number.to_string()),
            Value::Null | Value::Bool(_) => false,
        }
    }
}

/// The form in which texts are compared.
fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::erasure::{Erased, Status, Trail};
    use crate::id::{JobId, ProfileId};

    #[test]
    fn an_entry_is_theirs_by_any_of_its_texts_however_it_is_written() {
        let erasure = Erasure {
            id: JobId::from_u128(1),
            status: Status::Processing,
            named: None,
            identifiers: vec!["Ann@X.org".to_owned(), "7".to_owned()],
            searched_to: None,
            is_searched: false,
            digests: Vec::new(),
            trail: Trail { people: vec![ProfileId::from_u128(10)], events_to: None },
            erased: Erased::default(),
            begun: None,
            finished: None,
        };
        let needles = Needles::of(&erasure);
        let of_ann = "with these, profile 0000000000000000000000000A would hold more";
        for (original, detail, expected) in [
            (r#"{"attributes":{"email":"ann@x.org"}}"#, "is wrong", true),
            (r#"{"attributes":{"email":"\u0061NN@x.org "}}"#, "is wrong", true),
            (r#"{"meta":{"append":{"email":["b@x.org","ann@x.org"]}}}"#, "is wrong", true),
            (r#"{"id":"0000000000000000000000000A"}"#, "is wrong", true),
            (r#"{"attributes":{"external_id":7}}"#, "is wrong", true),
            ("null", of_ann, true),
            ("email: ann@x.org", "is wrong", true),
            (r#"{"attributes":{"email":"joann@x.org","phone_number":"+177"}}"#, "is 7", false),
            (r#"{"ann@x.org":null}"#, "is wrong", false),
        ] {
            let (original, detail) = (original.to_owned(), detail.to_owned());
            let error = ItemError { number: 0, pointer: "/a".to_owned(), detail, original };
            assert_eq!(needles.are_in(&error), expected, "{error:?}");
        }
    }
}
