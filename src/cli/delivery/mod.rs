//! `tidings delivery`: what was delivered, what waits, and why; and to send again or not at all.
//!
//! Here are the arguments and the short actions; `list` asks for pages, `tail` follows what
//! happens, `text` and `timeline` make words of the answers.

mod list;
mod tail;
mod text;
mod timeline;

use std::process::ExitCode;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::list::ListArgs;
use self::tail::TailArgs;
use self::text::whole;
use super::client::{self, CliError, One, Remote, Report, Session};
use super::table::printable;
use crate::id::DeliveryId;

pub(super) use self::list::{next_cursor, overview};
pub(super) use self::text::Attributes;

const EXAMPLES: &str = "\
Examples:
  tidings delivery list                                 the newest 20
  tidings delivery list --state exhausted --since 24h   what was given up since yesterday
  tidings delivery show 01M1PAC5N9PMXJ7672AC8B75VN      one, with its attempts
  tidings delivery curl 01M1PAC5N9PMXJ7672AC8B75VN      what it sends, as a command line
  tidings delivery resend 01M1PAC5N9PMXJ7672AC8B75VN    send it now
  tidings delivery tail --failed                        watch what fails";
const SHOW_EXAMPLES: &str = "\
Examples:
  tidings delivery show 01M1PAC5N9PMXJ7672AC8B75VN
  tidings delivery show 01M1PAC5N9PMXJ7672AC8B75VN --request    and what was sent";
const CURL_EXAMPLES: &str = "\
Examples:
  tidings delivery curl 01M1PAC5N9PMXJ7672AC8B75VN
  tidings delivery curl 01M1PAC5N9PMXJ7672AC8B75VN | sh

Values of secret headers are masked; signatures are made for the moment of the last attempt, so a
receiver that checks their age refuses them after some minutes.";
const RESEND_EXAMPLES: &str = "\
Examples:
  tidings delivery resend 01M1PAC5N9PMXJ7672AC8B75VN
  tidings delivery list --state exhausted --json | jq -r '.data[].id' |
      xargs tidings delivery resend

A scheduled delivery is sent now instead of later; a finished one is sent again, with its schedule \
of retries from the beginning.";
const CANCEL_EXAMPLES: &str = "\
Example:
  tidings delivery cancel 01M1PAC5N9PMXJ7672AC8B75VN

Only a scheduled delivery can be cancelled; an attempt that is under way is not called back.";

/// The arguments of `tidings delivery`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DeliveryArgs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List deliveries, the newest first
    #[command(after_help = list::EXAMPLES)]
    List(ListArgs),
    /// Show one delivery and its attempts
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// The id of the delivery, which receivers see as webhook-id
        id: DeliveryId,
        /// Show what the last attempt sent, or what would be sent now
        #[arg(long)]
        request: bool,
    },
    /// Print a curl command line that sends what a delivery sends
    #[command(after_help = CURL_EXAMPLES)]
    Curl {
        /// The id of the delivery
        id: DeliveryId,
    },
    /// Send deliveries now, also those that are finished
    #[command(after_help = RESEND_EXAMPLES)]
    Resend(ManyArgs),
    /// Cancel deliveries that are scheduled
    #[command(after_help = CANCEL_EXAMPLES)]
    Cancel(ManyArgs),
    /// Follow attempts as they are made, until Ctrl-C
    #[command(after_help = tail::EXAMPLES)]
    Tail(TailArgs),
}

#[derive(Debug, clap::Args)]
struct ManyArgs {
    /// The ids of the deliveries
    #[arg(required = true, value_name = "ID")]
    ids: Vec<DeliveryId>,
}

/// Runs `tidings delivery`.
pub(super) fn run(args: DeliveryArgs) -> ExitCode {
    client::run(&args.remote, async |session| perform(session, args.action).await)
}

async fn perform(session: &Session, action: Action) -> Result<Report, CliError> {
    match action {
        Action::List(args) => list::list(session, &args).await,
        Action::Show { id, request } => {
            let more = if request { WITH_REQUEST } else { "" };
            let answer = session.get(&format!("{}{more}", path_of(&id.to_string()))).await?;
            session.report(&answer, |delivery| {
                let told = whole(session, &delivery);
                if request { told + &text::request(&delivery) } else { told }
            })
        }
        Action::Curl { id } => curl(session, id).await,
        Action::Resend(args) => each(session, &args.ids, "resend", "to be sent").await,
        Action::Cancel(args) => each(session, &args.ids, "cancel", "cancelled").await,
        Action::Tail(args) => tail::tail(session, &args).await,
    }
}

const WITH_REQUEST: &str = "?additional-fields%5Bdelivery%5D=request";

/// The path of one delivery.
pub(super) fn path_of(id: &str) -> String {
    format!("/api/deliveries/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

async fn curl(session: &Session, id: DeliveryId) -> Result<Report, CliError> {
    let answer = session.get(&format!("{}{WITH_REQUEST}", path_of(&id.to_string()))).await?;
    let delivery: One<Attributes> = answer.parse()?;
    let Some((command, is_exact)) = delivery.data.attributes.curl() else {
        let why = "its webhook or flow action was deleted, its events are not stored any more, or \
                   its template failed";
        return Err(CliError::Refused(vec![format!("there is nothing to send: {why}")]));
    };
    let report = session.report(&answer, |_: One<Attributes>| format!("{command}\n"))?;
    let changed = "The webhook changed since; this is not byte for byte what was sent.".to_owned();
    let notes = if is_exact == Some(false) { vec![changed] } else { Vec::new() };
    Ok(Report { notes, ..report })
}

/// Does the same with each delivery. One that is refused does not keep the others from it.
async fn each(
    session: &Session,
    ids: &[DeliveryId],
    action: &str,
    done: &str,
) -> Result<Report, CliError> {
    let mut report = Report::default();
    for id in ids {
        match session.post_empty(&format!("{}/{action}", path_of(&id.to_string()))).await {
            Ok(answer) => {
                let told = |delivery: One<Attributes>| {
                    let summary = printable(delivery.data.attributes.summary());
                    format!("{id} is {done}: {summary}\n")
                };
                report.output.push_str(&session.report(&answer, told)?.output);
            }
            Err(CliError::Refused(reasons)) => {
                report.notes.extend(reasons.into_iter().map(|why| format!("error: {id}: {why}")));
                report.failed = true;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
