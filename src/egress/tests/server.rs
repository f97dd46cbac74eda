//! Receivers for the tests: small servers on loopback that answer with prepared bytes.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Answers every request on every connection with the same bytes, and counts.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    pub(super) accepted: Arc<AtomicUsize>,
    pub(super) seen: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Starts a receiver; an empty `answer` means that it never answers.
    pub(super) async fn start(answer: impl Into<Vec<u8>>) -> Self {
        Self::launch(answer, true).await
    }

    /// Starts a receiver that closes every connection after one answer, without a word about it.
    pub(super) async fn start_closing(answer: impl Into<Vec<u8>>) -> Self {
        Self::launch(answer, false).await
    }

    #[expect(clippy::disallowed_methods, reason = "a test server has no task tracker")]
    async fn launch(answer: impl Into<Vec<u8>>, keeps_alive: bool) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let seen = Arc::default();
        let (count, log) = (Arc::clone(&accepted), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(
                    stream,
                    keeps_alive,
                    Arc::clone(&answer),
                    Arc::clone(&log),
                ));
            }
        });
        Self { address, accepted, seen, task }
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request per read is enough: the tests send small ones, one at a time.
async fn serve(
    mut stream: TcpStream,
    keeps_alive: bool,
    answer: Arc<[u8]>,
    seen: Arc<Mutex<String>>,
) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        seen.lock().unwrap().push_str(&text);
        if stream.write_all(&answer).await.is_err() || !keeps_alive {
            return;
        }
    }
}

/// An authority of our own, and a TLS receiver with its certificate.
pub(super) struct TlsReceiver {
    pub(super) address: SocketAddr,
    pub(super) authority: PathBuf,
    _dir: tempfile::TempDir,
}

impl TlsReceiver {
    /// Starts a receiver for one connection. It speaks `protocol` after a handshake for `name`.
    pub(super) fn start(name: &str, protocol: &'static str) -> Self {
        let (authority, config) = certified(name, protocol);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("authority.pem");
        std::fs::write(&path, authority).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (tcp, _) = listener.accept().unwrap();
            let tls = StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
            // A client that does not trust us ends the conversation; that is what is tested.
            drop(if protocol == "h2" { answer_http2(tls) } else { answer_http1(tls) });
        });
        Self { address, authority: path, _dir: dir }
    }
}

fn certified(name: &str, protocol: &str) -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::new([name.to_owned()]).unwrap();
    let own = own.signed_by(&own_key, &issuer).unwrap();
    let own_key = PrivateKeyDer::try_from(own_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], own_key)
        .unwrap();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    (authority, Arc::new(config))
}

type Tls = StreamOwned<ServerConnection, std::net::TcpStream>;

fn answer_http1(mut tls: Tls) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    let count = tls.read(&mut buffer)?;
    assert!(buffer[..count].starts_with(b"POST /hook HTTP/1.1\r\n"));
    tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    tls.flush()
}

/// As much of HTTP/2 as one answer needs: settings, then a 204 to the first HEADERS frame.
fn answer_http2(mut tls: Tls) -> std::io::Result<()> {
    let mut preface = [0; 24];
    tls.read_exact(&mut preface)?;
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    tls.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])?;
    loop {
        let mut head = [0; 9];
        tls.read_exact(&mut head)?;
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        tls.read_exact(&mut payload)?;
        if head[3] == 1 {
            // HEADERS, END_STREAM | END_HEADERS, stream 1, ":status: 204" of the static table.
            tls.write_all(&[0, 0, 1, 1, 5, 0, 0, 0, 1, 0x89])?;
            tls.flush()?;
        }
    }
}
