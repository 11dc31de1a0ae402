//! Answers that are kept: a dashboard asks the same again and again, and only its newest steps are new.
//!
//! A step looks at samples up to its own time and no later, so a kept answer holds up to the earliest
//! time of which points came or went since. What is asked beyond that is evaluated and put behind it.

use crate::prom::{PromAnswer, PromQuestion, bytes_of};
use eval::promql::{Annotations, Range, Series, Value};
use lang::promql::{Ends, Expr, ExprKind, VectorSelector};
use metric_store::{MetricStore, Moment};
use model::TenantId;
use moka::sync::Cache;
use std::cmp::Ordering;
use std::sync::Arc;

/// Longer expressions are not kept: their text is the key.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// What an entry takes beside its series and its key.
const ENTRY_BYTES: u64 = 300;

/// What makes two questions the same but for their ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: TenantId,
    /// With the places of its parts, which notes name.
    expr: String,
    step_ms: i64,
    /// Where steps fall; the moment itself of a question about one.
    phase_ms: i64,
    lookback_ms: i64,
    subquery_step_ms: i64,
}

#[derive(Debug)]
struct Kept {
    /// What came after it is not in the answer.
    moment: Moment,
    range: Range,
    value: Value,
    annotations: Annotations,
    bytes: u64,
}

/// Keeps answers of questions in PromQL.
#[derive(Debug, Clone)]
pub(crate) struct Results {
    kept: Cache<Key, Arc<Kept>>,
    entry_max: u64,
}

impl Results {
    /// Keeps about so many bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let weight = |key: &Key, kept: &Arc<Kept>| {
            u32::try_from(kept.bytes + key.expr.len() as u64).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().max_capacity(bytes_max).weigher(weight).build();
        Self { kept, entry_max: bytes_max / 16 }
    }

    /// Answers a question as far as the kept answer holds, and evaluates the rest.
    ///
    /// # Errors
    /// Those of `evaluate`.
    pub(crate) fn answer<E>(
        &self,
        store: &MetricStore,
        tenant: TenantId,
        question: &PromQuestion<'_>,
        evaluate: impl Fn(Range) -> Result<PromAnswer, E>,
    ) -> Result<PromAnswer, E> {
        let Some(key) = key_of(tenant, question) else { return evaluate(question.range) };
        // Before anything is read: what comes while it is read counts as later.
        let moment = store.moment();
        let kept = self.kept.get(&key);
        let holds = kept.and_then(|kept| {
            let before_ms = store.changed_since(&kept.moment)?;
            let from = fresh_from(&kept.range, &question.range, before_ms)?;
            Some((kept, from))
        });
        let answer = match &holds {
            None => evaluate(question.range)?,
            Some((kept, None)) => kept.cut(question.range),
            Some((kept, Some(from_ms))) => {
                let rest = evaluate(Range { start_ms: *from_ms, ..question.range })?;
                let before = Range { end_ms: from_ms - 1, ..question.range };
                joined(kept.cut(before), rest)
            }
        };
        // What is asked again as it was need not be written again.
        if !matches!(&holds, Some((_, None))) {
            self.keep(key, moment, question.range, &answer);
        }
        Ok(answer)
    }

    fn keep(&self, key: Key, moment: Moment, range: Range, answer: &PromAnswer) {
        let bytes = ENTRY_BYTES + bytes_of(&answer.value) + labels_of(&answer.value);
        if bytes > self.entry_max || matches!(answer.value, Value::Scalar(..) | Value::String(..)) {
            return;
        }
        let (value, annotations) = (answer.value.clone(), answer.annotations.clone());
        self.kept.insert(key, Arc::new(Kept { moment, range, value, annotations, bytes }));
    }
}

fn labels_of(value: &Value) -> u64 {
    let (Value::Vector(series) | Value::Matrix(series)) = value else { return 0 };
    series.iter().map(|series| series.labels.bytes() as u64).sum()
}

/// Returns the first step that must be evaluated, `Some(None)` for none; `None` if the kept answer is
/// of no use.
fn fresh_from(kept: &Range, asked: &Range, changed_ms: i64) -> Option<Option<i64>> {
    if asked.is_instant() {
        return (changed_ms > asked.start_ms).then_some(None);
    }
    if asked.start_ms < kept.start_ms || asked.start_ms > kept.end_ms {
        return None;
    }
    // The last step is not later than the end.
    let last = |range: &Range| {
        let steps = range.end_ms.saturating_sub(asked.start_ms).div_euclid(asked.step_ms);
        asked.start_ms.saturating_add(steps.saturating_mul(asked.step_ms))
    };
    let good = last(&Range { end_ms: kept.end_ms.min(changed_ms.saturating_sub(1)), ..*asked });
    if good < asked.start_ms {
        return None;
    }
    Some((good < last(asked)).then_some(good + asked.step_ms))
}

