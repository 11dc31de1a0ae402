//! What is known in memory of the deliveries of each receiver: few of them, in their order.

use super::records::{DELIVERIES, Delivery, lane_of_key, lane_prefix};
use catalog::{Catalog, CatalogError};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// So many deliveries of a lane are in memory; the others wait in the catalog.
const LOADED_MAX: usize = 16;
/// So many entries are read at once when the server starts.
const PAGE: usize = 512;

/// The deliveries of one receiver. One is under way at a time, so their order is kept.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The next ones, with their keys.
    pub(super) loaded: VecDeque<(String, Delivery)>,
    /// The last key that was loaded.
    cursor: String,
    /// There may be others behind those.
    more: bool,
    /// One is under way.
    pub(super) is_busy: bool,
    /// The last attempt failed: since when they all do, and why it did.
    pub(super) failing: Option<(i64, String)>,
    /// Under which time it stands among the ready ones.
    ready_ms: Option<i64>,
}

/// All lanes that have something to deliver.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<String, Lane>,
    /// Lanes by the time of their next attempt; none that is busy.
    ready: BTreeSet<(i64, String)>,
    /// Lanes that fail, by since when.
    failing: BTreeSet<(i64, String)>,
    /// How many deliveries of each notice are not over.
    pub(super) left: HashMap<u64, u32>,
    /// How many deliveries are not over.
    pub(super) waiting: u64,
}

impl Lanes {
    /// Reads how things stood, in pages: the texts stay where they are.
    pub(super) fn load(catalog: &dyn Catalog) -> Result<Self, CatalogError> {
        let mut lanes = Self::default();
        let mut firsts: BTreeMap<String, i64> = BTreeMap::new();
        let mut after = String::new();
        loop {
            let page = catalog.page(DELIVERIES, "", &after, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            for (key, value) in &page {
                let Ok(delivery) = serde_json::from_slice::<Delivery>(value) else { continue };
                let Some(lane) = lane_of_key(key) else { continue };
                *lanes.left.entry(delivery.notice).or_default() += 1;
                lanes.waiting += 1;
                firsts.entry(lane.to_owned()).or_insert(delivery.due_ms);
            }
        }
        for (name, due_ms) in firsts {
            lanes.lanes.insert(name.clone(), Lane { more: true, ..Lane::default() });
            lanes.set_ready(&name, due_ms);
        }
        Ok(lanes)
    }

    /// Notes that a lane has one more, which is in the catalog already.
    pub(super) fn added(&mut self, name: &str, notice: u64, now_ms: i64) {
        *self.left.entry(notice).or_default() += 1;
        self.waiting += 1;
        let lane = self.lanes.entry(name.to_owned()).or_default();
        lane.more = true;
        if !lane.is_busy && lane.ready_ms.is_none() {
            self.set_ready(name, now_ms);
        }
    }

    /// Notes that one delivery of a notice is over; true when it was the last one.
    pub(super) fn over(&mut self, notice: u64) -> bool {
        self.waiting = self.waiting.saturating_sub(1);
        match self.left.get_mut(&notice) {
            Some(left) if *left > 1 => {
                *left -= 1;
                false
            }
            _ => {
                self.left.remove(&notice);
                true
            }
        }
    }

    pub(super) fn get(&mut self, name: &str) -> Option<&mut Lane> {
        self.lanes.get_mut(name)
    }

    /// Notes that the last attempt of a lane failed, and why, or that it did not.
    pub(super) fn set_failing(&mut self, name: &str, why: Option<String>, now_ms: i64) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        match (why, &mut lane.failing) {
            (Some(why), Some((_, last))) => *last = why,
            (Some(why), none) => {
                *none = Some((now_ms, why));
                self.failing.insert((now_ms, name.to_owned()));
            }
            (None, some) => {
                if let Some((since_ms, _)) = some.take() {
                    self.failing.remove(&(since_ms, name.to_owned()));
                }
            }
        }
    }

    /// Returns the lane that fails the longest, since when and why, and how many fail.
    pub(super) fn failing(&self) -> Option<(&str, i64, &str, usize)> {
        let (since_ms, name) = self.failing.first()?;
        let (_, why) = self.lanes.get(name)?.failing.as_ref()?;
        Some((name, *since_ms, why, self.failing.len()))
    }

    /// Says when a lane's next attempt is due.
    pub(super) fn set_ready(&mut self, name: &str, at_ms: i64) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        if let Some(before) = lane.ready_ms.replace(at_ms) {
            self.ready.remove(&(before, name.to_owned()));
        }
        self.ready.insert((at_ms, name.to_owned()));
    }

    /// Takes the lane that is due first out of the ready ones.
    pub(super) fn take_due(&mut self, now_ms: i64) -> Option<String> {
        let (at_ms, _) = self.ready.first()?;
        if *at_ms > now_ms {
            return None;
        }
        let (_, name) = self.ready.pop_first()?;
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.ready_ms = None;
        }
        Some(name)
    }

    /// Returns when the next attempt is due.
    pub(super) fn next_due_ms(&self) -> Option<i64> {
        self.ready.first().map(|(at_ms, _)| *at_ms)
    }

    /// Says whether a lane has something, having looked in the catalog where that is needed.
    pub(super) fn fill(&mut self, name: &str, catalog: &dyn Catalog) -> Result<bool, CatalogError> {
        let Some(lane) = self.lanes.get_mut(name) else { return Ok(false) };
        if lane.loaded.is_empty() && lane.more {
            let page = catalog.page(DELIVERIES, &lane_prefix(name), &lane.cursor, LOADED_MAX)?;
            lane.more = page.len() == LOADED_MAX;
            for (key, value) in page {
                lane.cursor.clone_from(&key);
                match serde_json::from_slice(&value) {
                    Ok(delivery) => lane.loaded.push_back((key, delivery)),
                    Err(error) => {
                        tracing::error!(key, %error, "a delivery cannot be read; left out");
                    }
                }
            }
        }
        Ok(!lane.loaded.is_empty())
    }

    /// Forgets lanes that have nothing left. Only after what is over was removed from the catalog: a
    /// lane that is made anew reads from its beginning.
    pub(super) fn forget_empty(&mut self) {
        let failing = &mut self.failing;
        self.lanes.retain(|name, lane| {
            let is_used =
                lane.is_busy || lane.more || !lane.loaded.is_empty() || lane.ready_ms.is_some();
            if !is_used && let Some((since_ms, _)) = lane.failing {
                failing.remove(&(since_ms, name.clone()));
            }
            is_used
        });
    }
}
