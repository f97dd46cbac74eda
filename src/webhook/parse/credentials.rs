//! The attributes that hold secrets: headers, TLS and authentication.
//!
//! Reading them back shows [`MASK`] in place of each secret. A request that sends the mask, or
//! leaves a secret out of an object that it sends, keeps the one there is; where there is none, or
//! it would go to another place than it was given for, that is a fault.

use serde_json::Value;

use super::original::ATTRIBUTES_AT;
use super::settings::Given;
use super::value::{At as _, Members, must, text, word};
use super::{MASK, masked_url};
use crate::egress::{ClientCertificate, Destination, Policy, TlsSettings};
use crate::json::{self, Fault};
use crate::limits;
use crate::secret::Secret;
use crate::webhook::settings::Auth;

/// What is to become of the headers: `None` removes all, else each is set or removed.
pub(super) type HeaderChanges = Option<Vec<(String, Option<Secret>)>>;

/// Headers that are ours, or that frame the message, or that say what the body is.
const TAKEN: [&str; 17] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "tidings-signature",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-hub-signature-256",
];
/// And all that begin with these, which carry signatures.
const TAKEN_PREFIXES: [&str; 2] = ["klaviyo-", "webhook-"];

pub(super) fn headers(given: &Given<'_>) -> Result<HeaderChanges, Fault> {
    given.map(|value| {
        let Some(members) = value.as_object() else {
            return Err(must("must be an object of names and values, such as {\"X-Team\": \"a\"}"));
        };
        let mut changes: Vec<(String, Option<Secret>)> = Vec::with_capacity(members.len());
        for (name, value) in members {
            let at = json::pointer_to(name);
            check_name(name).at(&at)?;
            if changes.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(Fault::new(
                    at,
                    "stands twice: the case of letters makes no difference",
                ));
            }
            let value = if value.is_null() { None } else { Some(header_value(value).at(&at)?) };
            changes.push((name.clone(), value));
        }
        Ok(changes)
    })
}

/// A name is a token (RFC 9110 §5.6.2) that nobody else needs.
fn check_name(name: &str) -> Result<(), Fault> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let most = limits::HEADER_NAME_BYTES_MAX;
    if !(1..=most).contains(&name.len()) || !name.bytes().all(is_token) {
        let why = format!(
            "is not a header's name: 1 to {most} letters, digits and characters of !#$%&'*+-.^_`|~"
        );
        return Err(must(why));
    }
    let name = name.to_ascii_lowercase();
    if TAKEN.contains(&name.as_str()) || TAKEN_PREFIXES.iter().any(|own| name.starts_with(own)) {
        return Err(must("is set by tidings itself, or by the rules of HTTP: choose another name"));
    }
    Ok(())
}

/// A value is visible characters with blanks between them (RFC 9110 §5.5).
fn header_value(given: &Value) -> Result<Secret, Fault> {
    let value = text(given)?;
    let most = limits::HEADER_VALUE_BYTES_MAX;
    if !(1..=most).contains(&value.len()) {
        return Err(must(format!("has {} bytes; 1 to {most} may be", value.len())));
    }
    let is_blank = |c: char| matches!(c, ' ' | '\t');
    if value.chars().any(|c| c.is_control() && c != '\t') || value.trim_matches(is_blank) != value {
        return Err(must("must be text on one line without blanks at its ends"));
    }
    Ok(Secret::new(value.to_owned()))
}

/// Applies changes of headers to those there are.
pub(super) fn merge(
    changes: HeaderChanges,
    headers: &mut Vec<(String, Secret)>,
) -> Result<(), Fault> {
    let Some(changes) = changes else {
        headers.clear();
        return Ok(());
    };
    for (name, value) in changes {
        let place = headers.iter().position(|(own, _)| own.eq_ignore_ascii_case(&name));
        match (place, value) {
            (Some(place), None) => drop(headers.remove(place)),
            (None, None) => {}
            (Some(_), Some(value)) if is_mask(&value) => {}
            (None, Some(value)) if is_mask(&value) => {
                let at = format!("{ATTRIBUTES_AT}/headers{}", json::pointer_to(&name));
                return Err(Fault::new(at, NO_VALUE));
            }
            (Some(place), Some(value)) => headers[place] = (name, value),
            (None, Some(value)) => headers.push((name, value)),
        }
    }
    Ok(())
}

const NO_VALUE: &str = "has no value yet that could stay: give it";

fn is_mask(secret: &Secret) -> bool {
    secret.expose() == MASK
}

/// A secret member, or the mask where it is left out.
fn secret_or_mask(
    members: &Members<'_>,
    name: &str,
    fits: fn(char) -> bool,
    expected: &str,
) -> Result<Secret, Fault> {
    let most = limits::AUTH_SECRET_BYTES_MAX;
    let given = members.optional(name, |given| {
        let given = text(given)?;
        if !(1..=most).contains(&given.len()) || !given.chars().all(fits) {
            return Err(must(format!("must be 1 to {most} bytes of {expected}")));
        }
        Ok(given.to_owned())
    })?;
    Ok(Secret::new(given.unwrap_or_else(|| MASK.to_owned())))
}

const PLAIN_TEXT: &str = "text on one line";

fn is_plain(c: char) -> bool {
    !c.is_control()
}

const fn is_visible(c: char) -> bool {
    c.is_ascii_graphic()
}

/// A member that is text on one line.
fn line(members: &Members<'_>, name: &str) -> Result<String, Fault> {
    members.required(name, short_line)
}

