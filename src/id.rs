//! Identifiers: their types, their text and their order. No I/O: randomness is handed in.
//!
//! | id | bits | text | made from |
//! |---|---|---|---|
//! | event | 64 | 11 characters, base64url | second of receipt, then a sequence: commit order |
//! | profile, webhook, delivery, replay, notice, key, flow run | 128 | 26 characters, ULID | millisecond, then random or counted bits |
//! | metric, list, segment, flow, account | 36 | 6 letters and digits | random |
//! | flow action | 64 | a decimal number | counted |
//!
//! Every id is its own type, so that a metric can not be passed for a profile. The shapes are
//! those of the contract (wire.md §1.1, §2.6, §4.1, §4.5); the text of an id is canonical: what
//! parses prints as it was read.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A text that is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId(&'static str);

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidId {}

/// An event's id: grows in commit order, so that a cursor can follow the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(u64);

impl EventId {
    /// Before every event.
    pub const MIN: Self = Self(0);
    /// After every event.
    pub const MAX: Self = Self(u64::MAX);

    /// The id from its number.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The id's number: its place in the log.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The id that follows `self` for an event received at `now`. It never goes back, whatever
    /// the clock does.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Self {
        let second = u64::from(u32::try_from(now.seconds()).unwrap_or(u32::MAX));
        Self((second << 32).max(self.0.saturating_add(1)))
    }

    /// The second of receipt.
    #[must_use]
    pub fn received(self) -> Timestamp {
        Timestamp::from_seconds(i64::from(u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)))
    }

    /// The version-1 UUID of an event: its time part is the event's time to the second, its
    /// clock sequence 1 (contract: wire.md §1.1), its node derived from the id.
    #[must_use]
    pub fn uuid(self, event_seconds: i64) -> String {
        const GREGORIAN_TO_UNIX_SECONDS: i64 = 12_219_292_800;
        const TICKS_PER_SECOND: i64 = 10_000_000;
        let ticks = event_seconds
            .saturating_add(GREGORIAN_TO_UNIX_SECONDS)
            .saturating_mul(TICKS_PER_SECOND)
            .cast_unsigned();
        let low = ticks & 0xffff_ffff;
        let mid = (ticks >> 32) & 0xffff;
        let high = (ticks >> 48) & 0x0fff;
        // An odd multiplier permutes the 64 bits; the multicast bit marks a node that is no card.
        let node = (self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16) | 0x0100_0000_0000;
        format!("{low:08x}-{mid:04x}-1{high:03x}-8001-{node:012x}")
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const INVALID: InvalidId =
            InvalidId("an event id is 11 characters of the base64url alphabet");
        let mut bytes = [0; 8];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(8) => Ok(Self(u64::from_be_bytes(bytes))),
            _ => Err(INVALID),
        }
    }
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_CHARACTERS: usize = 26;
const INVALID_ULID: InvalidId =
    InvalidId("this kind of id is 26 characters of upper-case letters and digits (a ULID)");

/// Writes 128 bits as a ULID (26 characters of Crockford's base 32, most significant first).
fn write_ulid(f: &mut fmt::Formatter<'_>, number: u128) -> fmt::Result {
    let mut text = [0_u8; ULID_CHARACTERS];
    let mut rest = number;
    for character in text.iter_mut().rev() {
        *character = CROCKFORD[(rest & 31) as usize];
        rest >>= 5;
    }
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn parse_ulid(text: &str) -> Result<u128, InvalidId> {
    if text.len() != ULID_CHARACTERS {
        return Err(INVALID_ULID);
    }
    let mut number = 0_u128;
    for (place, byte) in text.bytes().enumerate() {
        let digit = CROCKFORD.iter().position(|c| *c == byte).ok_or(INVALID_ULID)?;
        // 26 characters hold 130 bits: the first one may only use three of its five.
        if place == 0 && digit > 7 {
            return Err(INVALID_ULID);
        }
        number = (number << 5) | digit as u128;
    }
    Ok(number)
}

/// The 128-bit number of a ULID: a millisecond and 80 bits of `tail`.
#[must_use]
pub fn ulid_number(now: Timestamp, tail: u128) -> u128 {
    let millis = u128::try_from(now.millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    (millis << 80) | (tail & ((1 << 80) - 1))
}

macro_rules! ulid_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(u128);

        impl $name {
            /// The id from its number.
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(number)
            }

            /// The id's number, which orders ids by the time they were made.
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// The millisecond in which the id was made.
            #[must_use]
            pub fn created(self) -> Timestamp {
                let millis = i64::try_from(self.0 >> 80).unwrap_or(i64::MAX);
                Timestamp::from_micros(millis.saturating_mul(1_000))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_ulid(f, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_ulid(f, self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_ulid(text).map(Self)
            }
        }
    };
}

ulid_type! {
    /// A person's id.
    ProfileId
}
ulid_type! {
    /// A webhook's id.
    WebhookId
}
ulid_type! {
    /// A notice's id.
    NoticeId
}
ulid_type! {
    /// The id of a change of a person, by which the changes are followed in their order.
    ChangeId
}
ulid_type! {
    /// The id of a job.
    JobId
}
ulid_type! {
    /// A replay's id.
    ReplayId
}
ulid_type! {
    /// A delivery's id, which is also the message id that receivers see on every attempt.
    DeliveryId
}
ulid_type! {
    /// The id of a flow run: one person's way through one flow.
    RunId
}
ulid_type! {
    /// An API key's id, by which it is listed and revoked; not the key itself.
    KeyId
}

const SHORT_CHARACTERS: usize = 6;
const SHORT_ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn short_from(random: u64) -> [u8; SHORT_CHARACTERS] {
    let mut rest = random;
    std::array::from_fn(|_| {
        let character = SHORT_ALPHABET[(rest % 62) as usize];
        rest /= 62;
        character
    })
}

macro_rules! short_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; SHORT_CHARACTERS]);

        impl $name {
            /// An id picked by 64 random bits; the caller checks that it is free.
            #[must_use]
            pub fn from_random(random: u64) -> Self {
                Self(short_from(random))
            }

            /// The id's six ASCII bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; SHORT_CHARACTERS] {
                &self.0
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("only ASCII letters and digits get in")
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bytes: [u8; SHORT_CHARACTERS] =
                    text.as_bytes().try_into().map_err(|_| InvalidId($what))?;
                let fits = bytes.iter().all(u8::is_ascii_alphanumeric);
                if fits { Ok(Self(bytes)) } else { Err(InvalidId($what)) }
            }
        }
    };
}

