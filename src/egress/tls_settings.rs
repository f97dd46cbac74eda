//! TLS of one destination: an authority of its own, and a certificate that we show to it.
//!
//! Checked when a person saves them, part by part, so that the answer can name the part. They add
//! to what the operator set up and take nothing away: the host's authorities stay trusted, and
//! there is no setting that switches verification off.

use std::fmt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};

use super::tls::Trust;
use crate::limits::TLS_SETTINGS_PEM_BYTES_MAX;
use crate::limits::TLS_SETTINGS_SESSIONS;
use crate::secret::Secret;

/// What a destination needs beyond the authorities of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// One or more certificates in PEM, trusted in addition to the host's authorities, for this
    /// destination alone. A text costs about 90 KB of memory, for it takes a copy of the host's,
    /// however many destinations have it.
    pub ca: Option<String>,
    /// What we show to a receiver that asks who we are.
    pub client_certificate: Option<ClientCertificate>,
}

/// A client certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate and those that vouch for it, in PEM, ours first.
    pub chain: String,
    /// Its private key in PEM (PKCS #8, PKCS #1 or SEC1), without a passphrase.
    pub key: Secret,
}

/// A part of [`TlsSettings`] that can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsPart {
    /// [`TlsSettings::ca`].
    Ca,
    /// [`ClientCertificate::chain`].
    ClientCertificate,
    /// [`ClientCertificate::key`].
    ClientKey,
}

impl TlsPart {
    /// The name of the part.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::ClientCertificate => "client_certificate",
            Self::ClientKey => "client_key",
        }
    }
}

/// Why TLS settings cannot be used. It holds nothing of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettingsError {
    /// The part that is wrong.
    pub part: TlsPart,
    /// How, as in "the ca {reason}".
    pub reason: String,
}

impl fmt::Display for TlsSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} {}", self.part.as_str(), self.reason)
    }
}

impl std::error::Error for TlsSettingsError {}

impl TlsSettings {
    /// Checks every part, and that key and certificate belong together.
    ///
    /// # Errors
    ///
    /// [`TlsSettingsError`], for the first part that is wrong.
    pub fn check(&self) -> Result<(), TlsSettingsError> {
        self.config(&Trust::in_nobody()).map(|_usable| ())
    }

    /// The TLS side of connections to this destination.
    pub(super) fn config(&self, trust: &Trust) -> Result<ClientConfig, TlsSettingsError> {
        let trust = match &self.ca {
            None => trust.clone(),
            Some(pem) => trust.extended(pem, |roots| with_authorities(roots, pem))?,
        };
        let mut config = trust.config();
        config.resumption = Resumption::in_memory_sessions(TLS_SETTINGS_SESSIONS);
        if let Some(shown) = &self.client_certificate {
            let key = shown.certified(&trust)?;
            config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(key));
        }
        Ok(config)
    }
}

impl ClientCertificate {
    fn certified(&self, trust: &Trust) -> Result<CertifiedKey, TlsSettingsError> {
        let chain = certificates(TlsPart::ClientCertificate, &self.chain)?;
        let key = private_key(self.key.expose())?;
        CertifiedKey::from_der(chain, key, &trust.provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                wrong(TlsPart::ClientKey, "does not belong to the first certificate of the chain")
            }
            rustls::Error::InvalidCertificate(_) => {
                wrong(TlsPart::ClientCertificate, "begins with something that is no certificate")
            }
            // Its own words are about its key formats; nothing of the key is in them or needed.
            _ => wrong(TlsPart::ClientKey, "is of a kind that cannot be used; use RSA or EC"),
        })
    }
}

fn wrong(part: TlsPart, reason: impl Into<String>) -> TlsSettingsError {
    TlsSettingsError { part, reason: reason.into() }
}

fn with_authorities(
    mut roots: RootCertStore,
    pem: &str,
) -> Result<RootCertStore, TlsSettingsError> {
    for (index, authority) in certificates(TlsPart::Ca, pem)?.into_iter().enumerate() {
        let unusable = |_| {
            let reason = format!("has something that is no certificate, at number {}", index + 1);
            wrong(TlsPart::Ca, reason)
        };
        roots.add(authority).map_err(unusable)?;
    }
    Ok(roots)
}

/// All certificates of a PEM text, at least one.
fn certificates(
    part: TlsPart,
    text: &str,
) -> Result<Vec<CertificateDer<'static>>, TlsSettingsError> {
    check_text(part, text)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(wrong(part, "holds a private key; keys are secrets and have their own field"));
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(found) if found.is_empty() => Err(wrong(part, "holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(part, broken(&error))),
    }
}

fn private_key(text: &str) -> Result<PrivateKeyDer<'static>, TlsSettingsError> {
    check_text(TlsPart::ClientKey, text)?;
    if text.contains("ENCRYPTED") {
        let reason = "is locked with a passphrase; give it without one";
        return Err(wrong(TlsPart::ClientKey, reason));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| match error {
        pem::Error::NoItemsFound => wrong(TlsPart::ClientKey, "holds no private key"),
        _ => wrong(TlsPart::ClientKey, broken(&error)),
    })
}

fn check_text(part: TlsPart, text: &str) -> Result<(), TlsSettingsError> {
    if text.len() > TLS_SETTINGS_PEM_BYTES_MAX {
        let reason = format!("is longer than {TLS_SETTINGS_PEM_BYTES_MAX} bytes");
        return Err(wrong(part, reason));
    }
    if text.contains("-----BEGIN ") {
        return Ok(());
    }
    Err(wrong(part, "is not PEM: no line begins with -----BEGIN"))
}

/// What is wrong with a PEM text; never its content, for it can be a key.
const fn broken(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "is cut off: its -----END line is missing",
        pem::Error::IllegalSectionStart { .. } => "has a malformed -----BEGIN line",
        pem::Error::Base64Decode(_) => "is not valid base64 between its lines",
        _ => "is not valid PEM",
    }
}

#[cfg(test)]
#[path = "tls_settings_tests.rs"]
mod tests;
