//! How long points are kept: raw ones and roll-ups, by rules.
//!
//! Retention counts in days (UTC): what belongs to a day goes when the day ended longer ago than its
//! time. So all of a day goes at once, from every read, whatever of it still stands on the disk.

use crate::matcher::Matcher;
use crate::part::{PARTITION_MS, Part, partition_of};
use crate::rollup::tier::Tier;
use crate::store::{MetricStore, StoreOptions};
use model::{SeriesKey, TenantId, TimeRange};
use std::sync::Arc;

/// How long the points of a series are kept, in milliseconds: a coarser form as long as a finer one, or
/// longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Raw points.
    pub raw_ms: i64,
    /// Roll-ups of five minutes.
    pub five_minutes_ms: i64,
    /// Roll-ups of an hour.
    pub hour_ms: i64,
}

impl Keep {
    /// Returns the time of a tier; `None` is that of raw points.
    pub fn of(&self, tier: Option<Tier>) -> i64 {
        match tier {
            None => self.raw_ms,
            Some(Tier::FiveMinutes) => self.five_minutes_ms,
            Some(Tier::Hour) => self.hour_ms,
        }
    }

    /// Returns the times with coarser forms kept at least as long as finer ones.
    #[must_use]
    pub fn in_order(self) -> Self {
        let five_minutes_ms = self.five_minutes_ms.max(self.raw_ms);
        Self { five_minutes_ms, hour_ms: self.hour_ms.max(five_minutes_ms), ..self }
    }
}

/// Series of a tenant that are kept for other times.
#[derive(Debug, Clone)]
pub struct RetentionRule {
    /// What the rule is called.
    pub name: String,
    /// Whose series.
    pub tenant: TenantId,
    /// Which of them: those that all matchers take.
    pub matchers: Vec<Matcher>,
    /// For how long.
    pub keep: Keep,
}

impl RetentionRule {
    fn takes(&self, key: &SeriesKey) -> bool {
        self.tenant == key.tenant
            && self.matchers.iter().all(|m| {
                m.matches(match m.label.as_str() {
                    "__name__" => &key.name,
                    "__namespace__" => &key.namespace,
                    "__unit__" if key.unit == model::Unit::None => "",
                    "__unit__" => key.unit.name(),
                    label => key.label(label),
                })
            })
    }
}

/// All rules; the first that takes a series decides, else the default.
#[derive(Debug, Clone)]
pub struct Retention {
    /// In the order in which they are asked.
    pub rules: Vec<RetentionRule>,
    /// For series that no rule takes.
    pub default: Keep,
}

impl Retention {
    /// What options say, without rules.
    pub fn of_options(options: &StoreOptions) -> Self {
        let keep = Keep {
            raw_ms: options.retention_ms,
            five_minutes_ms: options.rollups.five_minutes_ms,
            hour_ms: options.rollups.hour_ms,
        };
        Self { rules: Vec::new(), default: keep.in_order() }
    }

    /// Returns for how long a series is kept.
    pub fn of_key(&self, key: &SeriesKey) -> Keep {
        self.rules.iter().find(|rule| rule.takes(key)).map_or(self.default, |rule| rule.keep)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Keep> {
        self.rules.iter().map(|rule| &rule.keep).chain([&self.default])
    }

    /// Returns the longest time of a tier that any rule says.
    pub(crate) fn longest(&self, tier: Option<Tier>) -> i64 {
        self.all().map(|keep| keep.of(tier)).max().unwrap_or_default()
    }
}

/// Returns the first day that is kept.
pub(crate) fn first_day(keep_ms: i64, now_ms: i64) -> i64 {
    partition_of(now_ms.saturating_sub(keep_ms))
}

/// Returns the first moment of a day.
pub(crate) fn start_of(day: i64) -> i64 {
    day.saturating_mul(PARTITION_MS)
}

/// What reads may show at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    retention: Arc<Retention>,
    tier: Option<Tier>,
    /// Nothing is past its time where no time is believed yet.
    now_ms: Option<i64>,
}

impl Shown {
    /// Returns what of a range may be shown of any series.
    pub(crate) fn range(&self, range: TimeRange) -> TimeRange {
        self.since(self.retention.longest(self.tier), range)
    }

    /// Returns what of a range may be shown of one series.
    pub(crate) fn range_of(&self, key: &SeriesKey, range: TimeRange) -> TimeRange {
        if self.retention.rules.is_empty() {
            return self.range(range);
        }
        self.since(self.retention.of_key(key).of(self.tier), range)
    }

    /// Says whether there are rules, so that series differ.
    pub(crate) fn by_rules(&self) -> bool {
        !self.retention.rules.is_empty()
    }

    /// Says whether any time of a raw part may be shown of a series; such a part goes as a whole.
    pub(crate) fn shows(&self, part: &Part, key: &[u8], range: TimeRange) -> bool {
        SeriesKey::decode(key).is_some_and(|key| part.overlaps(self.range_of(&key, range)))
    }

    fn since(&self, keep_ms: i64, range: TimeRange) -> TimeRange {
        let Some(now_ms) = self.now_ms else { return range };
        let first_ms = start_of(first_day(keep_ms, now_ms));
        TimeRange { start_ms: range.start_ms.max(first_ms), ..range }
    }
}

impl MetricStore {
    /// Returns what reads of raw points, or of periods that a tier makes up, may show now.
    pub(crate) fn shown(&self, tier: Option<Tier>) -> Shown {
        let now_ms = self.clock.lock().shown_by_ms();
        Shown { retention: self.retention.load_full(), tier, now_ms }
    }

    /// Returns the end of the time, within `range`, of which roll-ups are left and raw points are not;
    /// `None` where raw points answer for all of it. What reads of raw points show before it is not all
    /// there was.
    pub fn raw_gone_before(&self, range: TimeRange) -> Option<i64> {
        let tiers = self.view.load().tiers.clone();
        let first = self.clock.lock().believed_ms();
        let first = first.map(|now| first_day(self.retention.load().longest(None), now));
        let mut gone = tiers.kept();
        for tier in Tier::ALL {
            let mut covered = tiers.covered(tier);
            covered.retain(|day| first.is_some_and(|first| day < first));
            gone.extend(&covered);
        }
        let touched = |day: &i64| range.overlaps(start_of(*day), start_of(*day + 1) - 1);
        gone.iter().filter(touched).last().map(|day| start_of(day + 1))
    }

    /// Says whether roll-ups of a day are kept for anyone.
    pub(crate) fn tier_wants(&self, tier: Tier, day: i64, now_ms: i64) -> bool {
        day >= first_day(self.retention.load().longest(Some(tier)), now_ms)
    }

    /// Says whether raw points of a day are kept for nobody.
    pub(crate) fn raw_is_over(&self, day: i64, now_ms: i64) -> bool {
        day < first_day(self.retention.load().longest(None), now_ms)
    }
}
