//! `tidings event`: sends an event, as a producer would.
//!
//! Properties and value are passed on exactly as they were written. Without `--unique-id` a random
//! one is made: the API's own default is the second of the event, under which two events of one
//! kind for one person count as one, and the second would be lost without a word.

use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::client::{self, CliError, Remote, Report, Session, read_text};
use super::table::printable;

const EXAMPLES: &str = "\
Examples:
  tidings event send --metric 'Placed Order' --email ada@shop.example
  tidings event send --metric 'Placed Order' --external-id u1 --value 9.99 --currency EUR \\
      --properties '{\"items\": 3}' --unique-id order-1
  tidings event send --metric Imported --email ada@shop.example --properties @event.json
  jq -n '{n: 1}' | tidings event send --metric Counted --anonymous-id a1 --properties -";

/// The arguments of `tidings event`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct EventArgs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Send one event
    #[command(after_help = EXAMPLES)]
    Send(Box<SendArgs>),
}

#[derive(Debug, clap::Args)]
struct SendArgs {
    /// What happened; a new name makes a new metric
    #[arg(long, value_name = "NAME")]
    metric: String,
    /// Who says so; part of the metric, "api" if not given
    #[arg(long)]
    service: Option<String>,
    #[command(flatten)]
    person: Person,
    /// A JSON object, @FILE, or - for standard input
    #[arg(long, value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
    #[arg(value_parser = Properties::parse)]
    properties: Properties,
    /// What it was worth
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = number)]
    value: Option<Box<RawValue>>,
    /// The currency of the value, such as EUR
    #[arg(long, value_name = "CODE", requires = "value")]
    currency: Option<String>,
    /// When it happened, such as 2026-02-07T00:00:00Z; now if not given
    #[arg(long)]
    time: Option<String>,
    /// What makes it unique: a second event with it is not stored
    #[arg(long, value_name = "ID")]
    unique_id: Option<String>,
}

/// Whom it is about; at least one of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Person {
    /// The person's e-mail address
    #[arg(long, help_heading = "Person (at least one)")]
    email: Option<String>,
    /// The person's id in your system
    #[arg(long, value_name = "ID", help_heading = "Person (at least one)")]
    external_id: Option<String>,
    /// The person's phone number, such as +15005550006
    #[arg(long, value_name = "NUMBER", help_heading = "Person (at least one)")]
    phone: Option<String>,
    /// The id of the person's profile
    #[arg(long, value_name = "ID", help_heading = "Person (at least one)")]
    profile_id: Option<String>,
    /// The id of somebody whose name is not known
    #[arg(long, value_name = "ID", help_heading = "Person (at least one)")]
    anonymous_id: Option<String>,
}

/// Where the properties come from.
#[derive(Clone, Debug)]
enum Properties {
    Inline(Box<RawValue>),
    /// A path; `-` is standard input.
    Read(PathBuf),
}

impl Properties {
    fn parse(argument: &str) -> Result<Self, String> {
        if argument == "-" {
            return Ok(Self::Read(argument.into()));
        }
        match argument.strip_prefix('@') {
            Some("" | "-") => Err("@ needs a file; - is standard input".to_owned()),
            Some(path) => Ok(Self::Read(path.into())),
            None => object(argument).map(Self::Inline),
        }
    }

    fn object(self) -> Result<Box<RawValue>, CliError> {
        let path = match self {
            Self::Inline(object) => return Ok(object),
            Self::Read(path) => path,
        };
        object(&read_text(&path)?)
            .map_err(|why| CliError::Usage(format!("--properties {}: {why}", path.display())))
    }
}

/// A JSON object, kept as it was written.
fn object(text: &str) -> Result<Box<RawValue>, String> {
    let raw: Box<RawValue> =
        serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}"))?;
    if raw.get().starts_with('{') { Ok(raw) } else { Err("this is not a JSON object".to_owned()) }
}

/// A JSON number, kept as it was written.
fn number(text: &str) -> Result<Box<RawValue>, &'static str> {
    let is_number = serde_json::from_str::<serde_json::Number>(text).is_ok();
    let raw = is_number.then(|| RawValue::from_string(text.to_owned()).ok());
    raw.flatten().ok_or("this is not a number such as 9.99")
}

#[derive(Serialize)]
struct Attributes<'a> {
    metric: Value,
    profile: Value,
    properties: &'a RawValue,
    unique_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_currency: Option<&'a str>,
}

#[derive(Serialize)]
struct Document<'a> {
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    r#type: &'static str,
    attributes: Attributes<'a>,
}

/// Runs `tidings event`.
pub(super) fn run(args: EventArgs) -> ExitCode {
    client::run(&args.remote, async |session| perform(session, args.action).await)
}

