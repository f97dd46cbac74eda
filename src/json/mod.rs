//! JSON as it is received: checked strictly, kept as the bytes that came.
//!
//! Payloads that are not ours to build are stored and delivered byte for byte (invariant 11), so
//! nothing here turns numbers into floats or reorders keys. [`check_object`] walks a text once and
//! refuses what is over a bound or ambiguous (a key that stands twice); [`RawObject`] edits an
//! object while leaving the values it does not touch as they are. No I/O.

pub mod object;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is wrong with a piece of input, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the part that is wrong.
    pub pointer: String,
    /// One sentence, for the person who sent it.
    pub detail: String,
}

/// From this likeness on (Jaro's, 0 to 1), a name is offered as what was meant.
const ALIKE: f64 = 0.75;

/// The one of `possible` that whoever wrote `given` probably meant.
#[must_use]
pub fn nearest_name<'a>(given: &str, possible: &[&'a str]) -> Option<&'a str> {
    let likeness = |name: &&&str| strsim::jaro(given, name);
    let nearest = possible.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.filter(|name| likeness(name) >= ALIKE).copied()
}

impl Fault {
    /// A fault at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }

    /// The same fault seen from further out: `prefix` comes before its pointer.
    #[must_use]
    pub fn under(self, prefix: &str) -> Self {
        Self { pointer: format!("{prefix}{}", self.pointer), detail: self.detail }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.detail)
    }
}

/// Reads `T` from the text of a request; the fault points at the field that does not fit.
///
/// # Errors
/// Where the text is not JSON, a known key stands twice, or a field is missing or of a wrong type.
pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    // The fast way first: finding the path costs more than parsing.
    serde_json::from_slice(body).or_else(|_| parse_with_path(body))
}

fn parse_with_path<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path() {
            push_segment(&mut pointer, segment);
        }
        let inner = error.into_inner();
        if inner.is_syntax() || inner.is_eof() {
            return Fault::new("", format!("the body is not valid JSON: {inner}"));
        }
        describe(pointer, &inner.to_string())
    })?;
    reader.end().map_err(|error| Fault::new("", format!("the body is not valid JSON: {error}")))?;
    Ok(value)
}

fn push_segment(pointer: &mut String, segment: &serde_path_to_error::Segment) {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Map { key } => push_key(pointer, key),
        Segment::Seq { index } => push_key(pointer, &index.to_string()),
        Segment::Enum { variant } => push_key(pointer, variant),
        Segment::Unknown => {}
    }
}

/// Appends one key to a JSON pointer, escaped as RFC 6901 wants it.
pub fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}

/// The JSON pointer to the member `key` of an object.
#[must_use]
pub fn pointer_to(key: &str) -> String {
    let mut pointer = String::new();
    push_key(&mut pointer, key);
    pointer
}

/// Turns serde's words into a pointer at the field and a sentence.
fn describe(mut pointer: String, message: &str) -> Fault {
    let message = message.split(" at line ").next().unwrap_or(message);
    let named = |what: &str| {
        let rest = message.strip_prefix(what)?;
        rest.strip_prefix('`')?.split('`').next().map(str::to_owned)
    };
    if let Some(field) = named("missing field ") {
        push_key(&mut pointer, &field);
        return Fault::new(pointer, format!("`{field}` is required"));
    }
    if let Some(field) = named("duplicate field ") {
        if !pointer.ends_with(&format!("/{field}")) {
            push_key(&mut pointer, &field);
        }
        return Fault::new(pointer, format!("`{field}` stands twice"));
    }
    if let Some(field) = named("unknown field ") {
        if !pointer.ends_with(&format!("/{field}")) {
            push_key(&mut pointer, &field);
        }
        return Fault::new(pointer, format!("`{field}` is not a field of this object"));
    }
    Fault::new(pointer, message.to_owned())
}

/// What [`check_object`] allows.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Levels of nesting, the outermost value being the first.
    pub depth_max: usize,
    /// Keys of the outermost object.
    pub keys_max: usize,
    /// Bytes of one string, a key included.
    pub string_bytes_max: usize,
    /// Items of one array.
    pub array_items_max: usize,
}

/// Checks that `text` is one JSON object within `bounds` in which no object has a key twice.
///
/// # Errors
/// The first fault, with a pointer relative to `text`.
pub fn check_object(text: &RawValue, bounds: &Bounds) -> Result<(), Fault> {
    if !text.get().starts_with('{') {
        return Err(Fault::new("", "must be an object"));
    }
    let mut walk = Walk { bounds, path: Vec::new() };
    let mut reader = serde_json::Deserializer::from_str(text.get());
    match (Level { walk: &mut walk, depth: 1 }).deserialize(&mut reader) {
        Ok(()) => Ok(()),
        Err(error) => {
            let mut pointer = String::new();
            for key in &walk.path {
                push_key(&mut pointer, key);
            }
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or(&message);
            Err(Fault::new(pointer, message))
        }
    }
}

struct Walk<'b> {
    bounds: &'b Bounds,
    /// Where the walk is; left as it stands when a fault is found.
    path: Vec<String>,
}

struct Level<'w, 'b> {
    walk: &'w mut Walk<'b>,
    depth: usize,
}

