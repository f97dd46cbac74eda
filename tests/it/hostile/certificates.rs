//! Certificates that must not be accepted, each told by its own reason; and those that must, by an
//! authority of the destination's own and with a certificate of ours.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, KeyPair, NameConstraints, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use tidings::egress::SendErrorKind::Tls;
use tidings::egress::{ClientCertificate, Egress, TlsSettings, TlsVersion};
use tidings::secret::Secret;

use super::tls_receiver::{self, Authority, Shown, Speaks, TLS12, TLS13, authority, server};
use super::{assert_fails, egress, request, send};

/// An authority that is trusted, one beneath it, and one that nobody knows.
struct World {
    root: Authority,
    middle: Authority,
    stranger: Authority,
}

/// What is wrong, what is shown, and what is said about it. Asked for is `localhost`.
type Case = (&'static str, fn(&World) -> Shown, &'static str);

const CASES: &[Case] = &[
    ("expired", expired, "has expired at 2020-01-01T00:00:00+00:00"),
    ("not valid yet", not_yet, "not valid yet, only from 2090-01-01T00:00:00+00:00"),
    ("for another name", |w| leaf(w, &["other.example"]), "for another name: other.example"),
    ("for two other names", |w| leaf(w, &["a.example", "*.b.example"]), "a.example, *.b.example"),
    ("for an address", |w| leaf(w, &["127.0.0.1"]), "for another name: 127.0.0.1"),
    ("for names beneath", |w| leaf(w, &["*.localhost"]), "for another name: *.localhost"),
    ("for no name", |w| leaf(w, &[]), "names no host: it has no subject alternative name"),
    ("self-signed", self_signed, "is not signed by a trusted authority: it is self-signed"),
    ("of an unknown authority", unknown, "its authority is unknown here"),
    ("without the intermediate", |w| middle(w, &[]), "leaves out an intermediate certificate"),
    ("with a wrong intermediate", |w| middle(w, &[&w.stranger]), "is not signed by a trusted"),
    ("of an authority itself", of_authority, "is that of an authority, which cannot stand for"),
    ("signed by no authority", by_a_leaf, "is signed by a certificate that is not an authority"),
    ("for clients", for_clients, "was not issued for servers: its extended key usage"),
    ("by an authority for clients", by_clients, "was not issued for servers"),
    ("by an expired authority", by_expired, "or one that vouches for it, has expired at 2020-01"),
    ("outside of a constraint", constrained, "is for a name that its authority may not vouch"),
    ("inside of an exclusion", excluded, "is for a name that its authority may not vouch for"),
    ("of too long a chain", too_long, "has more authorities in its chain than one of them"),
    ("tampered with", tampered, "carries a signature that its authority did not make"),
    ("of somebody else", stolen, "carries a signature that its authority did not make"),
    ("with a critical unknown", critical, "has a critical extension that is unknown here"),
    ("not a certificate", garbage, "cannot be read: it breaks the rules of X.509"),
];

fn leaf(world: &World, hosts: &[&str]) -> Shown {
    world.root.sign(&server(hosts), &[])
}

fn middle(world: &World, shown: &[&Authority]) -> Shown {
    world.middle.sign(&server(&["localhost"]), shown)
}

/// A good certificate but for one change.
fn changed(world: &World, change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let mut params = server(&["localhost"]);
    change(&mut params);
    world.root.sign(&params, &[])
}

/// A good certificate of an authority that is good but for one change.
fn beneath(world: &World, change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let mut params = authority("between");
    change(&mut params);
    let between = world.root.under(params);
    between.sign(&server(&["localhost"]), &[&between])
}

fn expired(world: &World) -> Shown {
    changed(world, |params| params.not_after = date_time_ymd(2020, 1, 1))
}

fn not_yet(world: &World) -> Shown {
    changed(world, |params| params.not_before = date_time_ymd(2090, 1, 1))
}

fn self_signed(_: &World) -> Shown {
    let key = KeyPair::generate().unwrap();
    let own = server(&["localhost"]).self_signed(&key).unwrap();
    Shown { chain: vec![own.der().clone()], key }
}

fn unknown(world: &World) -> Shown {
    world.stranger.sign(&server(&["localhost"]), &[&world.stranger])
}

fn of_authority(world: &World) -> Shown {
    changed(world, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))
}

fn by_a_leaf(world: &World) -> Shown {
    beneath(world, |params| params.is_ca = IsCa::ExplicitNoCa)
}

fn for_clients(world: &World) -> Shown {
    let clients = vec![ExtendedKeyUsagePurpose::ClientAuth];
    changed(world, |params| params.extended_key_usages = clients)
}

fn by_clients(world: &World) -> Shown {
    let clients = vec![ExtendedKeyUsagePurpose::ClientAuth];
    beneath(world, |params| params.extended_key_usages = clients)
}

fn by_expired(world: &World) -> Shown {
    beneath(world, |params| params.not_after = date_time_ymd(2020, 1, 1))
}

fn constrained(world: &World) -> Shown {
    let permitted_subtrees = vec![GeneralSubtree::DnsName("example.com".to_owned())];
    let constraints = NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() };
    beneath(world, |params| params.name_constraints = Some(constraints))
}

fn excluded(world: &World) -> Shown {
    let excluded_subtrees = vec![GeneralSubtree::DnsName("localhost".to_owned())];
    let constraints = NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees };
    beneath(world, |params| params.name_constraints = Some(constraints))
}

