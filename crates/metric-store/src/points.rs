//! Points of one series as they are read back.

use model::{Delta, Histogram, Kind, TimeRange};
use std::sync::Arc;

/// Points read back, oldest first, each time once.
#[derive(Debug, Clone, PartialEq)]
pub enum Points {
    /// Of a float series.
    Floats(Vec<(i64, f64)>),
    /// Of a delta series whose deltas are of one sample each: the samples. Nearly all are, and a
    /// [`Delta`] for each would cost an allocation and seven times the memory.
    Singles(Vec<(i64, f64)>),
    /// Of a delta series.
    Deltas(Vec<(i64, Delta)>),
    /// Of a series of native histograms.
    Histograms(Vec<(i64, Arc<Histogram>)>),
}

impl Points {
    /// No points of this kind.
    pub(crate) fn none(kind: Kind) -> Self {
        match kind {
            Kind::Delta => Self::Singles(Vec::new()),
            Kind::Float => Self::Floats(Vec::new()),
            Kind::Histogram => Self::Histograms(Vec::new()),
        }
    }

    /// One point, of one sample.
    pub(crate) fn single(kind: Kind, at_ms: i64, value: f64) -> Self {
        match kind {
            Kind::Delta => Self::Singles(vec![(at_ms, value)]),
            Kind::Float | Kind::Histogram => Self::Floats(vec![(at_ms, value)]),
        }
    }

    /// Returns how many bytes they take in memory.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let bytes = match self {
            Self::Floats(points) | Self::Singles(points) => size_of_val(points.as_slice()),
            Self::Deltas(points) => {
                let more: usize = points.iter().map(|(_, delta)| delta.weight_bytes()).sum();
                size_of_val(points.as_slice()) + more
            }
            Self::Histograms(points) => {
                let more: usize = points.iter().map(|(_, histogram)| histogram.bytes()).sum();
                size_of_val(points.as_slice()) + more
            }
        };
        bytes as u64
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Floats(points) | Self::Singles(points) => points.len(),
            Self::Deltas(points) => points.len(),
            Self::Histograms(points) => points.len(),
        }
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns every point as a delta. A float is one sample, as CloudWatch's statistics see it; they
    /// see nothing of histograms.
    pub fn into_deltas(self) -> Vec<(i64, Delta)> {
        match self {
            Self::Floats(points) | Self::Singles(points) => {
                points.into_iter().map(|(at, value)| (at, Delta::of_value(value))).collect()
            }
            Self::Deltas(points) => points,
            Self::Histograms(_) => Vec::new(),
        }
    }

    /// Returns the points of a delta series as deltas, to add one that is not single.
    pub(crate) fn deltas_mut(&mut self) -> &mut Vec<(i64, Delta)> {
        if !matches!(self, Self::Deltas(_)) {
            let points = std::mem::replace(self, Self::Singles(Vec::new()));
            *self = Self::Deltas(points.into_deltas());
        }
        match self {
            Self::Deltas(points) => points,
            _ => unreachable!("made deltas above"),
        }
    }

    /// Returns the times.
    pub(crate) fn times(&self) -> Vec<i64> {
        match self {
            Self::Floats(points) | Self::Singles(points) => points.iter().map(|p| p.0).collect(),
            Self::Deltas(points) => points.iter().map(|p| p.0).collect(),
            Self::Histograms(points) => points.iter().map(|p| p.0).collect(),
        }
    }

    /// Keeps what lies in `range`.
    pub(crate) fn retain(&mut self, range: TimeRange) {
        if let Some((first, last)) = self.ends()
            && range.contains(first)
            && range.contains(last)
        {
            return;
        }
        self.retain_times(|at| range.contains(at));
    }

    /// Keeps the points whose time passes.
    pub(crate) fn retain_times(&mut self, mut keep: impl FnMut(i64) -> bool) {
        match self {
            Self::Floats(points) | Self::Singles(points) => points.retain(|p| keep(p.0)),
            Self::Deltas(points) => points.retain(|p| keep(p.0)),
            Self::Histograms(points) => points.retain(|p| keep(p.0)),
        }
    }

    /// Returns the first and the last time.
    pub(crate) fn ends(&self) -> Option<(i64, i64)> {
        match self {
            Self::Floats(points) | Self::Singles(points) => {
                Some((points.first()?.0, points.last()?.0))
            }
            Self::Deltas(points) => Some((points.first()?.0, points.last()?.0)),
            Self::Histograms(points) => Some((points.first()?.0, points.last()?.0)),
        }
    }

    /// Says whether the time of any point passes.
    pub(crate) fn any_time(&self, pass: impl FnMut(i64) -> bool) -> bool {
        match self {
            Self::Floats(points) | Self::Singles(points) => points.iter().map(|p| p.0).any(pass),
            Self::Deltas(points) => points.iter().map(|p| p.0).any(pass),
            Self::Histograms(points) => points.iter().map(|p| p.0).any(pass),
        }
    }
}

