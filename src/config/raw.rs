//! A TOML file as a flat map from key path to value and line.
//!
//! This is the only file that knows the `toml` crate. Nothing is judged here except the syntax;
//! tables become entries of their own, so that a misspelt section is found like a misspelt key.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::de::{DeArray, DeTable, DeValue};

use super::error::{ConfigError, Position, quoted};

/// How large a configuration may be: ten times the commented example.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A value before anybody asked what type it should have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    Text(String),
    Integer(i128),
    Flag(bool),
    List(Vec<Entry>),
    Table,
    /// A type that no key has; the text names it.
    Other(&'static str),
    /// From the environment, where everything is text.
    Variable(String),
}

/// A value and the line on which it, or its key, stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) raw: Raw,
}

/// The entries of one file by their path (`egress.allow`), and the name of the file.
#[derive(Debug, Default)]
pub(super) struct RawFile {
    pub(super) name: PathBuf,
    pub(super) entries: BTreeMap<String, Entry>,
}

impl RawFile {
    /// Reads and parses a file.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_bounded(path)
            .map_err(|error| ConfigError::Unreadable { file: path.to_owned(), error })?;
        Self::parse(path, &text)
    }

    /// Parses the text of the file `name`.
    pub(super) fn parse(name: &Path, text: &str) -> Result<Self, ConfigError> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = line_at(text, error.span().map_or(0, |span| span.start));
            let at = Position { file: name.to_owned(), line };
            ConfigError::Syntax { at, message: error.message().to_owned() }
        })?;
        let mut entries = BTreeMap::new();
        flatten(table.get_ref(), text, "", &mut entries);
        Ok(Self { name: name.to_owned(), entries })
    }

    /// A line of this file.
    pub(super) fn position(&self, line: usize) -> Position {
        Position { file: self.name.clone(), line }
    }
}

impl Raw {
    /// The entries of a list: a TOML array, or in a variable one array or text between commas.
    pub(super) fn elements(&self) -> Option<Vec<Entry>> {
        match self {
            Self::List(entries) => Some(entries.clone()),
            Self::Variable(text) if looks_like_array(text) => {
                let value = DeValue::parse(text.trim()).ok()?;
                Some(array_entries(value.get_ref().as_array()?, text))
            }
            Self::Variable(text) if text.trim().is_empty() => Some(Vec::new()),
            Self::Variable(text) => {
                let raw = |part: &str| Self::Variable(part.trim().to_owned());
                Some(text.split(',').map(|part| Entry { line: 1, raw: raw(part) }).collect())
            }
            _ => None,
        }
    }

    /// How a message names this value where the *type* may be what is wrong.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Text(_) => "a string".to_owned(),
            Self::Integer(_) => "an integer".to_owned(),
            Self::Flag(_) => "a boolean".to_owned(),
            Self::List(_) => "an array".to_owned(),
            Self::Table => "a table".to_owned(),
            Self::Other(kind) => (*kind).to_owned(),
            Self::Variable(text) => quoted(text),
        }
    }
}

/// `["a"]`, `['a']` and `[]` are arrays; `[::1]` is a host.
fn looks_like_array(text: &str) -> bool {
    let inside = text.trim().strip_prefix('[').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with(['"', '\'', ']']))
}

fn flatten(table: &DeTable<'_>, text: &str, parent: &str, entries: &mut BTreeMap<String, Entry>) {
    for (key, value) in table {
        let path = joined(parent, key.get_ref());
        let raw = raw_of(value.get_ref(), text);
        entries.insert(path.clone(), Entry { line: line_at(text, key.span().start), raw });
        if let DeValue::Table(inner) = value.get_ref() {
            flatten(inner, text, &path, entries);
        }
    }
}

/// A path; a key that itself holds a dot stays in quotes, or it would pass for two.
fn joined(parent: &str, key: &str) -> String {
    let key = if key.contains('.') { format!("\"{key}\"") } else { key.to_owned() };
    if parent.is_empty() { key } else { format!("{parent}.{key}") }
}

fn raw_of(value: &DeValue<'_>, text: &str) -> Raw {
    match value {
        DeValue::String(value) => Raw::Text(value.to_string()),
        DeValue::Integer(value) => i128::from_str_radix(value.as_str(), value.radix())
            .map_or(Raw::Other("an integer of more than 128 bits"), Raw::Integer),
        DeValue::Boolean(value) => Raw::Flag(*value),
        DeValue::Array(values) => Raw::List(array_entries(values, text)),
        DeValue::Table(_) => Raw::Table,
        DeValue::Float(_) => Raw::Other("a float"),
        DeValue::Datetime(_) => Raw::Other("a date"),
    }
}

fn array_entries(values: &DeArray<'_>, text: &str) -> Vec<Entry> {
    values
        .iter()
        .map(|value| Entry {
            line: line_at(text, value.span().start),
            raw: raw_of(value.get_ref(), text),
        })
        .collect()
}

/// The line, from 1, that holds the byte at `offset`.
fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read <= FILE_BYTES_MAX) {
        return Ok(text);
    }
    let message = format!("larger than {FILE_BYTES_MAX} bytes");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
}
