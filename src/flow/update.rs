//! The `update-profile` action: what a flow changes of a person (contract: wire.md §2.5).
//!
//! | question | answer |
//! |---|---|
//! | `create` and `update` | both set the value, whether or not the person has one: in the original's editor they tell whether the *name* was new to the account |
//! | `property_key` | the custom property of exactly this name; `$first_name` and its like are attributes, see below |
//! | dates | written as texts such as `2026-04-13`; `today` is the day on which the action runs |
//! | a list, `add` or nothing said | adds the value unless it is there; a property that is missing becomes a list, a single value counts as a list of one |
//! | a list, `remove` | takes the value out, wherever it stands; the last one leaves an empty list; of a missing property nothing is made |
//! | `delete` | the property is gone; one that is not there is no fault |
//! | one key twice | refused, as only the last would count; a list may have several values added and removed |
//!
//! Attributes are `$first_name`, `$last_name`, `$organization`, `$locale`, `$title`, `$image`, and of
//! the location `$address1`, `$address2`, `$city`, `$country`, `$region`, `$zip`, `$timezone`,
//! `$latitude`, `$longitude` and `$ip`. They take strings, and those of the location numbers too.
//! Without the `$` the names of the six texts are refused: a custom property beside the attribute of
//! the same name is hardly what was meant. Identifiers are not changed by a flow: they tell people
//! apart.
//!
//! The change itself is a [`ProfilePatch`], so that values are checked and applied in one place, as
//! those of any other call about people.

use jiff::civil;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use super::members;
use super::members::At as _;
use super::members::Members;
use super::members::must;
use crate::condition::LOCATION;
use crate::id::ProfileId;
use crate::json::Fault;
use crate::limits;
use crate::profile::Identifier;
use crate::profile::ProfilePatch;
use crate::profile::TEXTS;

const TODAY: &str = "today";
/// Attributes that nobody sets.
const FIXED: [&str; 5] = ["id", "created", "updated", "location", "properties"];

/// What a flow changes of a person. Made by [`ProfileUpdate::parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileUpdate(Vec<Operation>);

#[derive(Clone, Debug, PartialEq)]
struct Operation {
    key: Key,
    what: What,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Property(String),
    /// One of the [`TEXTS`].
    Text(&'static str),
    /// One of the [`LOCATION`].
    Location(&'static str),
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Set(Verb, Content),
    Delete,
}

/// Tells nothing to us; kept, so that a definition reads as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Create,
    Update,
}

const VERBS: [(&str, Option<Verb>); 3] =
    [("create", Some(Verb::Create)), ("update", Some(Verb::Update)), ("delete", None)];

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Text(String),
    Flag(bool),
    Number(Number),
    /// A date as it was given.
    Date(String),
    Today,
    Item(Option<ListEdit>, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Flag,
    Number,
    Date,
    List,
}

const TYPES: [(&str, Type); 5] = [
    ("string", Type::Text),
    ("boolean", Type::Flag),
    ("numeric", Type::Number),
    ("date", Type::Date),
    ("list", Type::List),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListEdit {
    Add,
    Remove,
}

const EDITS: [(&str, ListEdit); 2] = [("add", ListEdit::Add), ("remove", ListEdit::Remove)];

impl ProfileUpdate {
    /// Reads `profile_operations` from the `data` of the action, which stands `at` this pointer.
    /// Its `status` is not read here.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(raw: &RawValue, at: &str) -> Result<Self, Fault> {
        let value = members::object(raw).at(at)?;
        let data = Members::of(&value, &["profile_operations", "status"]).at(at)?;
        let update = data.required("profile_operations", operations).at(at)?;
        update
            .try_patch(civil::Date::MAX)
            .map_err(|fault| Fault::new(format!("{at}/profile_operations"), fault.detail))?;
        Ok(update)
    }

    /// `profile_operations` as the API writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.0.iter().map(Operation::to_json).collect()
    }

    /// The change, on this day.
    #[must_use]
    pub fn patch(&self, today: civil::Date) -> ProfilePatch {
        self.try_patch(today).expect("it was tried when it was read, and all days are as long")
    }

