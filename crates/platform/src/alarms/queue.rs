//! What alarms want to be asked, in turns: one question for each alarm, and the slow ones one at a time.

use alarm::ScheduledQuery;
use alarm::definition::AlarmKey;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

/// A question that took longer is slow from then on,
const SLOW: Duration = Duration::from_secs(1);
/// until it takes less than this.
const QUICK: Duration = Duration::from_millis(500);
/// Slow ones that are worked on at once: whoever asks beside them asks quick ones.
const SLOW_AT_ONCE: usize = 1;

/// Questions that wait for their turn, and those that are worked on.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// An alarm keeps its place when it is to be asked anew: otherwise those behind it would never get
    /// their turn once there is more to ask than time.
    quick: VecDeque<AlarmKey>,
    slow: VecDeque<AlarmKey>,
    /// The newest question of each that waits.
    newest: HashMap<AlarmKey, ScheduledQuery>,
    /// What is worked on, and whether it was slow.
    running: HashMap<AlarmKey, bool>,
    known_slow: HashSet<AlarmKey>,
}

impl Queue {
    /// Takes a question; says whether it stands for one that was not asked yet.
    pub(crate) fn put(&mut self, query: ScheduledQuery) -> bool {
        let key = query.alarm.clone();
        let conflated = self.newest.insert(key.clone(), query).is_some();
        // One that is worked on is asked again behind that.
        if !conflated && !self.running.contains_key(&key) {
            self.line_up(key);
        }
        conflated
    }

    fn line_up(&mut self, key: AlarmKey) {
        match self.known_slow.contains(&key) {
            true => self.slow.push_back(key),
            false => self.quick.push_back(key),
        }
    }

    /// Returns whose turn it is; to be followed by [`done`](Self::done).
    pub(crate) fn next(&mut self) -> Option<ScheduledQuery> {
        let slow = self.running.values().filter(|is_slow| **is_slow).count();
        let turn = match slow < SLOW_AT_ONCE {
            true => self.slow.pop_front().map(|key| (key, true)),
            false => None,
        };
        let (key, is_slow) = turn.or_else(|| Some((self.quick.pop_front()?, false)))?;
        let query = self.newest.remove(&key);
        self.running.insert(key, is_slow);
        query
    }

    /// Says how long a question took.
    pub(crate) fn done(&mut self, key: &AlarmKey, took: Duration) {
        self.running.remove(key);
        if took > SLOW {
            self.known_slow.insert(key.clone());
        } else if took < QUICK {
            self.known_slow.remove(key);
        }
        if self.newest.contains_key(key) {
            self.line_up(key.clone());
        }
    }

    /// Forgets an alarm that is gone.
    pub(crate) fn forget(&mut self, key: &AlarmKey) {
        if self.newest.remove(key).is_some() {
            self.quick.retain(|waiting| waiting != key);
            self.slow.retain(|waiting| waiting != key);
        }
        self.known_slow.remove(key);
    }

    /// Returns how many wait.
    pub(crate) fn len(&self) -> usize {
        self.newest.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::TenantId;

    fn key(name: &str) -> AlarmKey {
        AlarmKey { tenant: TenantId(1), name: name.into() }
    }

    fn query(name: &str, at_ms: i64) -> ScheduledQuery {
        ScheduledQuery { alarm: key(name), at_ms, periods: Vec::new() }
    }

    fn next(queue: &mut Queue) -> Option<(String, i64)> {
        queue.next().map(|query| (query.alarm.name, query.at_ms))
    }

    const FAST: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(5);

    #[test]
    fn an_alarm_that_is_asked_anew_keeps_its_place() {
        let mut queue = Queue::default();
        for (at_ms, served) in [(60, "a"), (120, "b"), (180, "c"), (240, "a")] {
            for name in ["a", "b", "c"] {
                queue.put(query(name, at_ms));
            }
            // There is time for one a minute only: all get their turn.
            assert_eq!(next(&mut queue), Some((served.into(), at_ms)));
            queue.done(&key(served), FAST);
        }
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn slow_ones_leave_room_for_others() {
        let mut queue = Queue::default();
        for name in ["s1", "s2"] {
            queue.put(query(name, 0));
            assert!(queue.next().is_some());
            queue.done(&key(name), LONG);
        }
        for name in ["s1", "s2", "q"] {
            queue.put(query(name, 60));
        }
        assert_eq!(next(&mut queue), Some(("s1".into(), 60)));
        assert_eq!(next(&mut queue), Some(("q".into(), 60)));
        assert_eq!(next(&mut queue), None, "one slow one at a time");
        queue.done(&key("s1"), FAST);
        assert_eq!(next(&mut queue), Some(("s2".into(), 60)));
        // The first is quick now.
        queue.put(query("s1", 120));
        assert_eq!(next(&mut queue), Some(("s1".into(), 120)));
    }

    #[test]
    fn one_that_takes_longer_than_its_pace_is_asked_for_the_newest_then() {
        let mut queue = Queue::default();
        assert!(!queue.put(query("a", 10)));
        assert_eq!(next(&mut queue), Some(("a".into(), 10)));
        assert!(!queue.put(query("a", 20)), "the one before is asked");
        assert!(queue.put(query("a", 30)), "the one before was not");
        assert_eq!(next(&mut queue), None, "it is not asked twice at once");
        queue.done(&key("a"), FAST);
        assert_eq!(next(&mut queue), Some(("a".into(), 30)));
    }

    #[test]
    fn of_a_deleted_alarm_nothing_is_left() {
        let mut queue = Queue::default();
        queue.put(query("a", 10));
        queue.put(query("b", 10));
        assert_eq!(next(&mut queue), Some(("a".into(), 10)));
        queue.put(query("a", 20));
        queue.forget(&key("a"));
        queue.forget(&key("b"));
        queue.done(&key("a"), LONG);
        assert_eq!((next(&mut queue), queue.len()), (None, 0));
    }
}
