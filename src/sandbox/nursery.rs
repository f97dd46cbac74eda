//! Starts the processes of workers, on a thread of its own.
//!
//! The thread is there because the kernel ends a worker with the *thread* that started it
//! (`PR_SET_PDEATHSIG`), and threads of a runtime come and go. It lives as long as the sandbox, and
//! the start of a process does not hold up the runtime's other tasks.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as BlockingStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A process that was started, and our end of its standard input.
pub(super) type Newborn = (Child, UnixStream);

/// Whoever waits for a process, and the runtime that will reap it.
struct Order {
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Newborn>>,
}

/// Where processes of one program are started.
pub(super) struct Nursery {
    program: PathBuf,
    /// The thread, from the first process on. It ends when this is dropped.
    thread: Mutex<Option<mpsc::Sender<Order>>>,
}

impl Nursery {
    pub(super) const fn new(program: PathBuf) -> Self {
        Self { program, thread: Mutex::new(None) }
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Starts one process. Whoever drops it kills it.
    pub(super) async fn start(&self) -> io::Result<Newborn> {
        let (answer, answered) = oneshot::channel();
        self.order(Order { runtime: Handle::current(), answer })?;
        answered.await.map_err(|_| io::Error::other("the thread that starts workers ended"))?
    }

    fn order(&self, order: Order) -> io::Result<()> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let orders = match &mut *thread {
            Some(orders) => orders,
            empty => {
                let (orders, receiver) = mpsc::channel::<Order>();
                let program = self.program.clone();
                let run = move || receiver.into_iter().for_each(|order| fulfil(&program, order));
                thread::Builder::new().name("workers".to_owned()).spawn(run)?;
                empty.insert(orders)
            }
        };
        orders.send(order).map_err(|_| io::Error::other("the thread that starts workers ended"))
    }
}

fn fulfil(program: &Path, order: Order) {
    let _entered = order.runtime.enter();
    // Where nobody waits any more, dropping the process kills it.
    drop(order.answer.send(spawn(program)));
}

fn spawn(program: &Path) -> io::Result<Newborn> {
    let (ours, theirs) = BlockingStream::pair()?;
    ours.set_nonblocking(true)?;
    let mut command = std::process::Command::new(program);
    // A group of its own: Ctrl-C in a terminal is for the daemon, which finishes its work first.
    command.arg0("tidings").arg("worker").env_clear().current_dir("/").process_group(0);
    let mut command = Command::from(command);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.kill_on_drop(true).spawn()?;
    Ok((child, UnixStream::from_std(ours)?))
}
