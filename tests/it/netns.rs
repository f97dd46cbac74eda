//! The guard, proved with canaries in a network of its own: every address of the world leads to a
//! listener that writes down who was called, and what must not be called never is.
//!
//! The test runs itself again in new network and mount namespaces. In there one route makes all
//! addresses, of both families, addresses of this host, so that nothing can be forgotten and
//! nothing real is reached; `/etc` is replaced, so that names are answered by the test. Where
//! namespaces are not available the test says so and ends, except where `CI` is `true`.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod addresses;
mod canary;
mod names;
mod world;

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use tidings::egress::SendErrorKind::{AddressRefused, Resolve, Timeout};
use tidings::egress::{Destination, Egress, Exchange, Policy, Request};

use addresses::{FORBIDDEN, PUBLIC, is_dialled_by_kernels};
use canary::Canary;
use names::{Names, Zone};

use crate::itself;

const CHILD: &str = "TIDINGS_TEST_NETNS_CHILD";
const NAME: &str = "netns::nothing_forbidden_is_ever_dialled";
const WITHIN: Duration = Duration::from_secs(60);
const DEADLINE: Duration = Duration::from_secs(5);

#[test]
fn nothing_forbidden_is_ever_dialled() {
    if let Ok(outside) = std::env::var(CHILD) {
        world::assert_is_another_than(&outside);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(in_a_world_of_our_own());
    }
    let Some(mut unshare) = world::unshare() else {
        let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!required, "CI must have `unshare` and `ip`, and allow namespaces");
        println!("skipped: no `unshare` or `ip`, or namespaces are not allowed here");
        return;
    };
    unshare.arg(std::env::current_exe().unwrap()).args(itself::only(NAME)).env(CHILD, world::id());
    itself::run(with_proxies(&mut unshare), WITHIN).unwrap();
}