    fn try_patch(&self, today: civil::Date) -> Result<ProfilePatch, Fault> {
        // Whose profile it is, the call says that applies the patch; here the id is only repeated.
        let id = ProfileId::from_u128(0);
        let (attributes, changes) = self.changes(today);
        let body = json!({ "data": {
            "type": "profile", "attributes": attributes, "meta": { "patch_properties": changes },
        }});
        ProfilePatch::of_update(body.to_string().as_bytes(), id)
    }

    /// The attributes that are set, and the changes of properties besides.
    fn changes(&self, today: civil::Date) -> (Value, Value) {
        let mut attributes = Map::new();
        let (mut location, mut properties) = (Map::new(), Map::new());
        let (mut append, mut unappend) = (Map::new(), Map::new());
        let mut unset = Vec::new();
        for Operation { key, what } in &self.0 {
            let (object, name) = match key {
                Key::Property(name) => (&mut properties, name.as_str()),
                Key::Text(name) => (&mut attributes, *name),
                Key::Location(name) => (&mut location, *name),
            };
            match what {
                What::Delete => match key {
                    Key::Property(_) => unset.push(name),
                    // The attributes of a call are cleared by null.
                    Key::Text(_) | Key::Location(_) => {
                        drop(object.insert(name.to_owned(), Value::Null))
                    }
                },
                What::Set(_, Content::Item(Some(ListEdit::Remove), item)) => {
                    add(&mut unappend, name, item)
                }
                What::Set(_, Content::Item(_, item)) => add(&mut append, name, item),
                What::Set(_, content) => drop(object.insert(name.to_owned(), content.value(today))),
            }
        }
        attributes.insert("location".to_owned(), location.into());
        attributes.insert("properties".to_owned(), properties.into());
        (attributes.into(), json!({ "append": append, "unappend": unappend, "unset": unset }))
    }
}

/// Adds an item to the list under a name.
fn add(to: &mut Map<String, Value>, name: &str, item: &str) {
    let list = to.entry(name).or_insert_with(|| json!([]));
    if let Value::Array(items) = list {
        items.push(item.into());
    }
}

impl Content {
    fn value(&self, today: civil::Date) -> Value {
        match self {
            Self::Text(text) | Self::Date(text) | Self::Item(_, text) => text.as_str().into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) => number.clone().into(),
            Self::Today => today.to_string().into(),
        }
    }
}

impl Operation {
    fn to_json(&self) -> Value {
        let key = match &self.key {
            Key::Property(name) => name.clone(),
            Key::Text(name) | Key::Location(name) => format!("${name}"),
        };
        let What::Set(verb, content) = &self.what else {
            return json!({ "operator": "delete", "property_key": key });
        };
        let mut operation = json!({
            "operator": members::name_of(&Some(*verb), &VERBS),
            "property_type": members::name_of(&content.kind(), &TYPES),
        });
        if let Content::Item(edit, _) = content {
            operation["property_operation"] =
                edit.map(|edit| members::name_of(&edit, &EDITS)).into();
        }
        operation["property_key"] = key.into();
        operation["property_value"] = match content {
            Content::Today => TODAY.into(),
            _ => content.value(civil::Date::ZERO),
        };
        operation
    }

    /// Whether both may stand in one update.
    fn goes_with(&self, other: &Self) -> bool {
        match (&self.what, &other.what) {
            _ if self.key != other.key => true,
            (What::Set(_, Content::Item(_, own)), What::Set(_, Content::Item(_, other))) => {
                own != other
            }
            _ => false,
        }
    }
}

impl Content {
    const fn kind(&self) -> Type {
        match self {
            Self::Text(_) => Type::Text,
            Self::Flag(_) => Type::Flag,
            Self::Number(_) => Type::Number,
            Self::Date(_) | Self::Today => Type::Date,
            Self::Item(..) => Type::List,
        }
    }
}

