//! One received delivery as text for people.
//!
//! Pure: `listen` decides where it is written and whether in colour. What a sender chose is shown
//! shortened and with control characters escaped, so that a request cannot drive the terminal.

use std::fmt::Write as _;

use serde_json::Value;

use crate::cli::receiver::{Received, Reply, Verdict};
use crate::cli::table::{Colours, printable};
use crate::limits::{SHOWN_EVENTS_MAX, SHOWN_TEXT_CHARS_MAX};
use crate::signing::{
    GITHUB_SIGNATURE, KLAVIYO_SIGNATURE, KLAVIYO_WEBHOOK_ID, STANDARD_ID, STANDARD_SIGNATURE,
    STRIPE_SIGNATURE, Scheme, Schemes,
};

/// Several lines that end with a newline: the request, its ids, its signatures, its events.
pub(in crate::cli) fn text(received: &Received, colours: Colours) -> String {
    let at = received.at.rfc3339_micros();
    let time: String = at.chars().skip("2026-04-13T".len()).take("22:50:12.101".len()).collect();
    let mut out = format!("{} {} ", colours.faint(&format!("{time}Z")), received.method);
    let path = colours.paint("1", &shown(&received.path));
    push_line(&mut out, &format!("{path} → {}", answer(received, colours)));
    for line in [ids(received), signatures(received, colours)] {
        push_line(&mut out, &format!("  {line}"));
    }
    for line in contents(&received.body) {
        push_line(&mut out, &format!("  {line}"));
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

fn answer(received: &Received, colours: Colours) -> String {
    let Some(status) = received.answered else {
        let silent = if received.answer.reply == Reply::Hang {
            "no answer (hang)"
        } else {
            "connection reset"
        };
        return colours.bad(silent);
    };
    let mut text = status.to_string();
    if !received.answer.delay.is_zero() {
        write!(text, " after {:?}", received.answer.delay).unwrap_or_default();
    }
    if (200..300).contains(&status) { colours.good(&text) } else { colours.bad(&text) }
}

fn ids(received: &Received) -> String {
    let header = |name| received.headers.get(name).map(|value| shown_bytes(value.as_bytes()));
    let mut known = Vec::new();
    known.extend(header(KLAVIYO_WEBHOOK_ID).map(|id| format!("webhook {id}")));
    known.extend(header(STANDARD_ID).map(|id| format!("message {id}")));
    known.push(match received.attempt {
        1 if known.is_empty() => "no webhook or message id".to_owned(),
        1 => "first attempt".to_owned(),
        attempt => format!("attempt {attempt}, this message came before"),
    });
    known.join("  ")
}

fn signatures(received: &Received, colours: Colours) -> String {
    if let Some(unread) = received.verdicts.unread() {
        return colours.bad(&format!("signatures not checked: {unread}"));
    }
    // Of the usual schemes even the absence is news.
    let usual = Schemes::default();
    let told = |(scheme, verdict): &(Scheme, &Verdict)| {
        usual.contains(*scheme) || **verdict != Verdict::Absent
    };
    let told: Vec<_> = received.verdicts.iter().filter(told).collect();
    // Good words fit on one line; reasons and values have their own.
    let separator = if told.iter().all(|(_, verdict)| is_brief(verdict)) { ", " } else { "\n  " };
    let one = |(scheme, verdict)| signature(received, scheme, verdict, colours);
    told.into_iter().map(one).collect::<Vec<_>>().join(separator)
}

fn signature(received: &Received, scheme: Scheme, verdict: &Verdict, colours: Colours) -> String {
    match verdict {
        Verdict::Absent => colours.faint(&format!("{scheme} signature absent")),
        Verdict::Verified => colours.good(&format!("{scheme} signature ok")),
        Verdict::Rejected(why) => {
            colours.bad(&format!("{scheme} signature refused: {}", printable(&why.to_string())))
        }
        Verdict::Unread(unread) => colours.bad(&format!("{scheme} not checked: {unread}")),
        Verdict::Unchecked => {
            let value = received.headers.get(header_of(scheme));
            let value = value.map(|value| shown_bytes(value.as_bytes()));
            let value = value.unwrap_or_else(|| "(none)".to_owned());
            format!("{scheme} signature {value} not checked")
        }
    }
}

const fn header_of(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Klaviyo => KLAVIYO_SIGNATURE,
        Scheme::Standard | Scheme::Ed25519 => STANDARD_SIGNATURE,
        Scheme::Github => GITHUB_SIGNATURE,
        Scheme::Stripe => STRIPE_SIGNATURE,
    }
}

const fn is_brief(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Absent | Verdict::Verified)
}