impl Level<'_, '_> {
    fn text<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        let most = self.walk.bounds.string_bytes_max;
        if bytes > most {
            return Err(E::custom(format!("the string has {bytes} bytes, at most {most} may be")));
        }
        Ok(())
    }

    fn deeper<E: serde::de::Error>(&self) -> Result<(), E> {
        let most = self.walk.bounds.depth_max;
        if self.depth > most {
            return Err(E::custom(format!("nested deeper than {most} levels")));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.text(text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.deeper()?;
        let most = self.walk.bounds.array_items_max;
        let mut count = 0_usize;
        loop {
            self.walk.path.push(count.to_string());
            let item = Level { walk: self.walk, depth: self.depth + 1 };
            if items.next_element_seed(item)?.is_none() {
                self.walk.path.pop();
                return Ok(());
            }
            self.walk.path.pop();
            count += 1;
            if count > most {
                return Err(A::Error::custom(format!("the array has more than {most} items")));
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.deeper()?;
        let most = self.walk.bounds.keys_max;
        let mut keys: Vec<Cow<'de, str>> = Vec::new();
        while let Some(BorrowedKey(key)) = entries.next_key()? {
            self.text(key.len())?;
            self.walk.path.push(key.clone().into_owned());
            keys.push(key);
            if self.depth == 1 && keys.len() > most {
                return Err(A::Error::custom(format!("more than {most} properties")));
            }
            entries.next_value_seed(Level { walk: self.walk, depth: self.depth + 1 })?;
            self.walk.path.pop();
        }
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            self.walk.path.push(twice[0].clone().into_owned());
            return Err(A::Error::custom("the key stands twice in its object"));
        }
        Ok(())
    }
}

/// A key that borrows from the text where it has no escapes.
#[derive(Deserialize)]
struct BorrowedKey<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object whose values are kept as text, in the order of their keys.
#[derive(Clone, Debug, Default)]
pub struct RawObject(Vec<(String, Box<RawValue>)>);

impl RawObject {
    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.0.iter().find(|(of, _)| of == key).map(|(_, value)| &**value)
    }

    /// Sets `key`, in its old place where it was there; tells whether that changed anything.
    pub fn set(&mut self, key: &str, value: Box<RawValue>) -> bool {
        match self.0.iter_mut().find(|(of, _)| of == key) {
            Some((_, old)) if old.get() == value.get() => false,
            Some((_, old)) => {
                *old = value;
                true
            }
            None => {
                self.0.push((key.to_owned(), value));
                true
            }
        }
    }

    /// Removes `key`; tells whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(of, _)| of != key);
        self.0.len() < before
    }

    /// The pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    /// The object as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("keys are strings and values are JSON")
    }
}

impl Serialize for RawObject {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = RawObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawObject, A::Error> {
                let mut object = RawObject::default();
                while let Some((key, value)) = entries.next_entry::<String, Box<RawValue>>()? {
                    object.0.push((key, value));
                }
                Ok(object)
            }
        }
        from.deserialize_map(Pairs)
    }
}

/// Writes `text` as a JSON string, quotes included.
pub fn push_string(to: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(to, text).expect("writing a string into memory does not fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Bounds =
        Bounds { depth_max: 3, keys_max: 3, string_bytes_max: 5, array_items_max: 2 };

    fn checked(text: &str) -> Result<(), Fault> {
        check_object(&RawValue::from_string(text.to_owned()).unwrap(), &SMALL)
    }

    #[test]
    fn refuses_each_bound_with_a_pointer() {
        for (text, pointer, detail) in [
            ("[]", "", "must be an object"),
            (r#"{"a":{"b":{"c":{}}}}"#, "/a/b/c", "nested deeper than 3 levels"),
            (r#"{"a":{"x":1,"y":2,"x":3}}"#, "/a/x", "the key stands twice in its object"),
            (r#"{"a":1,"b":2,"c":3,"d":4}"#, "/d", "more than 3 properties"),
            (r#"{"a/b":["123456"]}"#, "/a~1b/0", "the string has 6 bytes, at most 5 may be"),
            (r#"{"a":[1,2,3]}"#, "/a", "the array has more than 2 items"),
            (r#"{"a":1,"\u0061":2}"#, "/a", "the key stands twice in its object"),
        ] {
            assert_eq!(checked(text), Err(Fault::new(pointer, detail)), "{text}");
        }
        assert_eq!(checked(r#"{"a":{"b":[1,"12345"]},"n":null,"f":1e3}"#), Ok(()));
    }

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only its parsing matters")]
        data: Inner,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only its parsing matters")]
        name: String,
    }

    #[test]
    fn a_fault_points_at_the_field() {
        let fault = |text: &str| parse::<Outer>(text.as_bytes()).unwrap_err();
        assert_eq!(fault(r#"{"data":{}}"#), Fault::new("/data/name", "`name` is required"));
        assert_eq!(
            fault(r#"{"data":{"name":3}}"#),
            Fault::new("/data/name", "invalid type: integer `3`, expected a string")
        );
        assert_eq!(
            fault(r#"{"data":{"name":"a","name":"b"}}"#),
            Fault::new("/data/name", "`name` stands twice")
        );
        assert!(fault("{").detail.starts_with("the body is not valid JSON"));
        assert!(fault(r#"{"data":{"name":"a"}} x"#).detail.starts_with("the body is not"));
    }

    #[test]
    fn an_edited_object_keeps_what_was_not_touched() {
        let text = r#"{"big":12345678901234567890123,"f":1.10,"nested":{ "a" : 1 }}"#;
        let mut object: RawObject = serde_json::from_str(text).unwrap();
        assert_eq!(object.to_text(), text);
        assert!(object.set("f", RawValue::from_string("2".to_owned()).unwrap()));
        assert!(!object.set("f", RawValue::from_string("2".to_owned()).unwrap()));
        assert!(object.remove("big"));
        assert_eq!(object.to_text(), r#"{"f":2,"nested":{ "a" : 1 }}"#);
    }

    proptest! {
        #[test]
        fn checking_never_panics(text in r#"[\[\]{}":,a1\\ ]{0,40}"#) {
            if let Ok(raw) = RawValue::from_string(text) {
                drop(check_object(&raw, &SMALL));
            }
        }
    }
}
