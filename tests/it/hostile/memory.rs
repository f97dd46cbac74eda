//! Hostile answers leave no memory behind: a thousand of them, in a process of their own, because
//! the other tests take and give memory as they please.

use std::process::Command;
use std::time::Duration;

use tidings::egress::Egress;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::receiver::{Receiver, read_request, say_forever};
use super::{egress, post, send};
use crate::itself;

const CHILD: &str = "TIDINGS_TEST_MEMORY_CHILD";
const NAME: &str = "hostile::memory::a_thousand_hostile_answers_leave_nothing_behind";
const KINDS: usize = 8;
const ROUNDS: usize = 125;
/// Rounds before the first look: the allocator and the runtime take what they will keep.
const WARM_UP_ROUNDS: usize = 25;
const SLACK_KB: u64 = 16 * 1024;

#[test]
fn a_thousand_hostile_answers_leave_nothing_behind() {
    if std::env::var_os(CHILD).is_none() {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(itself::only(NAME)).env(CHILD, "1");
        itself::run(&mut again, Duration::from_secs(120)).unwrap();
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(meet_them_all());
}

async fn meet_them_all() {
    let mut receivers = Vec::new();
    for kind in 0..KINDS {
        receivers.push(Receiver::start(move |stream| harm(stream, kind)).await);
    }
    let egress = egress();
    meet(&egress, &receivers, WARM_UP_ROUNDS).await;
    let before = resident_kb();
    meet(&egress, &receivers, ROUNDS).await;
    let after = resident_kb();
    println!("{} hostile answers: {before} kB before, {after} kB after", ROUNDS * KINDS);
    assert!(after <= before + SLACK_KB, "grew from {before} kB to {after} kB");
}

async fn meet(egress: &Egress, receivers: &[Receiver], rounds: usize) {
    for _ in 0..rounds {
        for (kind, receiver) in receivers.iter().enumerate() {
            let result = send(egress, post(receiver.address)).await.result;
            // The first kinds have a head and then misbehave; the others never get that far.
            assert_eq!(result.is_ok(), kind < 4, "kind {kind}: {result:?}");
        }
    }
}

async fn harm(mut stream: TcpStream, kind: usize) -> std::io::Result<()> {
    read_request(&mut stream).await?;
    let (start, rest) = [
        ("HTTP/1.1 200 OK\r\n\r\n", "endless body"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "20\r\na chunk of thirty-two characters\r\n",
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "nonsense\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "trailer: x\r\n"),
        ("HTTP/1.1 200 OK\r\nx: ", "endless header"),
        ("HTTP/1.1 200 OK\r\n", "endless: lines\r\n"),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("SSH-2.0-", "nonsense\r\n"),
    ][kind];
    stream.write_all(start.as_bytes()).await?;
    say_forever(&mut stream, rest.as_bytes()).await
}

/// What this process holds in memory.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
