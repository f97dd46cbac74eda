//! Dialling the addresses of one host, all of which were judged.
//!
//! The addresses of a family are tried one after the other, in the order of the system's
//! preference. When the family that comes first has no connection after a moment, the other is
//! tried beside it: a host whose IPv6 is broken on the way must not cost every connection a time
//! limit.

use std::net::SocketAddr;
use std::pin::pin;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::connect::ConnectError;
use super::trace::Journal;
use crate::limits::{ADDRESSES_DIALLED_MAX, DIAL_OTHER_FAMILY_AFTER, DIAL_TIMEOUT};

/// Connects to the address that answers first; the error is that of the last one that failed.
pub(super) async fn dial(
    host: &str,
    judged: &[SocketAddr],
    journal: &Journal,
) -> Result<TcpStream, ConnectError> {
    let (preferred, other) = families(judged);
    let preferred = each(host, &preferred, journal);
    let (tcp, address) = if other.is_empty() {
        preferred.await?
    } else {
        race(preferred, each(host, &other, journal)).await?
    };
    journal.note(|opening| opening.remote = Some(address));
    // Head and body leave in one write or two; the second must not wait for an answer to the
    // first. A socket that refuses the option still works.
    drop(tcp.set_nodelay(true));
    Ok(tcp)
}

/// The addresses that are dialled, those of the family that comes first apart from the others.
fn families(judged: &[SocketAddr]) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    let ipv6_first = judged.first().is_some_and(SocketAddr::is_ipv6);
    let dialled = judged.iter().copied().take(ADDRESSES_DIALLED_MAX);
    dialled.partition(|address| address.is_ipv6() == ipv6_first)
}

type Dialled = Result<(TcpStream, SocketAddr), ConnectError>;

/// The first success of two families, of which one has a head start.
async fn race(
    preferred: impl Future<Output = Dialled>,
    other: impl Future<Output = Dialled>,
) -> Dialled {
    let (mut preferred, mut other) = (pin!(preferred), pin!(other));
    tokio::select! {
        done = &mut preferred => return or_else(done, other).await,
        () = sleep(DIAL_OTHER_FAMILY_AFTER) => {}
    }
    tokio::select! {
        done = &mut preferred => or_else(done, other).await,
        done = &mut other => or_else(done, preferred).await,
    }
}

async fn or_else(done: Dialled, last_hope: impl Future<Output = Dialled>) -> Dialled {
    if done.is_ok() { done } else { last_hope.await }
}

/// Tries the addresses one after the other.
async fn each(host: &str, addresses: &[SocketAddr], journal: &Journal) -> Dialled {
    let mut failure = ConnectError::NoAddress { host: host.to_owned() };
    for address in addresses {
        journal.note(|opening| opening.remote = Some(*address));
        match one(*address).await {
            Ok(tcp) => return Ok((tcp, *address)),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn one(address: SocketAddr) -> Result<TcpStream, ConnectError> {
    match timeout(DIAL_TIMEOUT, TcpStream::connect(address)).await {
        Ok(connected) => connected.map_err(|cause| ConnectError::Dial { address, cause }),
        Err(_elapsed) => {
            let doing = format!("connecting to {address}");
            Err(ConnectError::TimedOut { doing, after: DIAL_TIMEOUT })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::net::TcpSocket;

    use super::*;
    use crate::clock::Stopwatch;

    /// An address of this host where nobody listens.
    fn closed() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    /// Somebody who never takes a connection, and keeps those who wait.
    async fn silent() -> (SocketAddr, tokio::net::TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(tcp)) = timeout(DIAL_OTHER_FAMILY_AFTER, TcpStream::connect(address)).await
        {
            waiting.push(tcp);
        }
        (address, listener, waiting)
    }

    #[test]
    fn addresses_are_kept_in_order_and_apart_by_family() {
        let parse = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let all = ["[2003::1]:1", "8.8.8.8:1", "[2003::2]:1", "8.8.4.4:1"];
        let expected = (parse(&["[2003::1]:1", "[2003::2]:1"]), parse(&["8.8.8.8:1", "8.8.4.4:1"]));
        assert_eq!(families(&parse(&all)), expected);
        let many = parse(&["8.8.8.8:1"; ADDRESSES_DIALLED_MAX + 1]);
        assert_eq!(families(&many).0.len(), ADDRESSES_DIALLED_MAX);
        assert_eq!(families(&[]), (vec![], vec![]));
    }

    #[tokio::test]
    async fn the_second_address_is_tried_when_the_first_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let journal = Journal::begin();
        let tcp = dial("two.example", &[closed(), open], &journal).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), open);
        assert_eq!(journal.trace(None, None).remote, Some(open));
        assert!(tcp.nodelay().unwrap());
    }

    #[tokio::test]
    async fn of_two_families_the_one_that_works_wins() {
        let (silent, _listener, _waiting) = silent().await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let journal = Journal::begin();
        let family = |addresses| each("both.example", addresses, &journal);
        let (silent, open, closed) = ([silent], [open], [closed()]);
        for (preferred, other) in
            [(&silent, &open), (&open, &silent), (&closed, &open), (&open, &closed)]
        {
            let watch = Stopwatch::start();
            let (_tcp, address) = race(family(preferred), family(other)).await.unwrap();
            assert_eq!(address, open[0]);
            assert!(watch.elapsed() < DIAL_TIMEOUT);
        }
        let both_closed = race(family(&closed), family(&closed)).await.unwrap_err();
        assert_eq!(both_closed.to_string(), format!("connection refused by {}", closed[0]));
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_told() {
        let error = dial("none.example", &[], &Journal::begin()).await.unwrap_err();
        assert_eq!(error.to_string(), "the name none.example has no address");
    }
}
