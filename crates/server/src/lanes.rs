//! Whoever sends most must not have all threads: each account's writes have a lane of their own.
//!
//! A write is decoded on the thread that took it. There are more threads than processors, and one
//! account may use as many as there are processors: alone it gets the whole machine, and when
//! another one comes there is a thread for it at once, and the system shares the processors out.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lanes that nobody is in are forgotten when there are so many.
const LANES_MAX: usize = 1_024;

/// Lanes by what their senders have in common.
#[derive(Debug)]
pub(crate) struct Lanes {
    width: usize,
    hasher: RandomState,
    lanes: Mutex<HashMap<u64, Arc<Semaphore>>>,
}

impl Lanes {
    /// Makes lanes in which so many may be at once.
    pub(crate) fn new(width: usize) -> Self {
        Self { width, hasher: RandomState::new(), lanes: Mutex::default() }
    }

    /// Waits until there is room in the lane of whoever says so of themselves, and takes it.
    pub(crate) async fn enter(&self, whose: &[&[u8]]) -> Option<OwnedSemaphorePermit> {
        let lane = self.lane(self.hasher.hash_one(whose));
        // Nobody closes a lane.
        lane.acquire_owned().await.ok()
    }

    fn lane(&self, key: u64) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock();
        if lanes.len() >= LANES_MAX && !lanes.contains_key(&key) {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        lanes.entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.width))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_full_lane_leaves_the_others_free() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let lanes = Lanes::new(2);
            let first = lanes.enter(&[b"a"]).await;
            let _second = lanes.enter(&[b"a"]).await;
            let soon = Duration::from_millis(1);
            assert!(tokio::time::timeout(soon, lanes.enter(&[b"a"])).await.is_err());
            assert!(tokio::time::timeout(soon, lanes.enter(&[b"b"])).await.is_ok());
            drop(first);
            assert!(tokio::time::timeout(soon, lanes.enter(&[b"a"])).await.is_ok());
        });
    }

    #[test]
    fn lanes_that_nobody_is_in_are_forgotten() {
        let lanes = Lanes::new(1);
        let kept = lanes.lane(7);
        for key in 1_000..5_000 {
            lanes.lane(key);
        }
        assert!(lanes.lanes.lock().len() <= LANES_MAX);
        assert!(Arc::ptr_eq(&kept, &lanes.lane(7)));
    }
}
