//! The resolutions at which points are kept beside the raw ones.

use std::fmt;
use std::str::FromStr;

/// A tier of roll-ups, finest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Five minutes.
    FiveMinutes,
    /// One hour.
    Hour,
}

impl Tier {
    /// All of them, finest first; each is a multiple of the one before.
    pub const ALL: [Self; 2] = [Self::FiveMinutes, Self::Hour];

    /// Returns what it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
        }
    }

    /// Returns the length of an interval; intervals begin at multiples of it since 1970.
    pub fn step_ms(self) -> i64 {
        match self {
            Self::FiveMinutes => 300_000,
            Self::Hour => 3_600_000,
        }
    }

    /// Returns the coarsest tier whose intervals make up periods of this length; `None` where only
    /// raw points do.
    pub fn of_period(period_ms: i64) -> Option<Self> {
        let fits = |tier: &Self| period_ms > 0 && period_ms % tier.step_ms() == 0;
        Self::ALL.into_iter().rev().find(fits)
    }

    /// Returns how many days a part may hold, shortest first: as days age, parts of one length are
    /// merged into one of the next. A look-up in a part costs about as much as decoding some
    /// thousand points, so that a part should hold some thousand of a series: 16 days at five
    /// minutes (4608) and 64 days at an hour (1536). Longer ones would be rewritten for fewer late
    /// points each, and expire later.
    pub(crate) fn spans(self) -> &'static [i64] {
        match self {
            Self::FiveMinutes => &[1, 4, 16],
            Self::Hour => &[1, 4, 16, 64],
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::FiveMinutes => 1,
            Self::Hour => 2,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.code() == code)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tier {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|tier| tier.to_string() == text);
        found.ok_or_else(|| format!("there is no tier {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_choose_the_coarsest_tier_that_makes_them_up() {
        let tier = |seconds: i64| Tier::of_period(seconds * 1000);
        assert_eq!([1, 10, 60, 120, 301].map(tier), [None; 5]);
        assert_eq!([300, 600, 900, 5400].map(tier), [Some(Tier::FiveMinutes); 4]);
        assert_eq!([3600, 7200, 86_400].map(tier), [Some(Tier::Hour); 3]);
        assert_eq!([0, -3600].map(tier), [None; 2]);
    }
}
