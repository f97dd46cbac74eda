//! HTTP/1.1 with nothing but std, for both ends of the crash test.
//!
//! A client that hides a lost connection behind a retry would hide what is tested: here every
//! request is written once, and every error reaches the caller.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer takes; a hanging daemon fails the test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(30);

/// One keep-alive connection to the daemon.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    key: String,
}

/// The first line, the headers and the body of a request or an answer.
pub(super) struct Message {
    pub(super) first_line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn connect(addr: &str, key: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), key: key.to_owned() })
    }

    pub(super) fn post(&mut self, path: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        self.ask("POST", path, body)
    }

    pub(super) fn fetch(&mut self, path: &str) -> io::Result<(u16, Vec<u8>)> {
        self.ask("GET", path, "")
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        let (key, length) = (&self.key, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Klaviyo-API-Key {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let answer = read_message(&mut self.stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = answer.first_line.split(' ').nth(1).and_then(|word| word.parse().ok());
        Ok((status.ok_or(io::ErrorKind::InvalidData)?, answer.body))
    }
}

impl Message {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(of, _)| of.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads one message; `None` where the connection ended before it began.
pub(super) fn read_message(from: &mut BufReader<TcpStream>) -> io::Result<Option<Message>> {
    let first_line = read_line(from)?;
    if first_line.is_empty() {
        return Ok(None);
    }
    let mut message = Message { first_line, headers: Vec::new(), body: Vec::new() };
    loop {
        let line = read_line(from)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        message.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = message.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    message.body.resize(length, 0);
    from.read_exact(&mut message.body)?;
    Ok(Some(message))
}

fn read_line(from: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
