//! Streaming equals polling: whatever arrives in whatever order, the engine makes the transitions that
//! the oracle makes, at the same times, for the same reasons.

use crate::oracle::{Polled, Store, Transition};
use crate::world::{START_MS, Stored, TENANT, Value, World};
use alarm::definition::{
    Actions, Comparison, CompositeAlarm, CompositeSpec, Definition, EvaluationWindow, LowSamples,
    MathQuery, MathSpec, Metric, MetricAlarm, MetricSpec, Part, SourceSpec, Watch, Zone,
};
use alarm::missing::{Cell, TreatMissing};
use alarm::reason::Datapoint;
use alarm::{AlarmState, Effect, Options};
use eval::Statistic;
use model::{Delta, Kind, SeriesKey, Unit};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use stdx::Rng;

const ALARMS: usize = 5;

struct Run {
    rng: Rng,
    world: World,
    /// The keys of all series by their numbers.
    keys: Vec<SeriesKey>,
    polled: BTreeMap<String, Polled>,
    /// When each definition was taken.
    put_ms: BTreeMap<String, i64>,
    streamed: BTreeMap<String, Vec<Transition>>,
    /// Composites by the names of two children.
    composites: BTreeMap<String, Definition>,
    looks: Vec<Look>,
}

/// What an alarm's windows showed for its newest evaluation at some moment.
struct Look {
    name: String,
    put_ms: i64,
    at_ms: i64,
    end_ms: i64,
    periods: Vec<(Datapoint, Cell)>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let rng = Rng::from_seed(seed);
        let world = World::new(Options::default(), START_MS + 3_000);
        let mut run = Self {
            rng,
            world,
            keys: Vec::new(),
            polled: BTreeMap::new(),
            put_ms: BTreeMap::new(),
            streamed: BTreeMap::new(),
            composites: BTreeMap::new(),
            looks: Vec::new(),
        };
        for n in 0..ALARMS {
            run.put(n);
        }
        let rules = ["ALARM(a0) OR NOT OK(a1)", "AT_LEAST(2, ALARM, (a0, a2, c0))"];
        for (n, rule) in rules.into_iter().enumerate() {
            let composite = CompositeSpec { rule: rule.into(), suppressor: None };
            let watch = Watch::Composite(CompositeAlarm::new(composite).unwrap());
            let made = definition(&format!("c{n}"), watch);
            run.composites.insert(format!("c{n}"), made.clone());
            run.put_ms.insert(format!("c{n}"), run.world.now_ms);
            let effects = run.world.engine.put(made, run.world.now_ms).unwrap();
            run.take(effects);
        }
        run
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.rng.below(all.len() as u64) as usize]
    }

    /// Carries effects out and keeps the transitions.
    fn take(&mut self, effects: Vec<Effect>) {
        for effect in self.world.carry_out(effects) {
            if let Effect::StateChanged(change) = effect {
                let transition = Transition {
                    at_ms: change.at_ms,
                    from: change.from.state,
                    to: change.to.state,
                    reason: change.to.reason,
                    data: change.to.reason_data,
                };
                self.streamed.entry(change.alarm.name).or_default().push(transition);
            }
        }
    }

    fn put(&mut self, n: usize) {
        let (name, now_ms) = (format!("a{n}"), self.world.now_ms);
        let made = definition(&name, Watch::Metric(self.metric()));
        match self.polled.get_mut(&name) {
            Some(polled) => polled.replace(made.clone(), now_ms),
            None => {
                self.polled.insert(name.clone(), Polled::new(made.clone(), now_ms));
            }
        }
        self.put_ms.insert(name, now_ms);
        let effects = self.world.engine.put(made, now_ms).unwrap();
        self.take(effects);
    }

    fn metric(&mut self) -> MetricAlarm {
        let period_s = self.pick(&[10, 20, 30, 60, 60, 120, 300]);
        let periods = self.pick(&[1, 1, 2, 3, 5]);
        let needed = 1 + self.rng.below(u64::from(periods)) as u32;
        let wall_clock = matches!(period_s, 60 | 300) && self.rng.one_in(4);
        let math = !wall_clock && self.rng.one_in(4);
        let statistic = self.pick(&[
            Statistic::Sum,
            Statistic::Average,
            Statistic::Maximum,
            Statistic::Minimum,
            Statistic::SampleCount,
            Statistic::Percentile(90.0),
            Statistic::Percentile(10.0),
        ]);
        let percentile = matches!(statistic, Statistic::Percentile(_));
        let source = if math {
            let expression = self.pick(&[
                "m1 + m2",
                "100 * m1 / m2",
                "FILL(m1, 3)",
                "DIFF(m1)",
                "IF(m1 > 2, m1, m2)",
                "MAX([m1, m2])",
            ]);
            let of = |run: &mut Self, id: &str, statistic| MathQuery {
                id: id.into(),
                part: Part::Metric(run.watched(), statistic),
            };
            let mut queries = vec![of(self, "m1", statistic), of(self, "m2", Statistic::Sum)];
            queries.push(MathQuery { id: "e".into(), part: Part::Expression(expression.into()) });
            SourceSpec::Math(MathSpec { queries, returns: "e".into() })
        } else {
            SourceSpec::Metric(self.watched(), statistic)
        };
        let low = percentile && !math && self.rng.one_in(2);
        MetricAlarm::new(MetricSpec {
            source,
            period_s,
            comparison: self.pick(&Comparison::ALL).1,
            threshold: self.pick(&[0.0, 1.0, 2.5, 6.0]),
            periods,
            datapoints: self.rng.one_in(2).then_some(needed),
            missing: self.pick(&TreatMissing::ALL).1,
            low_samples: if low { LowSamples::Ignore } else { LowSamples::Evaluate },
            window: match wall_clock {
                true => EvaluationWindow::WallClock(Zone::parse("Timezone", "+05:35").unwrap()),
                false => EvaluationWindow::Sliding,
            },
            warm_up: self.rng.one_in(6).then(|| (self.pick(&[1, 3]), self.rng.one_in(2))),
        })
        .expect("an alarm")
    }

    fn watched(&mut self) -> Metric {
        let name = self.pick(&["d1", "d2", "f1"]);
        let unit = self.rng.one_in(5).then_some(Unit::Count);
        Metric { namespace: "ns".into(), name: name.into(), dimensions: Vec::new(), unit }
    }

    /// The number that a series has now; it is born on first use.
    fn series(&mut self, name: &str, unit: Unit) -> u32 {
        let key = SeriesKey {
            tenant: TENANT,
            namespace: "ns".into(),
            name: name.into(),
            unit,
            labels: Vec::new(),
        };
        match self.keys.iter().rposition(|known| *known == key) {
            // Now and then it is declared anew, as after a flush.
            Some(number) if !self.rng.one_in(20) => number as u32,
            _ => {
                let kind = if name.starts_with('f') { Kind::Float } else { Kind::Delta };
                self.keys.push(key.clone());
                self.world.declare(key, kind)
            }
        }
    }

    fn arrive(&mut self) {
        // One kind at a time: a late float is answered by a rebuild, one input later than a late
        // delta, and composites over both would see one behind the other.
        let name = self.pick(&["d1", "d1", "d2", "f1"]);
        let mut points = Vec::new();
        for _ in 0..=self.rng.below(3) {
            let unit = if self.rng.one_in(4) { Unit::Count } else { Unit::None };
            // Two float series of one moment are two samples; of one series the later counts.
            let series = self.series(name, if name == "f1" { Unit::None } else { unit });
            let back_ms = match self.rng.below(10) {
                0 => self.rng.below(900_000) as i64,
                1 => -(self.rng.below(400_000) as i64),
                2 => self.rng.below(70_000) as i64,
                _ => self.rng.below(8_000) as i64,
            };
            // Often the same moments, so that some points are of one.
            let at_ms = (self.world.now_ms - back_ms).div_euclid(2_500) * 2_500;
            let value = self.rng.below(32) as f64 / 4.0;
            let value = match name {
                "f1" => Value::Float(value),
                _ => Value::Delta(Delta::of_values(value, (1 + self.rng.below(60)) as f64)),
            };
            points.push(Stored { series, at_ms, value });
        }
        let effects = self.world.arrive(&points);
        self.take(effects);
        let store = Store { series: &self.keys, points: &self.world.points };
        for polled in self.polled.values_mut() {
            polled.arrived(&store, &points, self.world.now_ms);
        }
    }

    /// Notes what windows show now.
    fn look(&mut self) {
        for name in self.polled.keys() {
            let (key, at_ms) = (World::key(name), self.world.now_ms);
            let status = self.world.engine.status(&key).expect("it is there");
            let Some(end_ms) = status.evaluated_ms else { continue };
            let Some(explained) = self.world.engine.explain(&key, end_ms) else { continue };
            let (name, put_ms) = (name.clone(), self.put_ms[name]);
            self.looks.push(Look { name, put_ms, at_ms, end_ms, periods: explained.periods });
        }
    }

    /// Makes each look again, from all points that there are and what is known of late ones, unless the
    /// alarm is another now; returns how many there were, of how many all was known, and behind how many
    /// of these some points came late.
    fn look_again(&mut self) -> (usize, usize, usize) {
        let (mut all, mut looks, mut late_ones) = (0, 0, 0);
        for Look { name, put_ms, at_ms, end_ms, periods } in std::mem::take(&mut self.looks) {
            let Some(polled) = self.polled.get(&name).filter(|_| self.put_ms[&name] == put_ms)
            else {
                continue;
            };
            all += 1;
            let key = World::key(&name);
            let late = self.world.engine.late_of(&key);
            let mut then = World::new(Options::default(), at_ms);
            then.tick();
            (then.series, then.points) = (self.world.series.clone(), self.world.points.clone());
            let effects = then.engine.put(polled.definition.clone(), at_ms).unwrap();
            then.carry_out(effects);
            let seen = then.engine.see_as(&key, &late, end_ms, at_ms);
            if seen.is_partial {
                continue;
            }
            let again = then.engine.explain(&key, end_ms).expect("its windows are there").periods;
            assert_eq!(again, periods, "{name} at {at_ms}; {:#?}", polled.definition.watch);
            looks += 1;
            late_ones += usize::from(seen.arrivals.iter().any(|late| late.seen_ms > at_ms));
        }
        (all, looks, late_ones)
    }

    fn advance(&mut self) {
        self.look();
        let to_ms = self.world.now_ms + 1 + self.rng.below(15_000) as i64;
        loop {
            let due_ms = self.world.engine.next_due_ms().max(self.world.now_ms);
            if due_ms > to_ms {
                break;
            }
            self.world.now_ms = due_ms;
            let mut polled_before = BTreeSet::new();
            if self.rng.one_in(5) {
                self.in_between(due_ms, &mut polled_before);
            }
            let effects = self.world.tick();
            self.take(effects);
            let store = Store { series: &self.keys, points: &self.world.points };
            for (name, polled) in &mut self.polled {
                if !polled_before.contains(name) {
                    polled.tick(&store, due_ms);
                }
            }
        }
        self.world.now_ms = to_ms;
    }

    /// Makes some parts of a tick, and lets things happen in between; now and then the process ends
    /// before the tick does, and begins it again. Names those whose turn the oracle has had.
    fn in_between(&mut self, due_ms: i64, polled_before: &mut BTreeSet<String>) {
        let grid_ms = due_ms - self.world.options.lateness_ms;
        loop {
            let (effects, has_more) = self.world.part_of_tick();
            self.take(effects);
            let store = Store { series: &self.keys, points: &self.world.points };
            for (name, polled) in &mut self.polled {
                let status = self.world.engine.status(&World::key(name)).expect("it is there");
                if status.evaluated_ms == Some(grid_ms) && polled_before.insert(name.clone()) {
                    polled.tick(&store, due_ms);
                }
            }
            if !has_more || self.rng.one_in(3) {
                break;
            }
            match self.rng.below(4) {
                0 => {
                    let n = self.rng.below(ALARMS as u64) as usize;
                    self.put(n);
                }
                1 => self.set_state(),
                2 => self.delete(),
                _ => {
                    self.restart(Some(due_ms));
                    polled_before.clear();
                    break;
                }
            }
        }
    }

    /// `due_ms` is the tick in the middle of which the process ends, if there is one.
    fn restart(&mut self, due_ms: Option<i64>) {
        let now_ms = self.world.now_ms;
        let polled = self.polled.values().map(|polled| polled.definition.clone());
        let all: Vec<(Definition, i64)> = polled
            .chain(self.composites.values().cloned())
            .map(|made| {
                let put_ms = self.put_ms[&made.key.name];
                (made, put_ms)
            })
            .collect();
        let effects = self.world.restart(all, []);
        self.take(effects);
        let store = Store { series: &self.keys, points: &self.world.points };
        for polled in self.polled.values_mut() {
            // Those that are due are not looked at twice.
            let Watch::Metric(metric) = &polled.definition.watch else { continue };
            let cadence_ms = if metric.period().seconds() < 60 { 10_000 } else { 60_000 };
            let grid_ms = due_ms.map(|due_ms| due_ms - self.world.options.lateness_ms);
            match grid_ms {
                Some(grid_ms) if grid_ms % cadence_ms == 0 => polled.begins_again(),
                _ => polled.restarted(&store, now_ms),
            }
        }
    }

    fn set_state(&mut self) {
        let name = format!("a{}", self.rng.below(ALARMS as u64));
        let Some(polled) = self.polled.get_mut(&name) else { return };
        let state = AlarmState::ALL[self.rng.below(3) as usize];
        polled.set(state, self.world.now_ms);
        let (key, now_ms) = (World::key(&name), self.world.now_ms);
        let effects = self.world.engine.set_state(&key, state, "by hand".into(), None, now_ms);
        self.take(effects.expect("it is there"));
    }

    fn delete(&mut self) {
        let name = format!("a{}", self.rng.below(ALARMS as u64));
        self.polled.remove(&name);
        self.put_ms.remove(&name);
        self.streamed.remove(&name);
        let effects = self.world.engine.delete(&World::key(&name), self.world.now_ms);
        self.take(effects);
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0..4 => self.restart(None),
            4..7 => {
                let n = self.rng.below(ALARMS as u64) as usize;
                self.put(n);
            }
            7..9 => self.set_state(),
            9 => self.delete(),
            10..55 => self.arrive(),
            _ => self.advance(),
        }
    }

    fn check(&self, step: usize) {
        let none = Vec::new();
        for (name, polled) in &self.polled {
            let streamed = self.streamed.get(name).unwrap_or(&none);
            let same = streamed.iter().zip(&polled.log).take_while(|(a, b)| a == b).count();
            assert_eq!(
                streamed.get(same..),
                polled.log.get(same..),
                "step {step}, {name}: streamed, then polled, behind {same} equal transitions; {:#?}",
                polled.definition.watch
            );
            let told = self.world.engine.status(&World::key(name)).expect("it is there").told;
            assert_eq!(told.state, polled.state, "{name}");
        }
        let state = |name: &str| match self.polled.get(name) {
            Some(polled) => polled.state,
            None => AlarmState::InsufficientData,
        };
        let of = |name: &str| self.world.engine.status(&World::key(name)).unwrap().told.state;
        if of("c0") == AlarmState::InsufficientData {
            return;
        }
        let holds = |truth| if truth { AlarmState::Alarm } else { AlarmState::Ok };
        let alarming = |state| usize::from(state == AlarmState::Alarm);
        let first = alarming(state("a0")) == 1 || state("a1") != AlarmState::Ok;
        assert_eq!(of("c0"), holds(first), "step {step}");
        let many = alarming(state("a0")) + alarming(state("a2")) + alarming(of("c0"));
        assert_eq!(of("c1"), holds(many >= 2), "step {step}");
    }
}

