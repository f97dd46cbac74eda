//! Why a command failed, in words for the person who typed it.
//!
//! Each failure is one line, or one for each fault that the daemon named; `client` writes `error: `
//! before each. What came from the daemon is made printable, because it can repeat what strangers
//! wrote.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;

use crate::cli::table::printable;
use crate::config::ConfigError;
use crate::limits::CLI_RESPONSE_BYTES_MAX;

/// Pointers that name no field: the request as a whole.
const WHOLE: [&str; 3] = ["", "/data", "/data/"];

/// Why a command failed.
#[derive(Debug)]
pub(in crate::cli) enum CliError {
    /// Nothing says where the daemon's data is.
    NoDataDir(ConfigError),
    /// Nobody listens on the socket.
    NoDaemon(PathBuf),
    /// The socket is another user's.
    Denied(PathBuf),
    /// The socket cannot be connected to for another reason.
    Connect(PathBuf, io::Error),
    /// The daemon did not answer in time.
    TimedOut(PathBuf, Duration),
    /// The exchange broke off.
    Exchange(PathBuf, hyper::Error),
    /// A request that cannot be written; a fault of this program.
    Request(hyper::http::Error),
    /// A document that cannot be written; a fault of this program.
    Encode(serde_json::Error),
    /// The answer does not end.
    TooLong,
    /// The answer is no document of the kind that was asked for.
    Unexpected(serde_json::Error),
    /// The daemon refused, with one line for each reason.
    Refused(Vec<String>),
    /// An argument can not be used, in a way that only reading it showed.
    Usage(String),
    /// A file or standard input cannot be read.
    Input(PathBuf, io::Error),
    /// Standard output cannot be written.
    Output(io::Error),
    /// What the system's source of randomness said.
    Random(getrandom::Error),
}

impl CliError {
    /// The lines to show, without an end.
    pub(in crate::cli) fn lines(&self) -> Vec<String> {
        let line = match self {
            Self::Refused(reasons) => return reasons.clone(),
            Self::NoDataDir(error) => error.to_string(),
            Self::NoDaemon(socket) => format!(
                "no tidings daemon is listening on {}; start one with `tidings serve`, \
                 or give its --data-dir",
                socket.display()
            ),
            Self::Denied(socket) => format!(
                "permission denied on {}; run this as the user of the daemon, or as root",
                socket.display()
            ),
            Self::Connect(socket, error) => {
                format!("cannot connect to {}: {error}", socket.display())
            }
            Self::TimedOut(socket, timeout) => format!(
                "the daemon on {} did not answer within {} s",
                socket.display(),
                timeout.as_secs_f64()
            ),
            Self::Exchange(socket, error) => {
                format!("the connection to {} broke off: {error}", socket.display())
            }
            Self::Request(error) => format!("cannot make the request: {error}"),
            Self::Encode(error) => format!("cannot write the request as JSON: {error}"),
            Self::TooLong => {
                format!("the daemon's answer is longer than {CLI_RESPONSE_BYTES_MAX} bytes")
            }
            Self::Unexpected(error) => {
                format!("the daemon's answer is not what this version expects: {error}")
            }
            Self::Usage(why) => why.clone(),
            Self::Input(path, error) if path.as_os_str() == "-" => {
                format!("cannot read standard input: {error}")
            }
            Self::Input(path, error) => format!("cannot read {}: {error}", path.display()),
            Self::Output(error) => format!("cannot write to standard output: {error}"),
            Self::Random(error) => format!("the system gives no random numbers: {error}"),
        };
        vec![printable(&line)]
    }

    /// 2 for what is wrong with the command line, as clap has it; 1 for all else.
    pub(in crate::cli) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// Reads what the daemon said beside a status that is not 2xx.
    pub(super) fn refused(status: StatusCode, body: &[u8]) -> Self {
        let reasons: Vec<String> = serde_json::from_slice(body)
            .map(|faults: Faults| faults.errors.iter().map(Fault::line).collect())
            .unwrap_or_default();
        if reasons.is_empty() {
            return Self::Refused(vec![format!("the daemon answered {status}, without a reason")]);
        }
        Self::Refused(reasons)
    }
}

#[derive(Deserialize)]
struct Faults {
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    source: Source,
}

#[derive(Default, Deserialize)]
struct Source {
    pointer: Option<String>,
    parameter: Option<String>,
}

impl Fault {
    fn line(&self) -> String {
        let what = if self.detail.is_empty() { &self.title } else { &self.detail };
        let place = self.source.pointer.as_deref().or(self.source.parameter.as_deref());
        match place.filter(|place| !WHOLE.contains(place)) {
            Some(place) => printable(&format!("{place}: {what}")),
            None => printable(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_the_daemon_is_one_line_with_its_place() {
        let body = br#"{"errors":[
            {"status":400,"code":"invalid","title":"Invalid input.","detail":"`name`\nis required",
             "source":{"pointer":"/data/attributes/name"}},
            {"status":400,"title":"t","detail":"d","source":{"parameter":"filter"}},
            {"status":404,"detail":"No key x.","source":{"pointer":"/data/"}},
            {"status":400,"title":"only a title"}]}"#;
        let told = CliError::refused(StatusCode::BAD_REQUEST, body).lines();
        let expected =
            ["/data/attributes/name: `name` is required", "filter: d", "No key x.", "only a title"];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_refusal_without_a_document_tells_its_status() {
        for body in [&b"<html>"[..], b"", br#"{"errors":[]}"#] {
            let told = CliError::refused(StatusCode::BAD_GATEWAY, body).lines();
            assert_eq!(told, ["the daemon answered 502 Bad Gateway, without a reason"]);
        }
    }
}