short_type! {
    /// A metric's id.
    MetricId, "a metric id is 6 letters and digits"
}
short_type! {
    /// The id of a list or a segment: a group of people. The two share their ids, so that a
    /// condition names either (contract: wire.md §2.6).
    GroupId, "the id of a list or a segment is 6 letters and digits"
}
impl GroupId {
    /// Before every other.
    pub const FIRST: Self = Self([b'0'; SHORT_CHARACTERS]);
}
short_type! {
    /// A flow's id.
    FlowId, "a flow id is 6 letters and digits"
}
impl FlowId {
    /// Before every other.
    pub const FIRST: Self = Self([b'0'; SHORT_CHARACTERS]);
}
short_type! {
    /// The account's id, which is also its public API key.
    AccountId, "an account id is 6 letters and digits"
}

/// The id of an action of a flow, counted over all flows (contract: wire.md §2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActionId(u64);

impl ActionId {
    /// The id with this number.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The id's number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for ActionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId("the id of a flow action is a decimal number");
        let number: u64 = text.parse().map_err(|_| invalid)?;
        // Neither a sign nor leading zeros: what parses prints as it was read.
        if number.to_string() == text { Ok(Self(number)) } else { Err(invalid) }
    }
}

impl WebhookId {
    /// The webhook of a flow's webhook step. Those of subscriptions carry the time that they were
    /// made, so none of them is as small.
    #[must_use]
    pub const fn of_action(action: ActionId) -> Self {
        Self(action.0 as u128)
    }

    /// The action whose webhook this is; `None` for a subscription's.
    #[must_use]
    pub const fn action(self) -> Option<ActionId> {
        if self.0 <= u64::MAX as u128 { Some(ActionId(self.0 as u64)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_event_id_never_goes_back() {
        let first = EventId::MIN.next(Timestamp::from_seconds(1_700_000_000));
        let same_second = first.next(Timestamp::from_seconds(1_700_000_000));
        let clock_went_back = same_second.next(Timestamp::from_seconds(1_600_000_000));
        assert!(first < same_second && same_second < clock_went_back);
        assert_eq!(first.received().seconds(), 1_700_000_000);
        assert_eq!(first.to_string().len(), 11);
    }

    #[test]
    fn the_uuid_carries_the_event_time_as_the_captured_ones_do() {
        // wire.md §1.1: this id's event happened at 1776118606.
        let captured = "75669b00-3786-11f1-8001-4e2db0d1c5b6";
        let ours = EventId::from_u64(7).uuid(1_776_118_606);
        assert_eq!(ours.get(..23), captured.get(..23));
        assert_eq!(ours.len(), captured.len());
    }

    #[test]
    fn refuses_what_is_no_id() {
        assert!("NOPE01".parse::<EventId>().is_err());
        assert!("8ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<WebhookId>().is_err());
        assert!("01kp4928ste8fkcwb6wdhz4zb7".parse::<WebhookId>().is_err());
        assert!("SHi67".parse::<MetricId>().is_err());
        assert!("SHi6é".parse::<MetricId>().is_err());
        for nonsense in ["", "+5", "05", "-1", "18446744073709551616"] {
            assert!(nonsense.parse::<ActionId>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn the_webhook_of_an_action_is_told_from_a_subscription() {
        let action: ActionId = "116466133".parse().unwrap();
        assert_eq!(action.to_string(), "116466133");
        assert_eq!(WebhookId::of_action(action).action(), Some(action));
        let made_now = ulid_number(Timestamp::from_seconds(1), 0);
        assert_eq!(WebhookId::from_u128(made_now).action(), None);
    }

    proptest! {
        #[test]
        fn text_and_number_agree(event: u64, ulid: u128, random: u64) {
            let event = EventId::from_u64(event);
            prop_assert_eq!(event.to_string().parse::<EventId>(), Ok(event));
            let delivery = DeliveryId::from_u128(ulid);
            prop_assert_eq!(delivery.to_string().parse::<DeliveryId>(), Ok(delivery));
            let metric = MetricId::from_random(random);
            prop_assert_eq!(metric.to_string().parse::<MetricId>(), Ok(metric));
        }

        #[test]
        fn the_text_of_a_ulid_sorts_as_its_number(a: u128, b: u128) {
            let (a, b) = (ProfileId::from_u128(a), ProfileId::from_u128(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
