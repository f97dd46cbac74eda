//! From the body of a request to checked events (contract: wire.md §4.2, §4.3).
//!
//! After this there is no "maybe valid": a [`NewEvent`] can be recorded, save for what only the
//! store can tell (an unknown profile id, too many metrics).

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::json::{self, Bounds, Fault, RawObject};
use crate::limits;
use crate::metric::MetricName;
use crate::profile::{ProfileDocument, ProfilePatch};

const BOUNDS: Bounds = Bounds {
    depth_max: limits::PROPERTY_DEPTH_MAX,
    keys_max: limits::PROPERTIES_MAX,
    string_bytes_max: limits::PROPERTY_STRING_BYTES_MAX,
    array_items_max: limits::PROPERTY_ARRAY_ITEMS_MAX,
};

/// An event as a producer sent it; checked.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its kind.
    pub metric: MetricName,
    /// Whom it is about.
    pub profile: ProfilePatch,
    /// When it happened, in whole seconds.
    pub time: Timestamp,
    /// What makes it unique; the event's time in seconds where the producer gave nothing.
    pub unique_id: String,
    /// Its value, a JSON number as it was written.
    pub value: Option<String>,
    /// The currency of the value.
    pub value_currency: Option<String>,
    /// Its properties, a JSON object as it was written.
    pub properties: String,
    /// Whether it is history that starts no flow.
    pub backfill: bool,
    /// Where the event stands in its request, for errors that only the store can find.
    pub pointer: String,
}

#[derive(Deserialize)]
struct Single<'a> {
    #[serde(borrow)]
    data: SingleData<'a>,
}

#[derive(Deserialize)]
struct SingleData<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    attributes: EventAttributes<'a>,
}

/// An event's attributes. In a bulk request the profile stands with the group, not here.
#[derive(Deserialize)]
struct EventAttributes<'a> {
    #[serde(borrow)]
    properties: &'a RawValue,
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    value_currency: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    unique_id: Option<Cow<'a, str>>,
    #[serde(default)]
    backfill: Option<bool>,
    #[serde(borrow)]
    metric: MetricDocument<'a>,
    #[serde(borrow, default)]
    profile: Option<ProfileDocument<'a>>,
}

#[derive(Deserialize)]
struct MetricDocument<'a> {
    #[serde(borrow)]
    data: MetricData<'a>,
}

#[derive(Deserialize)]
struct MetricData<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    attributes: MetricAttributes<'a>,
}

#[derive(Deserialize)]
struct MetricAttributes<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    service: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Bulk<'a> {
    #[serde(borrow)]
    data: BulkData<'a>,
}

#[derive(Deserialize)]
struct BulkData<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    attributes: BulkAttributes<'a>,
}

#[derive(Deserialize)]
struct BulkAttributes<'a> {
    #[serde(rename = "events-bulk-create", borrow)]
    groups: Groups<'a>,
}

#[derive(Deserialize)]
struct Groups<'a> {
    #[serde(borrow)]
    data: Vec<Group<'a>>,
}

#[derive(Deserialize)]
struct Group<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    attributes: GroupAttributes<'a>,
}

#[derive(Deserialize)]
struct GroupAttributes<'a> {
    #[serde(default)]
    backfill: Option<bool>,
    #[serde(borrow)]
    profile: ProfileDocument<'a>,
    #[serde(borrow)]
    events: Entries<'a>,
}

#[derive(Deserialize)]
struct Entries<'a> {
    #[serde(borrow)]
    data: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    attributes: EventAttributes<'a>,
}

/// Reads the body of `POST /api/events`.
///
/// # Errors
/// The first fault.
pub fn parse_one(body: &[u8], now: Timestamp) -> Result<NewEvent, Fault> {
    const AT: &str = "/data/attributes";
    const PROFILE_AT: &str = "/data/attributes/profile";
    let Single { data } = json::parse(body)?;
    expect_type(&data.kind, "event", "/data/type")?;
    let mut attributes = data.attributes;
    let profile = attributes.profile.take();
    let profile = profile.ok_or_else(|| Fault::new(PROFILE_AT, "`profile` is required"))?;
    let profile = ProfilePatch::parse(profile).map_err(|fault| fault.under(PROFILE_AT))?;
    attributes.check(profile, false, String::new(), now).map_err(|fault| fault.under(AT))
}

