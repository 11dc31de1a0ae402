//! The head: points that are in the journal and not yet in a part, per series in the order of time.

use crate::chunk::open::{OpenChunk, Value};
use crate::points::{Points, merge};
use crate::registry::Registry;
use model::{Delta, Kind, TimeRange};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Points of all series since the last flush.
#[derive(Debug, Default)]
pub(crate) struct Head {
    series: Vec<HeadSeries>,
    pub(crate) points: u64,
    pub(crate) heap_bytes: usize,
    /// Number of series with at least one point.
    pub(crate) active: usize,
}

/// Points of one series: those that came in the order of time, and the others.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeadSeries {
    chunk: OpenChunk,
    late: Option<Box<Late>>,
}

/// Points that came after a later one, or at a time that had one already.
#[derive(Debug, Clone, Default)]
struct Late {
    /// In the order of arrival; a later one of the same time wins.
    floats: Vec<(i64, f64)>,
    /// One for each time; those of the same time were added up.
    deltas: BTreeMap<i64, Delta>,
    /// Bytes of the deltas' distributions.
    weight_bytes: usize,
}

impl HeadSeries {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunk.is_empty()
    }

    #[inline]
    fn push_float(&mut self, at_ms: i64, value: f64) {
        if self.chunk.takes(at_ms) {
            self.chunk.push(at_ms, value);
        } else {
            self.late.get_or_insert_default().floats.push((at_ms, value));
        }
    }

    fn push_delta(&mut self, at_ms: i64, delta: &Delta) {
        if self.chunk.takes(at_ms) {
            self.chunk.push_delta(at_ms, delta);
        } else {
            let late = self.late.get_or_insert_default();
            let sum = late.deltas.entry(at_ms).or_default();
            let before = sum.weight_bytes();
            sum.add(delta);
            late.weight_bytes = (late.weight_bytes + sum.weight_bytes()).saturating_sub(before);
        }
    }

    /// Returns the bytes that the points take.
    pub(crate) fn heap_bytes(&self) -> usize {
        let late = self.late.as_ref().map_or(0, |l| {
            let deltas = l.deltas.len() * 200 + l.weight_bytes;
            size_of::<Late>() + l.floats.capacity() * 16 + deltas
        });
        self.chunk.heap_bytes() + late
    }

    /// Returns all points.
    pub(crate) fn points(&self, kind: Kind) -> Points {
        let mut ordered = Points::none(kind);
        for (at, value) in self.chunk.iter() {
            match (value, &mut ordered) {
                (Value::Number(value), Points::Floats(all) | Points::Singles(all)) => {
                    if all.capacity() == 0 {
                        all.reserve_exact(self.chunk.len());
                    }
                    all.push((at, value));
                }
                (Value::Number(value), Points::Deltas(all)) => {
                    all.push((at, Delta::of_value(value)));
                }
                (Value::Delta(_), Points::Floats(_)) => {}
                (Value::Delta(delta), _) => ordered.deltas_mut().push((at, *delta)),
            }
        }
        let Some(late) = &self.late else { return ordered };
        let late = match kind {
            Kind::Delta => {
                Points::Deltas(late.deltas.iter().map(|(t, d)| (*t, d.clone())).collect())
            }
            Kind::Float | Kind::Histogram => {
                let mut floats = late.floats.clone();
                // Stable, so that of one time the last arrival is the last, which is kept.
                floats.sort_by_key(|p| p.0);
                floats.reverse();
                floats.dedup_by_key(|p| p.0);
                floats.reverse();
                Points::Floats(floats)
            }
        };
        merge(kind, vec![ordered, late])
    }

    /// Returns how many points there are, before those of one time become one.
    pub(crate) fn count(&self) -> u64 {
        let late = self.late.as_ref().map_or(0, |l| l.floats.len() + l.deltas.len());
        (self.chunk.len() + late) as u64
    }

    /// Says whether a point lies in `range`.
    pub(crate) fn touches(&self, range: TimeRange) -> bool {
        if self.is_empty() || self.chunk.last_ms() < range.start_ms {
            // The last point in order is the latest of all: late ones came for earlier times.
            return false;
        }
        if range.contains(self.chunk.last_ms()) {
            return true;
        }
        let late = self.late.as_ref().is_some_and(|l| {
            l.floats.iter().any(|p| range.contains(p.0))
                || l.deltas.keys().any(|t| range.contains(*t))
        });
        late || self.chunk.iter().any(|(at, _)| range.contains(at))
    }
}