fn definition(name: &str, watch: Watch) -> Definition {
    let arn = format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}");
    Definition::new(World::key(name), arn, Actions::default(), watch).expect("a definition")
}

proptest! {
    #[test]
    fn streaming_equals_polling(seed in any::<u64>(), steps in 1..300usize) {
        let mut run = Run::new(seed);
        for step in 0..steps {
            run.step();
            run.check(step);
        }
    }
}

proptest! {
    /// What an evaluation saw is known later: from what there is then, without what came late.
    #[test]
    fn what_was_seen_is_seen_again(seed in any::<u64>(), steps in 1..300usize) {
        let mut run = Run::new(seed);
        (0..steps).for_each(|_| run.step());
        run.look_again();
    }
}

/// Most looks are known exactly, and points came behind many of them.
#[test]
fn looks_are_made_again_and_late_points_matter() {
    let (mut all, mut looks, mut late_ones) = (0, 0, 0);
    for seed in 0..10 {
        let mut run = Run::new(seed);
        (0..300).for_each(|_| run.step());
        let (some, again, late) = run.look_again();
        (all, looks, late_ones) = (all + some, looks + again, late_ones + late);
    }
    assert!(
        2 * looks > all && 5 * late_ones > looks,
        "{all} looks, {looks} again, {late_ones} late"
    );
}

/// The property would hold of alarms that never change: they do, for every statistic and treatment.
#[test]
fn runs_have_transitions_of_every_sort() {
    let mut seen = BTreeMap::new();
    for seed in 0..30 {
        let mut run = Run::new(seed);
        (0..300).for_each(|_| run.step());
        for transition in run.streamed.values().flatten() {
            let (_, kind) = transition.reason.split_once(": ").unwrap_or(("", "by hand"));
            let kind: String = kind.chars().filter(|c| c.is_alphabetic()).take(12).collect();
            *seen.entry((transition.to.name(), kind)).or_insert(0u32) += 1;
        }
    }
    let total: u32 = seen.values().sum();
    assert!(total > 500, "{seen:?}");
    for to in AlarmState::ALL {
        assert!(seen.keys().any(|(state, _)| *state == to.name()), "{seen:?}");
    }
}
