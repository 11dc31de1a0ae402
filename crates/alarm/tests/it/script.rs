//! Fixtures: alarms, what happens to them, and what they do.
//!
//! ```text
//! alarm cpu: Average of cpu per 60s > 80; 3 of 5; missing notBreaching
//! feed cpu  70 90 90 _ 90          one value a minute, and a tick 2 s behind it
//! ```
//!
//! What happens in one minute to several metrics is on lines below each other. `_` is no value, `a,b` are
//! several in one minute.

use crate::world::{START_MS, Stored, TENANT, Value, World};
use alarm::definition::{
    Actions, Comparison, CompositeAlarm, CompositeSpec, Definition, EvaluationWindow, LowSamples,
    MathQuery, MathSpec, Metric, MetricAlarm, MetricSpec, MuteRule, MuteSpec, Part, PromqlAlarm,
    PromqlSpec, SourceSpec, SuppressorSpec, Watch, Zone,
};
use alarm::missing::TreatMissing;
use alarm::{ActionsFate, AlarmState, AnswerSeries, Effect, HistoryKind, Options, PutError};
use model::{Delta, Kind, SeriesKey, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn fixtures() {
    for dir in ["evaluation", "composite", "suppression", "mute", "contributors", "reason", "clock"]
    {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(dir);
        testkit::run_fixtures(dir, Script::run);
    }
}

struct Script {
    world: World,
    metrics: BTreeMap<String, u32>,
    /// With the time of each.
    definitions: BTreeMap<String, (Definition, i64)>,
    mutes: Vec<MuteRule>,
    shown: BTreeSet<String>,
    out: String,
}

impl Script {
    fn run(input: &str) -> String {
        let mut script = Self {
            world: World::new(Options::default(), START_MS + 5_000),
            metrics: BTreeMap::new(),
            definitions: BTreeMap::new(),
            mutes: Vec::new(),
            shown: BTreeSet::new(),
            out: String::new(),
        };
        let mut lines = input.lines().filter(|line| !line.trim().is_empty()).peekable();
        while let Some(line) = lines.next() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            if word == "feed" {
                let mut feeds = vec![rest];
                while let Some(more) = lines.next_if(|line| line.starts_with("feed ")) {
                    feeds.push(&more[5..]);
                }
                script.feed(&feeds);
            } else {
                script.step(word, rest.trim());
            }
        }
        script.out
    }

    fn step(&mut self, word: &str, rest: &str) {
        match word {
            "show" => self.shown.extend(rest.split_whitespace().map(str::to_owned)),
            "alarm" | "composite" | "promql" => self.put(word, rest),
            "delete" => {
                self.definitions.remove(rest);
                let effects = self.world.engine.delete(&World::key(rest), self.world.now_ms);
                self.log(effects);
            }
            "mute" => self.mute(rest),
            "unmute" => self.world.engine.delete_mute(TENANT, rest),
            "disable" | "enable" => {
                let on = word == "enable";
                assert!(self.world.engine.set_actions_enabled(&World::key(rest), on));
            }
            "late" => self.late(rest),
            "wait" => self.wait(rest),
            "jump" => {
                self.world.now_ms += duration_ms(rest);
                let effects = self.world.tick();
                self.log(effects);
            }
            "set" => {
                let (name, rest) = rest.split_once(' ').expect("name, state, reason");
                let (state, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                let state = state.parse().expect("a state");
                let (now_ms, key) = (self.world.now_ms, World::key(name));
                let reason = reason.to_owned();
                let effects = self.world.engine.set_state(&key, state, reason, None, now_ms);
                self.log(effects.expect("the alarm is there"));
            }
            "answer" => {
                let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let series = (rest != "failure").then(|| series(rest));
                self.world.answers.insert(name.to_owned(), series);
            }
            "restart" => self.restart(rest),
            "status" => self.status(rest),
            _ => panic!("{word} is no step"),
        }
    }

    fn put(&mut self, word: &str, text: &str) {
        let (name, text) = text.split_once(": ").expect("a name, then what it is");
        let mut clauses = text.split("; ").map(str::trim);
        let first = clauses.next().expect("what it is");
        let mut actions = Actions {
            enabled: true,
            ok: vec!["ok".into()],
            alarm: vec!["alarm".into()],
            insufficient_data: vec!["unknown".into()],
        };
        let clauses: Vec<&str> = clauses.collect();
        if let Some(arns) = clauses.iter().find_map(|c| c.strip_prefix("does ")) {
            actions.alarm = arns.split(' ').map(str::to_owned).collect();
        }
        let watch = match word {
            "alarm" => Watch::Metric(self.metric(first, &clauses)),
            "composite" => Watch::Composite(composite(first, &clauses)),
            _ => Watch::Promql(promql(first, &clauses)),
        };
        let arn = format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}");
        let made = Definition::new(World::key(name), arn, actions, watch).expect("a definition");
        match self.world.engine.put(made.clone(), self.world.now_ms) {
            Ok(effects) => {
                self.definitions.insert(name.to_owned(), (made, self.world.now_ms));
                let effects = self.world.carry_out(effects);
                self.log(effects);
            }
            Err(error @ (PutError::Cycle(_) | PutError::Invalid(_))) => {
                let _ = writeln!(self.out, "refused: {error}");
            }
        }
    }

    /// `STAT of METRIC per Ns OP THRESHOLD` or `EXPRESSION with STAT of a, b per Ns OP THRESHOLD`.
    fn metric(&mut self, first: &str, clauses: &[&str]) -> MetricAlarm {
        let (what, rest) = first.split_once(" per ").expect("per a period");
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [period, comparison, threshold] = words[..] else { panic!("{rest}") };
        let source = match what.split_once(" with ") {
            None if what.starts_with("SELECT") => SourceSpec::Insights(what.to_owned()),
            None => {
                let (statistic, name) = what.split_once(" of ").expect("a statistic of a metric");
                SourceSpec::Metric(self.watched(name), statistic.parse().expect("a statistic"))
            }
            Some((expression, metrics)) => {
                let (statistic, names) = metrics.split_once(" of ").expect("a statistic");
                let mut queries: Vec<MathQuery> = names
                    .split(", ")
                    .map(|name| MathQuery {
                        id: name.to_owned(),
                        part: Part::Metric(self.watched(name), statistic.parse().unwrap()),
                    })
                    .collect();
                let part = Part::Expression(expression.to_owned());
                queries.push(MathQuery { id: "e".into(), part });
                SourceSpec::Math(MathSpec { queries, returns: "e".into() })
            }
        };
        let mut spec = MetricSpec {
            source,
            period_s: period.trim_end_matches('s').parse().expect("seconds"),
            comparison: match comparison {
                ">" => Comparison::GreaterThan,
                ">=" => Comparison::GreaterThanOrEqual,
                "<" => Comparison::LessThan,
                "<=" => Comparison::LessThanOrEqual,
                _ => panic!("{comparison}"),
            },
            threshold: threshold.parse().expect("a number"),
            periods: 1,
            datapoints: None,
            missing: TreatMissing::Missing,
            low_samples: LowSamples::Evaluate,
            window: EvaluationWindow::Sliding,
            warm_up: None,
        };
        for clause in clauses {
            let words: Vec<&str> = clause.split_whitespace().collect();
            match words[..] {
                [needed, "of", periods] => {
                    spec.datapoints = Some(needed.parse().unwrap());
                    spec.periods = periods.parse().unwrap();
                }
                [periods, "periods"] => spec.periods = periods.parse().unwrap(),
                ["missing", treatment] => {
                    spec.missing = TreatMissing::named(treatment).expect("a treatment");
                }
                ["few", "samples", "ignored"] => spec.low_samples = LowSamples::Ignore,
                ["clock", zone] => {
                    let zone = Zone::parse("Timezone", zone).unwrap();
                    spec.window = EvaluationWindow::WallClock(zone);
                }
                ["warm-up", minutes] => spec.warm_up = Some((minutes.parse().unwrap(), false)),
                ["warm-up", minutes, "whole"] => {
                    spec.warm_up = Some((minutes.parse().unwrap(), true));
                }
                ["does", ..] => {}
                _ => panic!("{clause} is no clause"),
            }
        }
        MetricAlarm::new(spec).expect("an alarm")
    }

    /// The metric of a name; `name[Percent]` has a unit.
    fn watched(&mut self, name: &str) -> Metric {
        let (name, unit) = match name.split_once('[') {
            Some((name, unit)) => (name, Some(unit.trim_end_matches(']').parse::<Unit>().unwrap())),
            None => (name, None),
        };
        self.number(name);
        Metric { namespace: "ns".into(), name: name.into(), dimensions: Vec::new(), unit }
    }

    /// The number of a series; those whose name begins with `float` are of floats.
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.metrics.get(name) {
            return *number;
        }
        let key = SeriesKey {
            tenant: TENANT,
            namespace: "ns".into(),
            name: name.into(),
            unit: Unit::None,
            labels: Vec::new(),
        };
        let kind = if name.starts_with("float") { Kind::Float } else { Kind::Delta };
        let number = self.world.declare(key, kind);
        self.metrics.insert(name.to_owned(), number);
        number
    }

    fn point(&mut self, name: &str, at_ms: i64, text: &str) -> Stored {
        let series = self.number(name);
        let value = match text.split_once('x') {
            _ if name.starts_with("float") => Value::Float(text.parse().expect("a number")),
            Some((value, count)) => {
                let (value, count) = (value.parse().unwrap(), count.parse().unwrap());
                Value::Delta(Delta::of_values(value, count))
            }
            None => Value::Delta(Delta::of_value(text.parse().expect("a number"))),
        };
        Stored { series, at_ms, value }
    }

    fn feed(&mut self, feeds: &[&str]) {
        let mut rows: Vec<(&str, Vec<&str>)> = Vec::new();
        for feed in feeds {
            let mut words = feed.split_whitespace();
            let name = words.next().expect("a metric");
            rows.push((name, words.collect()));
        }
        let minutes = rows.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        let names: Vec<String> = self.definitions.keys().cloned().collect();
        let mut states: Vec<Vec<&str>> = vec![Vec::new(); names.len()];
        for minute in 0..minutes {
            let start_ms = self.world.now_ms.div_euclid(60_000) * 60_000;
            for (name, values) in &rows {
                let values = values.get(minute).copied().unwrap_or("_");
                for (n, value) in (0..).zip(values.split(',').filter(|v| *v != "_")) {
                    let at_ms = start_ms + 10_000 + n * 1_000;
                    let point = self.point(name, at_ms, value);
                    self.world.now_ms = self.world.now_ms.max(at_ms);
                    let effects = self.world.arrive(&[point]);
                    self.log(effects);
                }
            }
            self.advance_to(start_ms + 62_000);
            for (name, states) in names.iter().zip(&mut states) {
                let told = self.world.engine.status(&World::key(name)).expect("it is there").told;
                states.push(match told.state {
                    AlarmState::Ok => "OK",
                    AlarmState::Alarm => "ALARM",
                    AlarmState::InsufficientData => "?",
                });
            }
        }
        for (name, states) in names.iter().zip(states) {
            let _ = writeln!(self.out, "state {name}  {}", states.join(" "));
        }
    }

    /// Ticks at everything that is due on the way.
    fn advance_to(&mut self, to_ms: i64) {
        loop {
            let due_ms = self.world.engine.next_due_ms().max(self.world.now_ms);
            if due_ms > to_ms {
                break;
            }
            self.world.now_ms = due_ms;
            let effects = self.world.tick();
            self.log(effects);
        }
        self.world.now_ms = to_ms;
    }

    fn wait(&mut self, text: &str) {
        let to_ms = self.world.now_ms + duration_ms(text);
        self.advance_to(to_ms);
    }

    /// `METRIC VALUE TIME ago`, as of the minute that was last.
    fn late(&mut self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [name, value, ago, "ago"] = words[..] else { panic!("late METRIC VALUE TIME ago") };
        let at_ms = self.world.now_ms - duration_ms(ago);
        let point = self.point(name, at_ms, value);
        let effects = self.world.arrive(&[point]);
        self.log(effects);
    }

    /// `NAME: EXPRESSION for DURATION of ALARM...`
    fn mute(&mut self, text: &str) {
        let (name, text) = text.split_once(": ").expect("a name");
        let (expression, text) = text.split_once(" for ").expect("for how long");
        let (duration, targets) = text.split_once(" of ").expect("of which alarms");
        let rule = MuteRule::new(MuteSpec {
            name: name.into(),
            targets: targets.split(' ').map(str::to_owned).collect(),
            expression: expression.into(),
            duration: duration.into(),
            zone: None,
            start_ms: None,
            expire_ms: None,
        })
        .expect("a rule");
        self.mutes.push(rule.clone());
        self.world.engine.put_mute(TENANT, rule);
    }

    /// Goes on from a checkpoint, after some time.
    fn restart(&mut self, text: &str) {
        self.world.now_ms += if text.is_empty() { 0 } else { duration_ms(text) };
        let effects = self
            .world
            .restart(self.definitions.values().cloned().collect::<Vec<_>>(), self.mutes.clone());
        let effects = self.world.carry_out(effects);
        self.log(effects);
    }

    fn status(&mut self, name: &str) {
        let status = self.world.engine.status(&World::key(name)).expect("it is there");
        let _ = write!(self.out, "{name} is {}", status.told.state);
        if let Some(evaluation) = status.evaluation {
            let _ = write!(self.out, ", {}", evaluation.name());
        }
        if let Some(by) = status.suppressed_by {
            let _ = write!(self.out, ", suppressed by {}", by.name());
        }
        if status.is_muted {
            self.out += ", muted";
        }
        if let Some(since_ms) = status.matches_nothing_since_ms {
            let _ = write!(self.out, ", matches nothing since {}", clock(since_ms));
        }
        self.out += "\n";
        for contribution in self.world.engine.contributors(&World::key(name)) {
            let since = clock(contribution.since_ms);
            let _ = writeln!(self.out, "  {:?} since {since}", contribution.attributes);
        }
    }

    fn shows(&self, what: &str) -> bool {
        self.shown.contains(what)
    }

    fn log(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::StateChanged(change) if self.shows("changes") => {
                    let held = match &change.actions {
                        ActionsFate::Due => String::new(),
                        ActionsFate::Disabled => ", actions disabled".into(),
                        ActionsFate::WarmingUp => ", warming up".into(),
                        ActionsFate::Muted(rule) => format!(", muted by {rule}"),
                        ActionsFate::Suppressed(by) => format!(", suppressed by {}", by.name()),
                    };
                    let (at, name) = (clock(change.at_ms), &change.alarm.name);
                    let (from, to) = (change.from.state, change.to.state);
                    let _ = writeln!(self.out, "{at} {name} {from} -> {to}{held}");
                    if self.shows("reasons") {
                        let _ = writeln!(self.out, "  {}", change.to.reason);
                    }
                    if let Some(data) = change.to.reason_data.filter(|_| self.shows("data")) {
                        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&data);
                        parsed.expect("reason data are JSON");
                        let _ = writeln!(self.out, "  {data}");
                    }
                }
                Effect::ActionDue(due) if self.shows("actions") => {
                    let at = clock(due.at_ms);
                    let _ = write!(self.out, "{at} {} does {}", due.alarm.name, due.arn);
                    if let Some(attributes) = due.contributor {
                        let _ = write!(self.out, " for {attributes:?}");
                    }
                    self.out += "\n";
                    if self.shows("keys") {
                        let _ = writeln!(self.out, "  {}", due.key);
                    }
                }
                Effect::ContributorChanged(change) => {
                    let (at, name) = (clock(change.at_ms), &change.alarm.name);
                    let (from, to) = (change.from, change.to);
                    let _ =
                        writeln!(self.out, "{at} {name} {:?} {from} -> {to}", change.attributes);
                }
                Effect::History(item) if self.shows("history") => {
                    let what = match item.what {
                        HistoryKind::Created => "created".to_owned(),
                        HistoryKind::Updated => "updated".to_owned(),
                        HistoryKind::Deleted => "deleted".to_owned(),
                        HistoryKind::ActionsDropped(state) => {
                            format!("actions for {state} dropped")
                        }
                    };
                    let _ = writeln!(self.out, "{} {} {what}", clock(item.at_ms), item.alarm.name);
                }
                _ => {}
            }
        }
    }
}