/// Returns what a question's answer is kept under; `None` if it cannot be put together of parts.
fn key_of(tenant: TenantId, question: &PromQuestion<'_>) -> Option<Key> {
    let PromQuestion { expr, range, options, .. } = question;
    if !question.keep || tenant == TenantId::NOBODY || !looks_back(expr) {
        return None;
    }
    let text = format!("{expr:?}");
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let phase_ms =
        if range.is_instant() { range.start_ms } else { range.start_ms.rem_euclid(range.step_ms) };
    Some(Key {
        tenant,
        expr: text,
        step_ms: range.step_ms,
        phase_ms,
        lookback_ms: options.lookback_ms,
        subquery_step_ms: options.subquery_step_ms,
    })
}

/// Says whether the value at a step comes from samples up to it alone, and not from the ends of the
/// question.
fn looks_back(expr: &Expr) -> bool {
    let vector = |selector: &VectorSelector| {
        let VectorSelector { offset_ms, offset_expr, at, ends, .. } = selector;
        *offset_ms >= 0 && offset_expr.is_none() && at.is_none() && *ends != Ends::Smoothed
    };
    let own = match &expr.kind {
        ExprKind::Vector(selector) => vector(selector),
        ExprKind::Matrix(matrix) => vector(&matrix.vector) && matrix.range_expr.is_none(),
        ExprKind::Subquery(subquery) => {
            let exprs = [&subquery.range_expr, &subquery.step_expr, &subquery.offset_expr];
            subquery.offset_ms >= 0
                && subquery.at.is_none()
                && exprs.into_iter().all(Option::is_none)
        }
        _ => true,
    };
    own && expr.children().into_iter().all(looks_back)
}

impl Kept {
    /// Returns what lies in a range, or all if a moment was asked about.
    fn cut(&self, range: Range) -> PromAnswer {
        if range.is_instant() {
            let (value, annotations) = (self.value.clone(), self.annotations.clone());
            return PromAnswer { value, annotations, samples: 0 };
        }
        let inside = |at: i64| range.start_ms <= at && at <= range.end_ms;
        let value = match &self.value {
            Value::Matrix(series) => {
                let cut = series.iter().filter_map(|series| {
                    let first = series.points.partition_point(|(at, _)| *at < range.start_ms);
                    let behind = series.points.partition_point(|(at, _)| *at <= range.end_ms);
                    let points = series.points[first..behind.max(first)].to_vec();
                    let histograms = series.histograms.iter().filter(|(at, _)| inside(*at));
                    let histograms: Vec<_> = histograms.cloned().collect();
                    let labels = series.labels.clone();
                    let any = !points.is_empty() || !histograms.is_empty();
                    any.then_some(Series { labels, points, histograms })
                });
                Value::Matrix(cut.collect())
            }
            value => value.clone(),
        };
        PromAnswer { value, annotations: self.annotations.clone(), samples: 0 }
    }
}

/// Puts the answer for later steps behind the one for earlier ones.
fn joined(before: PromAnswer, rest: PromAnswer) -> PromAnswer {
    let PromAnswer { value, mut annotations, samples } = rest;
    annotations.extend(before.annotations);
    let value = match (before.value, value) {
        (Value::Matrix(before), Value::Matrix(rest)) => Value::Matrix(merged(before, rest)),
        (_, value) => value,
    };
    PromAnswer { value, annotations, samples }
}

