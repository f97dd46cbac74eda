//! TLS towards receivers: which authorities are trusted, and which protocols are offered.
//!
//! Trusted are the authorities of the host, read once at start, and those in the PEM files that
//! the operator names. The cryptography is passed in explicitly: no process-wide default is read
//! or set. There is no way to switch verification off.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256};

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

/// The hash of a text of extra authorities, and the set of all authorities that it makes.
type Sets = HashMap<[u8; 32], Weak<RootCertStore>>;

/// Whom we trust and by what cryptography; cheap to clone.
#[derive(Clone)]
pub(super) struct Trust {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) roots: Arc<RootCertStore>,
    /// Those that destinations use now.
    extended: Arc<Mutex<Sets>>,
}

impl Trust {
    /// The authorities of the host and those in the `extra_ca` files.
    pub(super) fn load(extra_ca: &[PathBuf]) -> Result<Self, EgressError> {
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
        Ok(Self { roots: Arc::new(roots), ..Self::in_nobody() })
    }

    /// For an operator who sends plain `http` on a host without certificates.
    pub(super) fn in_nobody() -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Self { provider, roots: Arc::new(RootCertStore::empty()), extended: Arc::default() }
    }

    /// Also trusts the authorities of `text`, which `extend` adds to a copy of the set. The copy
    /// is large, so destinations with the same text share it.
    pub(super) fn extended<E>(
        &self,
        text: &str,
        extend: impl FnOnce(RootCertStore) -> Result<RootCertStore, E>,
    ) -> Result<Self, E> {
        let key: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let mut sets = self.extended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(roots) = sets.get(&key).and_then(Weak::upgrade) {
            return Ok(Self { roots, ..self.clone() });
        }
        let roots = Arc::new(extend(self.roots.as_ref().clone())?);
        sets.retain(|_, set| set.strong_count() > 0);
        sets.insert(key, Arc::downgrade(&roots));
        Ok(Self { roots, ..self.clone() })
    }

    /// The TLS side of a connection: HTTP/2 is offered before HTTP/1.1.
    pub(super) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has cipher suites for TLS 1.2 and 1.3")
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
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
            let error = Trust::load(std::slice::from_ref(&path)).err().unwrap().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn equal_texts_share_one_set_for_as_long_as_it_is_used() {
        let trust = Trust::in_nobody();
        let extended = |text| trust.extended(text, Ok::<_, ()>).unwrap().roots;
        let (first, again, other) = (extended("one"), extended("one"), extended("two"));
        assert!(Arc::ptr_eq(&first, &again) && !Arc::ptr_eq(&first, &other));
        drop((first, again, other));
        let anew = extended("three");
        assert_eq!(trust.extended.lock().unwrap().len(), 1);
        assert!(trust.extended("bad", |_| Err(())).is_err());
        drop(anew);
    }
}
