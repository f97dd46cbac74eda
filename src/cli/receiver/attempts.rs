//! Counts how often each message has come, for a bounded number of messages.
//!
//! Pure; owned by the receiver. Ids are kept as hashes, which are all of one size.

use std::collections::{HashMap, VecDeque};

use xxhash_rust::xxh3::xxh3_128;

use crate::limits::RECEIVER_MESSAGES_REMEMBERED_MAX;

/// The attempts of the messages that came last.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    counts: HashMap<u128, u32>,
    oldest_first: VecDeque<u128>,
}

impl Attempts {
    /// Counts one more attempt of this message, and returns which one it is, from 1.
    pub(super) fn count(&mut self, message_id: &[u8]) -> u32 {
        let key = xxh3_128(message_id);
        if !self.counts.contains_key(&key) {
            self.oldest_first.push_back(key);
        }
        if self.oldest_first.len() > RECEIVER_MESSAGES_REMEMBERED_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.counts.remove(&oldest);
        }
        let count = self.counts.entry(key).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_message_and_forgets_the_oldest() {
        let mut attempts = Attempts::default();
        assert_eq!((attempts.count(b"a"), attempts.count(b"b"), attempts.count(b"a")), (1, 1, 2));
        for other in 0..RECEIVER_MESSAGES_REMEMBERED_MAX - 1 {
            attempts.count(&other.to_be_bytes());
        }
        assert_eq!(attempts.count(b"b"), 2, "the newest are remembered");
        assert_eq!(attempts.count(b"a"), 1, "the oldest is forgotten");
        assert_eq!(attempts.counts.len(), attempts.oldest_first.len());
    }
}
