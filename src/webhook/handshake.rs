//! Asking an endpoint for its consent before anything is delivered to it (CloudEvents "HTTP 1.1
//! Web Hooks", section 4), so that tidings can not be made to flood somebody who never asked.
//!
//! An `OPTIONS` request names who wants to send, and how often; the endpoint answers with whom it
//! lets, and how often. Consent that comes later by a call back is not taken: somebody waits for
//! the answer. [`judge`] decides, without I/O.

use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::Webhook;
use super::settings::{Period, RateLimit, Settings};
use crate::egress::{Destination, Egress, Request, TlsSettings};
use crate::json::Fault;
use crate::limits;

const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const REQUEST_RATE: HeaderName = HeaderName::from_static("webhook-request-rate");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

const URL_AT: &str = "/data/attributes/endpoint_url";
const RATE_AT: &str = "/data/attributes/rate_limit";

/// Whether an endpoint is to be asked: when the webhook wants that, and its address is new or the
/// wish is.
#[must_use]
pub fn is_needed(before: Option<&Webhook>, url: &str, settings: &Settings) -> bool {
    let was_asked = before.is_some_and(|old| old.settings.has_handshake && old.endpoint_url == url);
    settings.has_handshake && !was_asked
}

/// Asks the endpoint at `url` whether `origin` may send. Returns the rate that it asks us to keep
/// to, where it names one and the webhook has none.
///
/// # Errors
/// Where it can not be asked or does not consent; with what it answered.
pub async fn ask(
    egress: &Egress,
    origin: &str,
    url: &str,
    settings: &Settings,
) -> Result<Option<RateLimit>, Fault> {
    let refused = |why: String| Fault::new(URL_AT, format!("the handshake failed: {why}"));
    let destination =
        Destination::parse(url, egress.policy()).map_err(|error| refused(error.to_string()))?;
    let own = if settings.tls == TlsSettings::default() {
        egress.clone()
    } else {
        egress.with_tls(&settings.tls).map_err(|error| refused(error.to_string()))?
    };
    let request = Request {
        method: Method::OPTIONS,
        destination,
        headers: question(origin, settings.rate_limit),
        body: Bytes::new(),
    };
    let answer = own.send(request, limits::HANDSHAKE_TIMEOUT).await.result;
    let answer = answer.map_err(|error| refused(error.to_string()))?;
    judge(answer.status, &answer.headers, origin, settings.rate_limit)
}

fn question(origin: &str, rate: Option<RateLimit>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(2);
    // A host name, and a number: always header text.
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(REQUEST_ORIGIN, origin);
    }
    if let Some(rate) = rate {
        headers.insert(REQUEST_RATE, HeaderValue::from(per_hour(rate).div_ceil(60).max(1)));
    }
    headers
}

fn per_hour(rate: RateLimit) -> u64 {
    let periods = 3_600 / rate.period.duration().as_secs();
    u64::from(rate.requests).saturating_mul(periods)
}

/// What an endpoint's answer means for whoever asked with this origin and rate.
///
/// # Errors
/// Where it is no consent.
pub fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    origin: &str,
    asked: Option<RateLimit>,
) -> Result<Option<RateLimit>, Fault> {
    let refused = |why: String| Fault::new(URL_AT, format!("the handshake failed: {why}"));
    if !status.is_success() {
        let status = status.as_u16();
        return Err(refused(format!("the endpoint answered OPTIONS with {status}, not with 2xx")));
    }
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(&ALLOWED_ORIGIN).map(str::trim) {
        Some("*") => {}
        Some(allowed) if allowed.eq_ignore_ascii_case(origin) => {}
        Some(allowed) => {
            let why = format!("the endpoint allows `{allowed}` to send, and we are `{origin}`");
            return Err(refused(why));
        }
        None => {
            let why = format!(
                "the endpoint's answer has no WebHook-Allowed-Origin header, which would have to \
                 be `{origin}` or `*`"
            );
            return Err(refused(why));
        }
    }
    allowed_rate(text(&ALLOWED_RATE).map(str::trim), asked)
}

