//! What a row of datapoints with gaps decides: M out of N, and the four treatments of a gap.
//!
//! More than N periods are looked at ([`evaluation_range`]), so that gaps can be filled from older
//! datapoints. Five steps decide, the first that fits:
//!
//! 1. No datapoint in the range: the treatment alone.
//! 2. Of the newest N real datapoints at least M breach: ALARM.
//! 3. There are N real ones: OK.
//! 4. The gap is filled as breaching or not: ALARM when that makes M, else OK.
//! 5. `missing` and `ignore`: OK, but when every real datapoint of the range breaches and the oldest
//!    stands M periods back or further, the alarm is *premature*: ALARM, or as it was with `ignore`.
//!
//! Source: CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data". The steps are
//! ours; they give every cell of its tables, see `fixtures/missing`.

use lang::alarm_rule::AlarmState;

/// How a gap counts.
///
/// Source: CloudWatch API reference, `PutMetricAlarm`, field `TreatMissingData`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TreatMissing {
    /// As unknown.
    #[default]
    Missing,
    /// The alarm stays as it is.
    Ignore,
    /// As beyond the threshold.
    Breaching,
    /// As within the threshold.
    NotBreaching,
}

impl TreatMissing {
    /// All, with the names of the API.
    pub const ALL: [(&'static str, Self); 4] = [
        ("missing", Self::Missing),
        ("ignore", Self::Ignore),
        ("breaching", Self::Breaching),
        ("notBreaching", Self::NotBreaching),
    ];

    /// Returns the treatment of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, treatment)| treatment)
    }
}

/// M out of N datapoints; M is at least 1 and at most N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOf {
    needed: u32,
    periods: u32,
}

impl OutOf {
    /// Returns M out of N, if that can be.
    pub fn new(needed: u32, periods: u32) -> Option<Self> {
        (1 <= needed && needed <= periods).then_some(Self { needed, periods })
    }

    /// M: how many datapoints must breach.
    pub fn needed(self) -> usize {
        self.needed as usize
    }

    /// N: of how many.
    pub fn periods(self) -> usize {
        self.periods as usize
    }

    /// Returns how many periods are looked at.
    pub fn range(self) -> usize {
        evaluation_range(self.periods())
    }
}

/// Returns how many periods are looked at for N datapoints.
///
/// The service publishes no number; its examples show 5 for 3.
pub fn evaluation_range(periods: usize) -> usize {
    periods + (periods / 3).max(2)
}

/// What a period is to the alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Nothing was observed.
    Missing,
    /// A datapoint within the threshold.
    Fine,
    /// A datapoint beyond the threshold.
    Breaching,
}

/// What a row of cells decides, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The state; none keeps the one there is.
    pub state: Option<AlarmState>,
    /// The step that decided.
    pub step: Step,
    /// Real datapoints that counted, the newest ones.
    pub used: usize,
    /// Of them, those beyond the threshold.
    pub breaching: usize,
    /// Gaps that were filled.
    pub filled: usize,
}

/// The steps, see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// 1: there was nothing.
    Nothing,
    /// 2: enough real datapoints breach.
    Breaches,
    /// 3: enough real datapoints, too few of which breach.
    Complete,
    /// 4: the gap was filled.
    Filled,
    /// 5: every real datapoint breaches, and has for long enough.
    Premature,
    /// 5: none of that.
    Unclear,
}

impl Step {
    /// Returns the step's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Breaches => "breaches",
            Self::Complete => "complete",
            Self::Filled => "filled",
            Self::Premature => "premature",
            Self::Unclear => "unclear",
        }
    }
}

/// Decides over the cells of the evaluation range, newest first.
pub fn decide(cells: &[Cell], out_of: OutOf, missing: TreatMissing) -> Decision {
    let (needed, periods) = (out_of.needed(), out_of.periods());
    let real = || cells.iter().filter(|cell| **cell != Cell::Missing);
    let used = real().take(periods).count();
    let breaching = real().take(periods).filter(|cell| **cell == Cell::Breaching).count();
    let filled = periods - used;
    let decided = |state, step| Decision { state, step, used, breaching, filled };
    if used == 0 {
        let state = match missing {
            TreatMissing::Missing => Some(AlarmState::InsufficientData),
            TreatMissing::Ignore => None,
            TreatMissing::Breaching => Some(AlarmState::Alarm),
            TreatMissing::NotBreaching => Some(AlarmState::Ok),
        };
        return decided(state, Step::Nothing);
    }
    if breaching >= needed {
        return decided(Some(AlarmState::Alarm), Step::Breaches);
    }
    if filled == 0 {
        return decided(Some(AlarmState::Ok), Step::Complete);
    }
    match missing {
        TreatMissing::Breaching if breaching + filled >= needed => {
            decided(Some(AlarmState::Alarm), Step::Filled)
        }
        TreatMissing::Breaching | TreatMissing::NotBreaching => {
            decided(Some(AlarmState::Ok), Step::Filled)
        }
        TreatMissing::Missing | TreatMissing::Ignore => {
            let oldest = cells.iter().rposition(|cell| *cell != Cell::Missing).unwrap_or(0);
            let premature = breaching == used && oldest + 1 >= needed;
            match (premature, missing) {
                (true, TreatMissing::Ignore) => decided(None, Step::Premature),
                (true, _) => decided(Some(AlarmState::Alarm), Step::Premature),
                (false, _) => decided(Some(AlarmState::Ok), Step::Unclear),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_longer_than_what_is_asked_for() {
        let ranges: Vec<usize> = [1, 2, 3, 5, 6, 9, 12, 60].map(evaluation_range).to_vec();
        assert_eq!(ranges, [3, 4, 5, 7, 8, 12, 16, 80]);
    }

    #[test]
    fn m_lies_between_1_and_n() {
        assert!(OutOf::new(1, 1).is_some() && OutOf::new(2, 3).is_some());
        assert!(OutOf::new(0, 1).is_none() && OutOf::new(2, 1).is_none());
    }
}
