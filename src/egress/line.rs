//! An open connection to a receiver, with the journal that it was opened under.
//!
//! It adds nothing to the bytes: it exists because the client's pool asks a connection what there
//! is to know about it, and hands that on with every response.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::trace::{HttpVersion, Journal, TlsVersion};

/// A connection with or without TLS.
pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// What the pool holds.
pub(super) struct Line {
    stream: Stream,
    journal: Arc<Journal>,
}

impl Line {
    /// Notes in the journal that the connection is open, and which protocols it speaks.
    pub(super) fn open(stream: Stream, journal: Arc<Journal>) -> Self {
        let (tls, http2) = match &stream {
            Stream::Http(_) => (None, false),
            Stream::Https(tls) => {
                let (_, session) = tls.inner().get_ref();
                let version = session.protocol_version().and_then(TlsVersion::of);
                (version, session.alpn_protocol() == Some(b"h2"))
            }
        };
        let open_after = Some(journal.elapsed());
        journal.note(|opening| {
            opening.tls = tls;
            opening.http = Some(if http2 { HttpVersion::V2 } else { HttpVersion::V1_1 });
            opening.open_after = open_after;
        });
        Self { stream, journal }
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        let http2 = self.stream.connected().is_negotiated_h2();
        let connected = Connected::new().extra(Arc::clone(&self.journal));
        if http2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}