/// Reads the body of `POST /api/event-bulk-create-jobs`.
///
/// # Errors
/// The first fault; then nothing of the request is to be recorded.
pub fn parse_bulk(body: &[u8], now: Timestamp) -> Result<Vec<NewEvent>, Fault> {
    const AT: &str = "/data/attributes/events-bulk-create/data";
    let Bulk { data } = json::parse(body)?;
    expect_type(&data.kind, "event-bulk-create-job", "/data/type")?;
    let groups = data.attributes.groups.data;
    let count: usize = groups.iter().map(|group| group.attributes.events.data.len()).sum();
    if count == 0 || count > limits::BULK_EVENTS_MAX {
        let most = limits::BULK_EVENTS_MAX;
        return Err(Fault::new(AT, format!("holds {count} events; 1 to {most} may be")));
    }
    let mut events = Vec::with_capacity(count);
    let mut seen = HashSet::new();
    for (place, group) in groups.into_iter().enumerate() {
        let at = format!("{AT}/{place}");
        expect_type(&group.kind, "event-bulk-create", &format!("{at}/type"))?;
        let GroupAttributes { backfill, profile, events: entries } = group.attributes;
        let profile = ProfilePatch::parse(profile)
            .map_err(|fault| fault.under(&format!("{at}/attributes/profile")))?;
        for (index, entry) in entries.data.into_iter().enumerate() {
            let at = format!("{at}/attributes/events/data/{index}");
            expect_type(&entry.kind, "event", &format!("{at}/type"))?;
            if let Some(id) = &entry.attributes.unique_id
                && !seen.insert(id.clone().into_owned())
            {
                let at = format!("{at}/attributes/unique_id");
                return Err(Fault::new(at, "stands twice in this request"));
            }
            let in_group = backfill.unwrap_or(false);
            let event = entry
                .attributes
                .check(profile.clone(), in_group, at.clone(), now)
                .map_err(|fault| fault.under(&format!("{at}/attributes")))?;
            events.push(event);
        }
    }
    Ok(events)
}

fn expect_type(found: &str, expected: &str, at: &str) -> Result<(), Fault> {
    if found == expected {
        return Ok(());
    }
    Err(Fault::new(at, format!("must be `{expected}`")))
}

impl EventAttributes<'_> {
    fn check(
        self,
        profile: ProfilePatch,
        backfill: bool,
        pointer: String,
        now: Timestamp,
    ) -> Result<NewEvent, Fault> {
        expect_type(&self.metric.data.kind, "metric", "/metric/data/type")?;
        let named = &self.metric.data.attributes;
        let metric = MetricName::parse(&named.name, named.service.as_deref())
            .map_err(|fault| fault.under("/metric/data/attributes"))?;
        json::check_object(self.properties, &BOUNDS).map_err(|fault| fault.under("/properties"))?;
        let time = event_time(self.time.as_deref(), now)?;
        Ok(NewEvent {
            metric,
            profile,
            time,
            unique_id: unique_id(self.unique_id, self.properties, time)?,
            value: number(self.value)?,
            value_currency: currency(self.value_currency)?,
            properties: self.properties.get().to_owned(),
            backfill: self.backfill.unwrap_or(backfill),
            pointer,
        })
    }
}

fn event_time(given: Option<&str>, now: Timestamp) -> Result<Timestamp, Fault> {
    let Some(given) = given.filter(|text| !text.is_empty()) else {
        return Ok(Timestamp::from_seconds(now.seconds()));
    };
    let time = Timestamp::parse_iso8601(given).ok_or_else(|| {
        Fault::new("/time", "is not an ISO 8601 moment, as 2026-02-07T00:00:00+00:00")
    })?;
    if time.seconds() < limits::EVENT_TIME_MIN_SECONDS {
        return Err(Fault::new("/time", "lies before 1990"));
    }
    if time.seconds() > now.seconds() + limits::EVENT_TIME_AHEAD_SECONDS_MAX {
        return Err(Fault::new("/time", "lies more than a year ahead"));
    }
    Ok(Timestamp::from_seconds(time.seconds()))
}

/// The given unique id, else `$event_id` of the properties, else the event's time in seconds.
fn unique_id(
    given: Option<Cow<'_, str>>,
    properties: &RawValue,
    time: Timestamp,
) -> Result<String, Fault> {
    let most = limits::UNIQUE_ID_CHARS_MAX;
    if let Some(given) = given {
        let length = given.chars().count();
        if length == 0 || length > most {
            let detail = format!("has {length} characters; 1 to {most} may be");
            return Err(Fault::new("/unique_id", detail));
        }
        return Ok(given.into_owned());
    }
    Ok(own_event_id(properties).unwrap_or_else(|| time.seconds().to_string()))
}

/// `$event_id` as older clients put it among the properties.
fn own_event_id(properties: &RawValue) -> Option<String> {
    if !properties.get().contains("$event_id") {
        return None;
    }
    let object: RawObject = serde_json::from_str(properties.get()).ok()?;
    let raw = object.get("$event_id")?.get();
    let text = serde_json::from_str::<String>(raw).ok().or_else(|| {
        raw.starts_with(|c: char| c.is_ascii_digit() || c == '-').then(|| raw.to_owned())
    })?;
    (1..=limits::UNIQUE_ID_CHARS_MAX).contains(&text.chars().count()).then_some(text)
}

fn number(given: Option<&RawValue>) -> Result<Option<String>, Fault> {
    match given.map(RawValue::get) {
        None | Some("null") => Ok(None),
        Some(text) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            Ok(Some(text.to_owned()))
        }
        Some(_) => Err(Fault::new("/value", "must be a number")),
    }
}

