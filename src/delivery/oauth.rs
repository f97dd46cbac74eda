//! Bearer tokens for endpoints that want OAuth 2.0 client credentials (RFC 6749 §4.4).
//!
//! A token is asked for when the first attempt needs one, kept in memory until shortly before it
//! expires, and forgotten when the endpoint answers 401. Attempts that need the same token wait
//! for one call. The call leaves by the same egress as every delivery.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use serde::Deserialize;
use url::form_urlencoded;

use crate::clock::{Clock, Timestamp};
use crate::egress::{Destination, Egress, Request};
use crate::id::WebhookId;
use crate::limits;
use crate::secret::Secret;

/// Who asks for a token, and where.
pub(super) struct Grant<'a> {
    pub(super) webhook: WebhookId,
    /// A changed webhook does not use the token of its former self.
    pub(super) version: Timestamp,
    pub(super) destination: &'a Destination,
    pub(super) client_id: &'a str,
    pub(super) client_secret: &'a Secret,
    pub(super) scope: Option<&'a str>,
}

/// The tokens that are good at the moment. Clones share them.
#[derive(Clone, Default)]
pub struct Tokens(Arc<Mutex<HashMap<WebhookId, Arc<Slot>>>>);

/// One webhook's token; whoever holds the lock is getting it.
#[derive(Default)]
struct Slot(tokio::sync::Mutex<Option<Token>>);

struct Token {
    version: Timestamp,
    expires: Timestamp,
    text: Secret,
}

/// The successful answer of a token endpoint (RFC 6749 §5.1), as far as it matters.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Number>,
}

impl Tokens {
    /// The webhook's token: the one at hand, or a new one.
    ///
    /// # Errors
    /// One sentence for the operator; it holds nothing secret.
    pub(super) async fn get(
        &self,
        grant: &Grant<'_>,
        egress: &Egress,
        clock: &Clock,
        timeout: Duration,
    ) -> Result<Secret, String> {
        let slot = {
            let mut slots = self.0.lock().expect("no holder panics");
            Arc::clone(slots.entry(grant.webhook).or_default())
        };
        let mut kept = slot.0.lock().await;
        let now = clock.now();
        if let Some(token) = &*kept
            && token.version == grant.version
            && token.expires > now
        {
            return Ok(token.text.clone());
        }
        let (text, lifetime) = ask(grant, egress, timeout).await?;
        let lifetime = lifetime.saturating_sub(limits::TOKEN_RENEWED_BEFORE);
        let expires = now.plus(lifetime);
        *kept = Some(Token { version: grant.version, expires, text: text.clone() });
        Ok(text)
    }

    /// The endpoint did not accept the webhook's token, or the webhook is gone.
    pub fn forget(&self, webhook: WebhookId) {
        self.0.lock().expect("no holder panics").remove(&webhook);
    }
}

async fn ask(
    grant: &Grant<'_>,
    egress: &Egress,
    timeout: Duration,
) -> Result<(Secret, Duration), String> {
    let mut headers = HeaderMap::new();
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(header::CONTENT_TYPE, form_type);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let request = Request {
        method: Method::POST,
        destination: grant.destination.clone(),
        headers,
        body: Bytes::from(form(grant)),
    };
    let whom = format!("the token endpoint {}", grant.destination.origin());
    let answer = egress.send(request, timeout).await.result;
    let answer = answer.map_err(|error| format!("no token: {}", error.detail))?;
    if !answer.status.is_success() {
        let error = oauth_error(&answer.excerpt).unwrap_or_default();
        return Err(format!("{whom} answered {}{error}", answer.status));
    }
    read(&answer.excerpt).map_err(|why| format!("{whom} answered {why}"))
}

fn form(grant: &Grant<'_>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    form.append_pair("client_id", grant.client_id);
    form.append_pair("client_secret", grant.client_secret.expose());
    if let Some(scope) = grant.scope {
        form.append_pair("scope", scope);
    }
    form.finish()
}

/// The token and its lifetime.
fn read(body: &[u8]) -> Result<(Secret, Duration), &'static str> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| "something that is not a token in JSON")?;
    let is_bearer =
        answer.token_type.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !is_bearer {
        return Err("a token that is not a bearer token");
    }
    let text = answer.access_token;
    let is_header_text = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_header_text || text.len() > limits::TOKEN_BYTES_MAX {
        return Err("a token that does not fit into a header");
    }
    let seconds = answer.expires_in.and_then(|number| number.as_f64());
    let lifetime =
        seconds.filter(|seconds| *seconds > 0.0).map_or(limits::TOKEN_LIFETIME, |seconds| {
            Duration::try_from_secs_f64(seconds).unwrap_or(limits::TOKEN_LIFETIME)
        });
    Ok((Secret::new(text), lifetime))
}

/// The `error` of a refusal (RFC 6749 §5.2): a short code, never what was sent.
fn oauth_error(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let Refusal { error } = serde_json::from_slice(body).ok()?;
    let is_code = error.len() <= 64 && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_code.then(|| format!(", {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_with_its_lifetime() {
        let (token, lifetime) =
            read(br#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#).unwrap();
        assert_eq!((token.expose(), lifetime), ("abc", Duration::from_secs(3_600)));
        let (_, lifetime) = read(br#"{"access_token":"abc","expires_in":-1}"#).unwrap();
        assert_eq!(lifetime, limits::TOKEN_LIFETIME);
        let (_, lifetime) = read(br#"{"access_token":"abc","expires_in":1e300}"#).unwrap();
        assert_eq!(lifetime, limits::TOKEN_LIFETIME);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for body in [
            &b"nothing"[..],
            br#"{"access_token":""}"#,
            br#"{"access_token":"a b"}"#,
            br#"{"access_token":"a\r\nX: y"}"#,
            br#"{"access_token":"abc","token_type":"mac"}"#,
        ] {
            assert!(read(body).is_err());
        }
        assert_eq!(oauth_error(br#"{"error":"invalid_client"}"#).unwrap(), ", invalid_client");
        assert_eq!(oauth_error(br#"{"error":"<script>"}"#), None);
    }
}
