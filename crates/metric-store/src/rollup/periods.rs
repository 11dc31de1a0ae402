//! Periods as they are put together while a question reads.

use super::fold::floor;
use super::read::Detail;
use crate::chunk::delta::Sets;
use crate::points::Points;
use crate::read_budget::{Charge, ReadBudget};
use crate::snapshot::ReadError;
use model::Delta;

/// Count, sum, minimum, maximum and the count without a distribution.
#[derive(Debug, Clone, Copy)]
struct Set {
    count: f64,
    sum: f64,
    min: f64,
    max: f64,
    opaque: f64,
}

impl Set {
    fn of(delta: &Delta) -> Self {
        let Delta { count, sum, min, max, opaque, .. } = *delta;
        Self { count, sum, min, max, opaque }
    }

    fn add_to(&self, sum: &mut Delta) {
        if self.count == 0.0 {
            return;
        }
        if sum.count == 0.0 {
            let Self { count, sum: of_all, min, max, opaque } = *self;
            *sum = Delta { count, sum: of_all, min, max, opaque, ..Delta::default() };
            return;
        }
        sum.count += self.count;
        sum.sum += self.sum;
        sum.min = sum.min.min(self.min);
        sum.max = sum.max.max(self.max);
        sum.opaque += self.opaque;
    }
}

/// Periods so far, mostly in order.
#[derive(Debug)]
pub(crate) struct Periods<'b> {
    period_ms: i64,
    detail: Detail,
    list: Vec<(i64, Delta)>,
    in_order: bool,
    charge: Charge<'b>,
    /// Bytes that are paid for.
    paid: u64,
}

impl<'b> Periods<'b> {
    pub(crate) fn new(period_ms: i64, detail: Detail, budget: &'b ReadBudget) -> Self {
        let (list, charge) = (Vec::new(), budget.charge());
        Self { period_ms, detail, list, in_order: true, charge, paid: 0 }
    }

    pub(crate) fn detail(&self) -> Detail {
        self.detail
    }

    /// Returns the period of a time, a fresh one if the last that was added to is another.
    #[inline]
    fn at(&mut self, at_ms: i64) -> (&mut Delta, bool) {
        let start = floor(at_ms, self.period_ms);
        let last = self.list.last().map(|p| p.0);
        let fresh = last != Some(start);
        if fresh {
            self.in_order &= last.is_none_or(|last| last < start);
            self.list.push((start, Delta::default()));
        }
        (&mut self.list.last_mut().expect("pushed above").1, fresh)
    }

    pub(crate) fn delta(&mut self, at_ms: i64, delta: Delta) -> Result<(), ReadError> {
        let detail = self.detail;
        let (sum, fresh) = self.at(at_ms);
        match detail {
            Detail::Statistics => Set::of(&delta).add_to(sum),
            Detail::Distribution if fresh => *sum = delta,
            Detail::Distribution => sum.add(&delta),
        }
        self.pay()
    }

    pub(crate) fn points(&mut self, points: Points) -> Result<(), ReadError> {
        match points {
            Points::Singles(points) | Points::Floats(points) => {
                let detail = self.detail;
                for (at, value) in points {
                    let (sum, _) = self.at(at);
                    match detail {
                        Detail::Distribution => sum.add_sample(value),
                        Detail::Statistics => single(value).add_to(sum),
                    }
                }
            }
            Points::Deltas(points) => {
                for (at, delta) in points {
                    self.delta(at, delta)?;
                }
            }
            // CloudWatch's statistics see nothing of them.
            Points::Histograms(_) => {}
        }
        self.pay()
    }

    /// Adds statistics of points whose time is not left out.
    pub(crate) fn sets(
        &mut self,
        times: &[i64],
        sets: &Sets,
        out: impl Fn(i64) -> bool,
    ) -> Result<(), ReadError> {
        for (n, &at) in times.iter().enumerate() {
            if out(at) {
                continue;
            }
            let set = match sets {
                Sets::Singles(values) => single(values[n]),
                Sets::Statistics(s) => Set {
                    count: s.count[n],
                    sum: s.sum[n],
                    min: s.min[n],
                    max: s.max[n],
                    opaque: s.opaque[n],
                },
            };
            set.add_to(self.at(at).0);
        }
        self.pay()
    }

    fn pay(&mut self) -> Result<(), ReadError> {
        let bytes = (self.list.len() * size_of::<(i64, Delta)>()) as u64;
        if bytes > self.paid + PAID_AT_ONCE || self.paid == 0 {
            let more = bytes + PAID_AT_ONCE - self.paid;
            self.charge.take(more)?;
            self.paid += more;
        }
        Ok(())
    }

    /// Returns the periods in order, each once. Their memory is given back: they are few beside what
    /// was read.
    pub(crate) fn finish(mut self) -> Result<Vec<(i64, Delta)>, ReadError> {
        if !self.in_order {
            let detail = self.detail;
            // Stable: of one period what was added first stands first.
            self.list.sort_by_key(|p| p.0);
            self.list.dedup_by(|next, sum| {
                let same = next.0 == sum.0;
                if same {
                    match detail {
                        Detail::Statistics => Set::of(&next.1).add_to(&mut sum.1),
                        Detail::Distribution => sum.1.add(&next.1),
                    }
                }
                same
            });
        }
        Ok(self.list)
    }
}

/// Memory is paid for in pieces of this many bytes.
const PAID_AT_ONCE: u64 = 64 << 10;

#[inline]
fn single(value: f64) -> Set {
    Set { count: 1.0, sum: value, min: value, max: value, opaque: 0.0 }
}
