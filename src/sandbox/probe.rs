//! Probes: a worker tries what it must not be able to do, and tells what happened.
//!
//! They exist for the tests and for `tidings worker --self-test`, which shows an operator whether
//! the jail holds on this host and under this service manager. Nobody else sends them. A worker
//! has nothing to lose by them: the worst ends it.

use std::fs::File;
use std::hint::black_box;
use std::io::Read as _;
use std::net::UdpSocket;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::RenderError;

/// Something that a worker must not get away with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// Never ends.
    Spin,
    /// Takes memory without end.
    Allocate,
    /// Ends itself by a signal.
    Abort,
    /// Calls itself without end.
    Recurse,
    /// Opens a file that everybody may read.
    OpenFile,
    /// Opens a socket of the network.
    Socket,
    /// Starts a process.
    Fork,
    /// Looks for variables of the environment.
    Environment,
    /// Reads from a descriptor that is open, and not the socket it may use.
    Descriptor,
}

/// What a worker that lived through a probe tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it got nothing.
    pub is_refused: bool,
    /// One sentence.
    pub detail: String,
}

impl Probe {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Spin,
        Self::Allocate,
        Self::Abort,
        Self::Recurse,
        Self::OpenFile,
        Self::Socket,
        Self::Fork,
        Self::Environment,
        Self::Descriptor,
    ];

    /// Whether the jail held: what was tried was refused, or ended the worker as it should.
    #[must_use]
    pub fn is_held(self, came: &Result<Finding, RenderError>) -> bool {
        match self {
            Self::Spin => matches!(came, Err(RenderError::TooLong(_))),
            Self::Allocate | Self::Abort | Self::Recurse => {
                matches!(came, Err(RenderError::Died(_)))
            }
            Self::OpenFile | Self::Socket | Self::Fork | Self::Environment | Self::Descriptor => {
                came.as_ref().is_ok_and(|finding| finding.is_refused)
            }
        }
    }

    /// Does it, in a worker.
    pub(super) fn attempt(self) -> Finding {
        match self {
            Self::Spin => spin(),
            Self::Allocate => allocate(),
            Self::Abort => std::process::abort(),
            Self::Recurse => {
                let depth = recurse(1);
                Finding { is_refused: false, detail: format!("came back from {depth} calls") }
            }
            Self::OpenFile => tried(File::open("/etc/passwd")),
            Self::Socket => tried(UdpSocket::bind("127.0.0.1:0")),
            Self::Fork => tried(Command::new("/proc/self/exe").arg("--version").spawn()),
            Self::Environment => environment(),
            Self::Descriptor => tried(std::io::stdin().read(&mut [0])),
        }
    }
}

fn tried<T>(result: std::io::Result<T>) -> Finding {
    match result {
        Ok(_) => Finding { is_refused: false, detail: "it worked".to_owned() },
        Err(error) => Finding { is_refused: true, detail: error.to_string() },
    }
}

fn spin() -> ! {
    loop {
        black_box(());
    }
}

fn allocate() -> ! {
    const STEP_BYTES: usize = 1024 * 1024;
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; STEP_BYTES]));
    }
}

#[expect(unconditional_recursion, reason = "the stack is what shall end it")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    frame[0].max(recurse(depth + 1))
}

fn environment() -> Finding {
    let variables = std::env::vars_os().count();
    Finding { is_refused: variables == 0, detail: format!("{variables} variables") }
}
