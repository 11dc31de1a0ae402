//! A set of days, as runs: what a part of a tier answers for.

use std::fmt;
use std::str::FromStr;

/// Days since 1970, as runs that neither touch nor overlap, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Days {
    /// First, and the one behind the last.
    runs: Vec<(i64, i64)>,
}

impl Days {
    pub(crate) fn one(day: i64) -> Self {
        Self { runs: vec![(day, day + 1)] }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(crate) fn contains(&self, day: i64) -> bool {
        let at = self.runs.partition_point(|run| run.1 <= day);
        self.runs.get(at).is_some_and(|run| run.0 <= day)
    }

    pub(crate) fn first(&self) -> Option<i64> {
        self.runs.first().map(|run| run.0)
    }

    pub(crate) fn last(&self) -> Option<i64> {
        self.runs.last().map(|run| run.1 - 1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> {
        self.runs.iter().flat_map(|run| run.0..run.1)
    }

    pub(crate) fn insert(&mut self, day: i64) {
        if !self.contains(day) {
            self.runs.push((day, day + 1));
            self.tidy();
        }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.runs.extend_from_slice(&other.runs);
        self.tidy();
    }

    fn tidy(&mut self) {
        self.runs.sort_unstable();
        let mut tidy: Vec<(i64, i64)> = Vec::with_capacity(self.runs.len());
        for &(start, end) in &self.runs {
            match tidy.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => tidy.push((start, end)),
            }
        }
        self.runs = tidy;
    }

    /// Keeps the days that pass.
    pub(crate) fn retain(&mut self, keep: impl Fn(i64) -> bool) {
        let kept: Vec<(i64, i64)> =
            self.iter().filter(|&day| keep(day)).map(|d| (d, d + 1)).collect();
        self.runs = kept;
        self.tidy();
    }

    pub(crate) fn remove(&mut self, day: i64) {
        if self.contains(day) {
            self.retain(|d| d != day);
        }
    }
}

impl fmt::Display for Days {
    /// `20736-20739,20741`; `-` for none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            return f.write_str("-");
        }
        for (n, (start, end)) in self.runs.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            match end - start {
                1 => write!(f, "{comma}{start}")?,
                _ => write!(f, "{comma}{start}..{}", end - 1)?,
            }
        }
        Ok(())
    }
}

/// More days than there ever were: a damaged or hostile text must not ask for all memory.
const DAYS_MAX: i64 = 1_000_000;

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut days = Self::default();
        if text == "-" {
            return Ok(days);
        }
        let number = |text: &str| text.parse::<i64>().ok().filter(|day| day.abs() <= DAYS_MAX);
        for run in text.split(',') {
            let (first, last) = run.split_once("..").unwrap_or((run, run));
            match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => days.runs.push((first, last + 1)),
                _ => return Err(format!("{run:?} are no days")),
            }
        }
        days.tidy();
        Ok(days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_come_and_go_and_are_written_as_runs() {
        let mut days = Days::default();
        assert_eq!(days.to_string(), "-");
        for day in [5, 3, 4, 9, -1] {
            days.insert(day);
        }
        assert_eq!(days.to_string(), "-1,3..5,9");
        assert_eq!(days.to_string().parse(), Ok(days.clone()));
        assert_eq!((days.first(), days.last()), (Some(-1), Some(9)));
        days.remove(4);
        days.remove(100);
        assert_eq!(days.to_string(), "-1,3,5,9");
        assert!(days.contains(3) && !days.contains(4) && !days.contains(10));
        let mut more: Days = "4..8".parse().unwrap();
        more.extend(&days);
        assert_eq!(more.to_string(), "-1,3..9");
        more.retain(|day| day % 2 == 0);
        assert_eq!(more.to_string(), "4,6,8");
        for bad in ["", "x", "3-5", "5..3", "1,,2", "99999999999999999999", "0..9000000000"] {
            assert!(bad.parse::<Days>().is_err(), "{bad}");
        }
    }
}