/// The events of a batch, one to a line, or the beginning of any other body.
fn contents(body: &[u8]) -> Vec<String> {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let events = parsed.as_ref().and_then(|body| body.get("data")).and_then(Value::as_array);
    let Some(events) = events.filter(|events| events.iter().any(|one| one.get("topic").is_some()))
    else {
        return vec![if body.is_empty() { "no body".to_owned() } else { shown_bytes(body) }];
    };
    let mut lines: Vec<_> = events.iter().take(SHOWN_EVENTS_MAX).map(event).collect();
    if let Some(more) = events.len().checked_sub(SHOWN_EVENTS_MAX + 1) {
        lines.push(format!("… and {} more events", more + 1));
    }
    lines
}

fn event(item: &Value) -> String {
    let text = |key| shown(item.get(key).and_then(Value::as_str).unwrap_or("?"));
    let properties = item.pointer("/payload/data/attributes/event_properties");
    let properties = properties.map(Value::to_string).unwrap_or_default();
    format!("{}  {}  {}", text("topic"), text("external_id"), shown(&properties))
}

fn shown_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => shown(text),
        Err(_) => format!("({} bytes that are not text)", bytes.len()),
    }
}

/// A text of the sender, at most [`SHOWN_TEXT_CHARS_MAX`] long.
fn shown(text: &str) -> String {
    let mut chars = text.chars();
    let beginning: String = chars.by_ref().take(SHOWN_TEXT_CHARS_MAX).collect();
    let mut shown = printable(&beginning);
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
pub(crate) mod tests {
    use hyper::body::Bytes;
    use hyper::header::{AUTHORIZATION, HeaderValue};
    use hyper::{HeaderMap, Method};

    use super::*;
    use crate::cli::receiver::{Answer, Unread, Verdicts};
    use crate::clock::Timestamp;

    /// A delivery with a message id, a credential and this body.
    pub(crate) fn received(body: &str) -> Received {
        let mut headers = HeaderMap::new();
        headers.insert(STANDARD_ID, HeaderValue::from_static("msg_1"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        Received {
            at: Timestamp::from_micros(1_776_120_612_101_159),
            method: Method::POST,
            path: "/hook".to_owned(),
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
            verdicts: Verdicts::by(|scheme| match scheme {
                Scheme::Standard | Scheme::Github => Verdict::Verified,
                _ => Verdict::Absent,
            }),
            answer: Answer { reply: Reply::Auto, delay: std::time::Duration::from_millis(1_500) },
            answered: Some(200),
            attempt: 2,
        }
    }

    #[test]
    fn text_shows_request_ids_signatures_and_events() {
        let body = r#"{"data":[{"topic":"event:api.order","external_id":"7a",
            "payload":{"data":{"attributes":{"event_properties":{"note":"\u001b[2J\u202e"}}}}}]}"#;
        let expected = "22:50:12.101Z POST /hook → 200 after 1.5s\n  \
            message msg_1  attempt 2, this message came before\n  \
            klaviyo signature absent, standard signature ok, github signature ok\n  \
            event:api.order  7a  {\"note\":\"\\u001b[2J\\u{202e}\"}\n";
        assert_eq!(text(&received(body), Colours::Off), expected);
    }

    #[test]
    fn what_was_not_checked_is_shown_with_its_value() {
        let mut received = received("{}");
        received.headers.insert(STRIPE_SIGNATURE, HeaderValue::from_static("t=1,v1=00"));
        received.verdicts = Verdicts::by(|scheme| match scheme {
            Scheme::Stripe => Verdict::Unchecked,
            _ => Verdict::Absent,
        });
        let expected = "  klaviyo signature absent\n  standard signature absent\n  \
            stripe signature t=1,v1=00 not checked\n";
        let shown = text(&received, Colours::Off);
        assert!(shown.contains(expected), "{shown}");
        received.verdicts = Verdicts::by(|_| Verdict::Unread(Unread::CutOff));
        let shown = text(&received, Colours::Off);
        let expected = "\n  signatures not checked: the body ended early or stalled\n";
        assert!(shown.contains(expected), "{shown}");
    }
}