/// Names proxies in every way that programs know, one forbidden and one public.
fn with_proxies(command: &mut Command) -> &mut Command {
    for (name, proxy) in [
        ("HTTP_PROXY", "http://10.0.0.99:3128"),
        ("HTTPS_PROXY", "http://10.0.0.99:3128"),
        ("ALL_PROXY", "http://9.9.9.9:3128"),
        ("http_proxy", "http://10.0.0.99:3128"),
        ("https_proxy", "http://9.9.9.9:3128"),
        ("all_proxy", "socks5://9.9.9.9:3128"),
    ] {
        command.env(name, proxy);
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy")
}

/// What every check needs.
struct World {
    canary: Canary,
    names: Names,
}

async fn in_a_world_of_our_own() {
    world::enter();
    let world = World { canary: Canary::start(), names: Names::start(zone()) };
    world.the_canaries_sing();
    world.forbidden_literals().await;
    world.public_literals().await;
    world.forbidden_names().await;
    world.mixed_answers().await;
    world.rebinding().await;
    world.silence().await;
    world.redirects().await;
    world.proxies().await;
    world.without_the_guard().await;
}

/// Each forbidden address has a name, and some names have more than one or change.
fn zone() -> Zone {
    let mut zone = Zone::new();
    for (index, address) in FORBIDDEN.iter().enumerate() {
        zone.insert(forbidden_name(index), vec![vec![parse(address)]]);
    }
    let all = FORBIDDEN.iter().map(|address| parse(address)).take(20).collect();
    for (name, answers) in [
        ("all.forbidden.test", vec![all]),
        ("mixed4.test", vec![list(&["10.0.0.1", "8.8.8.8", "127.0.0.1"])]),
        ("mixed6.test", vec![list(&["fd00::1", "2606:4700:4700::1111", "::1"])]),
        ("families.test", vec![list(&["2001:db8::1", "1.1.1.1"])]),
        ("mapped.test", vec![list(&["::ffff:8.8.8.8"])]),
        ("silent.test", vec![]),
        ("rebind.test", vec![list(&["8.8.8.8"]), list(&["169.254.169.254"])]),
    ] {
        zone.insert(name.to_owned(), answers);
    }
    zone
}

fn forbidden_name(index: usize) -> String {
    format!("f{index}.forbidden.test")
}

fn parse(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn list(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| parse(address)).collect()
}

/// The default policy, but for plain `http`, so that the canaries need no certificates.
fn strict() -> Egress {
    Egress::new(Policy { allow_http: true, ..Policy::default() }, &[]).unwrap()
}

/// A policy that lets everything pass.
fn lax() -> Policy {
    let allow = ["0.0.0.0/0", "::/0"].map(|net| net.parse().unwrap()).to_vec();
    Policy { allow, allow_http: true, allow_loopback: true }
}

/// Sends to a destination that was saved under a policy which has become stricter since.
async fn send(egress: &Egress, host: &str, path: &str) -> Exchange {
    send_to(egress, &format!("http://{host}{path}")).await
}

async fn send_to(egress: &Egress, url: &str) -> Exchange {
    egress.send(post(url), DEADLINE).await
}

fn post(url: &str) -> Request {
    let destination = Destination::parse(url, &lax()).unwrap();
    let body = Bytes::from_static(b"{}");
    Request { method: Method::POST, destination, headers: HeaderMap::new(), body }
}

fn bracketed(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

impl World {
    /// A canary that nobody can reach proves nothing: without the guard they are all reached.
    fn the_canaries_sing(&self) {
        for address in FORBIDDEN.iter().chain(PUBLIC) {
            let address = parse(address);
            let dialled = std::net::TcpStream::connect(SocketAddr::new(address, canary::PORT));
            let expected = is_dialled_by_kernels(address);
            assert_eq!(dialled.is_ok(), expected, "{address}: {dialled:?}");
            assert_eq!(self.canary.heard(usize::from(expected)).len(), usize::from(expected));
        }
    }

    async fn forbidden_literals(&self) {
        let egress = strict();
        for address in FORBIDDEN {
            let host = bracketed(address);
            let saved = Destination::parse(&format!("http://{host}/"), egress.policy());
            assert!(saved.is_err(), "{address} was saved");
            let error = send(&egress, &host, "/").await.result.expect_err(address);
            assert_eq!(error.kind, AddressRefused, "{address}: {error}");
        }
        assert_eq!(self.canary.heard(0), []);
    }

    async fn public_literals(&self) {
        let egress = strict();
        for address in PUBLIC {
            let exchange = send(&egress, &bracketed(address), "/").await;
            assert_eq!(exchange.result.expect(address).status, 200);
            let remote = SocketAddr::new(parse(address), canary::PORT);
            assert_eq!(exchange.trace.remote, Some(remote));
            assert_eq!(self.canary.heard(1), [(parse(address).to_canonical(), canary::PORT)]);
        }
    }

    async fn forbidden_names(&self) {
        let egress = strict();
        for (index, address) in FORBIDDEN.iter().enumerate() {
            let error = send(&egress, &forbidden_name(index), "/").await.result.expect_err(address);
            assert_eq!(error.kind, AddressRefused, "{address}: {error}");
        }
        for (name, kind) in [("all.forbidden.test", AddressRefused), ("nothing.test", Resolve)] {
            let error = send(&egress, name, "/").await.result.expect_err(name);
            assert_eq!(error.kind, kind, "{name}: {error}");
        }
        assert_eq!(self.canary.heard(0), []);
    }

    /// Of an answer that mixes them only public addresses are dialled.
    async fn mixed_answers(&self) {
        for (name, public) in [
            ("mixed4.test", "8.8.8.8"),
            ("mixed6.test", "2606:4700:4700::1111"),
            ("families.test", "1.1.1.1"),
            ("mapped.test", "8.8.8.8"),
        ] {
            let exchange = send(&strict(), name, "/").await;
            assert_eq!(exchange.result.expect(name).status, 200);
            assert_eq!(self.canary.heard(1), [(parse(public), canary::PORT)], "{name}");
        }
    }

    /// The address that was judged is the one that is dialled: the name is not asked for again
    /// within an attempt, and the next connection judges anew.
    async fn rebinding(&self) {
        let before = self.names.asked("rebind.test");
        let exchange = send(&strict(), "rebind.test", "/").await;
        assert_eq!(exchange.result.unwrap().status, 200);
        assert_eq!(self.canary.heard(1), [(parse("8.8.8.8"), canary::PORT)]);
        assert_eq!(self.names.asked("rebind.test") - before, 1);
        for _ in 0..3 {
            let error = send(&strict(), "rebind.test", "/").await.result.unwrap_err();
            assert_eq!(error.kind, AddressRefused, "{error}");
        }
        assert_eq!(self.canary.heard(0), []);
    }

    /// A name service that does not answer costs the deadline and no more, and is told.
    async fn silence(&self) {
        let deadline = Duration::from_millis(200);
        let exchange = strict().send(post("http://silent.test/"), deadline).await;
        let (error, trace) = (exchange.result.unwrap_err(), exchange.trace);
        assert_eq!(error.kind, Timeout, "{error}");
        assert!(error.detail.contains("looking up the address of http://silent.test"), "{error}");
        assert!(trace.dns > Some(deadline / 2) && trace.total < deadline * 5, "{trace:?}");
        assert_eq!(self.canary.heard(0), []);
    }

    async fn redirects(&self) {
        for target in ["http://169.254.169.254/", "http://[::1]/", "http://8.8.4.4/"] {
            let exchange = send(&strict(), "8.8.8.8", &format!("/redirect?{target}")).await;
            let response = exchange.result.unwrap();
            assert_eq!(response.status, 307);
            assert_eq!(response.headers["location"], target);
            assert_eq!(self.canary.heard(1), [(parse("8.8.8.8"), canary::PORT)]);
        }
    }

    /// The environment names proxies, and nobody calls them, with TLS or without.
    async fn proxies(&self) {
        assert!(std::env::var("HTTPS_PROXY").is_ok() && std::env::var("ALL_PROXY").is_ok());
        for (scheme, port) in [("http", canary::PORT), ("https", 443)] {
            send_to(&strict(), &format!("{scheme}://8.8.8.8/")).await;
            assert_eq!(self.canary.heard(1), [(parse("8.8.8.8"), port)]);
        }
    }

    /// With a policy that allows everything the same calls arrive: it is the guard that stops
    /// them, and nothing else.
    async fn without_the_guard(&self) {
        let egress = Egress::new(lax(), &[]).unwrap();
        for address in ["10.0.0.1", "169.254.169.254", "fd00::1", "64:ff9b::7f00:1"] {
            send(&egress, &bracketed(address), "/").await.result.expect(address);
            assert_eq!(self.canary.heard(1), [(parse(address), canary::PORT)]);
        }
        send(&egress, "all.forbidden.test", "/").await.result.unwrap();
        assert_eq!(self.canary.heard(1).len(), 1);
    }
}
