//! Listeners that write down at which address they were called, and answer well.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// Where webhooks are expected. The others are for what must not happen at all.
pub(super) const PORT: u16 = 80;
const OTHER_PORTS: [u16; 3] = [443, 3128, 8080];
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to listen for calls that should not come; a call on loopback takes microseconds.
const SILENCE: Duration = Duration::from_millis(20);

/// The listeners. They end with the process.
pub(super) struct Canary {
    calls: Receiver<(IpAddr, u16)>,
}

impl Canary {
    pub(super) fn start() -> Self {
        let (sender, calls) = channel();
        for port in [PORT].into_iter().chain(OTHER_PORTS) {
            // Takes calls to IPv4 addresses, too.
            let listener = TcpListener::bind(SocketAddr::new(IpAddr::from([0_u16; 8]), port));
            let (listener, sender) = (listener.unwrap(), sender.clone());
            thread::spawn(move || listen(&listener, &sender));
        }
        Self { calls }
    }

    /// The calls since the last look, of which `expected` are waited for.
    pub(super) fn heard(&self, expected: usize) -> Vec<(IpAddr, u16)> {
        let mut heard = Vec::new();
        loop {
            let patience = if heard.len() < expected { PATIENCE } else { SILENCE };
            match self.calls.recv_timeout(patience) {
                Ok(call) => heard.push(call),
                Err(_silence) => return heard,
            }
        }
    }
}

fn listen(listener: &TcpListener, calls: &Sender<(IpAddr, u16)>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let called = stream.local_addr().unwrap();
        if calls.send((called.ip().to_canonical(), called.port())).is_err() {
            return;
        }
        // Whoever hangs up at once is only trying the line.
        thread::spawn(move || drop(answer(stream)));
    }
}

/// Answers 200, or redirects to what follows `/redirect?`.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&buffer[..count]);
        let target = text.split_once("/redirect?").and_then(|(_, rest)| rest.split(' ').next());
        let answer = match target {
            None => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
            Some(target) => format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}\r\n\
                 content-length: 0\r\n\r\n"
            ),
        };
        stream.write_all(answer.as_bytes())?;
    }
}
