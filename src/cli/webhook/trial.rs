//! `tidings webhook test`: sends a test delivery and waits for what the endpoint answers.
//!
//! The daemon schedules the delivery like any other; this looks at it again and again until there
//! is an attempt. The exit status tells whether the first attempt succeeded, so that a script can
//! ask "does this endpoint work?".

use std::time::Duration;

use crate::cli::client::{Answer, CliError, One, Report, Session};
use crate::cli::delivery::{Attributes, Relationships, path_of, whole};
use crate::cli::table::printable;
use crate::limits::TEST_DELIVERY_LOOK_EVERY;

pub(super) const EXAMPLES: &str = "\
Example:
  tidings webhook test 01M1PAC5N9PMXJ7672AC8B75VN && echo works

The exit status is 0 if the first attempt was answered with 2xx, else 1.";

type Delivery = One<Attributes, Relationships>;

/// Sends a test to the webhook at `path` and waits for its first attempt.
pub(super) async fn perform(
    session: &Session,
    path: &str,
    wait: Duration,
) -> Result<Report, CliError> {
    let scheduled: Delivery = session.post_empty(&format!("{path}/test")).await?.parse()?;
    let id = scheduled.data.id;
    let Ok(answer) = tokio::time::timeout(wait, first_attempt(session, &id)).await else {
        let (id, seconds) = (printable(&id), wait.as_secs());
        let note = format!("No attempt within {seconds} s; see `tidings delivery show {id}`.");
        return Ok(Report { notes: vec![note], failed: true, ..Report::default() });
    };
    let answer = answer?;
    let delivery: Delivery = answer.parse()?;
    let failed = !delivery.data.attributes.first_succeeded();
    let report = session.report(&answer, |delivery| whole(session, &delivery))?;
    Ok(Report { failed, ..report })
}

async fn first_attempt(session: &Session, id: &str) -> Result<Answer, CliError> {
    loop {
        let answer = session.get(&path_of(id)).await?;
        let delivery: Delivery = answer.parse()?;
        if delivery.data.attributes.has_begun() {
            return Ok(answer);
        }
        tokio::time::sleep(TEST_DELIVERY_LOOK_EVERY).await;
    }
}
