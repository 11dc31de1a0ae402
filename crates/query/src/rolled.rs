//! Series of a selector that reaches past the retention of raw points: roll-ups before, raw points since.
//!
//! A roll-up is one sample, at the last moment of its interval: of floats the last of the interval, so
//! that counters keep counting; of deltas what they come to, as the selector wants to see them. What a
//! function makes of these is an estimate, and whoever asks is told.

use crate::prom::{Found, carried};
use crate::view::{KeyLabels, View};
use eval::promql::{EvalError, Labels, Samples, SeriesReader, SeriesSet};
use metric_store::{MetricStore, ReadBudget, RolledSeries};
use model::{TenantId, TimeRange};
use std::collections::HashMap;

const DAY_MS: i64 = 86_400_000;

/// What is said beside an answer that roll-ups are part of.
pub(crate) fn told(gone_ms: i64) -> String {
    // Days go as a whole.
    let (year, month, day) = eval::labels::civil(gone_ms.div_euclid(DAY_MS));
    format!(
        "raw samples before {year:04}-{month:02}-{day:02} are past their retention: roll-ups answer \
         for them, one sample of each five minutes or hour"
    )
}

/// Samples of one series from roll-ups.
struct Rolled {
    key: Vec<u8>,
    samples: Vec<(i64, f64)>,
}

/// Series of both kinds.
pub(crate) struct WithRolled<'a> {
    found: Found<'a>,
    /// Raw points before this moment are not all there were.
    gone_ms: i64,
    rolled: Vec<Rolled>,
    /// For each series that was found, which of the others is the same.
    same: Vec<Option<usize>>,
    /// Those that have roll-ups only.
    only: Vec<usize>,
}

/// What a series takes beside its samples: its key, twice, and its places.
const SERIES_BYTES: u64 = 128;
/// What a sample takes.
const SAMPLE_BYTES: u64 = size_of::<(i64, f64)>() as u64;

impl<'a> WithRolled<'a> {
    /// Reads roll-ups of the part of `range` that is before `gone_ms`.
    pub(crate) fn read(
        store: &MetricStore,
        (tenant, matchers): (TenantId, &[metric_store::Matcher]),
        (range, gone_ms): (TimeRange, i64),
        (found, view): (Found<'a>, View),
        budget: &ReadBudget,
    ) -> Result<Self, EvalError> {
        let range = TimeRange { end_ms: range.end_ms.min(gone_ms), ..range };
        let mut rolled: Vec<Rolled> = Vec::new();
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        for RolledSeries { key, points } in
            store.rolled(tenant, matchers, range, budget).map_err(carried)?
        {
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            let samples = view.samples(points);
            let taken = SERIES_BYTES + 2 * bytes.len() as u64 + samples.len() as u64 * SAMPLE_BYTES;
            budget.take(taken).map_err(carried)?;
            match places.get(&bytes) {
                // One identity in two kinds is one series: of one time that of the first kind counts.
                Some(&place) => {
                    let all = &mut rolled[place].samples;
                    all.extend(samples);
                    all.sort_by_key(|sample| sample.0);
                    all.dedup_by_key(|sample| sample.0);
                }
                None => {
                    places.insert(bytes.clone(), rolled.len());
                    rolled.push(Rolled { key: bytes, samples });
                }
            }
        }
        let mut is_only = vec![true; rolled.len()];
        let mut same = Vec::with_capacity(found.len());
        let mut keys = found.keys();
        for at in 0..found.len() {
            let place = places.get(keys.key(at).map_err(carried)?).copied();
            place.into_iter().for_each(|place| is_only[place] = false);
            same.push(place);
        }
        drop(keys);
        let only = (0..rolled.len()).filter(|&place| is_only[place]).collect();
        Ok(Self { found, gone_ms, rolled, same, only })
    }

    /// Says whether any series has a roll-up in it.
    pub(crate) fn has_rolled(&self) -> bool {
        self.rolled.iter().any(|rolled| !rolled.samples.is_empty())
    }

    fn rolled_of(&self, at: usize) -> Option<&Rolled> {
        let place = match at.checked_sub(self.same.len()) {
            None => self.same[at],
            Some(behind) => self.only.get(behind).copied(),
        };
        place.map(|place| &self.rolled[place])
    }
}

impl SeriesSet for WithRolled<'_> {
    fn len(&self) -> usize {
        self.same.len() + self.only.len()
    }