fn too_long(world: &World) -> Shown {
    let mut params = authority("the last");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let last = world.root.under(params);
    let one_more = last.under(authority("one more"));
    one_more.sign(&server(&["localhost"]), &[&one_more, &last])
}

fn tampered(world: &World) -> Shown {
    let mut shown = leaf(world, &["localhost"]);
    let mut bytes = shown.chain[0].to_vec();
    // The common name is signed, and nothing checks it but the signature.
    let at = bytes.windows(8).position(|window| window == b"a server").unwrap();
    bytes[at] = b'A';
    shown.chain[0] = CertificateDer::from(bytes);
    shown
}

/// The certificate of a server whose key we do not have.
fn stolen(world: &World) -> Shown {
    Shown { key: KeyPair::generate().unwrap(), ..leaf(world, &["localhost"]) }
}

fn critical(world: &World) -> Shown {
    let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    extension.set_criticality(true);
    changed(world, |params| params.custom_extensions = vec![extension])
}

fn garbage(_: &World) -> Shown {
    let chain = vec![CertificateDer::from(b"not a certificate".to_vec())];
    Shown { chain, key: KeyPair::generate().unwrap() }
}

fn world() -> World {
    let root = Authority::root("the root");
    let middle = root.under(authority("the middle"));
    World { root, middle, stranger: Authority::root("a stranger") }
}

/// A way out that trusts the authority, besides those of the host.
fn trusting(root: &Authority) -> Egress {
    let ca = Some(root.certificate.pem());
    egress().with_tls(&TlsSettings { ca, client_certificate: None }).unwrap()
}

#[tokio::test]
async fn bad_certificates_are_refused_each_for_its_reason() {
    let world = world();
    let egress = trusting(&world.root);
    for (what, show, words) in CASES {
        for versions in [TLS12, TLS13] {
            let speaks = Speaks { versions, ..Speaks::default() };
            let address = tls_receiver::start(&show(&world), &speaks, tls_receiver::answer);
            let url = format!("https://localhost:{}/", address.port());
            let result = send(&egress, request(&url)).await.result;
            assert!(result.is_err(), "a certificate {what} was accepted");
            assert_fails(result, Tls, words);
        }
    }
}

#[tokio::test]
async fn an_address_needs_a_certificate_for_it() {
    let world = world();
    let egress = trusting(&world.root);
    for (hosts, words) in [
        (["localhost"], "for another name: localhost"),
        (["10.0.0.1"], "for another name: 10.0.0.1"),
        (["*"], "for another name"),
    ] {
        let shown = leaf(&world, &hosts);
        let address = tls_receiver::start(&shown, &Speaks::default(), tls_receiver::answer);
        let result = send(&egress, request(&format!("https://{address}/"))).await.result;
        assert_fails(result, Tls, words);
    }
    let shown = leaf(&world, &["127.0.0.1"]);
    let address = tls_receiver::start(&shown, &Speaks::default(), tls_receiver::answer);
    send(&egress, request(&format!("https://{address}/"))).await.result.unwrap();
}

#[tokio::test]
async fn a_good_certificate_is_accepted_by_those_who_know_its_authority() {
    let world = world();
    for (versions, version) in [(TLS12, TlsVersion::V1_2), (TLS13, TlsVersion::V1_3)] {
        let speaks = Speaks { versions, ..Speaks::default() };
        let shown = middle(&world, &[&world.middle]);
        let address = tls_receiver::start(&shown, &speaks, tls_receiver::answer);
        let url = format!("https://localhost:{}/", address.port());
        let exchange = send(&trusting(&world.root), request(&url)).await;
        exchange.result.unwrap();
        assert_eq!(exchange.trace.tls, Some(version));
        for other in [egress(), trusting(&world.stranger)] {
            assert_fails(send(&other, request(&url)).await.result, Tls, "trusted authority");
        }
    }
}

#[tokio::test]
async fn a_receiver_that_asks_who_we_are_is_told() {
    let (world, ours) = (world(), Authority::root("our own"));
    let show = |signer: &Authority| {
        let shown = signer.sign(&server(&["us.example"]), &[]);
        let pem = ours_as_pem(&shown);
        TlsSettings { ca: Some(world.root.certificate.pem()), client_certificate: Some(pem) }
    };
    let with = |settings: &TlsSettings| egress().with_tls(settings).unwrap();
    for versions in [TLS12, TLS13] {
        let asks_for = Some(ours.certificate.der().clone());
        let speaks = Speaks { versions, asks_for, ..Speaks::default() };
        let shown = leaf(&world, &["localhost"]);
        let address = tls_receiver::start(&shown, &speaks, tls_receiver::answer);
        let url = format!("https://localhost:{}/", address.port());
        send(&with(&show(&ours)), request(&url)).await.result.unwrap();
        let nobody = send(&trusting(&world.root), request(&url)).await.result;
        assert_fails(nobody, Tls, "asks for a client certificate, and this request has none");
        let stranger = send(&with(&show(&world.stranger)), request(&url)).await.result;
        assert_fails(stranger, Tls, "does not accept the client certificate");
    }
}

fn ours_as_pem(shown: &Shown) -> ClientCertificate {
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &shown.chain[0]);
    let chain = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    ClientCertificate { chain, key: Secret::new(shown.key.serialize_pem()) }
}
