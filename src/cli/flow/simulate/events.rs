//! The events of a simulation: JSON values one after the other, in each of four forms.
//!
//! | form | told by |
//! |---|---|
//! | short: `{"metric":…,"profile":{…},…}` | `metric` |
//! | the body of `POST /api/events` | `data` |
//! | the body of `POST /api/event-bulk-create-jobs` | the type of `data` |
//! | an event as it was read, or a page of them, with their metrics and people among `included` | relationships, or a list as `data` |
//!
//! Where a file says nothing else, an event is unique: the API's default, under which two of one
//! kind in one second are one, holds in the bodies of the API alone.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::page;
use crate::cli::client::CliError;
use crate::cli::table::printable;
use crate::clock::Timestamp;
use crate::event::{NewEvent, parse_bulk, parse_one};
use crate::json::object::unknown;
use crate::json::{self, Fault, RawObject};
use crate::limits::{SIMULATION_EVENTS_MAX, SIMULATION_INPUT_BYTES_MAX};
use crate::metric::MetricName;

/// What a file of events says.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// The events, in the order of the file.
    pub(super) events: Vec<NewEvent>,
    /// The metrics that it names by ids.
    pub(super) metrics: Vec<(String, MetricName)>,
}

/// Reads the events of a file; `-` is standard input. One without a time happens `now`.
///
/// # Errors
/// Where it can not be read; or the first fault, with its line.
pub(super) fn read(path: &Path, now: Timestamp) -> Result<Input, CliError> {
    let text = text(path).map_err(|error| CliError::Input(path.to_owned(), error))?;
    parse(&text, now).map_err(|(line, fault)| {
        let place =
            if fault.pointer.is_empty() { String::new() } else { format!(" {}:", fault.pointer) };
        let told = format!("{}:{line}:{place} {}", path.display(), fault.detail);
        CliError::Refused(vec![printable(&told)])
    })
}

fn text(path: &Path) -> io::Result<String> {
    let most = SIMULATION_INPUT_BYTES_MAX;
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().lock().take(most + 1).read_to_string(&mut text)?;
    } else {
        File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    }
    if text.len() as u64 > most {
        let why = format!("larger than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(text)
}

/// Reads the text; a fault comes with the line on which its value begins.
fn parse(text: &str, now: Timestamp) -> Result<Input, (usize, Fault)> {
    let mut input = Input::default();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let (mut line, mut counted) = (1, 0);
    while let Some(value) = values.next() {
        let value = value.map_err(|error| {
            (error.line(), Fault::new("", format!("this is not JSON: {error}")))
        })?;
        let begin = values.byte_offset() - value.get().len();
        line += newlines(text, counted, begin);
        counted = begin;
        input.add(value.get(), (line, now)).map_err(|fault| (line, fault))?;
        if input.events.len() > SIMULATION_EVENTS_MAX {
            let why = format!("there are more than {SIMULATION_EVENTS_MAX} events");
            return Err((line, Fault::new("", why)));
        }
    }
    if input.events.is_empty() {
        return Err((line, Fault::new("", "there are no events here")));
    }
    Ok(input)
}

fn newlines(text: &str, from: usize, to: usize) -> usize {
    let between = text.as_bytes().get(from..to).unwrap_or_default();
    between.iter().filter(|byte| **byte == b'\n').count()
}

/// As much of a value as tells its form.
#[derive(Deserialize)]
struct Form<'a> {
    metric: Option<IgnoredAny>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct DataForm<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
    relationships: Option<IgnoredAny>,
    #[serde(borrow, default)]
    attributes: Option<Timed<'a>>,
}

#[derive(Deserialize)]
struct Timed<'a> {
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
}

impl Input {
    fn add(&mut self, value: &str, (line, now): (usize, Timestamp)) -> Result<(), Fault> {
        let none = || Fault::new("", "is no event: it has neither a `metric` nor `data`");
        if !value.starts_with('{') {
            return Err(none());
        }
        let form: Form<'_> = json::parse(value.as_bytes())?;
        let first = self.events.len();
        let number = first + 1;
        if form.metric.is_some() {
            let body = body_of_short(value, number)?;
            self.events.push(one(&body, now).map_err(in_short)?);
        } else {
            let data = form.data.ok_or_else(none)?.get();
            let is_page = data.starts_with('[');
            let of_data: Option<DataForm<'_>> =
                if is_page { None } else { Some(json::parse(data.as_bytes()).map_err(in_data)?) };
            match of_data {
                Some(data) if data.kind.as_deref() == Some("event-bulk-create-job") => {
                    self.events.extend(parse_bulk(value.as_bytes(), now)?);
                }
                Some(data) if data.relationships.is_none() => self.events.push(one(value, now)?),
                _ => self.page(value, now)?,
            }
        }
        for event in self.events.iter_mut().skip(first) {
            event.pointer = format!(
                "{line}: {}",
                if event.pointer.is_empty() { "/data" } else { &event.pointer }
            );
        }
        Ok(())
    }

