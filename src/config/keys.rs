//! The layers, file beneath environment, asked for one key at a time.
//!
//! A key is *known* because somebody reads it: there is no second list that could disagree. So
//! `Config::read` asks for every key, unconditionally, and [`Keys::finish`] then refuses what
//! nobody asked for. Mistakes are collected on the way and the first one is told, in the order
//! of the file. A wrong value in the file is a mistake even where the environment overrides it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use super::error::{ConfigError, Position, quoted};
use super::kinds::Kind;
use super::raw::{Entry, Raw, RawFile};

/// Every variable of tidings begins so.
const PREFIX: &str = "TIDINGS_";
/// Variables that are not keys: the name of the file, and a log filter for the command line.
const NOT_KEYS: [&str; 2] = ["TIDINGS_CONFIG", "TIDINGS_LOG"];

/// The values at hand, and the keys that were asked for.
#[derive(Debug, Default)]
pub(super) struct Keys {
    file: RawFile,
    variables: BTreeMap<String, String>,
    known: Vec<&'static str>,
    errors: Vec<ConfigError>,
}

/// Why a value does not fit its key.
struct Mismatch {
    /// The line of the entry of a list; elsewhere the key's own line serves.
    line: Option<usize>,
    expected: String,
    found: String,
}

impl Keys {
    /// Layers `variables` over `file`.
    pub(super) fn new(file: RawFile, mut variables: BTreeMap<String, String>) -> Self {
        variables.retain(|name, _| name.starts_with(PREFIX) && !NOT_KEYS.contains(&name.as_str()));
        Self { file, variables, ..Self::default() }
    }

    /// A text that `kind` can parse.
    pub(super) fn text<T>(&mut self, key: &'static str, kind: Kind<T>) -> Option<T> {
        self.read(key, |raw| read_text(raw, &kind))
    }

    /// An integer within `bounds`.
    pub(super) fn whole<T>(&mut self, key: &'static str, bounds: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i128> + PartialOrd + Display,
    {
        self.read(key, |raw| read_whole(raw, &bounds))
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, |raw| match raw {
            Raw::Flag(value) => Ok(*value),
            Raw::Variable(text) if text == "true" => Ok(true),
            Raw::Variable(text) if text == "false" => Ok(false),
            _ => Err(Mismatch::new("`true` or `false`", raw.described())),
        })
    }

    /// A list of at most `entries_max` texts that `kind` can parse.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        entries_max: usize,
        kind: Kind<T>,
    ) -> Option<Vec<T>> {
        self.read(key, |raw| read_list(raw, entries_max, &kind))
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Raw) -> Result<T, Mismatch>,
    ) -> Option<T> {
        self.known.push(key);
        let mut value = None;
        if let Some(entry) = self.file.entries.get(key) {
            match read(&entry.raw) {
                Ok(read) => value = Some(read),
                Err(Mismatch { line, expected, found }) => {
                    let at = Some(self.file.position(line.unwrap_or(entry.line)));
                    let name = key.to_owned();
                    self.errors.push(ConfigError::Invalid { at, name, expected, found });
                }
            }
        }
        let name = variable(key);
        if let Some(text) = self.variables.get(&name) {
            match read(&Raw::Variable(text.clone())) {
                Ok(read) => value = Some(read),
                Err(Mismatch { expected, found, .. }) => {
                    self.errors.push(ConfigError::Invalid { at: None, name, expected, found });
                }
            }
        }
        value
    }

    /// Fails with the first mistake: those of the file by line, then those of the environment.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        let unknown: Vec<_> = self.unknown_entries().chain(self.unknown_variables()).collect();
        self.errors.extend(unknown);
        let first = self.errors.into_iter().min_by_key(|error| error.line().unwrap_or(usize::MAX));
        first.map_or(Ok(()), Err)
    }

    fn unknown_entries(&self) -> impl Iterator<Item = ConfigError> {
        let unread = self.file.entries.iter().filter(|(path, _)| !self.known(path));
        unread.filter_map(|(path, entry)| {
            let at = Some(self.file.position(entry.line));
            match (&entry.raw, self.sections().any(|section| section == path)) {
                (Raw::Table, true) => None,
                (raw, true) => Some(ConfigError::Invalid {
                    at,
                    name: path.clone(),
                    expected: format!("a section, `[{path}]`"),
                    found: raw.described(),
                }),
                (Raw::Table, false) => {
                    let suggestion = nearest(path, path, '.', self.sections());
                    let suggestion = suggestion.map(|section| format!("[{section}]"));
                    Some(unknown(at, "section", format!("[{path}]"), suggestion))
                }
                (_, false) => {
                    let last = path.rsplit('.').next().unwrap_or(path);
                    let suggestion = nearest(path, last, '.', self.known.iter().copied());
                    let suggestion = suggestion.map(str::to_owned);
                    Some(unknown(at, "key", path.clone(), suggestion))
                }
            }
        })
    }

    fn unknown_variables(&self) -> impl Iterator<Item = ConfigError> {
        let known: Vec<String> = self.known.iter().map(|key| variable(key)).collect();
        self.variables.keys().filter_map(move |name| {
            if known.contains(name) {
                return None;
            }
            let last = name.strip_prefix(PREFIX).unwrap_or(name);
            let suggestion = nearest(name, last, '_', known.iter().map(String::as_str));
            let suggestion = suggestion.map(str::to_owned);
            Some(unknown(None, "variable", name.clone(), suggestion))
        })
    }

    fn known(&self, path: &str) -> bool {
        self.known.contains(&path)
    }

    fn sections(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().filter_map(|key| key.rsplit_once('.')).map(|(section, _)| section)
    }

    /// The keys that were asked for, in that order.
    #[cfg(test)]
    pub(super) fn asked(&self) -> &[&'static str] {
        &self.known
    }
}