/// Three letters, as in ISO 4217.
fn currency(given: Option<Cow<'_, str>>) -> Result<Option<String>, Fault> {
    let Some(given) = given.filter(|text| !text.is_empty()) else { return Ok(None) };
    if given.len() == 3 && given.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Ok(Some(given.to_ascii_uppercase()));
    }
    Err(Fault::new("/value_currency", "must be three letters, as USD (ISO 4217)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_788_529_135);

    fn one(attributes: &str) -> Result<NewEvent, Fault> {
        let text = format!(
            r#"{{"data":{{"type":"event","attributes":{{{attributes}
                "metric":{{"data":{{"type":"metric","attributes":{{"name":"Viewed"}}}}}},
                "profile":{{"data":{{"type":"profile","attributes":{{"email":"a@b.c"}}}}}}}}}}}}"#
        );
        parse_one(text.as_bytes(), NOW)
    }

    #[test]
    fn each_fault_points_at_its_field() {
        for (attributes, pointer) in [
            ("", "/data/attributes/properties"),
            (r#""properties":[],"#, "/data/attributes/properties"),
            (r#""properties":{"a":1,"a":1},"#, "/data/attributes/properties/a"),
            (r#""properties":{},"time":"yesterday","#, "/data/attributes/time"),
            (r#""properties":{},"time":"1989-12-31T23:59:59Z","#, "/data/attributes/time"),
            (r#""properties":{},"time":"2036-01-01T00:00:00Z","#, "/data/attributes/time"),
            (r#""properties":{},"value":"9.99","#, "/data/attributes/value"),
            (r#""properties":{},"value_currency":"dollars","#, "/data/attributes/value_currency"),
            (r#""properties":{},"unique_id":"","#, "/data/attributes/unique_id"),
            (r#""properties":{},"unique_id":3,"#, "/data/attributes/unique_id"),
            (r#""properties":{},"backfill":"yes","#, "/data/attributes/backfill"),
            (r#""properties":{},"properties":{},"#, "/data/attributes/properties"),
        ] {
            assert_eq!(one(attributes).unwrap_err().pointer, pointer, "{attributes}");
        }
        let of_nobody = r#"{"data":{"type":"event","attributes":{"properties":{},
            "metric":{"data":{"type":"metric","attributes":{"name":"Viewed"}}}}}}"#;
        let of_nobody = parse_one(of_nobody.as_bytes(), NOW).unwrap_err();
        assert_eq!(of_nobody.pointer, "/data/attributes/profile");
        let nothing = parse_one(b"{}", NOW).unwrap_err();
        assert_eq!(nothing, Fault::new("/data", "`data` is required"));
    }

    #[test]
    fn time_and_unique_id_have_defaults() {
        let plain = one(r#""properties":{},"#).unwrap();
        assert_eq!((plain.time, plain.unique_id.as_str()), (NOW, "1788529135"));
        let own = one(r#""properties":{"$event_id":"old"},"#).unwrap();
        assert_eq!(own.unique_id, "old");
        let given = one(r#""properties":{},"time":"2026-02-07T01:00:00.9+01:00","#).unwrap();
        assert_eq!(given.time.rfc3339_seconds(), "2026-02-07T00:00:00+00:00");
        let naive = one(r#""properties":{},"time":"2026-02-07T00:00:00","#).unwrap();
        assert_eq!(naive.time, given.time);
    }

    #[test]
    fn properties_keep_their_bytes() {
        let text = r#"{ "z" : 12345678901234567890123, "a":1.10 }"#;
        let event = one(&format!(r#""properties":{text},"value":1e2,"#)).unwrap();
        assert_eq!(event.properties, text);
        assert_eq!(event.value.as_deref(), Some("1e2"));
    }

    fn bulk(entries: &str) -> Result<Vec<NewEvent>, Fault> {
        let text = format!(
            r#"{{"data":{{"type":"event-bulk-create-job","attributes":{{"events-bulk-create":
                {{"data":[{{"type":"event-bulk-create","attributes":{{"backfill":true,
                "profile":{{"data":{{"type":"profile","attributes":{{"email":"a@b.c"}}}}}},
                "events":{{"data":[{entries}]}}}}}}]}}}}}}}}"#
        );
        parse_bulk(text.as_bytes(), NOW)
    }

    #[test]
    fn a_bulk_request_is_checked_whole() {
        const AT: &str = "/data/attributes/events-bulk-create/data";
        let entry = |rest: &str| {
            format!(
                r#"{{"type":"event","attributes":{{"properties":{{}}{rest},
                "metric":{{"data":{{"type":"metric","attributes":{{"name":"Viewed"}}}}}}}}}}"#
            )
        };
        let events = bulk(&[entry(""), entry(r#","backfill":false"#)].join(",")).unwrap();
        assert_eq!(events.iter().map(|event| event.backfill).collect::<Vec<_>>(), [true, false]);
        let twice = [entry(r#","unique_id":"u""#), entry(r#","unique_id":"u""#)].join(",");
        assert_eq!(
            bulk(&twice).unwrap_err().pointer,
            format!("{AT}/0/attributes/events/data/1/attributes/unique_id")
        );
        assert_eq!(bulk("").unwrap_err().pointer, AT);
        let wrong = bulk(&entry(r#","value":true"#)).unwrap_err();
        assert_eq!(wrong.pointer, format!("{AT}/0/attributes/events/data/0/attributes/value"));
    }
}
