//! The order within one webhook: of deliveries with one key, the next begins when the one before
//! is finished, and its result is on disk.
//!
//! The key is the profile (`by-profile`), or the same for all (`strict`). A key has a state only
//! while one of its deliveries is under way or waits for a retry, or while later ones wait in the
//! store *behind* it; so memory follows the keys that are in trouble, up to
//! [`limits::KEYS_HELD_MAX`], and not the backlog.
//!
//! Pure bookkeeping: who keeps deliveries behind a key in the store, and brings them back one at a
//! time, is the worker.

use std::collections::HashMap;

use crate::id::DeliveryId;
use crate::limits;

/// What orders deliveries: a profile's number, or zero for all.
pub(super) type Key = u128;

#[derive(Debug, Default)]
struct State {
    /// How many of its deliveries are under way or wait for a retry: one, save where a person
    /// resent another.
    holders: usize,
    /// Later ones may be in the store, behind it.
    has_behind: bool,
    /// Later ones that are on their way into the store.
    leaving: u32,
}

impl State {
    /// Whether the next one may be brought back.
    const fn may_go(&self) -> bool {
        self.holders == 0 && self.leaving == 0
    }
}

/// The keys of one webhook that are not free.
#[derive(Debug, Default)]
pub(super) struct Keys {
    states: HashMap<Key, State>,
    /// Which key each holder holds: what a key is may change with the webhook's ordering while a
    /// delivery is under way.
    held_by: HashMap<DeliveryId, Key>,
    /// Keys whose next delivery is to be brought back from the store.
    idle: Vec<Key>,
}

impl Keys {
    pub(super) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.states.len() >= limits::KEYS_HELD_MAX
    }

    /// Keys that keep others waiting.
    pub(super) fn blocked(&self) -> usize {
        self.states.values().filter(|state| state.has_behind).count()
    }

    /// A fresh delivery wants to begin: whether it may. If not, it has to wait in the store.
    pub(super) fn claim(&mut self, key: Key, id: DeliveryId) -> bool {
        if let Some(state) = self.states.get_mut(&key) {
            state.has_behind = true;
            state.leaving += 1;
            return false;
        }
        self.hold(key, id);
        true
    }

    /// A delivery with this key begins, or waits for a retry.
    pub(super) fn hold(&mut self, key: Key, id: DeliveryId) {
        if self.held_by.contains_key(&id) {
            return;
        }
        self.held_by.insert(id, key);
        self.states.entry(key).or_default().holders += 1;
    }

    /// There are deliveries in the store behind this key.
    pub(super) fn has_behind(&mut self, key: Key) {
        let state = self.states.entry(key).or_default();
        let is_news = !state.has_behind;
        state.has_behind = true;
        if is_news && state.may_go() {
            self.idle.push(key);
        }
    }

    /// A delivery that had to wait is in the store now.
    pub(super) fn stored(&mut self, key: Key) {
        let state = self.states.entry(key).or_default();
        state.has_behind = true;
        state.leaving = state.leaving.saturating_sub(1);
        if state.may_go() {
            self.idle.push(key);
        }
    }

    /// A delivery is finished: the key that it held is free, if no other holds it.
    pub(super) fn free(&mut self, id: DeliveryId) {
        let Some(key) = self.held_by.remove(&id) else { return };
        let Some(state) = self.states.get_mut(&key) else { return };
        state.holders = state.holders.saturating_sub(1);
        if state.holders > 0 {
            return;
        }
        if !state.has_behind {
            self.states.remove(&key);
        } else if state.may_go() {
            self.idle.push(key);
        }
    }

    pub(super) fn has_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// The keys whose next delivery is to be brought back.
    pub(super) fn take_idle(&mut self) -> Vec<Key> {
        let mut keys = std::mem::take(&mut self.idle);
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| self.states.get(key).is_some_and(State::may_go));
        keys
    }

    /// Those keys could not be looked at.
    pub(super) fn idle_again(&mut self, key: Key) {
        self.idle.push(key);
    }

    /// What the store has behind the key, which holds it from now on.
    pub(super) fn brought_back(&mut self, key: Key, found: Option<DeliveryId>) {
        match found {
            Some(id) => self.hold(key, id),
            None if self.states.get(&key).is_some_and(State::may_go) => {
                self.states.remove(&key);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(number: u128) -> DeliveryId {
        DeliveryId::from_u128(number)
    }

    #[test]
    fn a_free_key_goes_and_a_busy_one_waits_in_the_store() {
        let mut keys = Keys::default();
        assert!(keys.claim(1, id(10)));
        assert!(keys.claim(2, id(11)));
        assert!(!keys.claim(1, id(12)));
        keys.free(id(11));
        assert_eq!(keys.states.len(), 1, "a key in no trouble is forgotten");
        keys.free(id(10));
        assert!(!keys.has_idle(), "what waits is not in the store yet");
        keys.stored(1);
        assert_eq!(keys.take_idle(), [1]);
        keys.brought_back(1, Some(id(12)));
        assert!(!keys.claim(1, id(13)), "what was brought back goes first");
        keys.free(id(12));
        keys.stored(1);
        assert_eq!(keys.take_idle(), [1]);
        keys.brought_back(1, Some(id(13)));
        keys.free(id(13));
        assert_eq!(keys.take_idle(), [1]);
        keys.brought_back(1, None);
        assert!(keys.is_empty());
    }

    #[test]
    fn what_is_found_at_a_start_holds_its_key() {
        let mut keys = Keys::default();
        keys.hold(1, id(10));
        keys.has_behind(1);
        keys.has_behind(2);
        assert!(!keys.claim(1, id(20)) && !keys.claim(2, id(21)));
        keys.stored(2);
        assert_eq!(keys.take_idle(), [2]);
        assert_eq!(keys.blocked(), 2);
    }

    #[test]
    fn a_key_that_looks_empty_is_kept_while_more_is_on_its_way_to_the_store() {
        let mut keys = Keys::default();
        keys.has_behind(1);
        assert_eq!(keys.take_idle(), [1]);
        assert!(!keys.claim(1, id(10)));
        keys.brought_back(1, None);
        assert!(!keys.is_empty());
        keys.stored(1);
        assert_eq!(keys.take_idle(), [1]);
    }

    #[test]
    fn a_key_is_freed_by_whoever_held_it_whatever_orders_now() {
        let mut keys = Keys::default();
        assert!(keys.claim(1, id(10)));
        keys.hold(0, id(10));
        keys.free(id(10));
        assert!(keys.is_empty());
    }

    #[test]
    fn a_resent_delivery_does_not_free_the_key_of_another() {
        let mut keys = Keys::default();
        assert!(keys.claim(1, id(10)));
        keys.hold(1, id(5));
        keys.free(id(5));
        assert!(!keys.claim(1, id(11)));
    }
}
