//! Authorities, certificates good and bad, and a TLS receiver on loopback that shows them.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rcgen::{DnType, DnValue};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};

pub(super) type Versions = &'static [&'static SupportedProtocolVersion];
pub(super) const TLS12: Versions = &[&rustls::version::TLS12];
pub(super) const TLS13: Versions = &[&rustls::version::TLS13];

pub(super) type Tls = StreamOwned<ServerConnection, TcpStream>;

/// Somebody who signs certificates.
pub(super) struct Authority {
    pub(super) certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// What a receiver shows, the leaf first, and the key that it really has.
pub(super) struct Shown {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: KeyPair,
}

/// The beginnings of a certificate of that name which may sign others.
pub(super) fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// The beginnings of a server's certificate for `hosts`.
pub(super) fn server(hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name = named("a server").distinguished_name;
    params
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(name.to_owned()));
    params
}

impl Authority {
    /// One that vouches for itself.
    pub(super) fn root(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// One that this one vouches for.
    pub(super) fn under(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// A certificate signed by this one, shown with `others` behind it.
    pub(super) fn sign(&self, params: &CertificateParams, others: &[&Self]) -> Shown {
        let key = KeyPair::generate().unwrap();
        let own = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let others = others.iter().map(|other| other.certificate.der().clone());
        Shown { chain: [own].into_iter().chain(others).collect(), key }
    }
}

/// How a receiver speaks TLS.
pub(super) struct Speaks {
    pub(super) versions: Versions,
    pub(super) protocol: &'static str,
    /// Whose certificates it asks its clients for.
    pub(super) asks_for: Option<CertificateDer<'static>>,
}

impl Default for Speaks {
    fn default() -> Self {
        Self { versions: rustls::ALL_VERSIONS, protocol: "http/1.1", asks_for: None }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Nothing of what is shown is checked, unlike by rustls' own way to set a certificate.
fn config(shown: &Shown, speaks: &Speaks) -> ServerConfig {
    let provider = provider();
    let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let shown = SingleCertAndKey::from(CertifiedKey::new(shown.chain.clone(), key));
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(speaks.versions)
        .unwrap();
    let builder = match &speaks.asks_for {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.clone()).unwrap();
            let roots = Arc::new(roots);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![speaks.protocol.as_bytes().to_vec()];
    config
}

/// Starts a receiver that lets `behave` loose on every connection. It ends with the process.
pub(super) fn start<F>(shown: &Shown, speaks: &Speaks, behave: F) -> SocketAddr
where
    F: Fn(Tls) -> io::Result<()> + Clone + Send + 'static,
{
    let config = Arc::new(config(shown, speaks));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming().map_while(Result::ok) {
            // So that a thread ends even if its client does not.
            tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let (tls, behave) = (StreamOwned::new(connection, tcp), behave.clone());
            // A client that does not trust us ends the conversation; that is what is tested.
            thread::spawn(move || drop(behave(tls)));
        }
    });
    address
}

/// Answers every request on the connection with 200.
pub(super) fn answer(mut tls: Tls) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while tls.read(&mut buffer)? > 0 {
        tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
        tls.flush()?;
    }
    Ok(())
}
