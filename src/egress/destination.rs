//! The checked address of a request: an absolute `http` or `https` URL.
//!
//! Checked when a person saves it, so that a URL that can never work is refused with a reason
//! while that person looks. A literal address is judged here already, in whatever spelling; a name
//! is judged at every dial, because what it points to changes. Only names that lead to no public
//! host are refused here: `localhost`, and names of one label, which mean something in one network
//! alone. Names such as `x.local` and `x.internal` can be either and are judged by their address.
//! Nothing relies on this check for safety: the connector repeats both scheme and address.
//!
//! An international name is kept and shown in its ASCII form, so that a letter of another script
//! that looks like one of ours is seen.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::Uri;
use rustls::pki_types::DnsName;
use url::{Host, Url};

use super::guard::{Policy, Refusal, judge};
use crate::limits::DESTINATION_BYTES_MAX;

/// A URL that may be sent to; cheap to clone.
///
/// Its `Debug` form shows the origin only: paths and queries of webhooks often hold a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    url: Arc<str>,
    origin: Arc<str>,
    uri: Uri,
}

impl Destination {
    /// Reads and checks a URL.
    ///
    /// # Errors
    ///
    /// [`DestinationError`], with the rule that the URL breaks.
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, DestinationError> {
        let url = parse_strictly(text)?;
        check_parts(&url, policy)?;
        check_host(&url, policy)?;
        let uri: Uri = url.as_str().parse().map_err(|_| DestinationError::Malformed)?;
        // Two parsers read the URL: one that judged it and one that the client dials by.
        if uri.host() != url.host_str() || uri.port_u16() != url.port() {
            return Err(DestinationError::Malformed);
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { url: url.as_str().into(), origin: origin.into(), uri })
    }

    /// The URL in normal form (scheme and host in lower case, no default port). Can hold secrets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Scheme, host and port: what may stand in logs, and what shares connections.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) const fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Destination").field(&self.origin).finish()
    }
}

/// Parses without the leniency that browsers need: no surrounding or inner white space, no
/// backslashes, no missing slashes.
fn parse_strictly(text: &str) -> Result<Url, DestinationError> {
    if text.len() > DESTINATION_BYTES_MAX {
        return Err(DestinationError::TooLong);
    }
    let unclean = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("https" | "http") if !text.contains(unclean) => {}
        Some("https" | "http") => return Err(DestinationError::Malformed),
        _ => return Err(DestinationError::Scheme),
    }
    let url = Url::parse(text).map_err(|_| DestinationError::Malformed)?;
    // Percent-encoding can make it three times as long.
    if url.as_str().len() > DESTINATION_BYTES_MAX {
        return Err(DestinationError::TooLong);
    }
    Ok(url)
}

fn check_parts(url: &Url, policy: &Policy) -> Result<(), DestinationError> {
    if url.scheme() == "http" && !policy.allow_http {
        return Err(DestinationError::PlainHttp);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(DestinationError::UserInfo);
    }
    if url.fragment().is_some() {
        return Err(DestinationError::Fragment);
    }
    if url.port() == Some(0) {
        return Err(DestinationError::Malformed);
    }
    Ok(())
}

fn check_host(url: &Url, policy: &Policy) -> Result<(), DestinationError> {
    let address = match url.host() {
        None => return Err(DestinationError::Host),
        Some(Host::Domain(name)) => return check_name(name, policy),
        Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
        Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
    };
    judge(address, policy).map_err(DestinationError::Refused)
}

fn check_name(name: &str, policy: &Policy) -> Result<(), DestinationError> {
    DnsName::try_from(name).map_err(|_| DestinationError::Host)?;
    // An operator who allows networks may have names for what is in them.
    if !policy.allow.is_empty() {
        return Ok(());
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or(name);
    if last == "localhost" {
        let allowed = policy.allow_loopback;
        return if allowed { Ok(()) } else { Err(DestinationError::Localhost) };
    }
    if last == name { Err(DestinationError::SingleLabel) } else { Ok(()) }
}

/// Why a URL is not a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestinationError {
    /// Longer than [`DESTINATION_BYTES_MAX`], as given or when percent-encoded.
    TooLong,
    /// Neither `http://` nor `https://` in front.
    Scheme,
    /// `http` where the policy asks for `https`.
    PlainHttp,
    /// Not a URL by the letter of the rules.
    Malformed,
    /// A user name or password.
    UserInfo,
    /// A fragment, which is never sent.
    Fragment,
    /// No host, or one that no name service and no certificate can hold.
    Host,
    /// `localhost`, or a name beneath it, which no policy allows here.
    Localhost,
    /// A name without a dot, which is no public host, where no network is allowed.
    SingleLabel,
    /// A literal address that the policy does not permit.
    Refused(Refusal),
}

impl fmt::Display for DestinationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the URL is longer than {DESTINATION_BYTES_MAX} bytes"),
            Self::Scheme => f.write_str("the URL does not begin with https://"),
            Self::PlainHttp => {
                f.write_str("the URL is http, not https; allow it with egress.allow_http")
            }
            Self::Malformed => f.write_str("the URL is malformed"),
            Self::UserInfo => f.write_str("the URL contains a user name or password"),
            Self::Fragment => f.write_str("the URL contains a fragment (#), which is never sent"),
            Self::Host => f.write_str("the URL has no valid host name"),
            Self::Localhost => f.write_str(
                "the URL leads to this host itself (localhost); allow it with egress.allow",
            ),
            Self::SingleLabel => f.write_str(
                "the URL's host has no dot, so it is a name of some local network; give its full \
                 name, or allow that network with egress.allow",
            ),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for DestinationError {}

#[cfg(test)]
#[path = "destination_tests.rs"]
mod tests;
