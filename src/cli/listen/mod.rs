//! `tidings listen`: receives deliveries on this host, shows them, and answers as it is told.
//!
//! A tool for whoever builds or tests a receiver. The server is `receiver`, the answers are
//! `receiver::script`, what a delivery looks like is `text` and `json`; here are the arguments,
//! the loop and the summary. Deliveries go to standard output, everything else to standard error.

mod json;
pub(super) mod text;

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use super::table::Colours;
use crate::cli::receiver::{GRAMMAR, Received, Receiver, ReceiverOptions, Script, Trust};
use crate::clock::Clock;
use crate::limits::ANSWER_DELAY_MS_MAX;
use crate::secret::Secret;
use crate::signing::Ed25519PublicKey;

const EXAMPLES: &str = "\
Examples:
  tidings listen --secret \"$SECRET\"          check and show every delivery
  tidings listen --secret NEW --secret OLD   accept both, while a secret is being changed
  tidings listen --public-key whpk_…         check Ed25519 signatures
  tidings listen --fail 503,503,200          fail twice, then take everything
  tidings listen --fail 500x3,200,loop       three failures, one success, again and again
  tidings listen --fail 10%:503              fail every tenth request
  tidings listen --fail hang                 never answer
  tidings listen --fail 200+2s               answer after two seconds
  tidings listen --json | jq .klaviyo        one JSON object for each delivery

A delivery is shown whether or not its signatures are right: Klaviyo's, those of Standard Webhooks
(v1 and v1a), GitHub's and Stripe's. With a secret or a public key, a wrong or missing signature is
answered with 401 and the reason, unless --fail names the answer.";

/// The arguments of `tidings listen`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ListenArgs {
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 4781)]
    pub port: u16,
    /// Secret to check signatures with, may be repeated; in the environment it stays out of `ps`
    #[arg(long, env = "TIDINGS_LISTEN_SECRET", hide_env_values = true, value_parser = secret)]
    pub secret: Vec<Secret>,
    /// Public key (whpk_…) to check Ed25519 signatures with, may be repeated
    #[arg(long, value_name = "KEY")]
    pub public_key: Vec<Ed25519PublicKey>,
    /// Answers to successive requests, such as 503,503,200 (see --help)
    #[arg(long, value_name = "PATTERN", long_help = GRAMMAR)]
    pub fail: Option<Script>,
    /// Delay every answer by so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u64).range(..=ANSWER_DELAY_MS_MAX))]
    pub delay: u64,
    /// Print one JSON object for each delivery
    #[arg(long)]
    pub json: bool,
}

fn secret(text: &str) -> Result<Secret, &'static str> {
    if text.is_empty() { Err("the secret is empty") } else { Ok(Secret::new(text.to_owned())) }
}

/// Runs until Ctrl-C; says in one line why it could not.
pub async fn run(args: ListenArgs) -> ExitCode {
    match listen(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidings listen: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug)]
enum ListenError {
    PortTaken(u16),
    Bind(u16, io::Error),
    Signal(io::Error),
    Output(io::Error),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortTaken(port) => write!(
                f,
                "port {port} on 127.0.0.1 is in use; choose another with --port, \
                 or --port 0 for any free one"
            ),
            Self::Bind(port, error) => write!(f, "cannot listen on 127.0.0.1:{port}: {error}"),
            Self::Signal(error) => write!(f, "cannot wait for Ctrl-C: {error}"),
            Self::Output(error) => write!(f, "cannot write to standard output: {error}"),
        }
    }
}

async fn listen(args: ListenArgs) -> Result<(), ListenError> {
    let (port, json) = (args.port, args.json);
    let trust = Trust { secrets: args.secret, public_keys: args.public_key };
    let checked = trust.checks();
    let started = Receiver::start(ReceiverOptions {
        port,
        trust,
        script: args.fail.unwrap_or_default(),
        delay: Duration::from_millis(args.delay),
        clock: Clock::system(),
    });
    let mut receiver = started.await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::PortTaken(port),
        _ => ListenError::Bind(port, error),
    })?;
    eprintln!("Listening on http://{} (Ctrl-C ends)", receiver.addr());
    if !checked {
        eprintln!(
            "No secret: signatures are shown but not checked (--secret or --public-key checks them)"
        );
    }

    let mut summary = Summary { checked, ..Summary::default() };
    let shown = show_all(&mut receiver, json, &mut summary).await;
    receiver.stop().await;
    eprintln!("{summary}");
    match shown {
        Err(ListenError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        shown => shown,
    }
}

async fn show_all(
    receiver: &mut Receiver,
    json: bool,
    summary: &mut Summary,
) -> Result<(), ListenError> {
    let mut output = io::stdout();
    let plain = !output.is_terminal() || std::env::var_os("NO_COLOR").is_some();
    let colours = if plain { Colours::Off } else { Colours::On };
    let ended = tokio::signal::ctrl_c();
    tokio::pin!(ended);
    loop {
        let received = tokio::select! {
            ended = &mut ended => return ended.map_err(ListenError::Signal),
            received = receiver.next() => received,
        };
        let Some(received) = received else { return Ok(()) };
        summary.add(&received);
        let written = if json {
            let line = json::json(&received).map_err(io::Error::from);
            line.and_then(|line| writeln!(output, "{line}"))
        } else {
            writeln!(output, "{}", text::text(&received, colours))
        };
        written.and_then(|()| output.flush()).map_err(ListenError::Output)?;
    }
}

#[derive(Default)]
struct Summary {
    checked: bool,
    deliveries: u64,
    verified: u64,
    refused: u64,
}

impl Summary {
    fn add(&mut self, received: &Received) {
        self.deliveries += 1;
        self.verified += u64::from(received.verdicts.verified());
        self.refused += u64::from(received.verdicts.refusal().is_some());
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.deliveries == 1 { "delivery" } else { "deliveries" };
        write!(f, "{} {plural}", self.deliveries)?;
        if self.checked {
            write!(f, ": {} verified, {} refused", self.verified, self.refused)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ListenArgs,
    }

    #[test]
    fn secrets_and_public_keys_may_be_repeated() {
        let key = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
        let line = ["listen", "--secret", "new", "--secret", "old", "--public-key", key];
        let args = Line::try_parse_from(line).unwrap().args;
        let secrets: Vec<_> = args.secret.iter().map(Secret::expose).collect();
        assert_eq!(secrets, ["new", "old"]);
        assert_eq!(args.public_key.iter().map(ToString::to_string).collect::<Vec<_>>(), [key]);
        for wrong in [["listen", "--secret", ""], ["listen", "--public-key", "whsk_AAAA"]] {
            let told = Line::try_parse_from(wrong).unwrap_err().to_string();
            assert!(told.contains("invalid value"), "{told}");
        }
    }
}