fn composite(rule: &str, clauses: &[&str]) -> CompositeAlarm {
    let suppressor = clauses.iter().find_map(|c| c.strip_prefix("suppressed by ")).map(|text| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [alarm, "wait", wait, "extension", extension] = words[..] else { panic!("{text}") };
        SuppressorSpec {
            alarm: alarm.to_owned(),
            wait_s: Some(duration_ms(wait) / 1_000),
            extension_s: Some(duration_ms(extension) / 1_000),
        }
    });
    CompositeAlarm::new(CompositeSpec { rule: rule.into(), suppressor }).expect("a composite")
}

fn promql(query: &str, clauses: &[&str]) -> PromqlAlarm {
    let mut spec = PromqlSpec { query: query.into(), interval_s: 60, pending_s: 0, recovery_s: 0 };
    for clause in clauses {
        let seconds = |text: &str| (duration_ms(text) / 1_000) as u32;
        match clause.split_once(' ') {
            Some(("pending", text)) => spec.pending_s = seconds(text),
            Some(("recovery", text)) => spec.recovery_s = seconds(text),
            Some(("every", text)) => spec.interval_s = seconds(text),
            Some(("does", _)) => {}
            _ => panic!("{clause}"),
        }
    }
    PromqlAlarm::new(spec).expect("an alarm")
}

/// `{a=1} 5 _ 7  {a=2} ...`: series with their values, newest first.
fn series(text: &str) -> Vec<AnswerSeries> {
    let mut all: Vec<AnswerSeries> = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_prefix('{') {
            Some(labels) => {
                let labels = labels.trim_end_matches('}').split(',').filter(|l| !l.is_empty());
                let pair = |label: &str| {
                    let (name, value) = label.split_once('=').expect("a label");
                    (name.to_owned(), value.to_owned())
                };
                let attributes = labels.map(pair).collect();
                all.push(AnswerSeries { attributes, values: Vec::new() });
            }
            None => {
                let value = (word != "_").then(|| (word.parse().expect("a number"), None));
                all.last_mut().expect("labels first").values.push(value);
            }
        }
    }
    all
}

fn duration_ms(text: &str) -> i64 {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    sign * model::duration_of_units(text).unwrap_or_else(|| panic!("{text} is no duration"))
}

/// Time of the day; days after the first are counted in front.
fn clock(at_ms: i64) -> String {
    let seconds = (at_ms - START_MS).div_euclid(1_000);
    let (day, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let day = if day == 0 { String::new() } else { format!("{day}d ") };
    format!("{day}{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}
