//! The command line: what `tidings` can be told to do, and which file does it.
//!
//! [`main`] is all that the binary calls. `serve` and `demo` run the daemon, `listen` is a receiver
//! for tests, `worker` is what the daemon starts to run templates in; every other command asks a
//! running daemon over its Unix socket (`client`) and shows what it said (`table`), but for
//! `flow simulate`, which needs none. None of them opens the store.
//!
//! A command is one file with its arguments and its `run`, and one line in `Command`; the
//! compiler then asks for the arm that joins the two.

mod client;
mod delivery;
pub mod demo;
mod event;
mod explain;
mod flow;
mod key;
pub mod listen;
pub mod receiver;
mod replay;
pub mod serve;
mod table;
mod webhook;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

const EXAMPLES: &str = "\
Try it without setting anything up:
  tidings demo

Run it, and send a first event:
  tidings serve --dev
  tidings listen
  tidings webhook create --name local --url http://127.0.0.1:4781/ --topic event:api.placed_order
  tidings event send --metric 'Placed Order' --email ada@shop.example --value 9.99 --currency EUR
  tidings delivery list

`tidings COMMAND --help` explains each of them.";

/// A single-binary webhook engine: events in over local HTTP, signed deliveries out
#[derive(Debug, clap::Parser)]
#[command(name = "tidings", version, after_help = EXAMPLES, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run the daemon
    Serve(serve::ServeArgs),
    /// Run a daemon, a receiver and some events, to see how it all works
    Demo(demo::DemoArgs),
    /// Receive deliveries on this host, check their signatures and show them
    Listen(listen::ListenArgs),
    /// Make, list and revoke API keys
    Key(key::KeyArgs),
    /// Subscribe endpoints to topics, and test them
    Webhook(webhook::WebhookArgs),
    /// List the topics that webhooks can subscribe to
    Topic(webhook::TopicArgs),
    /// Send events
    Event(event::EventArgs),
    /// See why webhooks did or did not react to an event
    Explain(explain::ExplainArgs),
    /// See what was delivered, what waits, and why
    Delivery(delivery::DeliveryArgs),
    /// Send events of the past again, or for the first time
    Replay(replay::ReplayArgs),
    /// Keep flows in files, follow people through them, and try them out
    Flow(flow::FlowArgs),
    /// Run what people write, for the daemon
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
}

/// Runs the command that the arguments of the process name. A usage error ends it with status 2.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Listen(args) => block_on(listen::run(args)),
        Command::Key(args) => key::run(args),
        Command::Webhook(args) => webhook::run(args),
        Command::Topic(args) => webhook::run_topic(args),
        Command::Event(args) => event::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Delivery(args) => delivery::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Flow(args) => flow::run(args),
        Command::Worker(args) => worker::run(&args),
    }
}

/// Runs a command on this thread alone; none of those that come here needs a second one.
fn block_on(command: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => {
            client::complain(&format!("error: cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    /// Every command, at every level, says in one line what it does.
    #[test]
    fn every_command_has_one_line_about_it() {
        fn check(command: &clap::Command) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let name = command.get_name();
            assert!(!about.is_empty() && !about.contains('\n'), "{name}: {about:?}");
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn every_command_that_asks_the_daemon_has_examples() {
        fn check(command: &clap::Command) {
            assert!(command.get_after_help().is_some(), "{}", command.get_name());
            command.get_subcommands().for_each(check);
        }
        let whole = Cli::command();
        let local = ["serve", "demo", "listen", "worker"];
        whole.get_subcommands().filter(|one| !local.contains(&one.get_name())).for_each(check);
    }

    #[test]
    fn the_options_of_the_daemon_stand_before_or_after_the_action() {
        for line in [
            ["tidings", "key", "--json", "--socket", "/s", "list"],
            ["tidings", "key", "list", "--socket", "/s", "--json"],
        ] {
            assert!(Cli::try_parse_from(line).is_ok(), "{line:?}");
        }
    }
}
