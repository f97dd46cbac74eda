//! What a TLS failure means, in words for the person who runs tidings.
//!
//! rustls tells most reasons by type. Those that it passes on from its certificate verifier it
//! hides behind an error of another crate, whose printed name is then all there is to go by;
//! `tests/it/hostile` has a certificate for every such name.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};

use crate::clock::Timestamp;

/// One sentence about `error`; `host` is whom we asked for.
pub(super) fn explain(error: &Error, host: &str) -> String {
    match error {
        Error::InvalidCertificate(bad) => of_certificate(bad, host),
        Error::AlertReceived(alert) => of_alert(*alert, host),
        Error::PeerIncompatible(why) => {
            format!("{host} has no way to speak TLS 1.2 or 1.3 in common with us: {why:?}")
        }
        Error::InvalidMessage(_) => {
            format!("{host} does not speak TLS on this port; is it plain http?")
        }
        _ => format!("TLS with {host} failed: {error}"),
    }
}

fn of_certificate(bad: &CertificateError, host: &str) -> String {
    use CertificateError as Bad;
    let what = match bad {
        Bad::UnknownIssuer => {
            "is not signed by a trusted authority: it is self-signed, or its authority is unknown \
             here, or the receiver leaves out an intermediate certificate; add its authority with \
             the webhook's `tls`, or with egress.extra_ca"
        }
        Bad::Expired => "has expired",
        Bad::ExpiredContext { not_after, .. } => {
            return format!(
                "the certificate of {host}, or one that vouches for it, has expired at {}",
                date(*not_after)
            );
        }
        Bad::NotValidYet => "is not valid yet; is the clock of this host right?",
        Bad::NotValidYetContext { not_before, .. } => {
            return format!(
                "the certificate of {host}, or one that vouches for it, is not valid yet, only \
                 from {}; is the clock of this host right?",
                date(*not_before)
            );
        }
        Bad::NotValidForName => "is for another name",
        Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "names no host: it has no subject alternative name, and a common name does not count"
        }
        Bad::NotValidForNameContext { presented, .. } => {
            return format!(
                "the certificate of {host} is for another name: {}",
                presented.iter().map(|name| bare(name)).collect::<Vec<_>>().join(", ")
            );
        }
        Bad::Revoked => "was revoked",
        Bad::BadSignature => "carries a signature that its authority did not make",
        Bad::BadEncoding => "cannot be read: it breaks the rules of X.509",
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "was not issued for servers: its extended key usage leaves them out"
        }
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed by a method that is too weak or unknown"
        }
        Bad::Other(hidden) => of_verifier(&hidden.to_string()),
        _ => return format!("the certificate of {host} cannot be accepted: {bad}"),
    };
    format!("the certificate of {host} {what}")
}

/// The verifier's own names for what it finds wrong.
fn of_verifier(name: &str) -> &'static str {
    match name {
        "CaUsedAsEndEntity" => "is that of an authority, which cannot stand for a server",
        "EndEntityUsedAsCa" => "is signed by a certificate that is not an authority",
        "NameConstraintViolation" => "is for a name that its authority may not vouch for",
        "PathLenConstraintViolated" => {
            "has more authorities in its chain than one of them allows beneath itself"
        }
        "UnsupportedCriticalExtension" => {
            "has a critical extension that is unknown here, so it must not be used"
        }
        "UnsupportedCertVersion" => "is not of X.509 version 3",
        "MalformedExtensions" | "ExtensionValueInvalid" => "has a malformed extension",
        _ => "cannot be accepted by the rules of X.509",
    }
}

/// What the receiver says about us.
fn of_alert(alert: AlertDescription, host: &str) -> String {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired | Alert::NoCertificate => {
            format!("{host} asks for a client certificate, and this request has none")
        }
        Alert::HandshakeFailure => format!(
            "{host} refused the handshake: it asks for a client certificate, or has no cipher in \
             common with us"
        ),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError => {
            format!("{host} does not accept the client certificate: it says {alert:?}")
        }
        Alert::UnrecognisedName => format!("{host} has no certificate for this name"),
        Alert::ProtocolVersion => format!("{host} speaks neither TLS 1.2 nor 1.3"),
        _ => format!("{host} broke the TLS connection off: it says {alert:?}"),
    }
}

fn date(moment: UnixTime) -> String {
    let seconds = i64::try_from(moment.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_seconds(seconds).rfc3339_seconds()
}

/// A name as the verifier prints it, `DnsName("a.example")`, without its wrapping.
fn bare(presented: &str) -> &str {
    let inner = presented.split_once('(').map_or(presented, |(_, inner)| inner);
    inner.trim_matches(|c| matches!(c, '(' | ')' | '"'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn failures_are_told_apart() {
        let certificate = |bad| explain(&Error::InvalidCertificate(bad), "hooks.example");
        let alert = |alert| explain(&Error::AlertReceived(alert), "hooks.example");
        let not_after = UnixTime::since_unix_epoch(Duration::from_secs(1_577_836_800));
        let time = UnixTime::since_unix_epoch(Duration::from_secs(1_777_836_800));
        for (told, words) in [
            (certificate(CertificateError::UnknownIssuer), "egress.extra_ca"),
            (certificate(CertificateError::Expired), "has expired"),
            (
                certificate(CertificateError::ExpiredContext { time, not_after }),
                "expired at 2020-01-01T00:00:00+00:00",
            ),
            (certificate(CertificateError::NotValidForName), "another name"),
            (certificate(CertificateError::BadSignature), "did not make"),
            (certificate(CertificateError::UnhandledCriticalExtension), "cannot be accepted"),
            (alert(AlertDescription::CertificateRequired), "asks for a client certificate"),
            (alert(AlertDescription::UnknownCA), "does not accept the client certificate"),
            (alert(AlertDescription::ProtocolVersion), "neither TLS 1.2 nor 1.3"),
            (alert(AlertDescription::InternalError), "it says InternalError"),
            (explain(&Error::DecryptError, "hooks.example"), "TLS with hooks.example failed"),
        ] {
            assert!(told.contains(words) && told.contains("hooks.example"), "{told}");
        }
    }

    #[test]
    fn a_name_loses_its_wrapping() {
        assert_eq!(bare(r#"DnsName("*.hooks.example")"#), "*.hooks.example");
        assert_eq!(bare("IpAddress(10.0.0.1)"), "10.0.0.1");
        assert_eq!(bare("plain"), "plain");
    }
}
