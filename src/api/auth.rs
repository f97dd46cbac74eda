//! Who asks, and whether the call is theirs to make (contract: wire.md §4.1).
//!
//! Over TCP a key is needed, in `Authorization: Klaviyo-API-Key …` or `Bearer …`. The Unix socket
//! needs none: who can open a file of mode 0600 in the data directory could read the data itself.

use std::sync::Arc;

use hyper::header::{self, HeaderMap};

use super::error::Problem;
use crate::id::KeyId;
use crate::key::{FULL, Key, Keys};

/// How a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Over the TCP listener.
    Tcp,
    /// Over the Unix socket: the operator.
    Operator,
}

/// Who makes a call.
#[derive(Clone, Debug)]
pub(super) enum Principal {
    /// Nobody in particular: the call is open to all.
    Anyone,
    /// The operator of the host.
    Operator,
    /// The holder of a key.
    Key(Arc<Key>),
}

impl Principal {
    /// The key's id, where there is one.
    pub(super) fn id(&self) -> Option<KeyId> {
        match self {
            Self::Key(key) => Some(key.id),
            Self::Anyone | Self::Operator => None,
        }
    }

    /// Whether the caller may do what `scope` names.
    pub(super) fn allows(&self, scope: &str) -> bool {
        match self {
            Self::Anyone => false,
            Self::Operator => true,
            Self::Key(key) => key.allows(scope),
        }
    }

    /// Whether the whole URLs of endpoints are shown, which may hold secrets.
    pub(super) fn is_admin(&self) -> bool {
        self.allows(FULL)
    }
}

/// Finds out who asks and checks that they have every one of `scopes`; none means that the call
/// is open.
///
/// # Errors
/// 401 without a good key, 403 without a scope.
pub(super) fn principal(
    keys: &Keys,
    peer: Peer,
    headers: &HeaderMap,
    scopes: &[&str],
) -> Result<Principal, Problem> {
    if scopes.is_empty() {
        return Ok(Principal::Anyone);
    }
    if peer == Peer::Operator {
        return Ok(Principal::Operator);
    }
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return Err(Problem::unauthenticated(
            "Authentication credentials were not provided: send `Authorization: Klaviyo-API-Key \
             KEY`; `tidings key create` makes a key.",
        ));
    };
    let text = given.to_str().unwrap_or_default().trim();
    let key = match text.split_once(' ') {
        Some((scheme, key))
            if scheme.eq_ignore_ascii_case("Klaviyo-API-Key")
                || scheme.eq_ignore_ascii_case("Bearer") =>
        {
            key.trim()
        }
        _ => {
            return Err(Problem::unauthenticated(
                "The Authorization header must be `Klaviyo-API-Key KEY` or `Bearer KEY`.",
            ));
        }
    };
    let Some(key) = keys.find(key) else {
        return Err(Problem::unauthenticated("The API key is unknown or was revoked."));
    };
    match scopes.iter().find(|scope| !key.allows(scope)) {
        Some(missing) => {
            let name = &key.name;
            Err(Problem::forbidden(format!("The key `{name}` lacks the scope {missing}.")))
        }
        None => Ok(Principal::Key(key)),
    }
}
