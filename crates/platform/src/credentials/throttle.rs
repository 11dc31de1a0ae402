//! Slows down whoever guesses passwords, by source address and by user.
//!
//! A source that failed often waits longer and longer. A user at whom many sources fail makes those
//! sources wait that failed before, and lets others try: somebody who comes from elsewhere with the
//! right password gets in at the first attempt, however hard a stranger guesses. The price is that
//! somebody with many addresses has one guess from each.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Failures that cost nothing: people mistype.
const FREE_FAILURES: u32 = 5;
/// The wait doubles with each failure beyond, up to this.
const SOURCE_WAIT_MS_MAX: i64 = 5 * 60_000;
const USER_WAIT_MS_MAX: i64 = 30_000;
/// After so long without a failure everything before is forgotten.
const FORGET_MS: i64 = 15 * 60_000;
/// Sources and users that are remembered at most; those whose last failure is the oldest go first.
const ENTRIES_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    Source(IpAddr),
    User(String),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_ms: i64,
}

impl Failures {
    /// How long nobody may try, from the last failure on.
    fn wait_ms(self, max: i64) -> i64 {
        match self.count.saturating_sub(FREE_FAILURES) {
            0 => 0,
            beyond => (1_000_i64 << (beyond - 1).min(20)).min(max),
        }
    }
}

/// Who failed how often.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    failures: HashMap<Whose, Failures>,
}

/// One who has a whole network of IPv6 is still one.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) >> 64 << 64).into(),
    }
}

impl Throttle {
    fn failures(&self, whose: &Whose, now_ms: i64) -> Option<Failures> {
        // A clock that was put back forgives, rather than locking anybody out.
        let recent = |f: &Failures| (0..FORGET_MS).contains(&(now_ms - f.last_ms));
        self.failures.get(whose).copied().filter(recent)
    }

    /// Counts an attempt as failed until [`Throttle::forgive`] says otherwise, so that many at once
    /// count like many in turn. `None` for a user that cannot be: the source alone counts.
    ///
    /// # Errors
    /// How many milliseconds to wait before the next attempt; this one is not to be made.
    pub(super) fn attempt(
        &mut self,
        source: IpAddr,
        user: Option<&str>,
        now_ms: i64,
    ) -> Result<(), i64> {
        let source = Whose::Source(network(source));
        let user = user.map(|user| Whose::User(user.to_owned()));
        let of_source = self.failures(&source, now_ms);
        let left = |f: Option<Failures>, max| {
            f.map_or(0, |f| f.last_ms.saturating_add(f.wait_ms(max)) - now_ms)
        };
        let mut wait = left(of_source, SOURCE_WAIT_MS_MAX);
        if let (Some(_), Some(user)) = (of_source, &user) {
            wait = wait.max(left(self.failures(user, now_ms), USER_WAIT_MS_MAX));
        }
        if wait > 0 {
            return Err(wait);
        }
        for whose in [Some(source), user].into_iter().flatten() {
            let count = self.failures(&whose, now_ms).map_or(0, |f| f.count);
            self.make_room(&whose);
            self.failures
                .insert(whose, Failures { count: count.saturating_add(1), last_ms: now_ms });
        }
        Ok(())
    }

    /// The attempt was right after all: the source starts anew, and the user has one failure less,
    /// as others may still be guessing.
    pub(super) fn forgive(&mut self, source: IpAddr, user: &str) {
        self.failures.remove(&Whose::Source(network(source)));
        if let Some(failures) = self.failures.get_mut(&Whose::User(user.to_owned())) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    fn make_room(&mut self, whose: &Whose) {
        if self.failures.len() < ENTRIES_MAX || self.failures.contains_key(whose) {
            return;
        }
        // A tenth at a time, so that a flood of addresses does not sort the table for each.
        let mut ages: Vec<i64> = self.failures.values().map(|f| f.last_ms).collect();
        let (_, oldest_kept, _) = ages.select_nth_unstable(ENTRIES_MAX / 10);
        let oldest_kept = *oldest_kept;
        let mut spare = ENTRIES_MAX / 10;
        self.failures.retain(|_, f| {
            let goes = f.last_ms <= oldest_kept && spare > 0;
            spare -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_that_fails_waits_longer_and_longer() {
        let mut throttle = Throttle::default();
        let (source, mut now) = (ip("10.0.0.1"), 0);
        let mut waits = Vec::new();
        for n in 0..17 {
            // A different user each time: the source alone is slowed.
            match throttle.attempt(source, Some(&n.to_string()), now) {
                Ok(()) => {}
                Err(wait) => {
                    waits.push(wait);
                    now += wait;
                    throttle.attempt(source, Some(&n.to_string()), now).unwrap();
                }
            }
        }
        assert_eq!(waits[..5], [1_000, 2_000, 4_000, 8_000, 16_000]);
        assert_eq!(waits.last(), Some(&SOURCE_WAIT_MS_MAX));
        throttle.attempt(ip("10.0.0.2"), Some("1"), now).unwrap();
        throttle.attempt(source, Some("1"), now + FORGET_MS).unwrap();
    }

    #[test]
    fn a_stranger_does_not_lock_out_who_comes_from_elsewhere() {
        let mut throttle = Throttle::default();
        for n in 0..200_u8 {
            let _ = throttle.attempt(ip(&format!("10.0.0.{n}")), Some("ann"), 0);
        }
        throttle.attempt(ip("192.0.2.7"), Some("ann"), 1).expect("a source without failures");
        // Having mistyped, it waits as long as the user's failures say, and no longer.
        let wait = throttle.attempt(ip("192.0.2.7"), Some("ann"), 2).unwrap_err();
        assert!(wait <= USER_WAIT_MS_MAX, "{wait}");
        throttle.attempt(ip("192.0.2.7"), Some("ann"), 2 + wait).unwrap();
        // Who was right starts anew.
        throttle.forgive(ip("192.0.2.7"), "ann");
        throttle.attempt(ip("192.0.2.7"), Some("ann"), 3 + wait).unwrap();
    }

    #[test]
    fn attempts_at_once_count_like_attempts_in_turn() {
        let mut throttle = Throttle::default();
        let taken =
            (0..100).filter(|_| throttle.attempt(ip("::1"), Some("ann"), 0).is_ok()).count();
        assert_eq!(taken, 6);
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        assert_eq!(network(ip("2001:db8::1")), network(ip("2001:db8::ffff:1")));
        assert_ne!(network(ip("2001:db8::1")), network(ip("2001:db8:0:1::1")));
        assert_eq!(network(ip("::ffff:10.0.0.1")), ip("10.0.0.1"));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut throttle = Throttle::default();
        for n in 0..30_000_u32 {
            let _ = throttle.attempt(
                std::net::Ipv4Addr::from(n).into(),
                Some(&n.to_string()),
                n.into(),
            );
        }
        assert!(throttle.failures.len() <= ENTRIES_MAX);
        assert!(throttle.failures.contains_key(&Whose::User("29999".into())), "the newest stay");
    }
}
