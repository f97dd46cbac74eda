//! `tidings key`: makes, lists and revokes API keys.
//!
//! A key is shown once, alone on standard output, so that a script can take it; the daemon keeps
//! only a hash.

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use serde::Deserialize;
use serde_json::json;

use super::client::{self, CliError, Many, One, Remote, Report, Session};
use super::table::{Cell, Table, printable};
use crate::id::KeyId;
use crate::key::{FULL, SCOPES};

const EXAMPLES: &str = "\
Examples:
  tidings key create --name shop                    a key that may send events
  tidings key create --name admin --full            a key that may do everything
  KEY=$(tidings key create --name shop)             for a script
  tidings key list
  tidings key revoke 01HF7AYTK76RHR4F17G6DGTRGF";

/// The arguments of `tidings key`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct KeyArgs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a key; it is shown once
    #[command(after_help = EXAMPLES)]
    Create(CreateArgs),
    /// List all keys, without the keys themselves
    #[command(after_help = "Example:\n  tidings key list --json | jq '.data[].attributes.name'")]
    List,
    /// Make a key worthless, at once and for good
    #[command(after_help = "Example:\n  tidings key revoke 01HF7AYTK76RHR4F17G6DGTRGF")]
    Revoke {
        /// The id of the key, as `tidings key list` shows it
        id: KeyId,
    },
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// What people know the key by
    #[arg(long)]
    name: String,
    /// What the key may do; several with commas, or repeated
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    #[arg(default_value = "events:write", value_parser = PossibleValuesParser::new(SCOPES))]
    scopes: Vec<String>,
    /// Let the key do everything
    #[arg(long, conflicts_with = "scopes")]
    full: bool,
}

#[derive(Deserialize)]
struct Attributes {
    name: String,
    scopes: Vec<String>,
    /// Only in the answer to its creation.
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    hint: String,
    created_at: String,
    revoked_at: Option<String>,
}

/// Runs `tidings key`.
pub(super) fn run(args: KeyArgs) -> ExitCode {
    client::run(&args.remote, async |session| perform(session, args.action).await)
}

async fn perform(session: &Session, action: Action) -> Result<Report, CliError> {
    match action {
        Action::Create(args) => create(session, args).await,
        Action::List => {
            let answer = session.get("/api/keys").await?;
            session.report(&answer, |keys| table(&keys).text(session.colours))
        }
        Action::Revoke { id } => {
            session.delete(&format!("/api/keys/{id}")).await?;
            Ok(session.done(&format!("Key {id} is revoked.")))
        }
    }
}

async fn create(session: &Session, args: CreateArgs) -> Result<Report, CliError> {
    let scopes = if args.full { vec![FULL.to_owned()] } else { args.scopes };
    let attributes = json!({ "name": args.name, "scopes": scopes });
    let document = json!({ "data": { "type": "key", "attributes": attributes } });
    let answer = session.post("/api/keys", &document).await?;
    let One { data: made, .. }: One<Attributes> = answer.parse()?;
    let one_line = |key: Option<String>| format!("{}\n", key.unwrap_or_default());
    let report =
        session.report(&answer, |made: One<Attributes>| one_line(made.data.attributes.key))?;
    let (name, scopes) = (printable(&made.attributes.name), made.attributes.scopes.join(", "));
    let notes = vec![
        format!("Key {} \"{name}\" may do: {}.", made.id, printable(&scopes)),
        "It is not shown again; keep it now.".to_owned(),
    ];
    Ok(Report { notes, ..report })
}

