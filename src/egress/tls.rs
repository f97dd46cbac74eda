//! TLS towards receivers: which authorities are trusted, and what a failed handshake means.
//!
//! Trusted are the authorities of the host, read once at start, and those in the PEM files that
//! the operator names. The cryptography is passed in explicitly: no process-wide default is read
//! or set. There is no way to switch verification off.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// Why the way out cannot be opened; found at start.
#[derive(Debug)]
pub enum EgressError {
    /// A file of extra authorities is unreadable, empty, or holds something else.
    ExtraCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No authority is trusted, and plain `http` is not allowed either: nothing could be sent.
    NoAuthorities,
}

impl fmt::Display for EgressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtraCa { path, reason } => {
                write!(f, "cannot use {} of egress.extra_ca: {reason}", path.display())
            }
            Self::NoAuthorities => f.write_str(
                "this host trusts no certificate authority; install ca-certificates \
                 or name a PEM file in egress.extra_ca",
            ),
        }
    }
}

impl std::error::Error for EgressError {}

/// The TLS side of every connection: system and extra authorities, HTTP/2 offered before HTTP/1.1.
pub(super) fn client_config(extra_ca: &[PathBuf]) -> Result<ClientConfig, EgressError> {
    let mut roots = RootCertStore::empty();
    // Hosts carry certificates that rustls cannot read; the others are still good.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for path in extra_ca {
        add_file(&mut roots, path)
            .map_err(|reason| EgressError::ExtraCa { path: path.clone(), reason })?;
    }
    if roots.is_empty() {
        return Err(EgressError::NoAuthorities);
    }
    Ok(config_with(roots))
}

/// A configuration that trusts nobody: for an operator who sends plain `http` on a host without
/// certificates.
pub(super) fn distrustful_config() -> ClientConfig {
    config_with(RootCertStore::empty())
}

fn config_with(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Adds every certificate of a PEM file. Unlike the host's, these were named by a person: one
/// that cannot be used is an error.
fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let before = roots.len();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.len() == before { Err("it holds no certificate".to_owned()) } else { Ok(()) }
}

/// What a TLS failure means, for the person who runs tidings; `host` is whom we asked for.
pub(super) fn explain(error: &rustls::Error, host: &str) -> String {
    use CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else {
        return format!("TLS with {host} failed: {error}");
    };
    match bad {
        Bad::UnknownIssuer => format!(
            "the certificate of {host} is not signed by a trusted authority; \
             add its authority with egress.extra_ca"
        ),
        Bad::Expired | Bad::ExpiredContext { .. } => {
            format!("the certificate of {host} has expired")
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            format!("the certificate of {host} is not valid yet; is the clock of this host right?")
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            format!("the certificate of {host} is for another name")
        }
        Bad::Revoked => format!("the certificate of {host} was revoked"),
        _ => format!("the certificate of {host} cannot be accepted: {bad}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_authorities_must_hold_authorities() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "nothing here\n").unwrap();
        let missing = dir.path().join("missing.pem");
        let broken = dir.path().join("broken.pem");
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&broken, pem).unwrap();
        for path in [empty, missing, broken] {
            let error = client_config(std::slice::from_ref(&path)).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn failures_are_told_apart() {
        let tell = |bad| explain(&rustls::Error::InvalidCertificate(bad), "hooks.example");
        assert!(tell(CertificateError::UnknownIssuer).contains("egress.extra_ca"));
        assert!(tell(CertificateError::Expired).contains("expired"));
        assert!(tell(CertificateError::NotValidForName).contains("another name"));
        assert!(tell(CertificateError::BadSignature).contains("cannot be accepted"));
    }
}
