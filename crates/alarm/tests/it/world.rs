//! What is around the engine, as small as it can be: series, a store of all points, and time.

use alarm::definition::{AlarmKey, Definition, MuteRule};
use alarm::{
    AlarmEngine, Answer, AnswerSeries, Batch, ChangedRow, Effect, History, Kept, LateRow, Loaded,
    Observed, Options, Point, Rebuild, ScheduledQuery,
};
use model::{Delta, Kind, SeriesKey, TenantId};
use std::collections::BTreeMap;

pub(crate) const TENANT: TenantId = TenantId(1);
/// 2026-01-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_767_225_600_000;

/// A point that was stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) series: u32,
    pub(crate) at_ms: i64,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Float(f64),
    Delta(Delta),
}

impl Value {
    pub(crate) fn observed(&self) -> Observed<'_> {
        match self {
            Self::Float(value) => Observed::Float(*value),
            Self::Delta(delta) => Observed::Delta(delta),
        }
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) engine: AlarmEngine,
    pub(crate) options: Options,
    pub(crate) now_ms: i64,
    pub(crate) position: u64,
    pub(crate) series: Vec<(SeriesKey, Kind)>,
    /// In the order of arrival.
    pub(crate) points: Vec<Stored>,
    /// Answers to queries, by the name of the alarm; none is a failure.
    pub(crate) answers: BTreeMap<String, Option<Vec<AnswerSeries>>>,
    /// The rows of the checkpoint, each as it was when it changed last.
    pub(crate) rows: BTreeMap<AlarmKey, Vec<u8>>,
    /// What came late, by window.
    pub(crate) late_rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl World {
    pub(crate) fn new(options: Options, now_ms: i64) -> Self {
        Self {
            engine: AlarmEngine::new(options),
            options,
            now_ms,
            position: 0,
            series: Vec::new(),
            points: Vec::new(),
            answers: BTreeMap::new(),
            rows: BTreeMap::new(),
            late_rows: BTreeMap::new(),
        }
    }

    /// Declares a series; returns its number.
    pub(crate) fn declare(&mut self, key: SeriesKey, kind: Kind) -> u32 {
        let number = self.series.len() as u32;
        self.engine.on_series(number, kind, &key);
        self.series.push((key, kind));
        number
    }

    pub(crate) fn arrive(&mut self, points: &[Stored]) -> Vec<Effect> {
        self.position += 1;
        self.points.extend(points.iter().cloned());
        let batch: Vec<Point<'_>> = points
            .iter()
            .map(|p| Point { series: p.series, at_ms: p.at_ms, observed: p.value.observed() })
            .collect();
        let effects = self.engine.on_points(&Batch {
            position: self.position,
            arrived_ms: self.now_ms,
            points: &batch,
        });
        self.carry_out(effects)
    }

    /// Ticks, in as many parts as there can be.
    pub(crate) fn tick(&mut self) -> Vec<Effect> {
        let mut done = Vec::new();
        while {
            let (effects, has_more) = self.part_of_tick();
            done.extend(effects);
            has_more
        } {}
        done
    }

    /// Makes a part of a tick; says whether it goes on.
    pub(crate) fn part_of_tick(&mut self) -> (Vec<Effect>, bool) {
        let (effects, has_more) = self.engine.on_tick_some(self.now_ms, self.now_ms, 1);
        (self.carry_out(effects), has_more)
    }

    /// Answers what is asked, also what the answers ask; returns the other effects in their order.
    pub(crate) fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut done = Vec::new();
        for effect in effects {
            let more = match effect {
                Effect::Rebuild(rebuild) => self.rebuild(&rebuild),
                Effect::ScheduledQuery(query) => self.answer(&query),
                other => {
                    done.push(other);
                    continue;
                }
            };
            let more = self.carry_out(more);
            done.extend(more);
        }
        self.keep();
        done
    }

    fn keep(&mut self) {
        for ChangedRow { alarm, row } in self.engine.changed_rows() {
            match row {
                Some(row) => drop(self.rows.insert(alarm, row)),
                None => drop(self.rows.remove(&alarm)),
            }
        }
        for LateRow { window, row, .. } in self.engine.changed_late_rows(usize::MAX) {
            match row {
                Some(row) => drop(self.late_rows.insert(window, row)),
                None => drop(self.late_rows.remove(&window)),
            }
        }
    }

    /// Goes on from what was kept; returns what it asks for.
    pub(crate) fn restart(
        &mut self,
        definitions: impl IntoIterator<Item = (Definition, i64)>,
        mutes: impl IntoIterator<Item = MuteRule>,
    ) -> Vec<Effect> {
        self.keep();
        let mut head = Vec::new();
        self.engine.head(&mut head);
        let kept = definitions.into_iter().map(|(definition, put_ms)| {
            let row = self.rows.get(&definition.key).cloned();
            Kept { definition, put_ms, row }
        });
        let mutes = mutes.into_iter().map(|rule| (TENANT, rule));
        let loaded = AlarmEngine::load(self.options, kept, mutes, Some(&head), self.now_ms);
        let Loaded { engine, effects, unreadable } = loaded.expect("our own head is read");
        assert_eq!(unreadable, []);
        self.engine = engine;
        for row in self.late_rows.values() {
            assert_eq!(
                self.engine.load_late_row(TENANT, row),
                Ok(true),
                "somebody uses its window"
            );
        }
        self.engine.note_behind(self.position);
        // Only the newest number of a series is good after a restart.
        for (number, (key, kind)) in (0..).zip(&self.series) {
            self.engine.on_series(number, *kind, key);
        }
        effects
    }

    fn rebuild(&mut self, rebuild: &Rebuild) -> Vec<Effect> {
        let fits = |key: &SeriesKey| {
            rebuild.tenant == key.tenant
                && rebuild.metric.namespace == key.namespace
                && rebuild.metric.name == key.name
                && rebuild.metric.dimensions == key.labels
                && rebuild.metric.unit.is_none_or(|unit| unit == key.unit)
        };
        let numbers: Vec<u32> =
            (0..).zip(&self.series).filter(|(_, (key, _))| fits(key)).map(|(n, _)| n).collect();
        let kept = kept(&self.points, |p| numbers.contains(&p.series));
        let points: Vec<(i64, Observed<'_>)> = kept
            .iter()
            .filter(|p| rebuild.range.contains(p.at_ms))
            .map(|p| (p.at_ms, p.value.observed()))
            .collect();
        let history = History {
            position: self.position,
            series: &numbers,
            points: &points,
            newest_float_ms: None,
        };
        self.engine.on_rebuilt(rebuild.slot, &history, self.now_ms)
    }

    fn answer(&mut self, query: &ScheduledQuery) -> Vec<Effect> {
        let answer = match self.answers.get(&query.alarm.name) {
            Some(Some(series)) => Answer::Found { series: series.clone(), partial: false },
            _ => Answer::Failure,
        };
        self.engine.on_answer(&query.alarm, query.at_ms, answer, self.now_ms)
    }

    pub(crate) fn key(name: &str) -> AlarmKey {
        AlarmKey { tenant: TENANT, name: name.to_owned() }
    }
}

/// What a store has of points that arrived in this order: of float series the later arrival of a moment.
pub(crate) fn kept(points: &[Stored], wanted: impl Fn(&Stored) -> bool) -> Vec<&Stored> {
    let mut found: Vec<&Stored> = Vec::new();
    let mut floats: BTreeMap<(u32, i64), usize> = BTreeMap::new();
    for point in points.iter().filter(|p| wanted(p)) {
        if let Value::Float(_) = point.value {
            if let Some(&at) = floats.get(&(point.series, point.at_ms)) {
                found[at] = point;
                continue;
            }
            floats.insert((point.series, point.at_ms), found.len());
        }
        found.push(point);
    }
    found
}