/// Both are ordered by their labels, and so is what comes out.
fn merged(before: Vec<Series>, rest: Vec<Series>) -> Vec<Series> {
    let mut all = Vec::with_capacity(before.len().max(rest.len()));
    let (mut before, mut rest) = (before.into_iter().peekable(), rest.into_iter().peekable());
    loop {
        let order = match (before.peek(), rest.peek()) {
            (Some(left), Some(right)) => left.labels.cmp(&right.labels),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return all,
        };
        match order {
            Ordering::Less => all.extend(before.next()),
            Ordering::Greater => all.extend(rest.next()),
            Ordering::Equal => {
                if let (Some(mut one), Some(more)) = (before.next(), rest.next()) {
                    one.points.extend(more.points);
                    one.histograms.extend(more.histograms);
                    all.push(one);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LocalRunner, Runner};
    use eval::promql::Options;
    use metric_store::{FileStore, ReadBudget, StoreOptions};
    use model::{Kind, SeriesKey, Unit};
    use std::path::Path;
    use stdx::{CrashPlan, Rng, SimDisk};
    use storage::FileJournalOptions;

    const TENANT: TenantId = TenantId(1);
    const STEP_MS: i64 = 15_000;

    fn store() -> Arc<MetricStore> {
        let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let options = StoreOptions { trust_clock: true, ..StoreOptions::default() };
        let journal = FileJournalOptions::default();
        Arc::new(FileStore::open(disk, Path::new("/data"), journal, options).unwrap())
    }

    fn write(store: &MetricStore, rng: &mut Rng, at_ms: i64) {
        let mut batch = store.batch();
        for host in 0..4 {
            let key = SeriesKey {
                tenant: TENANT,
                namespace: String::new(),
                name: "requests_total".into(),
                unit: Unit::None,
                labels: vec![("host".into(), host.to_string())],
            };
            let number = batch.register(None, &key, Kind::Float).unwrap();
            if rng.below(9) > 0 {
                batch.float(number, at_ms, rng.below(1_000) as f64);
            }
        }
        store.write(batch).unwrap();
    }

    fn ask(runner: &LocalRunner, text: &str, range: Range, keep: bool) -> PromAnswer {
        let expr = lang::promql::parse(text).unwrap();
        let question = PromQuestion { expr: &expr, range, options: Options::default(), keep };
        runner.promql(Some(TENANT), &question, &ReadBudget::default()).unwrap()
    }

    /// Points compare by their bits: NaN is a value.
    fn shown(answer: &PromAnswer) -> String {
        format!("{:?}", answer.value)
    }

    #[test]
    fn kept_answers_are_those_that_would_be_made_anew() {
        const TEXTS: [&str; 6] = [
            "requests_total",
            "sum(rate(requests_total[5m]))",
            "max_over_time(requests_total[2m])",
            "requests_total > 500",
            "sum_over_time(requests_total[2m:30s])",
            "requests_total offset 1m",
        ];
        let base_ms = 20_000 * 86_400_000_i64;
        let mut spared = 0;
        for seed in 0..4 {
            let mut rng = Rng::from_seed(seed);
            let store = store();
            let runner = LocalRunner::new(store.clone());
            let mut now_ms = base_ms;
            for round in 0..120 {
                now_ms += 10_000;
                write(&store, &mut rng, now_ms);
                if rng.below(12) == 0 {
                    // Late, within what was asked already.
                    let late_ms = now_ms - rng.below(900_000) as i64;
                    write(&store, &mut rng, late_ms);
                }
                if round == 60 {
                    store.flush().unwrap();
                }
                let text = TEXTS[rng.below(TEXTS.len() as u64) as usize];
                let end_ms = now_ms.div_euclid(STEP_MS) * STEP_MS + rng.below(2) as i64 * 7_000;
                let start_ms = (end_ms - 600_000 + rng.below(3) as i64 * STEP_MS)
                    .div_euclid(STEP_MS)
                    * STEP_MS;
                let range = Range { start_ms, end_ms, step_ms: STEP_MS };
                let (kept, anew) =
                    (ask(&runner, text, range, true), ask(&runner, text, range, false));
                assert_eq!(
                    shown(&kept),
                    shown(&anew),
                    "{text} {range:?} seed {seed} round {round}"
                );
                spared += u64::from(kept.samples < anew.samples);
                let at = Range::instant(now_ms - 60_000);
                for text in [text, "requests_total[2m]"] {
                    // The second one is kept.
                    for _ in 0..2 {
                        let kept = ask(&runner, text, at, true);
                        assert_eq!(shown(&kept), shown(&ask(&runner, text, at, false)), "{text}");
                    }
                }
            }
        }
        assert!(spared > 200, "answers come from earlier ones: {spared}");
    }

    #[test]
    fn a_deletion_leaves_no_kept_answer() {
        let store = store();
        let runner = LocalRunner::new(store.clone());
        let base_ms = 20_000 * 86_400_000_i64;
        (0..50).for_each(|n| write(&store, &mut Rng::from_seed(n), base_ms + n as i64 * 10_000));
        let range = Range { start_ms: base_ms, end_ms: base_ms + 300_000, step_ms: STEP_MS };
        let before = ask(&runner, "requests_total", range, true);
        assert!(ask(&runner, "requests_total", range, true).samples == 0 && before.samples > 0);
        let deletion = metric_store::Deletion {
            tenant: TENANT,
            matchers: vec![metric_store::Matcher::equal("host", "1")],
            range: model::TimeRange::ALL,
        };
        store.delete(&[deletion]).unwrap();
        let Value::Matrix(series) = ask(&runner, "requests_total", range, true).value else {
            panic!("a matrix")
        };
        assert_eq!(series.len(), 3);
    }

    #[test]
    fn what_looks_ahead_or_at_the_ends_is_not_kept() {
        for (text, kept) in [
            ("rate(x[5m])", true),
            ("max_over_time(rate(x[5m])[1h:1m])", true),
            ("x offset -5m", false),
            ("x @ end()", false),
            ("sum(x @ 100)", false),
            ("rate(x[5m] smoothed)", false),
            ("max_over_time(x[1h:1m] @ start())", false),
            ("rate(x[step()*2])", false),
        ] {
            assert_eq!(looks_back(&lang::promql::parse(text).unwrap()), kept, "{text}");
        }
    }
}
