//! What a client says of a list, checked (contract: wire.md §4.6).

use serde::Deserialize;

use super::OptIn;
use crate::id::GroupId;
use crate::json::{self, Fault};
use crate::limits;

/// A list as a client asked for it; checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewList {
    pub(super) name: String,
    pub(super) opt_in: OptIn,
}

/// What a client changes of a list; checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPatch {
    pub(super) name: Option<String>,
    pub(super) opt_in: Option<OptIn>,
}

#[derive(Deserialize)]
struct Document {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    opt_in_process: Option<String>,
}

const NAME_AT: &str = "/data/attributes/name";

impl NewList {
    /// Reads the body of `POST /api/lists`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let data = document(body)?;
        let name = data.attributes.name.ok_or_else(|| Fault::new(NAME_AT, "`name` is required"))?;
        let opt_in = opt_in(data.attributes.opt_in_process)?;
        Ok(Self { name: checked(name)?, opt_in: opt_in.unwrap_or(OptIn::Single) })
    }
}

impl ListPatch {
    /// Reads the body of `PATCH /api/lists/{id}`.
    ///
    /// # Errors
    /// The first fault; the body's id must be the path's.
    pub fn parse(body: &[u8], id: GroupId) -> Result<Self, Fault> {
        let data = document(body)?;
        if data.id.is_some_and(|given| given != id.as_str()) {
            return Err(Fault::new("/data/id", format!("must be `{id}`, as in the path")));
        }
        let name = data.attributes.name.map(checked).transpose()?;
        Ok(Self { name, opt_in: opt_in(data.attributes.opt_in_process)? })
    }
}

fn document(body: &[u8]) -> Result<Data, Fault> {
    let Document { data } = json::parse(body)?;
    if data.kind != "list" {
        return Err(Fault::new("/data/type", "must be `list`"));
    }
    Ok(data)
}

fn checked(name: String) -> Result<String, Fault> {
    let (length, most) = (name.chars().count(), limits::GROUP_NAME_CHARS_MAX);
    if name.trim().is_empty() || length > most {
        let detail = format!("a list's name has 1 to {most} characters, this one {length}");
        return Err(Fault::new(NAME_AT, detail));
    }
    Ok(name)
}

fn opt_in(given: Option<String>) -> Result<Option<OptIn>, Fault> {
    let Some(given) = given else { return Ok(None) };
    let known = OptIn::ALL.into_iter().find(|process| process.name() == given);
    let wrong = || {
        let detail = format!("`{given}` must be single_opt_in or double_opt_in");
        Fault::new("/data/attributes/opt_in_process", detail)
    };
    known.ok_or_else(wrong).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(attributes: &str) -> Result<NewList, Fault> {
        let body = format!(r#"{{"data":{{"type":"list","attributes":{attributes}}}}}"#);
        NewList::parse(body.as_bytes())
    }

    #[test]
    fn a_list_needs_a_name() {
        for (attributes, pointer) in [
            ("{}", "/data/attributes/name"),
            (r#"{"name":" "}"#, "/data/attributes/name"),
            (r#"{"name":5}"#, "/data/attributes/name"),
            (r#"{"name":"n","opt_in_process":"triple"}"#, "/data/attributes/opt_in_process"),
            (r#"{"name":"n","colour":"red"}"#, "/data/attributes/colour"),
        ] {
            assert_eq!(made(attributes).unwrap_err().pointer, pointer, "{attributes}");
        }
        let long = format!(r#"{{"name":"{}"}}"#, "n".repeat(limits::GROUP_NAME_CHARS_MAX + 1));
        assert!(made(&long).is_err());
        let list = made(r#"{"name":"n","opt_in_process":null}"#).unwrap();
        assert_eq!(list, NewList { name: "n".to_owned(), opt_in: OptIn::Single });
        let list = made(r#"{"name":"n","opt_in_process":"double_opt_in"}"#).unwrap();
        assert_eq!(list.opt_in, OptIn::Double);
    }

    #[test]
    fn a_patch_is_for_the_list_of_the_path() {
        let id: GroupId = "AAAAAA".parse().unwrap();
        let patch = |data: &str| ListPatch::parse(format!(r#"{{"data":{data}}}"#).as_bytes(), id);
        let other = patch(r#"{"type":"list","id":"BBBBBB","attributes":{}}"#);
        assert_eq!(other.unwrap_err().pointer, "/data/id");
        let other = patch(r#"{"type":"segment","id":"AAAAAA","attributes":{}}"#);
        assert_eq!(other.unwrap_err().pointer, "/data/type");
        let good = patch(r#"{"type":"list","id":"AAAAAA","attributes":{"name":"m"}}"#).unwrap();
        assert_eq!(good, ListPatch { name: Some("m".to_owned()), opt_in: None });
    }
}
