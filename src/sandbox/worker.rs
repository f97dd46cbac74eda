//! A worker, from the inside: one thread, no runtime, one job after the other.
//!
//! The daemon starts it as `tidings worker` with a socket as its standard input. It goes to jail,
//! says that it is ready, and answers until the daemon hangs up. It keeps nothing between jobs but
//! the last template and what was read of it, and catches nothing: a panic ends it and costs one job.

use std::fmt;
use std::io;
use std::io::{BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use serde::Serialize;

use super::jail;
use super::probe::Probe;
use super::protocol;
use super::protocol::{Kind, Landlock, Ready};
use crate::template;
use crate::template::{Prepared, TemplateFault};

/// Why a worker ended before the daemon hung up; a sentence for the operator.
#[derive(Debug)]
pub struct WorkerError(String);

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WorkerError {}

/// Runs a worker until the daemon hangs up. To be called before any thread is started.
///
/// # Errors
/// Where its input is not the daemon's socket, the jail cannot be closed, or what the daemon says
/// is not understood.
pub fn run() -> Result<(), WorkerError> {
    let socket = socket().map_err(|error| {
        WorkerError(format!("workers are started by the daemon, with a socket as input: {error}"))
    })?;
    let landlock = jail::enter(socket.as_fd()).map_err(WorkerError)?;
    serve(&socket, landlock).map_err(|error| WorkerError(format!("lost the daemon: {error}")))
}

fn socket() -> io::Result<UnixStream> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Fails for everything that is not a connected Unix socket.
    socket.peer_addr()?;
    Ok(socket)
}

fn serve(mut socket: &UnixStream, landlock: Landlock) -> io::Result<()> {
    let ready = Ready { version: super::VERSION.to_owned(), landlock };
    answer(socket, Kind::Ready, &ready)?;
    let mut frames = BufReader::new(socket);
    let mut template = None;
    while let Some((kind, payload)) = protocol::read(&mut frames)? {
        if kind == Kind::Template {
            template = Some(Prepared::new(serde_json::from_slice(&payload)?));
        } else {
            socket.write_all(&done(kind, &payload, template.as_mut())?)?;
        }
    }
    Ok(())
}

/// Does one job; gives the frame of its answer.
fn done(kind: Kind, payload: &[u8], template: Option<&mut Prepared>) -> io::Result<Vec<u8>> {
    match (kind, template) {
        (Kind::Probe, _) => {
            let probe: Probe = serde_json::from_slice(payload)?;
            frame(Kind::Found, &probe.attempt())
        }
        (Kind::Check, Some(template)) => match template::check(template.template()) {
            Ok(()) => frame(Kind::Checked, &()),
            Err(fault) => frame(Kind::Fault, &fault),
        },
        (Kind::Render, Some(template)) => {
            let context = serde_json::from_slice(payload).map_err(|error| not_json(&error));
            match context.and_then(|context| template.render(&context)) {
                Ok(request) => {
                    let rendered = frame(Kind::Rendered, &request);
                    rendered.or_else(|error| frame(Kind::Fault, &too_large(&error)))
                }
                Err(fault) => frame(Kind::Fault, &fault),
            }
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, format!("unexpected {kind:?}"))),
    }
}

fn not_json(error: &serde_json::Error) -> TemplateFault {
    super::fault("context", format!("it is not JSON: {error}"))
}

fn too_large(error: &io::Error) -> TemplateFault {
    super::fault("body", format!("the request is too large: {error}"))
}

fn frame(kind: Kind, payload: &impl Serialize) -> io::Result<Vec<u8>> {
    let payload = serde_json::to_vec(payload)?;
    let mut frame = protocol::head(kind, &payload)?.to_vec();
    frame.extend_from_slice(&payload);
    Ok(frame)
}

fn answer(mut socket: &UnixStream, kind: Kind, payload: &impl Serialize) -> io::Result<()> {
    socket.write_all(&frame(kind, payload)?)
}
