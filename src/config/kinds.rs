//! The kinds of text a key may hold: what each is called in a message, and how it is parsed.
//!
//! A kind is a value, not a trait: the words after "must be" and a function that returns `None`
//! for anything else. What passes here is never checked again.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use url::{Host, Url};

use super::LogFormat;
use crate::clock::parse_duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A kind of text.
pub(super) struct Kind<T> {
    /// Completes "must be …".
    pub(super) expected: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
}

pub(super) const ADDRESS: Kind<SocketAddr> = Kind {
    expected: "an IP address with a port such as `127.0.0.1:4780`",
    parse: |text| text.parse().ok(),
};

/// `~` is the shell's affair; here it would make a directory of that name.
pub(super) const PATH: Kind<PathBuf> = Kind {
    expected: "a path (`~` is not expanded)",
    parse: |text| {
        let plain = !text.is_empty() && !text.starts_with('~') && !text.contains('\0');
        plain.then(|| PathBuf::from(text))
    },
};

pub(super) const WEB_ADDRESS: Kind<Url> =
    Kind { expected: "a URL such as `https://www.example.com`", parse: web_address };

/// Ends in a slash once parsed, so that `Url::join` appends to it.
pub(super) const BASE_URL: Kind<Url> = Kind {
    expected: "an http or https URL without user, query and fragment such as \
               `https://hooks.example.com`",
    parse: base_url,
};

pub(super) const HOST: Kind<Host> =
    Kind { expected: "a host name without a port such as `hooks.example.com`", parse: host };

pub(super) const ORIGIN: Kind<String> = Kind {
    expected: "an origin such as `https://shop.example.com`, or `*` for any",
    parse: |text| {
        let is_origin = || {
            let url = Url::parse(text).ok()?;
            let origin = url.origin();
            Some(origin.is_tuple() && origin.ascii_serialization().eq_ignore_ascii_case(text))
        };
        (text == "*" || is_origin() == Some(true)).then(|| text.to_owned())
    },
};

pub(super) const NETWORK: Kind<IpNet> = Kind {
    expected: "a network such as `10.0.0.0/8`, with no bit set beyond its prefix",
    parse: |text| text.parse().ok().filter(|network: &IpNet| network.trunc() == *network),
};

pub(super) const PUBLIC_API_KEY: Kind<String> = Kind {
    expected: "6 letters and digits",
    parse: |text| {
        let fits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| text.to_owned())
    },
};

/// Text that a person reads: one line, not blank.
pub(super) const LINE: Kind<String> = Kind {
    expected: "1 to 200 characters of text on one line",
    parse: |text| {
        let fits = !text.trim().is_empty() && text.chars().count() <= 200;
        (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
    },
};

pub(super) const EMAIL: Kind<String> =
    Kind { expected: "an e-mail address such as `hello@example.com`", parse: email };

pub(super) const TIMEZONE: Kind<String> =
    Kind { expected: "an IANA time zone such as `Europe/Berlin`", parse: timezone };

pub(super) const CURRENCY: Kind<String> = Kind {
    expected: "an ISO 4217 code such as `USD`",
    parse: |text| {
        let fits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        fits.then(|| text.to_owned())
    },
};

pub(super) const LOCALE: Kind<String> =
    Kind { expected: "a language tag such as `en-US`", parse: locale };

pub(super) const RETRY_DELAY: Kind<Duration> = Kind {
    expected: "a duration from `1s` to `7d` (a number and s, m, h or d)",
    parse: |text| duration(text, 1..=7 * DAY),
};

pub(super) const DISABLE_AFTER: Kind<Option<Duration>> = Kind {
    expected: "`never`, or a duration from `1h` to `365d` (a number and s, m, h or d)",
    parse: |text| match text {
        "never" => Some(None),
        text => duration(text, HOUR..=365 * DAY).map(Some),
    },
};

pub(super) const UNIQUE_ID_WINDOW: Kind<Duration> = Kind {
    expected: "a duration from `1m` to `400d` (a number and s, m, h or d)",
    parse: |text| duration(text, MINUTE..=400 * DAY),
};

pub(super) const LOG_LEVEL: Kind<String> =
    Kind { expected: "a filter such as `info` or `info,tidings::delivery=debug`", parse: filter };

pub(super) const LOG_FORMAT: Kind<LogFormat> = Kind {
    expected: "`text` or `json`",
    parse: |text| match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    },
};

fn web_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

fn base_url(text: &str) -> Option<Url> {
    let mut url = web_address(text)?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Some(url)
}

/// `Host::parse` lower-cases, but it also lets `*` through, and a pattern would never match.
fn host(text: &str) -> Option<Host> {
    let host = Host::parse(text).ok()?;
    match &host {
        Host::Domain(name) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            name.bytes().all(plain).then_some(host)
        }
        Host::Ipv4(_) | Host::Ipv6(_) => Some(host),
    }
}

/// A shape check; only a message sent there could tell more.
fn email(text: &str) -> Option<String> {
    let (user, domain) = text.rsplit_once('@')?;
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    (plain && text.len() <= 254 && !user.is_empty() && !domain.is_empty()).then(|| text.to_owned())
}

/// The shape of the names in the IANA database: `UTC`, `Etc/GMT+5`, `America/Argentina/Salta`.
fn timezone(text: &str) -> Option<String> {
    let part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_uppercase())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    let fits = text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(part);
    fits.then(|| text.to_owned())
}

/// The shape of a language tag (RFC 5646): a language, then subtags of 2 to 8.
fn locale(text: &str) -> Option<String> {
    let mut parts = text.split('-');
    let language = parts.next().is_some_and(|language| {
        matches!(language.len(), 2..=3) && language.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    let subtag = |part: &str| {
        matches!(part.len(), 2..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    (text.len() <= 35 && language && parts.all(subtag)).then(|| text.to_owned())
}

/// A duration with bounds in seconds.
fn duration(text: &str, seconds: RangeInclusive<u64>) -> Option<Duration> {
    parse_duration(text).filter(|duration| seconds.contains(&duration.as_secs()))
}

/// A bare word must be a level: `EnvFilter` takes `inof` for a target to be traced in full.
fn filter(text: &str) -> Option<String> {
    let directive = |part: &str| {
        let part = part.trim();
        let level = !part.is_empty() && part.parse::<LevelFilter>().is_ok();
        level || part.contains(['=', '[', ']', '{', '}'])
    };
    (text.split(',').all(directive) && EnvFilter::try_new(text).is_ok()).then(|| text.to_owned())
}
