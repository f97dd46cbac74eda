//! Documents of JSON:API: resources as bytes, put together with their links.
//!
//! Resources are bytes because some hold what a producer sent, which passes through unchanged.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::{Call, Reply};

/// A resource object made of our own values.
pub(super) struct Resource {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) attributes: Map<String, Value>,
    pub(super) relationships: Option<Value>,
    /// Path of the resource, with a slash at its end as the contract has it.
    pub(super) path: String,
}

impl Resource {
    /// The resource as text, with only `fields` of its attributes where they are given.
    pub(super) fn to_bytes(&self, base: &str, fields: Option<&[&str]>) -> Vec<u8> {
        let mut attributes = self.attributes.clone();
        if let Some(fields) = fields {
            attributes.retain(|name, _| fields.contains(&name.as_str()));
        }
        let mut object = Map::new();
        object.insert("type".to_owned(), self.kind.into());
        object.insert("id".to_owned(), self.id.clone().into());
        object.insert("attributes".to_owned(), Value::Object(attributes));
        if let Some(relationships) = &self.relationships {
            object.insert("relationships".to_owned(), relationships.clone());
        }
        let link = format!("{base}{}", self.path);
        object.insert("links".to_owned(), json!({ "self": link }));
        Value::Object(object).to_string().into_bytes()
    }
}

/// Turns `json!({…})` into the map of attributes.
pub(super) fn attributes(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A document with one resource.
pub(super) fn one(call: &Call, status: StatusCode, data: &[u8], included: &[Vec<u8>]) -> Reply {
    let mut body = Vec::with_capacity(data.len() + 128);
    body.extend_from_slice(b"{\"data\":");
    body.extend_from_slice(data);
    push_included(&mut body, included);
    push_links(&mut body, json!({ "self": call.self_link() }));
    Reply::new(status, body)
}

/// A document with a page of resources; `next` is the cursor of the next page.
pub(super) fn many(
    call: &Call,
    data: &[Vec<u8>],
    included: &[Vec<u8>],
    next: Option<&str>,
) -> Reply {
    many_both_ways(call, data, included, (next, None))
}

/// As [`many`], for a listing that can be paged back too: with the cursors of the next page and of
/// the one before.
pub(super) fn many_both_ways(
    call: &Call,
    data: &[Vec<u8>],
    included: &[Vec<u8>],
    (next, prev): (Option<&str>, Option<&str>),
) -> Reply {
    let mut body = Vec::with_capacity(data.iter().map(Vec::len).sum::<usize>() + 256);
    body.extend_from_slice(b"{\"data\":");
    push_list(&mut body, data);
    push_included(&mut body, included);
    let link = |cursor: Option<&str>| cursor.map(|cursor| call.link_to_page(cursor));
    let links = json!({ "self": call.self_link(), "next": link(next), "prev": link(prev) });
    push_links(&mut body, links);
    Reply::new(StatusCode::OK, body)
}

fn push_list(body: &mut Vec<u8>, items: &[Vec<u8>]) {
    body.push(b'[');
    body.extend_from_slice(&items.join(&b','));
    body.push(b']');
}

fn push_included(body: &mut Vec<u8>, included: &[Vec<u8>]) {
    if !included.is_empty() {
        body.extend_from_slice(b",\"included\":");
        push_list(body, included);
    }
}

fn push_links(body: &mut Vec<u8>, links: Value) {
    body.extend_from_slice(b",\"links\":");
    body.extend_from_slice(links.to_string().as_bytes());
    body.push(b'}');
}
