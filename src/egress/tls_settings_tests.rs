//! TLS settings, right and wrong: which part is told, and that no key is.

use rcgen::{CertificateParams, KeyPair};

use super::*;

fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["us.example".to_owned()]).unwrap();
    (certificate.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn with_ca(pem: &str) -> TlsSettings {
    TlsSettings { ca: Some(pem.to_owned()), ..TlsSettings::default() }
}

fn with_client(chain: &str, key: &str) -> TlsSettings {
    let (chain, key) = (chain.to_owned(), Secret::new(key.to_owned()));
    TlsSettings { client_certificate: Some(ClientCertificate { chain, key }), ca: None }
}

#[test]
fn good_settings_pass() {
    let ((certificate, key), (other, _)) = (pair(), pair());
    assert_eq!(TlsSettings::default().check(), Ok(()));
    assert_eq!(with_ca(&format!("# ours\n{certificate}\n{other}")).check(), Ok(()));
    assert_eq!(with_client(&certificate, &key).check(), Ok(()));
}

#[test]
fn authorities_are_added_to_those_of_the_host() {
    let ((host, _), (own, _)) = (pair(), pair());
    let base = with_authorities(RootCertStore::empty(), &host).unwrap();
    let both = with_authorities(base.clone(), &own).unwrap();
    assert_eq!((base.len(), both.len()), (1, 2));
}

#[test]
fn the_wrong_part_is_told() {
    let ((certificate, key), (_, other_key)) = (pair(), pair());
    let cut = certificate.split("-----END").next().unwrap();
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let scrambled = certificate.replace("MII", "***");
    let long = certificate.repeat(TLS_SETTINGS_PEM_BYTES_MAX / certificate.len() + 1);
    let locked = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let empty_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (settings, told) in [
        (with_ca(""), "the ca is not PEM"),
        (with_ca("MIIB"), "the ca is not PEM"),
        (with_ca("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"), "no certificate"),
        (with_ca(cut), "the ca is cut off"),
        (with_ca(&scrambled), "the ca is not valid base64"),
        (with_ca(nonsense), "no certificate, at number 1"),
        (with_ca(&format!("{certificate}{nonsense}")), "no certificate, at number 2"),
        (with_ca(&format!("{certificate}{key}")), "the ca holds a private key"),
        (with_ca(&long), "the ca is longer than"),
        (with_client(&key, &key), "the client_certificate holds a private key"),
        (with_client("", &key), "the client_certificate is not PEM"),
        (with_client(nonsense, &key), "the client_certificate begins with something"),
        (with_client(&certificate, ""), "the client_key is not PEM"),
        (with_client(&certificate, &certificate), "the client_key holds no private key"),
        (with_client(&certificate, &locked), "the client_key is locked"),
        (with_client(&certificate, empty_key), "the client_key is of a kind"),
        (with_client(&certificate, &other_key), "the client_key does not belong"),
    ] {
        let error = settings.check().expect_err(told).to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[test]
fn no_key_is_ever_shown() {
    let ((certificate, key), (other, _)) = (pair(), pair());
    let secret = key.lines().nth(1).unwrap();
    let settings = with_client(&certificate, &key);
    assert!(!format!("{settings:?}").contains(secret));
    let broken = key.replace("-----END", "-----");
    for settings in [with_client(&other, &key), with_client(&certificate, &broken), with_ca(&key)] {
        let error = settings.check().unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}