async fn perform(session: &Session, action: Action) -> Result<Report, CliError> {
    let Action::Send(args) = action;
    let unique_id = match args.unique_id {
        Some(given) => given,
        None => random_id()?,
    };
    let properties = args.properties.object()?;
    let attributes = Attributes {
        metric: metric(&args.metric, args.service.as_deref()),
        profile: profile(args.person),
        properties: &properties,
        unique_id: &unique_id,
        time: args.time.as_deref(),
        value: args.value.as_deref(),
        value_currency: args.currency.as_deref(),
    };
    let document = Document { data: Data { r#type: "event", attributes } };
    let answer = session.post("/api/events", &document).await?;
    let (metric, unique_id) = (printable(&args.metric), printable(&unique_id));
    // Of a duplicate, this is the first one's id.
    let id = answer.header("tidings-event-id").map(|id| format!(" as event {}", printable(id)));
    let id = id.unwrap_or_default();
    Ok(session.done(&format!("Accepted{id}: \"{metric}\", unique id {unique_id}.")))
}

fn metric(name: &str, service: Option<&str>) -> Value {
    let mut attributes = json!({ "name": name });
    if let Some(service) = service {
        attributes["service"] = json!(service);
    }
    json!({ "data": { "type": "metric", "attributes": attributes } })
}

fn profile(person: Person) -> Value {
    let attributes: Map<String, Value> = [
        ("email", person.email),
        ("phone_number", person.phone),
        ("external_id", person.external_id),
        ("anonymous_id", person.anonymous_id),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
    .collect();
    let mut data = json!({ "type": "profile", "attributes": attributes });
    if let Some(id) = person.profile_id {
        data["id"] = Value::String(id);
    }
    json!({ "data": data })
}

fn random_id() -> Result<String, CliError> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(CliError::Random)?;
    Ok(format!("cli-{}", URL_SAFE_NO_PAD.encode(random)))
}

#[cfg(test)]
mod tests {
    use super::super::client::fake::{FakeDaemon, parsed};
    use super::*;

    fn action(more: &[&str]) -> Action {
        let mut line = vec!["event", "send", "--metric", "Placed Order"];
        line.extend(more);
        parsed::<EventArgs>(&line).unwrap().action
    }

    fn usage_error(line: &[&str]) -> String {
        let error = parsed::<EventArgs>(line).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[tokio::test]
    async fn everything_is_passed_on_as_it_was_written() {
        let daemon = FakeDaemon::answering(&[(202, "")]);
        let line = [
            "--service=shop",
            "--email=a@b.example",
            "--external-id=u1",
            "--phone=+15005550006",
            "--profile-id=01HF7AYTK76RHR4F17G6DGTRGF",
            "--anonymous-id=anon",
            "--properties={\"n\": 12345678901234567890.10}",
            "--value=-9.990",
            "--currency=EUR",
            "--time=2026-02-07T00:00:00Z",
            "--unique-id=order-1",
        ];
        let told = perform(&daemon.session(), action(&line)).await.unwrap();
        assert_eq!(told.output, "Accepted: \"Placed Order\", unique id order-1.\n");
        let expected = r#"POST /api/events {"data":{"type":"event","attributes":{"metric":{"data":{"type":"metric","attributes":{"name":"Placed Order","service":"shop"}}},"profile":{"data":{"type":"profile","attributes":{"email":"a@b.example","phone_number":"+15005550006","external_id":"u1","anonymous_id":"anon"},"id":"01HF7AYTK76RHR4F17G6DGTRGF"}},"properties":{"n": 12345678901234567890.10},"unique_id":"order-1","time":"2026-02-07T00:00:00Z","value":-9.990,"value_currency":"EUR"}}}"#;
        assert_eq!(daemon.requests(), [expected]);
    }

    #[tokio::test]
    async fn two_sent_at_once_are_two() {
        let daemon = FakeDaemon::answering(&[(202, ""), (202, "")]);
        for _ in 0..2 {
            let told = perform(&daemon.json_session(), action(&["--email=a@b.example"])).await;
            assert_eq!(told.unwrap().output, "");
        }
        let requests = daemon.requests();
        assert!(requests[0].contains(r#""properties":{},"unique_id":"cli-"#), "{requests:?}");
        assert_ne!(requests[0], requests[1]);
    }

    #[tokio::test]
    async fn properties_can_come_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.json");
        let argument = format!("--properties=@{}", path.display());
        let line = ["--email=a@b.example", &argument];
        std::fs::write(&path, " {\"a\":\n1}\n").unwrap();
        let daemon = FakeDaemon::answering(&[(202, "")]);
        perform(&daemon.session(), action(&line)).await.unwrap();
        assert!(daemon.requests()[0].contains("\"properties\":{\"a\":\n1},"));
        std::fs::write(&path, "[1]").unwrap();
        let refused = perform(&daemon.session(), action(&line)).await.unwrap_err().lines();
        let expected = format!("--properties {}: this is not a JSON object", path.display());
        assert_eq!(refused, [expected]);
    }

    #[test]
    fn what_can_not_be_sent_is_a_usage_error() {
        let line = |more| ["event", "send", "--metric=m", "--email=e", more];
        let nobody = usage_error(&["event", "send", "--metric=m"]);
        assert!(nobody.contains("--external-id"), "{nobody}");
        assert!(usage_error(&line("--properties={")).contains("this is not JSON"));
        assert!(usage_error(&line("--properties=[]")).contains("not a JSON object"));
        assert!(usage_error(&line("--properties=@")).contains("needs a file"));
        assert!(usage_error(&line("--value=1,5")).contains("not a number"));
        assert!(usage_error(&line("--currency=EUR")).contains("--value"));
    }
}
