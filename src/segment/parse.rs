//! From the body of a request to a checked segment or a checked change (contract: wire.md §4.6).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::condition::{Filter, Kinds};
use crate::id::{GroupId, MetricId};
use crate::json::{self, Fault, RawObject};
use crate::limits;

const ATTRIBUTES_AT: &str = "/data/attributes";
/// Where the definition stands in a request.
pub(super) const DEFINITION_AT: &str = "/data/attributes/definition";

/// A segment as a client asked for it; checked.
#[derive(Debug)]
pub struct NewSegment {
    pub(super) name: String,
    pub(super) definition: String,
    pub(super) is_starred: bool,
}

/// A change of a segment; checked. What is `None` stays.
#[derive(Debug, Default)]
pub struct SegmentPatch {
    pub(super) name: Option<String>,
    pub(super) definition: Option<String>,
    pub(super) is_starred: Option<bool>,
    pub(super) is_active: Option<bool>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    attributes: RawObject,
}

/// The attributes of a request.
struct Attributes(RawObject);

impl NewSegment {
    /// Reads the body of `POST /api/segments`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let attributes = read(body, None, &["name", "definition", "is_starred"])?;
        let required = |name: &str| {
            Fault::new(format!("{ATTRIBUTES_AT}/{name}"), format!("`{name}` is required"))
        };
        Ok(Self {
            name: attributes.name()?.ok_or_else(|| required("name"))?,
            definition: attributes.definition()?.ok_or_else(|| required("definition"))?,
            is_starred: attributes.boolean("is_starred")?.unwrap_or(false),
        })
    }

    /// The definition, for [`check_references`].
    #[must_use]
    pub fn definition(&self) -> &str {
        &self.definition
    }
}

impl SegmentPatch {
    /// Reads the body of `PATCH /api/segments/{id}`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8], id: &str) -> Result<Self, Fault> {
        let names = ["name", "definition", "is_starred", "is_active"];
        let attributes = read(body, Some(id), &names)?;
        Ok(Self {
            name: attributes.name()?,
            definition: attributes.definition()?,
            is_starred: attributes.boolean("is_starred")?,
            is_active: attributes.boolean("is_active")?,
        })
    }

    /// The new definition, for [`check_references`].
    #[must_use]
    pub fn definition(&self) -> Option<&str> {
        self.definition.as_deref()
    }
}

fn read(body: &[u8], id: Option<&str>, names: &[&str]) -> Result<Attributes, Fault> {
    let Document { data } = json::parse(body)?;
    if data.kind != "segment" {
        return Err(Fault::new("/data/type", "must be `segment`"));
    }
    match (id, data.id.as_deref()) {
        (Some(path), Some(given)) if path != given => {
            return Err(Fault::new("/data/id", format!("must be `{path}`, as in the path")));
        }
        (Some(_), None) => return Err(Fault::new("/data/id", "`id` is required")),
        _ => {}
    }
    for (name, _) in data.attributes.iter() {
        if !names.contains(&name) {
            let meant = json::nearest_name(name, names);
            let hint = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            let why = format!("is not an attribute here{hint}");
            return Err(Fault::new(format!("{ATTRIBUTES_AT}{}", json::pointer_to(name)), why));
        }
    }
    Ok(Attributes(data.attributes))
}

impl Attributes {
    /// The attribute, where it is there and not `null`.
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).filter(|raw| raw.get() != "null")
    }

    fn name(&self) -> Result<Option<String>, Fault> {
        const AT: &str = "/data/attributes/name";
        let Some(raw) = self.get("name") else { return Ok(None) };
        let name: String =
            serde_json::from_str(raw.get()).map_err(|_| Fault::new(AT, "must be a string"))?;
        let name = name.trim();
        let length = name.chars().count();
        if !(1..=limits::GROUP_NAME_CHARS_MAX).contains(&length) {
            let most = limits::GROUP_NAME_CHARS_MAX;
            return Err(Fault::new(AT, format!("has {length} characters; 1 to {most} may be")));
        }
        Ok(Some(name.to_owned()))
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>, Fault> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let wrong = |_| Fault::new(format!("{ATTRIBUTES_AT}/{name}"), "must be `true` or `false`");
        serde_json::from_str(raw.get()).map(Some).map_err(wrong)
    }

    fn definition(&self) -> Result<Option<String>, Fault> {
        let Some(raw) = self.get("definition") else { return Ok(None) };
        if raw.get().len() > limits::SEGMENT_DEFINITION_BYTES_MAX {
            let most = limits::SEGMENT_DEFINITION_BYTES_MAX;
            return Err(Fault::new(DEFINITION_AT, format!("is larger than {most} bytes")));
        }
        Filter::parse(raw, DEFINITION_AT, Kinds::SEGMENT)?;
        Ok(Some(raw.get().to_owned()))
    }
}

/// The conditions of a definition that was checked when it came.
pub(super) fn stored_definition(text: &str) -> Result<Filter, Fault> {
    let raw: &RawValue =
        serde_json::from_str(text).map_err(|error| Fault::new(DEFINITION_AT, error.to_string()))?;
    Filter::parse(raw, DEFINITION_AT, Kinds::SEGMENT)
}