fn table(keys: &Many<Attributes>) -> Table {
    let mut table = Table::new(&["ID", "NAME", "KEY", "SCOPES", "CREATED", "REVOKED"]);
    for key in &keys.data {
        let of = &key.attributes;
        table.push(vec![
            Cell::plain(&key.id),
            Cell::plain(&of.name),
            Cell::plain(&of.hint),
            Cell::plain(&of.scopes.join(",")),
            Cell::moment(Some(&of.created_at)),
            Cell::moment(of.revoked_at.as_deref()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::client::fake::{FakeDaemon, parsed};
    use super::*;

    const ID: &str = "01HF7AYTK76RHR4F17G6DGTRGF";
    const MADE: &str = r#"{"data":{"type":"key","id":"01HF7AYTK76RHR4F17G6DGTRGF","attributes":{
        "name":"shop","scopes":["events:write"],"key":"pk_abc","hint":"…_abc",
        "created_at":"2026-04-13T22:50:12.101159+00:00","revoked_at":null}}}"#;

    fn action(line: &[&str]) -> Action {
        parsed::<KeyArgs>(line).unwrap().action
    }

    #[tokio::test]
    async fn a_new_key_stands_alone_on_standard_output() {
        let daemon = FakeDaemon::answering(&[(201, MADE)]);
        let made = perform(&daemon.session(), action(&["key", "create", "--name", "shop"])).await;
        let made = made.unwrap();
        assert_eq!(made.output, "pk_abc\n");
        assert_eq!(made.notes[0], format!("Key {ID} \"shop\" may do: events:write."));
        let expected = r#"POST /api/keys {"data":{"type":"key","attributes":{"name":"shop","scopes":["events:write"]}}}"#;
        assert_eq!(daemon.requests(), [expected]);
    }

    #[tokio::test]
    async fn scopes_come_with_commas_and_full_is_one() {
        let daemon = FakeDaemon::answering(&[(201, MADE), (201, MADE)]);
        let lines = [
            [
                "key",
                "create",
                "--name=a",
                "--scope=events:read,events:write",
                "--scope=accounts:read",
            ]
            .as_slice(),
            &["key", "create", "--name=a", "--full"],
        ];
        for line in lines {
            perform(&daemon.session(), action(line)).await.unwrap();
        }
        let requests = daemon.requests();
        assert!(
            requests[0].contains(r#""scopes":["events:read","events:write","accounts:read"]"#),
            "{requests:?}"
        );
        assert!(requests[1].contains(r#""scopes":["full"]"#), "{requests:?}");
        let both =
            parsed::<KeyArgs>(&["key", "create", "--name=a", "--full", "--scope=events:read"]);
        assert_eq!(both.unwrap_err().exit_code(), 2);
    }

    #[tokio::test]
    async fn keys_are_a_table_or_the_document_as_it_came() {
        let list = r#"{"data":[{"type":"key","id":"01HF7AYTK76RHR4F17G6DGTRGF","attributes":{"name":"shop","scopes":["full"],"hint":"…_abc","created_at":"2026-04-13T22:50:12+00:00","revoked_at":null}}]}"#;
        let daemon = FakeDaemon::answering(&[(200, list), (200, list)]);
        let text = perform(&daemon.session(), Action::List).await.unwrap().output;
        let expected = "\
            ID                          NAME  KEY    SCOPES  CREATED               REVOKED\n\
            01HF7AYTK76RHR4F17G6DGTRGF  shop  …_abc  full    2026-04-13 22:50:12Z  -\n";
        assert_eq!(text, expected);
        let json = perform(&daemon.json_session(), Action::List).await.unwrap().output;
        assert_eq!(json, format!("{list}\n"));
    }

    #[tokio::test]
    async fn revoking_needs_an_id_and_says_that_it_is_done() {
        assert!(parsed::<KeyArgs>(&["key", "revoke", "../events"]).is_err());
        let daemon = FakeDaemon::answering(&[
            (204, ""),
            (404, r#"{"errors":[{"detail":"Not found.","source":{"pointer":"/data/"}}]}"#),
        ]);
        let done = perform(&daemon.session(), action(&["key", "revoke", ID])).await.unwrap();
        assert_eq!(done.output, format!("Key {ID} is revoked.\n"));
        let gone = perform(&daemon.session(), action(&["key", "revoke", ID])).await.unwrap_err();
        assert_eq!(gone.lines(), ["Not found."]);
        assert_eq!(daemon.requests()[0], format!("DELETE /api/keys/{ID}"));
    }
}
