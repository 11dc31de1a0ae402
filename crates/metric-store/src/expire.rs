//! Removes what is past its retention, a whole part at a time.

use crate::install::{Change, ChangeOfTiers};
use crate::part::Part;
use crate::retention::first_day;
use crate::rollup::tier::Tier;
use crate::rollup::tiers::day_of_name;
use crate::store::{MetricStore, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl MetricStore {
    /// Removes raw parts whose day ended longer ago than any retention of raw points.
    pub(crate) fn expire(&self, now_ms: i64) -> Result<bool, StoreError> {
        let oldest = first_day(self.retention.load().longest(None), now_ms);
        let view = self.view.load_full();
        // What is to be kept as a roll-up is rolled up first, or again where that cannot be read; unless
        // it cannot be.
        let is_kept = |p: &Arc<Part>| {
            let day = p.meta().partition;
            let wanted = Tier::ALL.into_iter().any(|tier| self.tier_wants(tier, day, now_ms));
            let rolled = view.is_rolled(p) && !view.tiers.is_aside(day);
            rolled || !wanted || view.is_lost_for_now(day)
        };
        let old = view.parts.iter().filter(|p| p.meta().partition < oldest);
        let old = old.filter(|p| p.is_aside() || is_kept(p)).map(|p| p.name().to_owned());
        let old: Vec<String> = old.collect();
        if old.is_empty() {
            return Ok(false);
        }
        let count = old.len();
        let days: Vec<i64> = old.iter().filter_map(|name| day_of_name(name)).collect();
        let keep: ChangeOfTiers<'_> =
            Box::new(move |tiers| days.into_iter().for_each(|day| tiers.keep_day(day)));
        self.install(Change { gone: old, tiers: Some(keep), ..Change::default() })?;
        self.counters().parts_expired.fetch_add(count as u64, Ordering::Relaxed);
        tracing::info!(parts = count, "removed parts past their retention");
        Ok(true)
    }

    /// Removes parts of roll-ups of which no day is kept for anyone.
    pub(crate) fn expire_tiers(&self, now_ms: i64) -> Result<bool, StoreError> {
        let view = self.view.load_full();
        let over = |tier, day: i64| !self.tier_wants(tier, day, now_ms);
        let old = view.tiers.parts.iter().filter(|p| p.days.last().is_none_or(|d| over(p.tier, d)));
        let old: Vec<String> = old.map(|p| p.name.clone()).collect();
        if old.is_empty() {
            return Ok(false);
        }
        let count = old.len();
        let go: ChangeOfTiers<'_> =
            Box::new(move |tiers| tiers.parts.retain(|p| !old.contains(&p.name)));
        self.install(Change { tiers: Some(go), ..Change::default() })?;
        self.counters().parts_expired.fetch_add(count as u64, Ordering::Relaxed);
        tracing::info!(parts = count, "removed parts of roll-ups past their retention");
        Ok(true)
    }
}
