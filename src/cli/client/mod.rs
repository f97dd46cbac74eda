//! The side of the command line that talks to a running daemon.
//!
//! A command of this kind is a function from a [`Session`] to a [`Report`]: it asks, and returns
//! what there is to say. [`run`] is the frame around all of them; it finds the socket, prints the
//! report or the failure, and makes the exit status. So no command prints, and a test reads what
//! it would have said.
//!
//! - `http.rs` carries one request over the socket.
//! - `document.rs` has the shapes of JSON:API that answers come in.
//! - `error.rs` tells what went wrong.

mod document;
mod error;
#[cfg(test)]
pub(super) mod fake;
mod http;

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::http::Client;
use super::table::Colours;
use crate::clock::Clock;
use crate::config::{Config, Overrides};
use crate::limits::REQUEST_BODY_BYTES_MAX;
use crate::server::SOCKET_FILE;

pub(super) use self::document::{Identifier, Many, Nothing, One, Reference};
pub(super) use self::error::CliError;
pub(super) use self::http::Answer;

/// The options of every command that asks the daemon.
#[derive(Debug, clap::Args)]
pub(super) struct Remote {
    /// The data directory of the daemon to ask; its socket is tidings.sock in there
    #[arg(long, global = true, value_name = "DIR", env = "TIDINGS_DATA_DIR")]
    #[arg(help_heading = "Daemon")]
    data_dir: Option<PathBuf>,
    /// The socket itself, wherever it is
    #[arg(long, global = true, value_name = "PATH", help_heading = "Daemon")]
    socket: Option<PathBuf>,
    /// Print the API's JSON document, for programs
    #[arg(long, global = true, display_order = 100)]
    json: bool,
}

impl Remote {
    /// The path of the socket. Where nothing names a data directory it is found as the daemon
    /// finds it, except that neither a file nor other `TIDINGS_*` variables are looked at: they
    /// configure a daemon, and a mistake in one of them is no reason not to ask.
    fn socket(&self) -> Result<PathBuf, CliError> {
        if let Some(socket) = &self.socket {
            return Ok(socket.clone());
        }
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| !name.starts_with("TIDINGS_"));
        let given = Overrides { data_dir: self.data_dir.clone(), ..Overrides::default() };
        let config = Config::load(None, variables, given).map_err(CliError::NoDataDir)?;
        Ok(config.data_dir.join(SOCKET_FILE))
    }
}

/// One command's view of the daemon and of the terminal.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    /// Whether the API's document is wanted instead of text.
    pub(super) json: bool,
    /// Whether standard output is a terminal, and a document is laid out.
    pretty: bool,
    /// Whether text is painted.
    pub(super) colours: Colours,
    /// Whether there is a person to ask.
    pub(super) interactive: bool,
    /// Tells how far away a due time is.
    pub(super) clock: Clock,
}

impl Session {
    fn open(remote: &Remote) -> Result<Self, CliError> {
        Ok(Self { json: remote.json, ..Self::at(remote.socket()?) })
    }

    /// A session with the daemon behind this socket.
    pub(super) fn at(socket: PathBuf) -> Self {
        Self {
            client: Client::new(socket),
            json: false,
            pretty: io::stdout().is_terminal(),
            colours: Colours::of_stdout(),
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            clock: Clock::system(),
        }
    }

    /// `GET`
    pub(super) async fn get(&self, path: &str) -> Result<Answer, CliError> {
        self.client.send(Method::GET, path, Vec::new()).await
    }

    /// `POST` with a document.
    pub(super) async fn post(
        &self,
        path: &str,
        document: &impl Serialize,
    ) -> Result<Answer, CliError> {
        self.client.send(Method::POST, path, encoded(document)?).await
    }

    /// `POST` with a document; the answer may take this long.
    pub(super) async fn post_within(
        &self,
        path: &str,
        document: &impl Serialize,
        timeout: Duration,
    ) -> Result<Answer, CliError> {
        self.client.send_within(Method::POST, path, encoded(document)?, timeout).await
    }

    /// `POST` without a body.
    pub(super) async fn post_empty(&self, path: &str) -> Result<Answer, CliError> {
        self.client.send(Method::POST, path, Vec::new()).await
    }

    /// `PATCH`
    pub(super) async fn patch(
        &self,
        path: &str,
        document: &impl Serialize,
    ) -> Result<Answer, CliError> {
        self.client.send(Method::PATCH, path, encoded(document)?).await
    }

    /// `DELETE`
    pub(super) async fn delete(&self, path: &str) -> Result<Answer, CliError> {
        self.client.send(Method::DELETE, path, Vec::new()).await
    }

    /// The answer as the user wants it: its document, or the text that `text` makes of it.
    pub(super) fn report<D: DeserializeOwned>(
        &self,
        answer: &Answer,
        text: impl FnOnce(D) -> String,
    ) -> Result<Report, CliError> {
        let output =
            if self.json { answer.document(self.pretty)? } else { text(answer.parse::<D>()?) };
        Ok(Report { output, ..Report::default() })
    }