    fn page(&mut self, value: &str, now: Timestamp) -> Result<(), Fault> {
        let page = page::Page::parse(value)?;
        self.metrics.extend(page.metrics()?);
        for (at, body) in page.bodies()? {
            let event = one(&body, now).map_err(|fault| Fault::new(&at, fault.to_string()))?;
            self.events.push(NewEvent { pointer: at, ..event });
        }
        Ok(())
    }
}

fn in_data(fault: Fault) -> Fault {
    fault.under("/data")
}

/// Reads the body of one event. What is simulated may lie ahead.
fn one(body: &str, now: Timestamp) -> Result<NewEvent, Fault> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        data: DataForm<'a>,
    }
    let time = json::parse::<Body<'_>>(body.as_bytes())
        .ok()
        .and_then(|body| Timestamp::parse_iso8601(body.data.attributes?.time?.as_ref()));
    parse_one(body.as_bytes(), time.map_or(now, |time| time.max(now)))
}

const SHORT: [&str; 8] =
    ["metric", "profile", "time", "properties", "value", "value_currency", "unique_id", "backfill"];
/// What may be said of somebody.
const PROFILE: [&str; 13] = [
    "email",
    "phone_number",
    "external_id",
    "anonymous_id",
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
    "location",
    "properties",
    "meta",
];

/// The body of `POST /api/events` that says the same as a short event.
fn body_of_short(value: &str, number: usize) -> Result<String, Fault> {
    let short: RawObject = json::parse(value.as_bytes())?;
    check_names(&short, &SHORT, "")?;
    let required = |name: &str| {
        let fault = || Fault::new(format!("/{name}"), format!("`{name}` is required"));
        short.get(name).map(RawValue::get).ok_or_else(fault)
    };
    let (metric, profile) = (required("metric")?, required("profile")?);
    if !profile.starts_with('{') {
        let why = r#"must be an object such as {"email":"ada@shop.example"}"#;
        return Err(Fault::new("/profile", why));
    }
    let of_profile: RawObject =
        json::parse(profile.as_bytes()).map_err(|fault: Fault| fault.under("/profile"))?;
    check_names(&of_profile, &PROFILE, "/profile").map_err(|fault| {
        let detail = format!("{}; your own properties stand in `properties`", fault.detail);
        Fault { detail, ..fault }
    })?;
    let metric =
        if metric.starts_with('{') { metric.to_owned() } else { format!("{{\"name\":{metric}}}") };
    let properties = short.get("properties").map_or("{}", RawValue::get);
    let mut attributes = format!(
        r#""metric":{{"data":{{"type":"metric","attributes":{metric}}}}},"profile":{{"data":{{"type":"profile","attributes":{profile}}}}},"properties":{properties}"#
    );
    for name in ["time", "value", "value_currency", "unique_id", "backfill"] {
        if let Some(given) = short.get(name).filter(|raw| raw.get() != "null") {
            attributes.push_str(&format!(r#","{name}":{given}"#));
        }
    }
    let has_unique_id = short.get("unique_id").is_some() || properties.contains("$event_id");
    if !has_unique_id {
        attributes.push_str(&format!(r#","unique_id":"simulated-{number}""#));
    }
    Ok(format!(r#"{{"data":{{"type":"event","attributes":{{{attributes}}}}}}}"#))
}

fn check_names(object: &RawObject, known: &[&str], at: &str) -> Result<(), Fault> {
    match object.iter().find(|(name, _)| !known.contains(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let pointer = format!("{at}{}", json::pointer_to(name));
            Err(Fault::new(pointer, unknown(name, "a member here", known)))
        }
    }
}

/// A fault of the body, as it is told of the short event that the body was made from.
fn in_short(fault: Fault) -> Fault {
    const PLACES: [(&str, &str); 5] = [
        ("/data/attributes/metric/data/attributes", "/metric"),
        ("/data/attributes/profile/data/attributes", "/profile"),
        ("/data/attributes/profile", "/profile"),
        ("/data/attributes", ""),
        ("/data", ""),
    ];
    let found = PLACES.iter().find_map(|(of_body, of_short)| {
        fault.pointer.strip_prefix(of_body).map(|rest| format!("{of_short}{rest}"))
    });
    Fault { pointer: found.unwrap_or(fault.pointer), ..fault }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