/// The rate to keep to: what the endpoint allows, in requests per minute, where nothing was asked.
fn allowed_rate(
    allowed: Option<&str>,
    asked: Option<RateLimit>,
) -> Result<Option<RateLimit>, Fault> {
    let Some(allowed) = allowed.filter(|allowed| *allowed != "*") else { return Ok(None) };
    let Some(requests) = allowed.parse::<u32>().ok().filter(|requests| *requests > 0) else {
        let why = format!(
            "the handshake failed: the endpoint's WebHook-Allowed-Rate is `{allowed}`, which is \
             neither `*` nor a number of requests per minute"
        );
        return Err(Fault::new(URL_AT, why));
    };
    match asked {
        Some(asked) if per_hour(asked) > u64::from(requests) * 60 => {
            let why = format!("the endpoint allows {requests} requests per minute: ask for less");
            Err(Fault::new(RATE_AT, why))
        }
        Some(_) => Ok(None),
        None => {
            let requests = requests.min(limits::RATE_LIMIT_REQUESTS_MAX);
            Ok(Some(RateLimit { requests, period: Period::Minute }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "hooks.example.com";

    fn judged(
        status: u16,
        headers: &[(HeaderName, &'static str)],
        asked: Option<(u32, Period)>,
    ) -> Result<Option<u32>, (String, String)> {
        let headers = headers.iter().cloned();
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let status = StatusCode::from_u16(status).unwrap();
        let asked = asked.map(|(requests, period)| RateLimit { requests, period });
        judge(status, &headers.collect(), ORIGIN, asked)
            .map(|rate| rate.map(|rate| rate.requests))
            .map_err(|fault| (fault.pointer, fault.detail))
    }

    #[test]
    fn consent_is_a_2xx_that_names_us() {
        for (status, allowed) in
            [(200, "*"), (204, ORIGIN), (200, "Hooks.Example.Com"), (299, " * ")]
        {
            assert_eq!(judged(status, &[(ALLOWED_ORIGIN, allowed)], None), Ok(None), "{allowed}");
        }
        for (status, headers, words) in [
            (404, vec![(ALLOWED_ORIGIN, "*")], "with 404"),
            (302, vec![(ALLOWED_ORIGIN, "*")], "with 302"),
            (200, vec![], "no WebHook-Allowed-Origin"),
            (200, vec![(ALLOWED_ORIGIN, "example.com")], "allows `example.com`"),
            (200, vec![(ALLOWED_ORIGIN, "*"), (ALLOWED_RATE, "many")], "is `many`"),
            (200, vec![(ALLOWED_ORIGIN, "*"), (ALLOWED_RATE, "0")], "is `0`"),
        ] {
            let (pointer, why) = judged(status, &headers, None).unwrap_err();
            assert_eq!(pointer, URL_AT);
            assert!(why.contains(words), "{why}");
        }
    }

    #[test]
    fn a_lower_rate_is_taken_where_none_was_asked_for_and_told_where_one_was() {
        let rate =
            |allowed, asked| judged(200, &[(ALLOWED_ORIGIN, "*"), (ALLOWED_RATE, allowed)], asked);
        assert_eq!(rate("*", None), Ok(None));
        assert_eq!(rate("120", None), Ok(Some(120)));
        for (asked, fits) in [
            ((120, Period::Minute), true),
            ((121, Period::Minute), false),
            ((2, Period::Second), true),
            ((3, Period::Second), false),
            ((7_200, Period::Hour), true),
            ((7_201, Period::Hour), false),
        ] {
            let judged = rate("120", Some(asked));
            if fits {
                assert_eq!(judged, Ok(None), "{asked:?}");
            } else {
                assert_eq!(judged.unwrap_err().0, RATE_AT, "{asked:?}");
            }
        }
    }

    #[test]
    fn the_question_names_us_and_a_whole_rate() {
        for (rate, expected) in [
            (None, None),
            (Some((2, Period::Second)), Some("120")),
            (Some((30, Period::Minute)), Some("30")),
            (Some((1, Period::Hour)), Some("1")),
        ] {
            let rate = rate.map(|(requests, period)| RateLimit { requests, period });
            let headers = question(ORIGIN, rate);
            assert_eq!(headers[REQUEST_ORIGIN], ORIGIN);
            let told = headers.get(REQUEST_RATE).map(|value| value.to_str().unwrap());
            assert_eq!(told, expected);
        }
    }
}
