//! `tidings demo`.
use std::process::ExitCode;

/// Arguments of `tidings demo`.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {}

/// Runs the demo.
#[must_use]
pub fn run(_: DemoArgs) -> ExitCode {
    ExitCode::SUCCESS
}
