//! `tidings demo`: the whole way of an event, shown live, on this host, in a few seconds.
//!
//! A real daemon and a real receiver are started in a temporary directory; everything that is
//! shown happened: the events go in over the API, the deliveries come out over HTTP and are
//! verified by the receiver, one of them is refused once and retried. Nothing is left behind.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{CliError, Session, complain, say};
use super::listen::text;
use super::receiver::{Received, Receiver, ReceiverOptions, Trust};
use super::table::Colours;
use crate::clock::Clock;
use crate::config::Config;
use crate::limits;
use crate::secret::Secret;
use crate::server::Server;

const TOPIC: &str = "event:api.placed_order";
const SECRET: &str = "a-secret-for-the-demo";
/// The second request is refused; the retry and everything else is taken.
const SCRIPT: &str = "200,503,200";
const RETRY_AFTER: Duration = Duration::from_secs(2);

const NEXT: &str = "\
Go on with your own:
  tidings serve --dev                     a daemon that keeps its data, and prints a key
  tidings listen --secret SECRET          a receiver that checks signatures and shows deliveries
  tidings webhook create --name mine --url http://127.0.0.1:4781/ --topic event:api.placed_order
  tidings event send --metric 'Placed Order' --email ada@example.org --properties '{\"total\": 42}'
  tidings delivery list                   what was delivered, what waits, and why
Each of them has a --help with examples.";

/// Arguments of `tidings demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "It takes about five seconds, needs nothing, and leaves nothing behind.")]
pub struct DemoArgs {}

/// Runs the demo.
#[must_use]
pub fn run(DemoArgs {}: DemoArgs) -> ExitCode {
    let directory = std::env::temp_dir().join(format!("tidings-demo-{}", std::process::id()));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("error: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let shown = runtime.block_on(show(&directory));
    runtime.shutdown_background();
    if let Err(error) = std::fs::remove_dir_all(&directory) {
        complain(&format!("could not remove {}: {error}", directory.display()));
    }
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What can keep the demo from its end.
#[derive(Debug)]
enum DemoError {
    Start(String),
    Ask(CliError),
    Silence,
    Unverified(String),
}

impl std::fmt::Display for DemoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(why) => f.write_str(why),
            Self::Ask(error) => f.write_str(&error.lines().join("; ")),
            Self::Silence => f.write_str("no delivery came within the time that it should take"),
            Self::Unverified(why) => write!(f, "a delivery did not verify: {why}"),
        }
    }
}

impl From<CliError> for DemoError {
    fn from(error: CliError) -> Self {
        Self::Ask(error)
    }
}

async fn show(directory: &Path) -> Result<(), DemoError> {
    let colours = Colours::of_stdout();
    let step = |text: &str| say(&format!("\n{}", colours.paint("1", text)));

    step("1. A daemon and a receiver start");
    let server = start(directory.to_owned()).await?;
    let mut receiver = receive().await?;
    say(&format!(
        "  tidings on http://{}, the receiver on http://{}",
        server.addr(),
        receiver.addr()
    ));

    step("2. A webhook subscribes the receiver to a topic");
    let daemon = Session::at(server.socket().to_owned());
    let made = daemon.post("/api/webhooks", &webhook(&receiver)).await?;
    let made: Value = made.parse()?;
    say(&format!("  webhook {} on {TOPIC}", made["data"]["id"].as_str().unwrap_or_default()));

    step("3. Three events go in; each is on disk with its delivery before it is answered");
    for (person, total) in [("ada", 42), ("grace", 7), ("edsger", 1_000)] {
        daemon.post("/api/events", &event(person, total)).await?;
        say(&format!("  Placed Order by {person}@example.org: 202"));
    }

    step("4. Their deliveries come out, signed; one is refused and tried again");
    let mut taken = 0;
    while taken < 3 {
        let received = next(&mut receiver).await?;
        say(text::text(&received, colours).trim_end());
        if let Some(why) = received.verdicts.refusal() {
            return Err(DemoError::Unverified(why));
        }
        if received.answered.is_some_and(|status| status < 300) {
            taken += 1;
        } else {
            say(&colours
                .faint(&format!("  (refused; a retry is due in {} s)", RETRY_AFTER.as_secs())));
        }
    }

    step("5. What the daemon has stored");
    wait_until_recorded(&daemon).await?;
    say(super::delivery::overview(&daemon).await?.trim_end());

    receiver.stop().await;
    if let Err(error) = server.stop(limits::DELIVERY_TIMEOUT).await {
        complain(&format!("the daemon did not stop cleanly: {error}"));
    }
    say(&format!("\n{NEXT}"));
    Ok(())
}

async fn start(directory: PathBuf) -> Result<Server, DemoError> {
    let mut config = Config::default_for(directory);
    config.listen = ([127, 0, 0, 1], 0).into();
    config.egress.allow_http = true;
    config.egress.allow_loopback = true;
    config.delivery.retry_schedule = vec![RETRY_AFTER; 3];
    let started = Server::start(&config, Clock::system()).await;
    started.map_err(|error| DemoError::Start(error.to_string()))
}

async fn receive() -> Result<Receiver, DemoError> {
    let options = ReceiverOptions {
        trust: Trust { secrets: vec![Secret::new(SECRET.to_owned())], ..Trust::default() },
        script: SCRIPT.parse().expect("the script of the demo is one"),
        ..ReceiverOptions::default()
    };
    let started = Receiver::start(options).await;
    started.map_err(|error| DemoError::Start(format!("cannot start a receiver: {error}")))
}

async fn next(receiver: &mut Receiver) -> Result<Received, DemoError> {
    let waited = tokio::time::timeout(limits::DELIVERY_TIMEOUT, receiver.next()).await;
    waited.ok().flatten().ok_or(DemoError::Silence)
}

/// The last answer is recorded a moment after the receiver gave it.
async fn wait_until_recorded(daemon: &Session) -> Result<(), DemoError> {
    const SCHEDULED: &str = "/api/deliveries?filter=equals(state,%22scheduled%22)";
    for _ in 0..100 {
        let waiting: Value = daemon.get(SCHEDULED).await?.parse()?;
        if waiting["data"].as_array().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(DemoError::Silence)
}

fn webhook(receiver: &Receiver) -> Value {
    json!({ "data": {
        "type": "webhook",
        "attributes": {
            "name": "demo",
            "endpoint_url": format!("http://{}/hooks", receiver.addr()),
            "secret_key": SECRET,
        },
        "relationships": {
            "webhook-topics": { "data": [{ "type": "webhook-topic", "id": TOPIC }] },
        },
    } })
}

fn event(person: &str, total: u32) -> Value {
    json!({ "data": {
        "type": "event",
        "attributes": {
            "properties": { "total": total, "items": ["book"] },
            "metric": { "data": { "type": "metric", "attributes": { "name": "Placed Order" } } },
            "profile": { "data": {
                "type": "profile",
                "attributes": { "email": format!("{person}@example.org") },
            } },
        },
    } })
}
