//! Workers as the kernel shows them: what they hold, what holds them, and that they are gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tidings::limits::WORKER_MEMORY_BYTES_MAX;

use super::{PATIENT, assert_renders, sandbox};
use crate::harness::eventually;

/// Whether there is a process of this id, a dead one that nobody reaped included.
pub(super) fn exists(id: u32) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

/// What a file of a process in `/proc` says.
fn file(id: u32, name: &str) -> String {
    fs::read_to_string(format!("/proc/{id}/{name}")).expect("the process is there")
}

/// The value of a line of `/proc/…/status`.
fn status(id: u32, name: &str) -> String {
    let text = file(id, "status");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.expect("the kernel tells it").trim().to_owned()
}

/// The descriptors of a process, and what they are.
fn descriptors(id: u32) -> BTreeMap<u32, String> {
    let entries = fs::read_dir(format!("/proc/{id}/fd")).expect("it is ours to look at").flatten();
    let descriptor = |entry: fs::DirEntry| {
        // Of our own, others are opened and closed by tests beside this one.
        let target = fs::read_link(entry.path()).ok()?;
        Some((entry.file_name().to_str()?.parse().ok()?, target.to_string_lossy().into_owned()))
    };
    entries.filter_map(descriptor).collect()
}

/// What whoever started these tests left open for them and their children. The standard library
/// opens nothing in this way.
fn inherited() -> BTreeMap<u32, String> {
    const CLOSED_ON_EXEC: u32 = 0o2_000_000;
    let mut own = descriptors(std::process::id());
    own.retain(|descriptor, _| {
        let text = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}"));
        let text = text.unwrap_or_default();
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
        flags.is_some_and(|flags| flags & CLOSED_ON_EXEC == 0)
    });
    own
}

#[tokio::test]
async fn a_worker_gets_one_socket_and_nothing_else() {
    // Something that a careless start would hand down.
    let _open = fs::File::open("/etc/passwd").expect("it can be read");
    let sandbox = sandbox(1, PATIENT);
    assert_renders(&sandbox, 1).await;
    let [id] = sandbox.idle_process_ids()[..] else { panic!("one worker runs") };
    let mut given = descriptors(id);
    let inherited = inherited();
    given.retain(|descriptor, target| inherited.get(descriptor) != Some(target));
    let [stdin, stdout, stderr, socket] = [0, 1, 2, 3].map(|descriptor| given.remove(&descriptor));
    assert!(stdin.as_ref().is_some_and(|target| target.starts_with("socket:")), "{stdin:?}");
    assert!(stdout.is_none_or(|target| target == "/dev/null"));
    assert!(stderr.as_ref().is_some_and(|target| target.starts_with("pipe:")), "{stderr:?}");
    assert_eq!(socket, stdin, "the second handle of the socket");
    assert!(given.is_empty(), "{given:?}");
    assert_eq!(file(id, "environ"), "");
    assert_eq!(file(id, "cmdline"), "tidings\0worker\0");
    let folder = fs::read_link(format!("/proc/{id}/cwd")).expect("it is ours to look at");
    assert_eq!(folder, Path::new("/"));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_worker_is_held_by_the_kernel() {
    let sandbox = sandbox(1, PATIENT);
    assert_renders(&sandbox, 1).await;
    let [id] = sandbox.idle_process_ids()[..] else { panic!("one worker runs") };
    assert_eq!(status(id, "NoNewPrivs"), "1");
    assert_eq!(status(id, "Seccomp"), "2", "a filter");
    assert_eq!(status(id, "Threads"), "1");
    assert_eq!(file(id, "oom_score_adj"), "1000\n", "the first to go");
    let limits = file(id, "limits");
    for (name, most) in [
        ("Max address space", WORKER_MEMORY_BYTES_MAX),
        ("Max cpu time", 120),
        ("Max open files", 0),
        ("Max file size", 0),
        ("Max processes", 0),
        ("Max core file size", 1),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        let set: Vec<_> = line.expect("the kernel tells it").split_whitespace().take(2).collect();
        assert_eq!(set, [most.to_string(), most.to_string()], "{name}");
    }
    sandbox.stop().await;
}

/// Processes whose parent is this one.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("there is a /proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

fn parent_of(id: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Whether a process was ended; reaping an orphan is not ours.
fn has_ended(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status"));
    status.map_or(true, |text| text.contains("State:\tZ"))
}

/// A process that is killed when the test is over.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn no_worker_outlives_the_daemon() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    // Its first worker spins until a deadline that is later than the end of this test.
    command.args(["worker", "--self-test"]).stdin(Stdio::null()).stdout(Stdio::null());
    let mut daemon = Killed(command.spawn().expect("it starts"));
    let is_at_work = |id: &u32| status(*id, "Seccomp") == "2";
    let worker = eventually("a worker is in its jail", async || {
        children(daemon.0.id()).into_iter().find(is_at_work)
    })
    .await;
    daemon.0.kill().expect("it is ours");
    daemon.0.wait().expect("it is ours");
    eventually("the worker ends", async || has_ended(worker).then_some(())).await;
}