    fn reader(&self) -> Box<dyn SeriesReader + '_> {
        Box::new(Reader { of: self, found: self.found.reader() })
    }
}

struct Reader<'w> {
    of: &'w WithRolled<'w>,
    found: Box<dyn SeriesReader + 'w>,
}

impl SeriesReader for Reader<'_> {
    fn labels(&mut self, at: usize) -> Result<Labels, EvalError> {
        if at < self.of.same.len() {
            return self.found.labels(at);
        }
        let key = self.of.rolled_of(at).map_or(&[][..], |rolled| &rolled.key);
        Ok(KeyLabels::of(key).map_or_else(Labels::empty, |own| Labels::from_sorted(own.pairs())))
    }

    fn read(&mut self, at: usize, into: &mut Samples) -> Result<(), EvalError> {
        if at < self.of.same.len() {
            self.found.read(at, into)?;
        } else {
            into.clear();
        }
        let Some(rolled) = self.of.rolled_of(at).filter(|rolled| !rolled.samples.is_empty()) else {
            return Ok(());
        };
        // What raw points are left before are in the roll-ups too.
        let left = into.times.partition_point(|at| *at < self.of.gone_ms);
        into.times.splice(..left, rolled.samples.iter().map(|sample| sample.0));
        into.values.splice(..left, rolled.samples.iter().map(|sample| sample.1));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{LocalRunner, Options, PromQuestion, Range, Runner, Value};
    use metric_store::{FileStore, MetricStore, ReadBudget, RollUpTimes, Step, StoreOptions};
    use model::{Kind, SeriesKey, TenantId, Unit};
    use std::path::Path;
    use std::sync::Arc;

    const DAY: i64 = super::DAY_MS;
    const HOUR: i64 = DAY / 24;
    const MINUTE: i64 = HOUR / 60;
    const TENANT: TenantId = TenantId(1);

    fn key(namespace: &str, name: &str) -> SeriesKey {
        SeriesKey {
            tenant: TENANT,
            namespace: namespace.into(),
            name: name.into(),
            unit: Unit::None,
            labels: vec![("host".into(), "a".into())],
        }
    }

    fn settle(store: &MetricStore, now_ms: i64) {
        while store.maintain(now_ms).unwrap() != Step::Nothing {}
    }

    /// A counter that goes up by one each minute from day 1000 on, and two orders a minute; on day 1012
    /// raw points are left of three days, five minutes of six, hours of ten.
    fn store() -> Arc<MetricStore> {
        let disk = Arc::new(stdx::SimDisk::new(1, stdx::CrashPlan::default()));
        let options = StoreOptions {
            retention_ms: 3 * DAY,
            rollups: RollUpTimes { five_minutes_ms: 6 * DAY, hour_ms: 10 * DAY },
            trust_clock: true,
            ..StoreOptions::default()
        };
        let store = FileStore::open(disk, Path::new("/d"), Default::default(), options).unwrap();
        for day in 1000..1012 {
            let mut batch = store.batch();
            let counter = batch.register(None, &key("", "minutes_total"), Kind::Float).unwrap();
            let orders = batch.register(None, &key("Shop", "Orders"), Kind::Delta).unwrap();
            for minute in 0..1440 {
                let at = day * DAY + minute * MINUTE;
                batch.float(counter, at, ((day - 1000) * 1440 + minute) as f64);
                batch.single(orders, at, 2.0);
            }
            store.write(batch).unwrap();
            store.flush().unwrap();
            settle(&store, (day + 1) * DAY + 2 * HOUR);
        }
        Arc::new(store)
    }

    /// Returns the values of the one series of an answer, and what is said beside it.
    fn ask(store: &Arc<MetricStore>, text: &str, at_ms: i64) -> (Vec<f64>, Vec<String>) {
        let expr = lang::promql::parse(text).unwrap();
        let (range, options) = (Range::instant(at_ms), Options::default());
        let question = PromQuestion { expr: &expr, range, options, keep: false };
        let runner = LocalRunner::new(store.clone());
        let answer = runner.promql(Some(TENANT), &question, &ReadBudget::default()).unwrap();
        let (Value::Vector(series) | Value::Matrix(series)) = answer.value else {
            panic!("{text}")
        };
        assert!(series.len() <= 1, "{text}");
        let values = series.iter().flat_map(|s| s.points.iter().map(|point| point.1)).collect();
        (values, answer.annotations.infos(text, 10))
    }

    #[test]
    fn past_the_retention_of_raw_points_roll_ups_answer_and_say_so() {
        let store = store();
        let noon = |day: i64| day * DAY + 12 * HOUR;
        let total = |day: i64, minute: i64| ((day - 1000) * 1440 + minute) as f64;
        // Raw points: the last minute is the one that was asked for.
        let (values, infos) = ask(&store, "minutes_total", noon(1010));
        assert_eq!((values, infos), (vec![total(1010, 720)], vec![]));
        // Five minutes: the interval that is over is seen with its last value.
        let (values, infos) = ask(&store, "minutes_total", noon(1007) + 3 * MINUTE);
        assert_eq!(values, [total(1007, 719)]);
        assert_eq!(
            infos,
            [
                "PromQL info: raw samples before 1972-10-06 are past their retention: roll-ups answer for \
             them, one sample of each five minutes or hour (1:1)"
            ]
        );
        let (values, _) = ask(&store, "count_over_time(minutes_total[1h])", noon(1007));
        assert_eq!(values, [12.0]);
        let (values, _) = ask(&store, "rate(minutes_total[1h]) * 60", noon(1007));
        assert!((values[0] - 1.0).abs() < 1e-9, "{values:?}");
        // An hour: seen for as long as a sample is looked for, and not between.
        let (values, infos) = ask(&store, "minutes_total", noon(1004) + 4 * MINUTE);
        assert_eq!((values, infos.len()), (vec![total(1004, 719)], 1));
        let (values, _) = ask(&store, "minutes_total", noon(1004) + 30 * MINUTE);
        assert_eq!(values, [0.0; 0]);
        let (values, _) = ask(&store, "increase(minutes_total[1d])", noon(1004));
        assert!((values[0] - 1440.0).abs() < 1e-6, "{values:?}");
        // Past all of them there is nothing, and nothing to say.
        assert_eq!(ask(&store, "minutes_total", noon(1001)), (vec![], vec![]));
        // Where they meet each is there once: an hour of intervals, then minutes.
        let border = 1009 * DAY + HOUR;
        let (values, infos) = ask(&store, "count_over_time(minutes_total[2h])", border);
        assert_eq!((values, infos.len()), (vec![12.0 + 61.0], 1));
        let (values, _) = ask(&store, "minutes_total[2h]", border);
        assert!(values.is_sorted() && values[11..13] == [total(1008, 1439), total(1009, 0)]);
    }

    #[test]
    fn deltas_are_seen_as_they_are_asked_for() {
        let store = store();
        let at = 1007 * DAY + 12 * HOUR;
        for (text, expected) in [
            (r#"sum_over_time(Orders{__stat__="Sum"}[1h])"#, 120.0),
            (r#"sum_over_time(Orders{__stat__="SampleCount"}[1h])"#, 60.0),
            (r#"max_over_time(Orders{__stat__="Maximum"}[1h])"#, 2.0),
            ("Orders", 2.0),
            (r#"{__name__=~"Orders|nothing"}"#, 2.0),
        ] {
            let (values, infos) = ask(&store, text, at);
            assert_eq!((values, infos.len()), (vec![expected], 1), "{text}");
        }
        assert_eq!(ask(&store, "Orders{host!=\"a\"}", at), (vec![], vec![]));
    }
}
