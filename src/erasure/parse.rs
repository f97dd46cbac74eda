//! The request to erase a person (contract: DataPrivacyCreateDeletionJobQuery).

use std::borrow::Cow;

use serde::Deserialize;

use super::Named;
use crate::json::{self, Fault};
use crate::profile::Identifier;

/// The type of an erasure's resource.
pub const JOB: &str = "data-privacy-deletion-job";
const PERSON_AT: &str = "/data/attributes/profile/data";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    attributes: Attributes<'a>,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow)]
    profile: Person<'a>,
}

#[derive(Deserialize)]
struct Person<'a> {
    #[serde(borrow)]
    data: PersonData<'a>,
}

#[derive(Deserialize)]
struct PersonData<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    attributes: Identifiers<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Identifiers<'a> {
    #[serde(borrow)]
    email: Option<Cow<'a, str>>,
    #[serde(borrow)]
    phone_number: Option<Cow<'a, str>>,
    #[serde(borrow)]
    external_id: Option<Cow<'a, str>>,
}

/// Reads the body of `POST /api/data-privacy-deletion-jobs`: one way to name the person, because
/// two might name two.
///
/// # Errors
/// The first fault.
pub fn parse(body: &[u8]) -> Result<Named, Fault> {
    let Document { data } = json::parse(body)?;
    if data.kind != JOB {
        return Err(Fault::new("/data/type", format!("must be `{JOB}`")));
    }
    let person = data.attributes.profile.data;
    if person.kind != "profile" {
        return Err(Fault::new(format!("{PERSON_AT}/type"), "must be `profile`"));
    }
    let mut named = Vec::new();
    if let Some(id) = person.id.as_deref().filter(|id| !id.is_empty()) {
        let wrong = |why| Fault::new(format!("{PERSON_AT}/id"), format!("{why}"));
        named.push(Named::Id(id.parse().map_err(wrong)?));
    }
    let Identifiers { email, phone_number, external_id } = person.attributes;
    for (kind, text) in [
        (Identifier::Email, email),
        (Identifier::PhoneNumber, phone_number),
        (Identifier::ExternalId, external_id),
    ] {
        let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        named.extend(text.map(|text| Named::By(kind, text)));
    }
    let count = named.len();
    match named.pop() {
        Some(named) if count == 1 => Ok(named),
        _ => Err(Fault::new(
            PERSON_AT,
            format!(
                "names the person in {count} ways; exactly one of `id`, `email`, `phone_number` \
                 and `external_id` may be given"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ProfileId;

    fn read(person: &str) -> Result<Named, Fault> {
        let body = format!(
            r#"{{"data":{{"type":"data-privacy-deletion-job","attributes":{{"profile":{{"data":
            {{"type":"profile",{person}}}}}}}}}}}"#
        );
        parse(body.as_bytes())
    }

    #[test]
    fn a_person_is_named_in_one_way() {
        let by_email = read(r#""attributes":{"email":"a@b.c"}"#);
        assert_eq!(by_email, Ok(Named::By(Identifier::Email, "a@b.c".to_owned())));
        let by_id = read(r#""id":"00000000000000000000000001","attributes":{"email":null}"#);
        assert_eq!(by_id, Ok(Named::Id(ProfileId::from_u128(1))));
        for (person, pointer) in [
            (r#""attributes":{}"#, PERSON_AT.to_owned()),
            (r#""id":"x""#, format!("{PERSON_AT}/id")),
            (r#""attributes":{"email":"a@b.c","phone_number":"+1"}"#, PERSON_AT.to_owned()),
            (r#""attributes":{"mail":"a@b.c"}"#, format!("{PERSON_AT}/attributes/mail")),
        ] {
            assert_eq!(read(person).unwrap_err().pointer, pointer, "{person}");
        }
    }
}
