//! `tidings flow simulate`: a flow file over the events of another file, in virtual time and
//! without a daemon. Nothing is sent and nothing is kept; webhooks are rendered by workers of this
//! program, as in a daemon.
//!
//! `events` reads the events, `text` and `document` show what came of them.

mod document;
mod events;
mod page;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;

use self::events::Input;
use super::file::FlowFile;
use crate::automation::{Organization, Setup, SimulateError, Simulation, simulate};
use crate::cli::client::{CliError, Report, Session, complain};
use crate::cli::table::printable;
use crate::clock::{Timestamp, parse_duration};
use crate::flow::run::What;
use crate::metric::MetricName;
use crate::sandbox::{Sandbox, Settings};

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings flow simulate welcome.json --events events.jsonl
  tidings flow simulate welcome.json --events events.jsonl --requests --until 3d
  tidings flow simulate welcome.json --events page.json --timezone Europe/Berlin --json

The events are JSON, one after the other. Each is short:
  {\"metric\":\"Placed Order\",\"profile\":{\"email\":\"ada@shop.example\"},\"time\":\"2026-02-07T10:00:00Z\",
   \"properties\":{\"items\":3}}
or the body of `POST /api/events`, or what `GET /api/events?include=metric,profile` answered.

The flow runs as if it were live, whatever its actions say. Responses of webhooks are not known, so
their outputs have their defaults. The exit status is 1 if a template failed, else 0.";

#[derive(Debug, clap::Args)]
pub(super) struct SimulateArgs {
    /// The flow file; - for standard input
    file: PathBuf,
    /// What happens: events as JSON, in any order; - for standard input
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    /// When it ends: a moment (RFC 3339), or a time after the last event (90s, 5m, 24h,
    /// 3d); if not given, when nothing is due any more, and dates are followed for a year
    #[arg(long, value_name = "TIME", value_parser = end)]
    until: Option<End>,
    /// The time zone of whoever has none of their own
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    timezone: TimeZone,
    /// The name of a metric that the flow names by an id; several times for several
    #[arg(long = "metric", value_name = "ID=NAME", value_parser = metric)]
    metrics: Vec<(String, MetricName)>,
    /// Show what the webhooks would have sent
    #[arg(long)]
    requests: bool,
}

/// The end as people give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    After(Duration),
    At(Timestamp),
}

fn end(text: &str) -> Result<End, &'static str> {
    let after = parse_duration(text).map(End::After);
    after.or_else(|| Timestamp::parse_rfc3339(text).map(End::At)).ok_or(
        "give a time after the last event, as 5m, 24h or 3d, or a moment, as \
                2026-09-04T13:38:55Z",
    )
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| "this is no IANA time zone such as Europe/Berlin".to_owned())
}

fn metric(text: &str) -> Result<(String, MetricName), String> {
    let shape = "give ID=NAME, such as 'SkDfHe=Placed Order'";
    let (id, name) = text.split_once('=').ok_or(shape)?;
    let name = MetricName::parse(name, None).map_err(|fault| fault.detail)?;
    Ok((id.to_owned(), name))
}

/// Runs the simulation.
pub(super) async fn perform(session: &Session, args: SimulateArgs) -> Result<Report, CliError> {
    let stdin = Path::new("-");
    if args.file == stdin && args.events == stdin {
        let why = "only one of the flow and the events can come from standard input";
        return Err(CliError::Usage(why.to_owned()));
    }
    let file = FlowFile::read(&args.file)?;
    let Input { events, mut metrics } = events::read(&args.events, session.clock.now())?;
    if session.interactive {
        complain(&format!("Simulating {} events …", events.len()));
    }
    let last = events.iter().map(|event| event.time).max().unwrap_or(Timestamp::EPOCH);
    let until = args.until.map(|until| match until {
        End::After(time) => last.plus(time),
        End::At(at) => at,
    });
    // What the command line says of a metric goes before what the events do.
    metrics.extend(args.metrics);
    let timezone = args.timezone.iana_name().unwrap_or("UTC").to_owned();
    let sandbox = Sandbox::new(Settings::default());
    let setup = Setup {
        flow: file.body_alone().to_string().into_bytes(),
        events,
        metrics,
        until,
        zone: args.timezone,
        organization: Organization { timezone, ..Organization::default() },
        sandbox: sandbox.clone(),
    };
    let simulated = simulate(setup).await;
    sandbox.stop().await;
    let simulated = simulated.map_err(|error| refused(&file, &args.events, error))?;
    Ok(report(session, &file.labels(), &simulated, args.requests))
}

fn report(
    session: &Session,
    labels: &[String],
    simulated: &Simulation,
    with_requests: bool,
) -> Report {
    let tally = Tally::of(simulated);
    let output = if session.json {
        session.document(&document::of(labels, simulated, &tally))
    } else {
        text::of(labels, simulated, &tally, (with_requests, session.colours))
    };
    Report { output, failed: tally.failed > 0, ..Report::default() }
}

fn refused(file: &FlowFile, events: &Path, error: SimulateError) -> CliError {
    let line = match error {
        SimulateError::Fault(fault) => return file.fault(fault),
        SimulateError::Event(fault) => {
            format!("{}:{}: {}", events.display(), fault.pointer, fault.detail)
        }
        SimulateError::Unavailable(why) => why,
        SimulateError::Store(error) => format!("the store in memory failed: {error}"),
    };
    CliError::Refused(vec![printable(&line)])
}

/// What there was, in numbers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    people: usize,
    finished: usize,
    ended: usize,
    webhooks: usize,
    failed: usize,
}

impl Tally {
    fn of(simulated: &Simulation) -> Self {
        use crate::flow::RunState;
        let mut tally = Self::default();
        let mut people = std::collections::HashSet::new();
        for one in &simulated.runs {
            people.insert(one.run.profile);
            match one.run.state {
                RunState::Finished => tally.finished += 1,
                RunState::Cancelled => tally.ended += 1,
                _ => {}
            }
            for moment in &one.run.timeline {
                match moment.what {
                    What::Sent { .. } => tally.webhooks += 1,
                    What::Failed { .. } => tally.failed += 1,
                    _ => {}
                }
            }
        }
        tally.people = people.len();
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_a_moment_or_a_time() {
        let day = End::After(Duration::from_secs(3 * 86_400));
        assert_eq!(end("3d"), Ok(day));
        let at = Timestamp::parse_rfc3339("2026-09-04T13:38:55Z").unwrap();
        assert_eq!(end("2026-09-04T13:38:55Z"), Ok(End::At(at)));
        assert!(end("soon").unwrap_err().contains("3d"));
    }

    #[test]
    fn a_metric_has_an_id_and_a_name() {
        let (id, name) = metric("SkDfHe=Placed Order").unwrap();
        assert_eq!((id.as_str(), name.name()), ("SkDfHe", "Placed Order"));
        assert!(metric("SkDfHe").unwrap_err().contains("ID=NAME"));
        assert!(metric("SkDfHe=").unwrap_err().contains("characters"));
        assert!(zone("Mars/Phobos").is_err());
    }
}
