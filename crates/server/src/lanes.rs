//! Whoever sends most must not have all threads: each account's writes have a lane of their own.
//!
//! A write is decoded on the thread that took it. There are more threads than processors, and one
//! account alone may use as many as there are processors. When others send too, each lane narrows to
//! half of the processors: an explosion in one account leaves the other half to them.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use stdx::Stopwatch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lanes that nobody is in are forgotten when there are so many.
const LANES_MAX: usize = 1_024;
/// A lane that was used within this time counts as another's.
const RECENT: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Lane {
    whole: Arc<Semaphore>,
    /// For when there are others.
    half: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<u64, Lane>,
    /// The lane that was entered last, and when last another one than that was.
    last: u64,
    last_at: Option<Stopwatch>,
    before: u64,
    before_at: Option<Stopwatch>,
}

/// Lanes by what their senders have in common.
#[derive(Debug)]
pub(crate) struct Lanes {
    width: usize,
    hasher: RandomState,
    state: Mutex<State>,
}

/// Room in a lane, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    _whole: Option<OwnedSemaphorePermit>,
    _half: Option<OwnedSemaphorePermit>,
}

impl State {
    /// Notes that a lane is used, and says whether others were, recently.
    fn note(&mut self, key: u64) -> bool {
        let now = Stopwatch::start();
        if self.last != key || self.last_at.is_none() {
            (self.before, self.before_at) = (self.last, self.last_at);
            self.last = key;
        }
        self.last_at = Some(now);
        let is_recent = |at: Option<Stopwatch>| at.is_some_and(|at| at.elapsed() < RECENT);
        self.before != key && is_recent(self.before_at)
    }
}

impl Lanes {
    /// Makes lanes in which so many may be at once.
    pub(crate) fn new(width: usize) -> Self {
        Self { width, hasher: RandomState::new(), state: Mutex::default() }
    }

    /// Waits until there is room in the lane of whoever says so of themselves, and takes it.
    pub(crate) async fn enter(&self, whose: &[&[u8]]) -> Entered {
        let key = self.hasher.hash_one(whose);
        let (whole, half) = self.lane(key);
        // Nobody closes a lane.
        let half = match half {
            Some(half) => half.acquire_owned().await.ok(),
            None => None,
        };
        Entered { _whole: whole.acquire_owned().await.ok(), _half: half }
    }

    /// Returns the lane, and its half when others are about.
    fn lane(&self, key: u64) -> (Arc<Semaphore>, Option<Arc<Semaphore>>) {
        let mut state = self.state.lock();
        let others = state.note(key);
        let lanes = &mut state.lanes;
        if lanes.len() >= LANES_MAX && !lanes.contains_key(&key) {
            lanes.retain(|_, l| Arc::strong_count(&l.whole) + Arc::strong_count(&l.half) > 2);
        }
        let lane = lanes.entry(key).or_insert_with(|| Lane {
            whole: Arc::new(Semaphore::new(self.width)),
            half: Arc::new(Semaphore::new(self.width.div_ceil(2))),
        });
        (lane.whole.clone(), others.then(|| lane.half.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_narrows_when_there_are_others() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let lanes = Lanes::new(2);
            let soon = Duration::from_millis(1);
            let full = |whose: &'static [u8]| {
                let whose = [whose];
                let lanes = &lanes;
                async move { tokio::time::timeout(soon, lanes.enter(&whose)).await.is_err() }
            };
            let first = lanes.enter(&[b"a"]).await;
            let second = lanes.enter(&[b"a"]).await;
            assert!(full(b"a").await, "alone it is as wide as there are processors");
            let other = lanes.enter(&[b"b"]).await;
            assert!(full(b"b").await, "beside another one it is half as wide");
            drop((first, second));
            let first = lanes.enter(&[b"a"]).await;
            assert!(full(b"a").await, "for both");
            drop((first, other));
            assert!(!full(b"b").await && !full(b"a").await);
        });
    }

    #[test]
    fn who_is_alone_again_has_it_all_again() {
        let mut state = State::default();
        assert!(!state.note(1) && !state.note(1));
        assert!(state.note(2) && state.note(2) && state.note(1));
        // As if time had passed: the other one is not recent any more.
        state.before_at = None;
        assert!(!state.note(1));
    }

    #[test]
    fn lanes_that_nobody_is_in_are_forgotten() {
        let lanes = Lanes::new(1);
        let kept = lanes.lane(7).0;
        for key in 1_000..5_000 {
            lanes.lane(key);
        }
        assert!(lanes.state.lock().lanes.len() <= LANES_MAX);
        assert!(Arc::ptr_eq(&kept, &lanes.lane(7).0));
    }
}
