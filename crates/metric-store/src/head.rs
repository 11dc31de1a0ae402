//! The head: points that are in the journal and not yet in a part, per series in the order of time.

use crate::chunk::histogram;
use crate::chunk::open::{OpenChunk, Value};
use crate::points::{Points, merge};
use crate::registry::Registry;
use model::{Delta, Histogram, Kind, TimeRange};
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

/// What a series of histograms has beside its chunk.
#[derive(Debug, Clone, Default)]
struct Histograms {
    /// The last in the chunk that marked no end: the next is written as what changed since.
    last: Option<Arc<Histogram>>,
    /// In the order of arrival; a later one of the same time wins.
    late: Vec<(i64, Arc<Histogram>)>,
    /// What the late ones take.
    late_bytes: u64,
    /// What all of them take once they are decoded.
    decoded_bytes: u64,
}

/// Points that came after a later one, or at a time that had one already; and what a series of
/// histograms needs beside its chunk.
#[derive(Debug, Clone, Default)]
struct Late {
    /// In the order of arrival; a later one of the same time wins.
    floats: Vec<(i64, f64)>,
    /// One for each time; those of the same time were added up.
    deltas: BTreeMap<i64, Delta>,
    /// Bytes of the deltas' distributions.
    weight_bytes: usize,
    /// Apart, as few series have them.
    histograms: Option<Box<Histograms>>,
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

    fn push_histogram(&mut self, at_ms: i64, value: &Arc<Histogram>) {
        let of = self.late.get_or_insert_default().histograms.get_or_insert_default();
        let bytes = histogram::heap_bytes(value);
        of.decoded_bytes += bytes;
        if !self.chunk.takes(at_ms) {
            of.late.push((at_ms, value.clone()));
            of.late_bytes += bytes;
            return;
        }
        self.chunk.push_histogram(at_ms, of.last.as_deref(), value);
        if !value.is_stale() {
            of.last = Some(value.clone());
        }
    }

    fn histograms(&self) -> Option<&Histograms> {
        self.late.as_ref()?.histograms.as_deref()
    }

    /// Returns the bytes that the points take once they are decoded, where they are histograms.
    pub(crate) fn histogram_bytes(&self) -> u64 {
        self.histograms().map_or(0, |of| of.decoded_bytes)
    }

    /// Returns the points if they came in the order of time.
    pub(crate) fn in_order(&self) -> Option<&OpenChunk> {
        self.late.is_none().then_some(&self.chunk)
    }

    /// Returns the newest point if it is a number and costs nothing to know.
    pub(crate) fn newest(&self) -> Option<(i64, f64)> {
        self.in_order()?.last_number()
    }

    /// Says whether a point may lie in `range`: `false` is certain.
    pub(crate) fn may_touch(&self, range: TimeRange) -> bool {
        !self.is_empty() && self.chunk.last_ms() >= range.start_ms
    }

    /// Returns the bytes that the points take.
    pub(crate) fn heap_bytes(&self) -> usize {
        let late = self.late.as_ref().map_or(0, |l| {
            let deltas = l.deltas.len() * 200 + l.weight_bytes;
            size_of::<Late>() + l.floats.capacity() * 16 + deltas
        });
        let histograms = self.histograms().map_or(0, |of| {
            let last = of.last.as_ref().map_or(0, |last| histogram::heap_bytes(last));
            size_of::<Histograms>() + (last + of.late_bytes) as usize
        });
        self.chunk.heap_bytes() + late + histograms
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
                (Value::Histogram(histogram), Points::Histograms(all)) => {
                    all.push((at, histogram));
                }
                (Value::Histogram(_), _) | (_, Points::Histograms(_)) => {}
                (Value::Delta(_), Points::Floats(_)) => {}
                (Value::Delta(delta), _) => ordered.deltas_mut().push((at, *delta)),
            }
        }
        if kind == Kind::Histogram {
            let late = self.histograms().map(|of| last_of_each(of.late.clone()));
            return merge(kind, vec![ordered, Points::Histograms(late.unwrap_or_default())]);
        }
        let Some(late) = &self.late else { return ordered };
        let late = match kind {
            Kind::Delta => {
                Points::Deltas(late.deltas.iter().map(|(t, d)| (*t, d.clone())).collect())
            }
            Kind::Float | Kind::Histogram => Points::Floats(last_of_each(late.floats.clone())),
        };
        merge(kind, vec![ordered, late])
    }

    /// Returns how many points there are, before those of one time become one.
    pub(crate) fn count(&self) -> u64 {
        let late = self.late.as_ref().map_or(0, |l| l.floats.len() + l.deltas.len());
        let histograms = self.histograms().map_or(0, |of| of.late.len());
        (self.chunk.len() + late + histograms) as u64
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
        let of_histograms = self.histograms();
        late || of_histograms.is_some_and(|of| of.late.iter().any(|p| range.contains(p.0)))
            || self.chunk.iter().any(|(at, _)| range.contains(at))
    }
}

/// Sorts points by time and keeps the last arrival of each.
fn last_of_each<V>(mut points: Vec<(i64, V)>) -> Vec<(i64, V)> {
    // Stable, so that of one time the last arrival is the last, which is kept.
    points.sort_by_key(|p| p.0);
    points.reverse();
    points.dedup_by_key(|p| p.0);
    points.reverse();
    points
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

    /// Adds a histogram, which must be canonical.
    pub(crate) fn push_histogram(&mut self, number: u32, at_ms: i64, value: &Arc<Histogram>) {
        self.with(number, |series| series.push_histogram(at_ms, value));
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
    fn histograms_stand_in_order_and_the_later_arrival_wins() {
        let of = |count: f64| {
            let positive = vec![model::Bucket { index: 1, count }];
            Arc::new(Histogram { count, positive, ..Histogram::default() })
        };
        let mut head = Head::default();
        let stale = Arc::new(Histogram::stale());
        for (at, value) in [(10, of(1.0)), (20, stale.clone()), (15, of(7.0)), (30, of(3.0))] {
            head.push_histogram(0, at, &value);
        }
        for (at, count) in [(30, 4.0), (15, 8.0), (40, 5.5)] {
            head.push_histogram(0, at, &of(count));
        }
        let series = head.get(0).unwrap();
        let expected = [(10, of(1.0)), (15, of(8.0)), (20, stale), (30, of(4.0)), (40, of(5.5))];
        let Points::Histograms(points) = series.points(Kind::Histogram) else { panic!() };
        let bytes = |histogram: &Histogram| {
            let mut bytes = Vec::new();
            histogram.encode(&mut bytes);
            bytes
        };
        let comparable = |points: &[(i64, Arc<Histogram>)]| -> Vec<_> {
            points.iter().map(|(at, histogram)| (*at, bytes(histogram))).collect()
        };
        assert_eq!(comparable(&points), comparable(&expected));
        let taken: u64 = points.iter().map(|p| histogram::heap_bytes(&p.1)).sum();
        assert!(series.histogram_bytes() >= taken);
        let range = TimeRange { start_ms: 15, end_ms: 16 };
        assert!(series.touches(range) && head.heap_bytes > 0);
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
