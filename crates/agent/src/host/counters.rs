//! What the counters were in the round before.

use std::collections::HashMap;

/// Holds two rounds of counters. A counter that is missing from a round is forgotten, so that a
/// difference never spans more than one interval and gone devices leave nothing behind.
#[derive(Debug, Default)]
pub(super) struct Counters {
    before: HashMap<String, u64>,
    now: HashMap<String, u64>,
}

impl Counters {
    /// Notes a counter for the next round and returns what it was in the one before.
    pub(super) fn replace(&mut self, key: &str, now: u64) -> Option<u64> {
        self.now.insert(key.to_owned(), now);
        self.before.get(key).copied()
    }

    pub(super) fn end_round(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}