impl Head {
    #[inline]
    fn entry(&mut self, number: u32) -> &mut HeadSeries {
        let at = number as usize;
        if at >= self.series.len() {
            // A quarter ahead: doubling would hold a third of the memory for nothing.
            if at >= self.series.capacity() {
                let ahead = at + 1 - self.series.len() + self.series.len() / 4 + 16;
                self.series.reserve_exact(ahead);
            }
            self.series.resize_with(at + 1, HeadSeries::default);
        }
        &mut self.series[at]
    }

    #[inline]
    fn with(&mut self, number: u32, push: impl FnOnce(&mut HeadSeries)) {
        let series = self.entry(number);
        let (before, was_empty) = (series.heap_bytes(), series.is_empty());
        push(series);
        let after = series.heap_bytes();
        self.points += 1;
        self.active += usize::from(was_empty);
        self.heap_bytes = (self.heap_bytes + after).saturating_sub(before);
    }

    /// Adds a sample of a float series.
    #[inline]
    pub(crate) fn push_float(&mut self, number: u32, at_ms: i64, value: f64) {
        self.with(number, |series| series.push_float(at_ms, value));
    }

    /// Adds a delta.
    #[inline]
    pub(crate) fn push_delta(&mut self, number: u32, at_ms: i64, delta: &Delta) {
        self.with(number, |series| series.push_delta(at_ms, delta));
    }

    /// Adds a delta of one sample, as cheap as a float.
    #[inline]
    pub(crate) fn push_single(&mut self, number: u32, at_ms: i64, value: f64) {
        self.with(number, |series| {
            if series.chunk.takes(at_ms) {
                series.chunk.push(at_ms, value);
            } else {
                series.push_delta(at_ms, &Delta::of_value(value));
            }
        });
    }

    /// Returns a series that has points.
    pub(crate) fn get(&self, number: u32) -> Option<&HeadSeries> {
        self.series.get(number as usize).filter(|s| !s.is_empty())
    }

    /// Returns the numbers of the series that have points.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        (0u32..).zip(&self.series).filter(|(_, s)| !s.is_empty()).map(|(n, _)| n).collect()
    }
}

/// A head that takes no more points: it is being written into parts.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) head: Head,
    /// The registry that its numbers belong to.
    pub(crate) registry: Arc<Registry>,
    /// Everything up to and with this frame of the journal is in it or in older parts.
    pub(crate) sequence: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_arrival_of_a_float_wins() {
        let mut head = Head::default();
        for (at, value) in [(10, 1.0), (20, 2.0), (15, 7.0), (20, 3.0), (15, 8.0), (30, 4.0)] {
            head.push_float(0, at, value);
        }
        let points = head.get(0).unwrap().points(Kind::Float);
        assert_eq!(points, Points::Floats(vec![(10, 1.0), (15, 8.0), (20, 3.0), (30, 4.0)]));
        assert_eq!((head.points, head.active), (6, 1));
    }

    #[test]
    fn deltas_of_one_time_add_up() {
        let mut head = Head::default();
        head.push_single(3, 60, 1.0);
        head.push_single(3, 60, 2.0);
        head.push_delta(3, 60, &Delta::of_statistics(2.0, 6.0, 2.0, 4.0));
        head.push_single(3, 0, 5.0);
        let points = head.get(3).unwrap().points(Kind::Delta).into_deltas();
        assert_eq!((points[0].0, points[0].1.sum), (0, 5.0));
        assert_eq!((points[1].0, points[1].1.sum, points[1].1.count), (60, 9.0, 4.0));
        assert_eq!(head.numbers(), [3]);
    }
}