fn operations(value: &Value) -> Result<ProfileUpdate, Fault> {
    let mut read: Vec<Operation> = Vec::new();
    let mut bytes = 0;
    for (place, value) in
        members::items(value, limits::FLOW_UPDATE_OPERATIONS_MAX)?.iter().enumerate()
    {
        let at = format!("/{place}");
        let operation = operation(value).at(&at)?;
        if !read.iter().all(|earlier| earlier.goes_with(&operation)) {
            let why = "is changed by an earlier operation already; only one of them would count";
            return Err(must(why)).at(&format!("{at}/property_key"));
        }
        if let What::Set(_, Content::Text(text) | Content::Item(_, text)) = &operation.what {
            bytes += text.len();
        }
        read.push(operation);
    }
    let most = limits::FLOW_UPDATE_STRINGS_BYTES_MAX;
    if bytes > most {
        return Err(must(format!("has strings of {bytes} bytes in all; at most {most} may be")));
    }
    Ok(ProfileUpdate(read))
}

fn operation(value: &Value) -> Result<Operation, Fault> {
    const ALL: [&str; 5] =
        ["operator", "property_type", "property_operation", "property_key", "property_value"];
    let any = Members::of(value, &ALL)?;
    let Some(verb) = any.required("operator", |value| members::word(value, &VERBS))? else {
        let given = Members::of(value, &["operator", "property_key"])?;
        return Ok(Operation { key: given.required("property_key", key)?, what: What::Delete });
    };
    let kind = any.required("property_type", |value| members::word(value, &TYPES))?;
    let key = any.required("property_key", key)?;
    let is_taken = match key {
        Key::Property(_) => true,
        Key::Text(_) => kind == Type::Text,
        Key::Location(_) => matches!(kind, Type::Text | Type::Number),
    };
    if !is_taken {
        let why = "is not what this attribute takes: it takes a string, one of the location also a \
                   number";
        return Err(must(why)).at("/property_type");
    }
    let content = if kind == Type::List {
        let edit = any.optional("property_operation", |value| members::word(value, &EDITS))?;
        let item = any.required("property_value", members::text)?;
        Content::Item(edit, item.to_owned())
    } else {
        let without_edit = ["operator", "property_type", "property_key", "property_value"];
        Members::of(value, &without_edit)?
            .required("property_value", |value| single(kind, value))?
    };
    Ok(Operation { key, what: What::Set(verb, content) })
}

/// A value of any type but a list's.
fn single(kind: Type, value: &Value) -> Result<Content, Fault> {
    match kind {
        Type::Flag => {
            value.as_bool().map(Content::Flag).ok_or_else(|| must("must be `true` or `false`"))
        }
        Type::Number => value
            .as_number()
            .map(|number| Content::Number(number.clone()))
            .ok_or_else(|| must("must be a number")),
        Type::Date => {
            let date = value.as_str().unwrap_or_default();
            let is_day = |date: &str| {
                date.parse::<civil::Date>().is_ok_and(|parsed| parsed.to_string() == date)
            };
            match date {
                TODAY => Ok(Content::Today),
                date if is_day(date) => Ok(Content::Date(date.to_owned())),
                _ => Err(must("must be a date such as \"2026-04-13\", or `today`")),
            }
        }
        Type::Text | Type::List => members::text(value).map(|text| Content::Text(text.to_owned())),
    }
}

fn key(value: &Value) -> Result<Key, Fault> {
    let name = members::property_name(value)?;
    let is_identifier = |name: &str| {
        Identifier::ALL.iter().any(|kind| kind.name() == name) || FIXED.contains(&name)
    };
    let own = name.strip_prefix('$');
    if is_identifier(own.unwrap_or(name)) {
        let why = "is nothing that a flow changes: identifiers tell people apart, and the rest is \
                   set by tidings";
        return Err(must(why));
    }
    let text = |name: &str| TEXTS.into_iter().find(|text| *text == name);
    let Some(own) = own else {
        return match text(name) {
            None => Ok(Key::Property(name.to_owned())),
            Some(text) => {
                Err(must(format!("is an attribute of the profile; write `${text}` to change it")))
            }
        };
    };
    let field = LOCATION.into_iter().find(|field| *field == own);
    let known = text(own).map(Key::Text).or_else(|| field.map(Key::Location));
    known.ok_or_else(|| {
        let attributes: Vec<_> = TEXTS.into_iter().chain(LOCATION).collect();
        let names = attributes.join("`, `$");
        must(format!("begins with `$` and is no attribute; those are `${names}`"))
    })
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
