//! Values and their texts: as JSON, as Python writes them, and as numbers.
//!
//! Every text is made under a cap, since a list may hold the same large text many times.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value, ValueKind};

use crate::limits::TEMPLATE_VALUE_BYTES_MAX;
use crate::limits::TEMPLATE_VALUE_DEPTH_MAX;

/// A text that the template's author wrote, or that was written as JSON or as a number for them.
/// It is a string like any other, but where JSON wants a value it stands for itself if it is one:
/// `{{ x|default:'null' }}`, `{{ x|floatformat:2 }}`.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) text: String,
    /// It stands in the source, and is as safe as the text around it.
    pub(super) is_literal: bool,
}

impl Object for Written {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.text.is_empty()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Written {
    /// A text that stands in the source.
    pub(super) fn literal(text: &str) -> Value {
        Value::from_object(Self { text: text.to_owned(), is_literal: true })
    }

    /// A text that a filter wrote as a number or as JSON.
    pub(super) fn by_filter(text: String) -> Value {
        Value::from_object(Self { text, is_literal: false })
    }
}

/// What was wrong with a value, for the person who wrote the template.
pub(super) type Told<T> = Result<T, String>;

/// How lists, objects, truth and nothing are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Json,
    Python,
}

/// The text of a value that is a string.
pub(super) fn string(value: &Value) -> Option<&str> {
    match value.downcast_object_ref::<Written>() {
        Some(written) => Some(&written.text),
        None => value.as_str(),
    }
}

/// Whether there is nothing: not set, or null.
pub(super) fn is_nothing(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

/// Whether it is no list and no object.
pub(super) fn is_scalar(value: &Value) -> bool {
    !matches!(value.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Iterable)
}

/// The text of a value as it goes into a text; nothing is empty.
pub(super) fn text(value: &Value, style: Style) -> Told<Cow<'_, str>> {
    if let Some(text) = string(value) {
        return Ok(Cow::Borrowed(text));
    }
    if value.is_undefined() || (value.is_none() && style == Style::Json) {
        return Ok(Cow::Borrowed(""));
    }
    let mut to = Growing { text: String::new(), max: TEMPLATE_VALUE_BYTES_MAX };
    push(&mut to, value, style, 0)?;
    Ok(Cow::Owned(to.text))
}

/// The value as JSON.
pub(super) fn json(value: &Value) -> Told<String> {
    let mut to = Growing { text: String::new(), max: TEMPLATE_VALUE_BYTES_MAX };
    push(&mut to, value, Style::Json, 0)?;
    Ok(to.text)
}

struct Growing {
    text: String,
    max: usize,
}

impl Growing {
    fn add(&mut self, more: &str) -> Told<()> {
        check_bytes(self.text.len() + more.len(), self.max)?;
        self.text.push_str(more);
        Ok(())
    }
}

/// Refuses a text of `bytes` before it is made.
pub(super) fn check_bytes(bytes: usize, max: usize) -> Told<()> {
    if bytes > max {
        return Err(format!("the text would have more than {max} bytes"));
    }
    Ok(())
}

fn push(to: &mut Growing, value: &Value, style: Style, depth: usize) -> Told<()> {
    if depth > TEMPLATE_VALUE_DEPTH_MAX {
        return Err(format!("the value is nested deeper than {TEMPLATE_VALUE_DEPTH_MAX} levels"));
    }
    if let Some(text) = string(value) {
        return to.add(&quoted(text, style));
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => {
            to.add(if style == Style::Json { "null" } else { "None" })
        }
        ValueKind::Bool => to.add(match (style, value.is_true()) {
            (Style::Json, true) => "true",
            (Style::Json, false) => "false",
            (Style::Python, true) => "True",
            (Style::Python, false) => "False",
        }),
        ValueKind::Number => to.add(&number_text(value)),
        ValueKind::Map => {
            to.add("{")?;
            for (index, key) in items(value).enumerate() {
                to.add(separator(index, style))?;
                let name = text(&key, style)?;
                to.add(&quoted(&name, style))?;
                to.add(if style == Style::Json { ":" } else { ": " })?;
                push(to, &value.get_item(&key).unwrap_or_default(), style, depth + 1)?;
            }
            to.add("}")
        }
        ValueKind::Seq | ValueKind::Iterable => {
            to.add("[")?;
            for (index, item) in items(value).enumerate() {
                to.add(separator(index, style))?;
                push(to, &item, style, depth + 1)?;
            }
            to.add("]")
        }
        _ => Err("the value can not be written".to_owned()),
    }
}

fn separator(index: usize, style: Style) -> &'static str {
    match (index, style) {
        (0, _) => "",
        (_, Style::Json) => ",",
        (_, Style::Python) => ", ",
    }
}

/// The items of a list, the keys of an object, the characters of a text; none of anything else.
pub(super) fn items(value: &Value) -> impl Iterator<Item = Value> {
    let text = value.downcast_object_ref::<Written>().map(|written| written.text.as_str());
    let iter = text.map_or_else(|| value.try_iter(), |text| Value::from(text).try_iter());
    iter.ok().into_iter().flatten()
}

fn quoted(text: &str, style: Style) -> String {
    if style == Style::Json {
        return format!("\"{}\"", json_content(text));
    }
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c == quote => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push(quote);
    quoted
}

/// The text as the content of a JSON string, without its quotes.
pub(super) fn json_content(text: &str) -> String {
    let mut content = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => content.push_str("\\\""),
            '\\' => content.push_str("\\\\"),
            '\n' => content.push_str("\\n"),
            '\r' => content.push_str("\\r"),
            '\t' => content.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' => {
                content.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => content.push(c),
        }
    }
    content
}

/// A number, whole or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Float(f64),
}

impl Number {
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// The number that a value is, also where it is the text of one, as in Klaviyo.
pub(super) fn number(value: &Value) -> Option<Number> {
    if let Some(text) = string(value) {
        let text = text.trim();
        let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        let whole = text.parse().ok().map(Number::Whole);
        let float = || text.parse().ok().filter(|n: &f64| n.is_finite()).map(Number::Float);
        return if is_plain { whole.or_else(float) } else { None };
    }
    match value.kind() {
        ValueKind::Bool => Some(Number::Whole(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => {
            let float = || f64::try_from(value.clone()).ok().map(Number::Float);
            value.as_i64().map(Number::Whole).or_else(float)
        }
        ValueKind::Number => f64::try_from(value.clone()).ok().map(Number::Float),
        _ => None,
    }
}

/// A float as a value, or a fault where it is none that can be written.
pub(super) fn float(number: f64) -> Told<Value> {
    if number.is_finite() {
        Ok(Value::from(number))
    } else {
        Err("the result is not a number that can be written".to_owned())
    }
}

fn number_text(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    match f64::try_from(value.clone()) {
        Ok(number) if number.is_finite() => format!("{number:?}"),
        _ => "null".to_owned(),
    }
}

/// What a value is called in a fault.
pub(super) fn kind_name(value: &Value) -> &'static str {
    if string(value).is_some() {
        return "a text";
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => "nothing",
        ValueKind::Bool => "true or false",
        ValueKind::Number => "a number",
        ValueKind::Map => "an object",
        _ => "a list",
    }
}
