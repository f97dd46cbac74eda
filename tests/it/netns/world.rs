//! Namespaces: how to get into new ones, and how to furnish them.

use std::path::Path;
use std::process::{Command, Stdio};

use super::names;

/// A command that runs what is appended to it in new namespaces; `None` where there are none.
pub(super) fn unshare() -> Option<Command> {
    let ways: [&[&str]; 2] =
        [&["--net", "--mount", "--map-root-user", "--"], &["--net", "--mount", "--"]];
    let way = ways.into_iter().find(|way| {
        // What `enter` will need, tried out.
        let mut trial = Command::new("unshare");
        trial.args(*way).args(["ip", "link", "set", "lo", "up"]);
        trial.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        trial.status().is_ok_and(|status| status.success())
    })?;
    let mut unshare = Command::new("unshare");
    unshare.args(way);
    Some(unshare)
}

/// Which namespaces this process is in, as the kernel names them.
pub(super) fn id() -> String {
    let one = |kind| std::fs::read_link(Path::new("/proc/self/ns").join(kind)).unwrap();
    format!("{} {}", one("net").display(), one("mnt").display())
}

/// Makes sure that what `enter` does is done to no real host.
pub(super) fn assert_is_another_than(outside: &str) {
    let (outside, inside) = (outside.split_once(' ').unwrap(), id());
    let inside = inside.split_once(' ').unwrap();
    assert!(outside.0 != inside.0 && outside.1 != inside.1, "these are not new namespaces");
}

/// Makes every address one of this host, and its names those of the test.
pub(super) fn enter() {
    run("ip", &["link", "set", "lo", "up"]);
    run("ip", &["route", "add", "local", "0.0.0.0/0", "dev", "lo"]);
    run("ip", &["-6", "route", "add", "local", "::/0", "dev", "lo"]);
    // Memory that is gone with the namespace, where it alone is seen.
    run("mount", &["-t", "tmpfs", "tmpfs", "/etc"]);
    let resolver = format!("nameserver {}\noptions timeout:1 attempts:1\n", names::ADDRESS);
    for (name, text) in [
        ("resolv.conf", resolver.as_str()),
        ("nsswitch.conf", "hosts: files dns\n"),
        ("hosts", "127.0.0.1 localhost\n"),
    ] {
        std::fs::write(Path::new("/etc").join(name), text).unwrap();
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}
