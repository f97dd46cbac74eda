//! One received delivery as one line of JSON for programs.
//!
//! Pure; called by `listen`. The body stays exactly what came, numbers included, and credentials
//! that a sender put into headers stay out.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::receiver::{Received, Reply, Verdict};
use crate::signing::{KLAVIYO_WEBHOOK_ID, STANDARD_ID, Scheme};

/// Headers whose values are credentials of the sender.
const HIDDEN_HEADERS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    method: &'a str,
    path: &'a str,
    webhook_id: Option<String>,
    message_id: Option<String>,
    attempt: u32,
    klaviyo: Signature,
    standard: Signature,
    ed25519: Signature,
    github: Signature,
    stripe: Signature,
    answered: Option<u16>,
    answer: &'static str,
    delay_ms: u128,
    headers: Vec<(&'a str, String)>,
    body: Option<Box<RawValue>>,
    body_text: Option<String>,
}

#[derive(Serialize)]
struct Signature {
    verdict: &'static str,
    reason: Option<String>,
}

/// One JSON object without a newline; `body` is the JSON that came, `body_text` any other body.
///
/// # Errors
/// When it cannot be written as JSON, which no request is known to cause.
pub(super) fn json(received: &Received) -> serde_json::Result<String> {
    let header = |name| received.headers.get(name).map(|value| lossy(value.as_bytes()));
    let signature = |scheme| signature(received.verdicts.of(scheme));
    let body = one_line(&received.body);
    let text = || (!received.body.is_empty()).then(|| lossy(&received.body));
    serde_json::to_string(&Line {
        at: received.at.rfc3339_micros(),
        method: received.method.as_str(),
        path: &received.path,
        webhook_id: header(KLAVIYO_WEBHOOK_ID),
        message_id: header(STANDARD_ID),
        attempt: received.attempt,
        klaviyo: signature(Scheme::Klaviyo),
        standard: signature(Scheme::Standard),
        ed25519: signature(Scheme::Ed25519),
        github: signature(Scheme::Github),
        stripe: signature(Scheme::Stripe),
        answered: received.answered,
        answer: match received.answer.reply {
            Reply::Auto => "auto",
            Reply::Status(_) => "scripted",
            Reply::Hang => "hang",
            Reply::Reset => "reset",
        },
        delay_ms: received.answer.delay.as_millis(),
        headers: headers(&received.headers),
        body_text: if body.is_none() { text() } else { None },
        body,
    })
}

fn signature(verdict: &Verdict) -> Signature {
    let (verdict, reason) = match verdict {
        Verdict::Absent => ("absent", None),
        Verdict::Unchecked => ("unchecked", None),
        Verdict::Verified => ("ok", None),
        Verdict::Unread(unread) => ("unread", Some(unread.to_string())),
        Verdict::Rejected(why) => ("refused", Some(why.to_string())),
    };
    Signature { verdict, reason }
}

fn headers(headers: &HeaderMap) -> Vec<(&str, String)> {
    let value = |name: &HeaderName, value: &[u8]| {
        if HIDDEN_HEADERS.contains(name) { "(hidden)".to_owned() } else { lossy(value) }
    };
    headers.iter().map(|(name, text)| (name.as_str(), value(name, text.as_bytes()))).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The JSON as it came. A newline in JSON is always white space between tokens, so a space does.
fn one_line(body: &[u8]) -> Option<Box<RawValue>> {
    let raw: &RawValue = serde_json::from_slice(body).ok()?;
    RawValue::from_string(raw.get().replace(['\n', '\r'], " ")).ok()
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::received;
    use super::*;

    #[test]
    fn json_is_one_line_and_keeps_the_body_exactly() {
        let line = json(&received("{\"n\":\n 12345678901234567890.10}")).unwrap();
        assert!(!line.contains('\n'));
        assert!(line.contains("{\"n\":  12345678901234567890.10}"), "{line}");
        assert!(!line.contains("Bearer"), "{line}");
        for (scheme, verdict) in [("standard", "ok"), ("github", "ok"), ("stripe", "absent")] {
            let told = format!(r#""{scheme}":{{"verdict":"{verdict}","reason":null}}"#);
            assert!(line.contains(&told), "{told}: {line}");
        }
        assert!(json(&received("hello")).unwrap().contains(r#""body_text":"hello""#));
    }
}
