//! A client that hides nothing: requests are the bytes a test wants, answers keep theirs.
//!
//! One connection per request, closed by the daemon after its answer; that is enough to read an
//! answer to its end without knowing anything about it.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Ask {
    /// A request without a body.
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: None }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn delete(path: &str) -> Self {
        Self::new("DELETE", path)
    }

    pub(crate) fn post(path: &str, body: impl ToString) -> Self {
        Self::new("POST", path).json(body)
    }

    pub(crate) fn patch(path: &str, body: impl ToString) -> Self {
        Self::new("PATCH", path).json(body)
    }

    pub(crate) fn json(mut self, body: impl ToString) -> Self {
        self.body = Some(body.to_string());
        self
    }

    /// Sets a header, instead of the one that would be sent by itself.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends an API key, unless credentials are set already.
    pub(crate) fn key(self, key: &str) -> Self {
        if self.has("Authorization") {
            return self;
        }
        self.header("Authorization", &format!("Klaviyo-API-Key {key}"))
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// The request as it goes over the wire.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        let body = self.body.take();
        let mut defaults = vec![("Host", "127.0.0.1".to_owned()), ("Connection", "close".into())];
        if let Some(body) = &body {
            defaults.push(("Content-Type", "application/vnd.api+json".to_owned()));
            defaults.push(("Content-Length", body.len().to_string()));
        }
        for (name, value) in defaults {
            if !self.has(name) {
                self = self.header(name, &value);
            }
        }
        let mut request = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(&body.unwrap_or_default());
        request.into_bytes()
    }
}

/// Writes a request, then `rest` if there is one, and reads the answer to its end.
pub(crate) async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
    rest: Option<&[u8]>,
) -> Answer {
    let mut read = Vec::new();
    let exchanged = tokio::time::timeout(ANSWER_TIMEOUT, async {
        stream.write_all(request).await?;
        stream.write_all(rest.unwrap_or_default()).await?;
        stream.read_to_end(&mut read).await
    });
    exchanged.await.expect("the daemon answers in time").expect("the connection holds");
    Answer::read(&read)
}

/// An answer, its head as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line and the headers, spelt as they were.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("answers are UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.expect("an answer has a status");
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut named = lines.filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value)
    }

    /// The document of an answer with this status; null where it has no body.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The one error of a refusal with this status, which must have the contract's shape.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> Value {
        let document = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/vnd.api+json"));
        let errors = document["errors"].as_array().expect("a refusal has errors");
        let [error] = errors.as_slice() else { panic!("{} errors", errors.len()) };
        for part in ["id", "code", "title", "detail"] {
            assert!(error[part].as_str().is_some_and(|text| !text.is_empty()), "{part} of {error}");
        }
        assert_eq!(error["status"], status, "the body tells the status, as a number");
        for part in ["source", "links", "meta"] {
            assert!(error[part].is_object(), "{part} of {error}");
        }
        error.clone()
    }
}