/// Puts points of several sources together. A later source arrived later: its floats and histograms
/// win over earlier ones of the same time, its deltas are added.
pub(crate) fn merge(kind: Kind, sources: Vec<Points>) -> Points {
    let mut merged = Points::none(kind);
    for source in sources {
        merged = match (merged, source) {
            (Points::Floats(all), Points::Floats(more)) => {
                Points::Floats(merged_of(all, more, |old, new| *old = new))
            }
            (Points::Singles(all), Points::Singles(more)) if !share_a_time(&all, &more) => {
                Points::Singles(merged_of(all, more, |_, _| {}))
            }
            (Points::Histograms(all), Points::Histograms(more)) => {
                Points::Histograms(merged_of(all, more, |old, new| *old = new))
            }
            (Points::Floats(_) | Points::Histograms(_), _)
            | (_, Points::Floats(_) | Points::Histograms(_)) => {
                unreachable!("a series has one kind, and its sources are found by it")
            }
            (all, more) => {
                let add = |old: &mut Delta, new| old.add(&new);
                Points::Deltas(merged_of(all.into_deltas(), more.into_deltas(), add))
            }
        };
    }
    merged
}

/// Says whether a time is in both.
fn share_a_time(all: &[(i64, f64)], more: &[(i64, f64)]) -> bool {
    let (Some(last), Some(first)) = (all.last(), more.first()) else { return false };
    if last.0 < first.0 {
        return false;
    }
    let mut all = all[all.partition_point(|p| p.0 < first.0)..].iter().peekable();
    more.iter().any(|(at, _)| {
        while all.next_if(|p| p.0 < *at).is_some() {}
        all.peek().is_some_and(|p| p.0 == *at)
    })
}

fn merged_of<V>(
    mut all: Vec<(i64, V)>,
    more: Vec<(i64, V)>,
    same: impl Fn(&mut V, V),
) -> Vec<(i64, V)> {
    let (Some(last), Some(first)) = (all.last(), more.first()) else {
        return if all.is_empty() { more } else { all };
    };
    if last.0 < first.0 {
        all.extend(more);
        return all;
    }
    let mut merged = Vec::with_capacity(all.len() + more.len());
    let (mut left, mut right) = (all.into_iter().peekable(), more.into_iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => l.0.cmp(&r.0),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return merged,
        };
        match order {
            std::cmp::Ordering::Less => merged.extend(left.next()),
            std::cmp::Ordering::Greater => merged.extend(right.next()),
            std::cmp::Ordering::Equal => {
                let (mut l, r) = (left.next().expect("peeked"), right.next().expect("peeked"));
                same(&mut l.1, r.1);
                merged.push(l);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singles_stay_singles_until_two_share_a_time() {
        let singles = |points: &[(i64, f64)]| Points::Singles(points.to_vec());
        let of = |sources: &[&[(i64, f64)]]| {
            merge(Kind::Delta, sources.iter().map(|s| singles(s)).collect())
        };
        let apart = of(&[&[(1, 1.0), (3, 3.0)], &[(5, 5.0)], &[(2, 2.0), (4, 4.0)]]);
        assert_eq!(apart, singles(&[(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 5.0)]));
        let Points::Deltas(shared) = of(&[&[(1, 1.0), (3, 3.0)], &[(3, 4.0), (5, 5.0)]]) else {
            panic!("two samples of one time are one delta");
        };
        let sums: Vec<_> = shared.iter().map(|(at, d)| (*at, d.count, d.sum)).collect();
        assert_eq!(sums, [(1, 1.0, 1.0), (3, 2.0, 7.0), (5, 1.0, 5.0)]);
    }
}
