//! What the settings of a webhook make together: combinations that mean nothing are refused.
//!
//! Judged on the result of a request, because a change names only some of the attributes. Pure.

use super::settings::{Ordering, Settings};
use crate::json::Fault;
use crate::limits;

/// Refuses settings that do not fit together.
///
/// # Errors
/// The first fault, at the attribute that is easiest to change.
pub(super) fn settings(settings: &Settings) -> Result<(), Fault> {
    check_ordering(settings)?;
    check_headers(settings)
}

fn check_ordering(settings: &Settings) -> Result<(), Fault> {
    let Settings { ordering, park_after, batch, concurrency, .. } = settings;
    let fault = |name: &str, why: &str| Err(Fault::new(format!("/data/attributes/{name}"), why));
    if *ordering == Ordering::None && park_after.is_some() {
        let why = "goes with an `ordering`: without one, no delivery waits behind another";
        return fault("park_after", why);
    }
    if *ordering == Ordering::ByProfile && batch.is_some() {
        let why = "one batch holds the events of many profiles, which `by-profile` keeps apart: \
                   to have both order and batches, use `ordering` `strict`";
        return fault("batch", why);
    }
    if *ordering == Ordering::Strict && concurrency.is_some_and(|attempts| attempts > 1) {
        let why = "`ordering` `strict` sends one delivery at a time: leave this out, or set it to \
                   1; `by-profile` keeps order and sends many";
        return fault("concurrency", why);
    }
    Ok(())
}

fn check_headers(settings: &Settings) -> Result<(), Fault> {
    const AT: &str = "/data/attributes/headers";
    let headers = &settings.headers;
    if headers.len() > limits::HEADERS_MAX {
        let (count, most) = (headers.len(), limits::HEADERS_MAX);
        return Err(Fault::new(AT, format!("would be {count} headers; {most} may be")));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.expose().len()).sum();
    if bytes > limits::HEADERS_BYTES_MAX {
        let most = limits::HEADERS_BYTES_MAX;
        let why = format!("would be {bytes} bytes of names and values; {most} may be");
        return Err(Fault::new(AT, why));
    }
    let own = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    match own {
        Some((name, _)) if settings.auth.is_some() => {
            let why = "`auth` sets this header: remove the one or the other";
            Err(Fault::new(format!("{AT}/{name}"), why))
        }
        _ => Ok(()),
    }
}
