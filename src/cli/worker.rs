//! `tidings worker`: what the daemon starts to run templates in. Not for people, and not shown to
//! them, except for `--self-test`, which tries whether the jail holds on this host.

use std::process::ExitCode;

use super::client;
use crate::sandbox;
use crate::sandbox::{Landlock, Probe, Sandbox, Settings};

#[derive(Debug, clap::Args)]
pub(super) struct WorkerArgs {
    /// Start workers that try to break out, and show what became of them
    #[arg(long)]
    self_test: bool,
}

pub(super) fn run(args: &WorkerArgs) -> ExitCode {
    if args.self_test {
        return super::block_on(self_test());
    }
    match sandbox::run_worker() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            client::complain(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn self_test() -> ExitCode {
    let sandbox = Sandbox::new(Settings { workers: 1, ..Settings::default() });
    if let Err(error) = sandbox.start().await {
        client::complain(&format!("error: {error}"));
        return ExitCode::FAILURE;
    }
    let mut holds = true;
    for probe in Probe::ALL {
        let came = sandbox.probe(probe).await;
        let is_held = probe.is_held(&came);
        let detail = came.map_or_else(|error| error.to_string(), |finding| finding.detail);
        let verdict = if is_held { "held" } else { "BROKEN" };
        client::say(&format!("{verdict:<8}{:<14}{detail}", format!("{probe:?}")));
        holds &= is_held;
    }
    client::say(&match sandbox.landlock() {
        Some(Landlock::Missing(why)) => format!("missing Landlock      {why}"),
        _ => "held    Landlock".to_owned(),
    });
    sandbox.stop().await;
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
