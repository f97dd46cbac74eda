//! The rate limit, where one is configured (none is by default).
//!
//! Fixed windows, counted per key, told in headers as the original does (contract: wire.md §4.1).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Mutex;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::clock::Timestamp;
use crate::id::KeyId;
use crate::limits;

const WINDOWS_SECONDS: [i64; 2] = [1, 60];

/// Counts requests. The operator's socket and open calls are not counted.
#[derive(Debug, Default)]
pub struct RateLimit {
    /// Requests per second and per minute.
    most: [Option<NonZeroU32>; 2],
    counted: Mutex<HashMap<KeyId, [Window; 2]>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began: i64,
    count: u32,
}

/// What the headers say of a request that was let through.
#[derive(Debug, Default)]
pub(super) struct Told(Option<(String, u32, i64)>);

impl RateLimit {
    /// A limit of so many requests per second and per minute; `None` is no limit.
    #[must_use]
    pub fn new(per_second: Option<NonZeroU32>, per_minute: Option<NonZeroU32>) -> Self {
        Self { most: [per_second, per_minute], counted: Mutex::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The seconds until it may be repeated.
    pub(super) fn take(&self, key: Option<KeyId>, now: Timestamp) -> Result<Told, u64> {
        let Some(key) = key.filter(|_| self.most.iter().any(Option::is_some)) else {
            return Ok(Told::default());
        };
        let mut counted = self.counted.lock().expect("no holder panics");
        if counted.len() >= limits::RATE_LIMITED_KEYS_MAX && !counted.contains_key(&key) {
            counted.clear();
        }
        let windows = counted.entry(key).or_default();
        let mut told: Option<(u32, u32, i64)> = None;
        for ((window, most), seconds) in windows.iter_mut().zip(self.most).zip(WINDOWS_SECONDS) {
            let Some(most) = most.map(NonZeroU32::get) else { continue };
            let began = now.seconds() - now.seconds().rem_euclid(seconds);
            if window.began != began {
                *window = Window { began, count: 0 };
            }
            let reset = began + seconds - now.seconds();
            if window.count >= most {
                return Err(u64::try_from(reset).unwrap_or(1));
            }
            let left = most - window.count - 1;
            if told.is_none_or(|(_, known, _)| left < known) {
                told = Some((most, left, reset));
            }
        }
        // Only a request that passes every window is counted in any.
        for (window, most) in windows.iter_mut().zip(self.most) {
            window.count += u32::from(most.is_some());
        }
        Ok(Told(told.map(|(most, left, reset)| (self.describe(most), left, reset))))
    }

    /// The value of `ratelimit-limit`: the tightest window, then each of them.
    fn describe(&self, tightest: u32) -> String {
        let each = self.most.iter().zip(WINDOWS_SECONDS);
        let each = each.filter_map(|(most, w)| most.map(|most| format!(", {most};w={w}")));
        each.fold(tightest.to_string(), |all, one| all + &one)
    }
}

impl Told {
    /// Writes the headers, where there is a limit.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let Some((limit, left, reset)) = self.0 else { return };
        for (name, value) in [
            ("ratelimit-limit", limit),
            ("ratelimit-remaining", left.to_string()),
            ("ratelimit-reset", reset.to_string()),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Option<KeyId> = Some(KeyId::from_u128(1));

    #[test]
    fn windows_fill_and_open_again() {
        let limit = RateLimit::new(NonZeroU32::new(2), NonZeroU32::new(3));
        let at = |second| limit.take(KEY, Timestamp::from_seconds(second));
        let first = at(60).unwrap().0.unwrap();
        assert_eq!(first, ("2, 2;w=1, 3;w=60".to_owned(), 1, 1));
        assert!(at(60).is_ok());
        assert_eq!(at(60).unwrap_err(), 1);
        assert_eq!(at(61).unwrap().0.unwrap().1, 0);
        assert_eq!(at(62).unwrap_err(), 58);
        assert!(at(120).is_ok());
    }

    #[test]
    fn without_a_limit_nothing_is_counted_or_told() {
        let none = RateLimit::default();
        assert!((0..100).all(|_| none.take(KEY, Timestamp::EPOCH).unwrap().0.is_none()));
    }
}
