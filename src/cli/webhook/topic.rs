//! `tidings topic`: what webhooks can subscribe to.

use std::process::ExitCode;

use crate::cli::client::{self, CliError, Many, Nothing, Remote, Report, Session};
use crate::cli::table::printable;

const EXAMPLES: &str = "\
Examples:
  tidings topic list
  tidings topic list | grep order";

/// The arguments of `tidings topic`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct TopicArgs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the topics, one a line
    #[command(after_help = EXAMPLES)]
    List,
}

/// Runs `tidings topic`.
pub(in crate::cli) fn run(args: TopicArgs) -> ExitCode {
    client::run(&args.remote, async |session| match args.action {
        Action::List => list(session).await,
    })
}

async fn list(session: &Session) -> Result<Report, CliError> {
    let answer = session.get("/api/webhook-topics").await?;
    session.report(&answer, |topics: Many<Option<Nothing>>| {
        topics.data.iter().map(|topic| printable(&topic.id) + "\n").collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::client::fake::FakeDaemon;
    use super::*;

    #[tokio::test]
    async fn topics_are_one_a_line() {
        let topics = r#"{"data":[{"type":"webhook-topic","id":"event:api.a","attributes":{}},
            {"type":"webhook-topic","id":"event:klaviyo.sent_sms"}]}"#;
        let daemon = FakeDaemon::answering(&[(200, topics)]);
        let told = list(&daemon.session()).await.unwrap().output;
        assert_eq!(told, "event:api.a\nevent:klaviyo.sent_sms\n");
    }
}