    /// A document that the command changed, laid out like those that it did not.
    pub(super) fn document(&self, document: &serde_json::Value) -> String {
        if self.pretty { format!("{document:#}\n") } else { format!("{document}\n") }
    }

    /// One line of text about a request whose answer has no document.
    pub(super) fn done(&self, line: &str) -> Report {
        let output = if self.json { String::new() } else { format!("{line}\n") };
        Report { output, ..Report::default() }
    }
}

fn encoded(document: &impl Serialize) -> Result<Vec<u8>, CliError> {
    serde_json::to_vec(document).map_err(CliError::Encode)
}

/// What a command has to say.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// For standard output: what was asked for, and nothing else.
    pub(super) output: String,
    /// For standard error, a line each: what a person should know besides.
    pub(super) notes: Vec<String>,
    /// Whether the answer is bad news, so that the exit status is 1.
    pub(super) failed: bool,
}

/// Runs one command against the daemon that `remote` names, and says what came of it.
pub(super) fn run<F>(remote: &Remote, command: F) -> ExitCode
where
    F: AsyncFnOnce(&Session) -> Result<Report, CliError>,
{
    run_on(Session::open(remote), command)
}

/// Runs one command that asks no daemon, so that it does not matter where one would be.
pub(super) fn run_offline<F>(remote: &Remote, command: F) -> ExitCode
where
    F: AsyncFnOnce(&Session) -> Result<Report, CliError>,
{
    let session = Session { json: remote.json, ..Session::at(PathBuf::new()) };
    run_on(Ok(session), command)
}

fn run_on<F>(session: Result<Session, CliError>, command: F) -> ExitCode
where
    F: AsyncFnOnce(&Session) -> Result<Report, CliError>,
{
    super::block_on(async {
        let reported = match session {
            Ok(session) => command(&session).await,
            Err(error) => Err(error),
        };
        match reported.and_then(|report| print(&report)) {
            Ok(code) => code,
            Err(error) => {
                error.lines().iter().for_each(|line| complain(&format!("error: {line}")));
                error.exit_code()
            }
        }
    })
}

/// A reader that has seen enough (`tidings delivery list | head`) is no failure.
fn print(report: &Report) -> Result<ExitCode, CliError> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(report.output.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(CliError::Output(error));
        }
        _ => report.notes.iter().for_each(|note| complain(note)),
    }
    Ok(if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Writes a line to standard error; where that fails there is nobody left to tell.
pub(super) fn complain(line: &str) {
    writeln!(io::stderr(), "{line}").unwrap_or_default();
}

/// Says a line on standard output; a reader that is gone is no reason to fail.
pub(super) fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).unwrap_or_default();
}

/// Asks a question on standard error and leaves the cursor behind it.
pub(super) fn ask(question: &str) {
    let mut stderr = io::stderr();
    write!(stderr, "{question} ").and_then(|()| stderr.flush()).unwrap_or_default();
}

/// Reads a text from a file, or from standard input where the path is `-`. More than a request can
/// carry is not read.
pub(super) fn read_text(path: &Path) -> Result<String, CliError> {
    let failed = |error| CliError::Input(path.to_owned(), error);
    let mut text = String::new();
    let read = |source: &mut dyn io::Read, text: &mut String| {
        source.take(REQUEST_BODY_BYTES_MAX as u64 + 1).read_to_string(text)
    };
    if path == Path::new("-") {
        read(&mut io::stdin().lock(), &mut text).map_err(failed)?;
    } else {
        read(&mut File::open(path).map_err(failed)?, &mut text).map_err(failed)?;
    }
    if text.len() > REQUEST_BODY_BYTES_MAX {
        let why = format!("larger than {REQUEST_BODY_BYTES_MAX} bytes");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, why)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(data_dir: Option<&str>, socket: Option<&str>) -> Remote {
        let path = |text: Option<&str>| text.map(PathBuf::from);
        Remote { data_dir: path(data_dir), socket: path(socket), json: false }
    }

    #[test]
    fn the_socket_is_named_or_lies_in_the_data_directory() {
        let socket = remote(Some("/data"), Some("/run/other.sock")).socket().unwrap();
        assert_eq!(socket, Path::new("/run/other.sock"));
        let socket = remote(Some("/data"), None).socket().unwrap();
        assert_eq!(socket, Path::new("/data/tidings.sock"));
    }

    #[test]
    fn input_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("in");
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read_text(&path).unwrap(), "{}");
        std::fs::write(&path, vec![b'x'; 5 * 1024 * 1024 + 1]).unwrap();
        let told = read_text(&path).unwrap_err().lines();
        assert_eq!(told, [format!("cannot read {}: larger than 5242880 bytes", path.display())]);
    }
}
