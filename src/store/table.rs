//! Tables and keys: what a capability's `rows.rs` declares, and how keys become bytes that sort.
//!
//! Every table maps bytes to bytes; the types live here. A key's bytes sort as the key does,
//! which property tests check, so that a range of keys is a range of bytes.

use std::marker::PhantomData;

use redb::TableDefinition;

use super::codec::Row;
use crate::clock::Timestamp;
use crate::id::{
    ActionId, ChangeId, DeliveryId, EventId, FlowId, GroupId, JobId, KeyId, MetricId, NoticeId,
    ProfileId, ReplayId, RunId, WebhookId,
};

/// A named table from keys `K` to rows `V`.
pub struct Table<K, V> {
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Row> Table<K, V> {
    /// Declares a table. Names are unique in the file and never change.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The table's name in the file.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) const fn definition(
        &self,
    ) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(self.name)
    }
}

/// What can be a key: it writes bytes that sort like itself, and reads them back.
pub trait Key: Sized {
    /// Appends the key's bytes.
    fn write(&self, to: &mut Vec<u8>);

    /// Takes the key from the front of `from`; `None` where the bytes are no such key.
    fn read(from: &mut &[u8]) -> Option<Self>;

    /// The key's bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32);
        self.write(&mut bytes);
        bytes
    }

    /// The key that `bytes` are, all of them.
    fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let key = Self::read(&mut bytes)?;
        bytes.is_empty().then_some(key)
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*head)
}

impl Key for () {
    fn write(&self, _: &mut Vec<u8>) {}

    fn read(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl Key for u8 {
    fn write(&self, to: &mut Vec<u8>) {
        to.push(*self);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        take::<1>(from).map(|[byte]| byte)
    }
}

impl Key for u32 {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_be_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        take(from).map(Self::from_be_bytes)
    }
}

/// Shifted so that negative numbers sort before the others.
impl Key for i64 {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&(self.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        take(from).map(|bytes| (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed())
    }
}

/// Digests are keys as they are.
impl Key for [u8; 32] {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        take(from)
    }
}

/// Text takes the rest of the key, so it may only stand last in a tuple.
impl Key for String {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(from).ok()?.to_owned();
        *from = &[];
        Some(text)
    }
}

impl Key for Timestamp {
    fn write(&self, to: &mut Vec<u8>) {
        self.micros().write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        i64::read(from).map(Self::from_micros)
    }
}

impl Key for EventId {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.as_u64().to_be_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        take(from).map(|bytes| Self::from_u64(u64::from_be_bytes(bytes)))
    }
}

macro_rules! short_keys {
    ($($name:ident),*) => {$(
        impl Key for $name {
            fn write(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(self.as_bytes());
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                let bytes = take::<6>(from)?;
                std::str::from_utf8(&bytes).ok()?.parse().ok()
            }
        }
    )*};
}

short_keys!(FlowId, GroupId, MetricId);

macro_rules! ulid_keys {
    ($($name:ident),*) => {$(
        impl Key for $name {
            fn write(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.as_u128().to_be_bytes());
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                take(from).map(|bytes| Self::from_u128(u128::from_be_bytes(bytes)))
            }
        }
    )*};
}

ulid_keys!(ChangeId, DeliveryId, JobId, KeyId, NoticeId, ProfileId, ReplayId, RunId, WebhookId);

impl Key for ActionId {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.as_u64().to_be_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        take(from).map(|bytes| Self::from_u64(u64::from_be_bytes(bytes)))
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn write(&self, to: &mut Vec<u8>) {
        self.0.write(to);
        self.1.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Some((A::read(from)?, B::read(from)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorts<K: Key + Ord + std::fmt::Debug>(a: &K, b: &K) -> Result<(), TestCaseError> {
        prop_assert_eq!(a.cmp(b), a.to_bytes().cmp(&b.to_bytes()));
        let read_back = K::from_bytes(&a.to_bytes());
        prop_assert_eq!(read_back.as_ref(), Some(a));
        Ok(())
    }

    proptest! {
        #[test]
        fn keys_sort_as_their_bytes(
            a: (u8, u32, i64, u64, u128), b: (u8, u32, i64, u64, u128),
            text_a: String, text_b: String, random_a: u64, random_b: u64,
        ) {
            sorts(&a.0, &b.0)?;
            sorts(&a.1, &b.1)?;
            sorts(&a.2, &b.2)?;
            sorts(&Timestamp::from_micros(a.2), &Timestamp::from_micros(b.2))?;
            sorts(&EventId::from_u64(a.3), &EventId::from_u64(b.3))?;
            sorts(&DeliveryId::from_u128(a.4), &DeliveryId::from_u128(b.4))?;
            sorts(&text_a, &text_b)?;
            sorts(&MetricId::from_random(random_a), &MetricId::from_random(random_b))?;
            sorts(
                &(Timestamp::from_micros(a.2), DeliveryId::from_u128(a.4)),
                &(Timestamp::from_micros(b.2), DeliveryId::from_u128(b.4)),
            )?;
            sorts(&(a.0, text_a), &(b.0, text_b))?;
        }

        #[test]
        fn a_key_with_bytes_missing_or_left_over_is_none(number: u64) {
            let bytes = EventId::from_u64(number).to_bytes();
            prop_assert!(EventId::from_bytes(&bytes[1..]).is_none());
            prop_assert!(EventId::from_bytes(&[&bytes[..], &[0]].concat()).is_none());
        }
    }
}
