//! What the daemon and a worker say to each other: frames of a kind, a length and a payload.
//!
//! A frame is five bytes, the kind and the length of the payload (little-endian), and the payload.
//! The daemon sends a template when it is not the one that this worker got last, and after it any
//! number of jobs; the worker answers each job with one frame, in order. Payloads are JSON; the
//! context of a job is passed on as it came. Both sides refuse a frame over the cap before they
//! read it, and the daemon takes whatever does not fit for the end of the worker.

use std::fmt;
use std::io;
use std::io::Read;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::limits::WORKER_FRAME_BYTES_MAX;

pub(super) const HEAD_BYTES: usize = 5;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To the worker: the template of the jobs that follow.
    Template,
    /// To the worker: a context to render the template with.
    Render,
    /// To the worker: check the template.
    Check,
    /// To the worker: try something forbidden.
    Probe,
    /// From the worker, once, before everything else.
    Ready,
    /// The answer to `Render`.
    Rendered,
    /// The answer to `Check`.
    Checked,
    /// The answer to `Render` or `Check` where the template is at fault.
    Fault,
    /// The answer to `Probe`.
    Found,
}

const KINDS: [(u8, Kind); 9] = [
    (1, Kind::Template),
    (2, Kind::Render),
    (3, Kind::Check),
    (4, Kind::Probe),
    (65, Kind::Ready),
    (66, Kind::Rendered),
    (67, Kind::Checked),
    (68, Kind::Fault),
    (69, Kind::Found),
];

/// How a worker introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ready {
    /// The version of its program; another one may mean something else by the same bytes.
    pub(super) version: String,
    pub(super) landlock: Landlock,
}

/// How far the kernel's Landlock holds a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Landlock {
    /// Everything that tidings knows to ask for.
    Full,
    /// What this kernel knows of it.
    Partial,
    /// Nothing, and why.
    Missing(String),
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nonsense {
    Kind(u8),
    Length(usize),
}

impl fmt::Display for Nonsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(byte) => write!(f, "a frame of the unknown kind {byte}"),
            Self::Length(bytes) => {
                write!(f, "a frame of {bytes} bytes, where {WORKER_FRAME_BYTES_MAX} are allowed")
            }
        }
    }
}

impl std::error::Error for Nonsense {}

impl From<Nonsense> for io::Error {
    fn from(nonsense: Nonsense) -> Self {
        Self::new(io::ErrorKind::InvalidData, nonsense)
    }
}

/// The head of a frame whose payload is within the cap.
pub(super) fn head(kind: Kind, payload: &[u8]) -> Result<[u8; HEAD_BYTES], Nonsense> {
    let length = u32::try_from(payload.len()).ok().filter(|_| is_within(payload.len()));
    let length = length.ok_or(Nonsense::Length(payload.len()))?;
    let (byte, _) = KINDS.iter().find(|(_, own)| *own == kind).expect("every kind has its byte");
    let [a, b, c, d] = length.to_le_bytes();
    Ok([*byte, a, b, c, d])
}

/// What a head announces: the kind of the frame and the length of its payload.
pub(super) fn parse_head(head: [u8; HEAD_BYTES]) -> Result<(Kind, usize), Nonsense> {
    let [byte, a, b, c, d] = head;
    let (_, kind) = KINDS.iter().find(|(own, _)| *own == byte).ok_or(Nonsense::Kind(byte))?;
    let length = u32::from_le_bytes([a, b, c, d]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if is_within(length) { Ok((*kind, length)) } else { Err(Nonsense::Length(length)) }
}

const fn is_within(length: usize) -> bool {
    length <= WORKER_FRAME_BYTES_MAX
}

/// Reads one frame on the worker's side; `None` where the daemon hung up between frames.
pub(super) fn read(from: &mut impl Read) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut head = [0; HEAD_BYTES];
    let [first, rest @ ..] = &mut head;
    if from.read(std::slice::from_mut(first))? == 0 {
        return Ok(None);
    }
    from.read_exact(rest)?;
    let (kind, length) = parse_head(head)?;
    let mut payload = vec![0; length];
    from.read_exact(&mut payload)?;
    Ok(Some((kind, payload)))
}

/// Reads one frame on the daemon's side. Memory is taken as bytes come, not as they are announced.
pub(super) async fn receive(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(Kind, Vec<u8>)> {
    let mut head = [0; HEAD_BYTES];
    from.read_exact(&mut head).await?;
    let (kind, length) = parse_head(head)?;
    let mut payload = Vec::new();
    let read = from.take(u64::try_from(length).unwrap_or(0)).read_to_end(&mut payload).await?;
    if read < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((kind, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
        [&head(kind, payload).unwrap(), payload].concat()
    }

    #[test]
    fn a_head_says_what_it_was_made_of() {
        for (_, kind) in KINDS {
            for payload in [&b""[..], b"x", &[7; 70_000]] {
                let said = parse_head(head(kind, payload).unwrap());
                assert_eq!(said, Ok((kind, payload.len())));
            }
        }
        assert_eq!(frame(Kind::Render, b"{}"), [2, 2, 0, 0, 0, b'{', b'}']);
    }

    #[test]
    fn what_is_no_frame_is_refused_by_its_head() {
        assert_eq!(parse_head([0, 0, 0, 0, 0]), Err(Nonsense::Kind(0)));
        assert_eq!(parse_head([66, 1, 0, 128, 0]), Err(Nonsense::Length((8 << 20) + 1)));
        assert!(parse_head([66, 0, 0, 128, 0]).is_ok(), "the cap itself fits");
        let long = vec![0; WORKER_FRAME_BYTES_MAX + 1];
        assert_eq!(head(Kind::Render, &long), Err(Nonsense::Length(long.len())));
    }

    #[tokio::test]
    async fn both_sides_read_the_same_and_refuse_what_is_cut_off() {
        let whole = frame(Kind::Fault, b"abc");
        let read_one = |mut bytes: &[u8]| read(&mut bytes);
        assert_eq!(read_one(&whole).unwrap(), Some((Kind::Fault, b"abc".to_vec())));
        assert_eq!(receive(&mut &whole[..]).await.unwrap(), (Kind::Fault, b"abc".to_vec()));
        assert_eq!(read_one(&[]).unwrap(), None, "hanging up is no error");
        for length in 1..whole.len() {
            let (mut cut, _) = whole.split_at(length);
            assert!(read_one(cut).is_err(), "{length}");
            assert!(receive(&mut cut).await.is_err(), "{length}");
        }
    }
}