impl Mismatch {
    fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { line: None, expected: expected.into(), found: found.into() }
    }
}

fn read_text<T>(raw: &Raw, kind: &Kind<T>) -> Result<T, Mismatch> {
    let (Raw::Text(text) | Raw::Variable(text)) = raw else {
        return Err(Mismatch::new(kind.expected, raw.described()));
    };
    (kind.parse)(text).ok_or_else(|| Mismatch::new(kind.expected, quoted(text)))
}

fn read_whole<T>(raw: &Raw, bounds: &RangeInclusive<T>) -> Result<T, Mismatch>
where
    T: TryFrom<i128> + PartialOrd + Display,
{
    let expected = || format!("an integer from {} to {}", bounds.start(), bounds.end());
    let whole = match raw {
        Raw::Integer(whole) => Some(*whole),
        Raw::Variable(text) => text.parse().ok(),
        _ => None,
    };
    let Some(whole) = whole else {
        return Err(Mismatch::new(expected(), raw.described()));
    };
    let value = T::try_from(whole).ok().filter(|value| bounds.contains(value));
    value.ok_or_else(|| Mismatch::new(expected(), whole.to_string()))
}

fn read_list<T>(raw: &Raw, entries_max: usize, kind: &Kind<T>) -> Result<Vec<T>, Mismatch> {
    let expected = || format!("a list in which each entry is {}", kind.expected);
    let Some(entries) = raw.elements() else {
        return Err(Mismatch::new(expected(), raw.described()));
    };
    if entries.len() > entries_max {
        let expected = format!("a list of at most {entries_max} entries");
        return Err(Mismatch::new(expected, entries.len().to_string()));
    }
    let read = |entry: &Entry| {
        let line = Some(entry.line);
        read_text(&entry.raw, kind).map_err(|Mismatch { found, .. }| Mismatch {
            line,
            expected: expected(),
            found,
        })
    };
    entries.iter().map(read).collect()
}

/// `egress.allow` is `TIDINGS_EGRESS_ALLOW`.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

fn unknown(
    at: Option<Position>,
    kind: &'static str,
    name: String,
    suggestion: Option<String>,
) -> ConfigError {
    ConfigError::Unknown { at, kind, name, suggestion }
}

/// The candidate that was probably meant by `given`, whose telling part is `last`: the same name
/// in another section, the same name less its end (its unit), or one with few letters changed.
fn nearest<'a>(
    given: &str,
    last: &str,
    separator: char,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let distance = |candidate: &str| {
        let moved = candidate.strip_suffix(last).is_some_and(|rest| rest.ends_with(separator));
        let cut = candidate.strip_prefix(given).is_some_and(|rest| rest.starts_with('_'));
        match (moved || candidate == last, cut) {
            (true, _) => 0,
            (_, true) => 1,
            _ => strsim::damerau_levenshtein(candidate, given),
        }
    };
    let near = |distance: &usize| *distance <= (last.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| near(distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