fn short_line(given: &Value) -> Result<String, Fault> {
    let (given, most) = (text(given)?, limits::AUTH_TEXT_CHARS_MAX);
    if !(1..=most).contains(&given.chars().count()) || !given.chars().all(is_plain) {
        return Err(must(format!("must be 1 to {most} characters of {PLAIN_TEXT}")));
    }
    Ok(given.to_owned())
}

#[derive(Clone, Copy)]
enum AuthKind {
    Basic,
    Bearer,
    OAuth2,
}

const AUTH_KINDS: [(&str, AuthKind); 3] =
    [("basic", AuthKind::Basic), ("bearer", AuthKind::Bearer), ("oauth2", AuthKind::OAuth2)];

pub(super) fn auth(given: &Value, policy: &Policy) -> Result<Auth, Fault> {
    const OAUTH2: [&str; 5] = ["type", "token_url", "client_id", "client_secret", "scope"];
    let kind = given.get("type").unwrap_or(&Value::Null);
    if !given.is_object() {
        return Err(must("must be an object with a `type`: `basic`, `bearer` or `oauth2`"));
    }
    match word(kind, &AUTH_KINDS).at("/type")? {
        AuthKind::Basic => {
            let members = Members::of(given, &["type", "username", "password"])?;
            let username = line(&members, "username")?;
            if username.contains(':') {
                return Err(Fault::new("/username", "holds a colon, which ends it (RFC 7617)"));
            }
            let password = secret_or_mask(&members, "password", is_plain, PLAIN_TEXT)?;
            Ok(Auth::Basic { username, password })
        }
        AuthKind::Bearer => {
            let members = Members::of(given, &["type", "token"])?;
            let expected = "visible ASCII characters without blanks";
            let token = secret_or_mask(&members, "token", is_visible, expected)?;
            Ok(Auth::Bearer { token })
        }
        AuthKind::OAuth2 => {
            let members = Members::of(given, &OAUTH2)?;
            let token_url = members.required("token_url", |given| {
                let url = text(given)?;
                Destination::parse(url, policy).map_err(|error| must(error.to_string()))?;
                Ok(url.to_owned())
            })?;
            let client_secret = secret_or_mask(&members, "client_secret", is_plain, PLAIN_TEXT)?;
            Ok(Auth::OAuth2 {
                token_url,
                client_id: line(&members, "client_id")?,
                client_secret,
                scope: members.optional("scope", short_line)?,
            })
        }
    }
}

/// Puts the secret there is into the place of the mask.
pub(super) fn complete_auth(to: Option<Auth>, from: Option<&Auth>) -> Result<Option<Auth>, Fault> {
    let Some(mut to) = to else { return Ok(None) };
    let (secret, member, kept) = match (&mut to, from) {
        (Auth::Basic { password, .. }, from) => {
            let kept = match from {
                Some(Auth::Basic { password, .. }) => Some(password),
                _ => None,
            };
            (password, "password", kept)
        }
        (Auth::Bearer { token }, from) => {
            let kept = match from {
                Some(Auth::Bearer { token }) => Some(token),
                _ => None,
            };
            (token, "token", kept)
        }
        (Auth::OAuth2 { token_url, client_secret, .. }, from) => {
            // A secret that was given for one address does not follow to another.
            let kept = match from {
                Some(Auth::OAuth2 { token_url: old, client_secret, .. })
                    if *token_url == masked_url(old) =>
                {
                    token_url.clone_from(old);
                    Some(client_secret)
                }
                Some(Auth::OAuth2 { token_url: old, client_secret, .. }) if *old == *token_url => {
                    Some(client_secret)
                }
                _ => None,
            };
            (client_secret, "client_secret", kept)
        }
    };
    if is_mask(secret) {
        let missing = || Fault::new(format!("{ATTRIBUTES_AT}/auth/{member}"), NO_VALUE);
        *secret = kept.cloned().ok_or_else(missing)?;
    }
    Ok(Some(to))
}

pub(super) fn tls(given: &Value) -> Result<TlsSettings, Fault> {
    let members = Members::of(given, &["ca", "client_certificate", "client_key"])?;
    let pem = |name| members.optional(name, |given| text(given).map(str::to_owned));
    let (ca, chain, key) = (pem("ca")?, pem("client_certificate")?, pem("client_key")?);
    if chain.is_none() && key.is_some() {
        let why = "`client_certificate` is required: a key proves nothing without it";
        return Err(Fault::new("/client_certificate", why));
    }
    let most = limits::CLIENT_KEY_BYTES_MAX;
    if key.as_ref().is_some_and(|key| key.len() > most) {
        return Err(Fault::new("/client_key", format!("is longer than {most} bytes")));
    }
    let key = Secret::new(key.unwrap_or_else(|| MASK.to_owned()));
    let client_certificate = chain.map(|chain| ClientCertificate { chain, key });
    Ok(TlsSettings { ca, client_certificate })
}

/// Puts the key there is into the place of the mask, and checks that all of it can be used.
pub(super) fn complete_tls(mut to: TlsSettings, from: &TlsSettings) -> Result<TlsSettings, Fault> {
    let at = format!("{ATTRIBUTES_AT}/tls");
    if let Some(shown) = to.client_certificate.as_mut().filter(|shown| is_mask(&shown.key)) {
        let kept = from.client_certificate.as_ref().map(|old| old.key.clone());
        let missing = || Fault::new(format!("{at}/client_key"), NO_VALUE);
        shown.key = kept.ok_or_else(missing)?;
    }
    to.check()
        .map_err(|error| Fault::new(format!("{at}/{}", error.part.as_str()), error.reason))?;
    Ok(to)
}