/// Checks that the metrics and groups that a definition names are there.
///
/// # Errors
/// The first one that is not, with its pointer.
pub fn check_references(
    definition: &str,
    has_metric: impl Fn(MetricId) -> bool,
    has_group: impl Fn(GroupId) -> bool,
) -> Result<(), Fault> {
    let value: Value = serde_json::from_str(definition).unwrap_or_default();
    check_names(&value, DEFINITION_AT, has_metric, has_group)
}

/// Checks that the metrics and groups are there that conditions name which stand `at` this pointer.
///
/// # Errors
/// The first one that is not, with its pointer.
pub fn check_names(
    conditions: &Value,
    at: &str,
    has_metric: impl Fn(MetricId) -> bool,
    has_group: impl Fn(GroupId) -> bool,
) -> Result<(), Fault> {
    let mut fault = None;
    visit(conditions, &mut at.to_owned(), &mut |key, at, text| {
        let is_there = match key {
            "metric_id" => text.parse().is_ok_and(&has_metric),
            "group_ids" => text.parse().is_ok_and(&has_group),
            _ => true,
        };
        if !is_there && fault.is_none() {
            let what = if key == "metric_id" { "metric" } else { "list or segment" };
            fault = Some(Fault::new(at, format!("there is no {what} `{text}`")));
        }
    });
    fault.map_or(Ok(()), Err)
}

/// Hands every text of the value to `look`, with its key and its pointer; the texts of an array
/// have the key of the array.
fn visit(value: &Value, at: &mut String, look: &mut dyn FnMut(&str, &str, &str)) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let length = at.len();
                json::push_key(at, key);
                match member {
                    Value::String(text) => look(key, at, text),
                    Value::Array(items) => {
                        for (place, item) in items.iter().enumerate() {
                            let length = at.len();
                            json::push_key(at, &place.to_string());
                            match item {
                                Value::String(text) => look(key, at, text),
                                other => visit(other, at, look),
                            }
                            at.truncate(length);
                        }
                    }
                    other => visit(other, at, look),
                }
                at.truncate(length);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, at, look)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: &str = r#"{"condition_groups":[{"conditions":[{"type":"profile-metric",
        "metric_id":"SkDfHe","measurement":"count",
        "measurement_filter":{"type":"numeric","operator":"greater-than","value":0},
        "timeframe_filter":{"type":"date","operator":"alltime"}}]},{"conditions":[
        {"type":"profile-group-membership","is_member":true,"group_ids":["AAAAAA","BBBBBB"]}]}]}"#;

    fn create(attributes: &str) -> Result<NewSegment, Fault> {
        let body = format!(r#"{{"data":{{"type":"segment","attributes":{attributes}}}}}"#);
        NewSegment::parse(body.as_bytes())
    }

    #[test]
    fn each_fault_points_at_its_field() {
        let define = |text: &str| format!(r#"{{"name":"n","definition":{text}}}"#);
        for (attributes, pointer) in [
            ("{}".to_owned(), "/data/attributes/name"),
            (r#"{"name":" "}"#.to_owned(), "/data/attributes/name"),
            (r#"{"name":"n"}"#.to_owned(), "/data/attributes/definition"),
            (define("{}"), "/data/attributes/definition/condition_groups"),
            (r#"{"name":"n","is_stared":true}"#.to_owned(), "/data/attributes/is_stared"),
            (r#"{"name":"n","is_active":true}"#.to_owned(), "/data/attributes/is_active"),
            (
                define(r#"{"condition_groups":[{"conditions":[{"type":"metric-property"}]}]}"#),
                "/data/attributes/definition/condition_groups/0/conditions/0/type",
            ),
        ] {
            assert_eq!(create(&attributes).unwrap_err().pointer, pointer, "{attributes}");
        }
        let made = create(&define(COUNT)).unwrap();
        assert_eq!((made.name.as_str(), made.definition()), ("n", COUNT));
        let patch = |body: &str| SegmentPatch::parse(body.as_bytes(), "AAAAAA");
        let other = r#"{"data":{"type":"segment","id":"BBBBBB","attributes":{}}}"#;
        assert_eq!(patch(other).unwrap_err().pointer, "/data/id");
        let stop = r#"{"data":{"type":"segment","id":"AAAAAA","attributes":{"is_active":false}}}"#;
        assert_eq!(patch(stop).unwrap().is_active, Some(false));
    }

    #[test]
    fn what_a_definition_names_must_be_there() {
        let metric = "SkDfHe".parse().unwrap();
        let list: GroupId = "AAAAAA".parse().unwrap();
        let check = |metrics: &[MetricId], groups: &[GroupId]| {
            check_references(COUNT, |id| metrics.contains(&id), |id| groups.contains(&id))
        };
        const AT: &str = "/data/attributes/definition/condition_groups";
        let fault = check(&[], &[list]).unwrap_err();
        assert_eq!(fault.pointer, format!("{AT}/0/conditions/0/metric_id"));
        let fault = check(&[metric], &[list]).unwrap_err();
        assert_eq!(fault.pointer, format!("{AT}/1/conditions/0/group_ids/1"));
        assert_eq!(fault.detail, "there is no list or segment `BBBBBB`");
        assert_eq!(check(&[metric], &[list, "BBBBBB".parse().unwrap()]), Ok(()));
    }
}
