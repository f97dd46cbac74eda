//! `tidings webhook rotate-secret` and `end-rotation`: a new secret, and the end of the old one.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::settings::line_of;
use super::show::{self, with_secret_note};
use super::{OneArgs, Webhook};
use crate::cli::client::{CliError, Report, Session};

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings webhook rotate-secret 01M1PAC5N9PMXJ7672AC8B75VN
  tidings webhook rotate-secret 01M1PAC5N9PMXJ7672AC8B75VN --overlap 7d --secret-file new.txt
  tidings webhook rotate-secret 01M1PAC5N9PMXJ7672AC8B75VN --overlap 0s    a leak: no overlap

During the overlap webhook-signature and Tidings-Signature carry a signature of each secret.
Klaviyo-Signature and X-Hub-Signature-256 have room for one: the previous secret's, unless
--klaviyo current says otherwise. A second rotation has to wait until the overlap is over, or is
ended with `tidings webhook end-rotation`.";

#[derive(Debug, clap::Args)]
pub(super) struct RotateArgs {
    #[command(flatten)]
    one: OneArgs,
    /// How long the old secret stays good, from 0s to 30d [default: 24h]
    #[arg(long, value_name = "DURATION")]
    overlap: Option<String>,
    /// Which secret signs headers with room for one signature [default: previous]
    #[arg(long, value_name = "WHICH", value_parser = ["current", "previous"])]
    klaviyo: Option<String>,
    /// A file with the new secret, or - for standard input; without it one is made
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// Rotates the secret and shows the webhook.
pub(super) async fn rotate(session: &Session, args: RotateArgs) -> Result<Report, CliError> {
    let mut attributes = Map::new();
    let words = [("overlap", &args.overlap), ("klaviyo_signed_with", &args.klaviyo)];
    for (name, value) in words {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), value.as_str().into());
        }
    }
    if let Some(file) = &args.secret_file {
        attributes.insert("secret_key".to_owned(), Value::from(line_of(file)?.as_str()));
    }
    let document = json!({ "data": { "type": "webhook", "attributes": attributes } });
    let answer = session.post(&format!("{}/rotate-secret", args.one.path()), &document).await?;
    let report = session.report(&answer, |rotated| show::fields(&rotated).text(session.colours))?;
    let mut report = with_secret_note(report, &answer)?;
    let rotated: Webhook = answer.parse()?;
    let expires = rotated.data.attributes.settings.get("previous_secret_expires_at");
    if expires.is_some_and(Value::is_string) {
        let id = args.one.id;
        report.notes.push(format!(
            "Give receivers the new secret; then `tidings webhook end-rotation {id}`, or wait."
        ));
    }
    Ok(report)
}

/// Ends the overlap.
pub(super) async fn end(session: &Session, one: &OneArgs) -> Result<Report, CliError> {
    session.delete(&format!("{}/previous-secret", one.path())).await?;
    Ok(session.done(&format!("The previous secret of webhook {} signs nothing any more.", one.id)))
}
