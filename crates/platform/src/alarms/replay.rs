//! Replays: what alarms would have decided over what is stored.
//!
//! A replay is the engine again, with a clock of its own and points of the store instead of the tap: each
//! bucket of a window is given when it is over, as a stream without late points would have given it. So
//! a replay over data that came in time decides what the live engine decided.

use super::ask::gcd;
use super::follow::metric_key;
use super::record::{AlarmRecord, MuteRecord, WatchRecord};
use crate::Platform;
use crate::read::AskError;
use alarm::definition::{AlarmKey, Definition, Metric, Watch};
use alarm::{
    ActionsFate, AlarmEngine, AlarmState, Answer, AnswerSeries, Batch, Effect, History, Observed,
    Options, Point, Rebuild, ScheduledQuery,
};
use lang::alarm_rule::Rule;
use metric_store::{Detail, Grid, ReadBudget};
use model::{Delta, Scope, SeriesKey, TenantId, TimeRange};
use query::{PromQuestion, QueryError, Range, Value};
use std::collections::{BTreeMap, HashMap};

/// A change that a replay made.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The alarm.
    pub alarm: String,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// The state before.
    pub from: AlarmState,
    /// The state then.
    pub to: AlarmState,
    /// Why.
    pub reason: String,
    /// What held its actions back, if anything did.
    pub held_by: Option<String>,
}

/// Points are read for so long at once.
const SPAN_MS: i64 = 86_400_000;

/// A replay under way.
pub(super) struct Replay<'p> {
    platform: &'p Platform,
    tenant: TenantId,
    budget: &'p ReadBudget,
    pub(super) engine: AlarmEngine,
    now_ms: i64,
    /// Batches that were given.
    position: u64,
    feeds: Vec<Feed>,
    numbers: HashMap<SeriesKey, u32>,
    /// What PromQL alarms were answered, by alarm and moment.
    vectors: HashMap<AlarmKey, Vectors>,
    pub(super) transitions: Vec<Transition>,
}

/// The series of a vector at each step, up to a moment.
struct Vectors {
    until_ms: i64,
    at: BTreeMap<i64, Vec<AnswerSeries>>,
}

/// A metric that is given bucket by bucket.
struct Feed {
    /// Without a unit: all of them are given, each as a series.
    metric: Metric,
    step_ms: i64,
    distribution: bool,
    /// Read up to here, and given up to here.
    read_ms: i64,
    fed_ms: i64,
    /// Buckets that were read and not given: start, series, content.
    waiting: std::collections::VecDeque<(i64, u32, Delta)>,
}

impl<'p> Replay<'p> {
    /// Begins at a moment, with new alarms.
    pub(super) fn new(
        platform: &'p Platform,
        tenant: TenantId,
        budget: &'p ReadBudget,
        from_ms: i64,
    ) -> Self {
        let options = Options { pause_ms_max: i64::MAX, ..Options::default() };
        let mut engine = AlarmEngine::new(options);
        engine.on_tick(from_ms, from_ms);
        Self {
            platform,
            tenant,
            budget,
            engine,
            now_ms: from_ms,
            position: 0,
            feeds: Vec::new(),
            numbers: HashMap::new(),
            vectors: HashMap::new(),
            transitions: Vec::new(),
        }
    }

    /// Adds an alarm at the present moment of the replay.
    pub(super) fn put(&mut self, definition: Definition) -> Result<(), super::AlarmError> {
        let effects = self.engine.put(definition, self.now_ms)?;
        // All windows are known before the first is filled, so that a metric is read once.
        for effect in &effects {
            if let Effect::Rebuild(rebuild) = effect {
                self.feed(rebuild);
            }
        }
        self.carry(effects).map_err(super::AlarmError::Query)
    }

    /// Goes on to a moment; decides everything that is due on the way.
    pub(super) fn run(&mut self, to_ms: i64) -> Result<(), QueryError> {
        // The first tick is the live engine's: new composites wait for it.
        let mut due_ms = self.engine.next_due_ms();
        while due_ms <= to_ms {
            self.budget.check_time()?;
            self.now_ms = due_ms;
            self.give()?;
            let effects = self.engine.on_tick(self.now_ms, self.now_ms);
            self.carry(effects)?;
            due_ms = self.engine.next_evaluation_ms().max(self.now_ms + 1);
        }
        self.now_ms = to_ms;
        Ok(())
    }

    fn carry(&mut self, effects: Vec<Effect>) -> Result<(), QueryError> {
        for effect in effects {
            let more = match effect {
                Effect::Rebuild(rebuild) => self.rebuild(&rebuild)?,
                Effect::ScheduledQuery(query) => self.answer(&query)?,
                Effect::StateChanged(change) => {
                    let held_by = match &change.actions {
                        ActionsFate::Due => None,
                        ActionsFate::Disabled => Some("ActionsEnabled is false".to_owned()),
                        ActionsFate::WarmingUp => Some("warm-up".to_owned()),
                        ActionsFate::Muted(rule) => Some(format!("mute rule {rule}")),
                        ActionsFate::Suppressed(by) => Some(format!("suppressor: {}", by.name())),
                    };
                    self.transitions.push(Transition {
                        alarm: change.alarm.name,
                        at_ms: change.at_ms,
                        from: change.from.state,
                        to: change.to.state,
                        reason: change.to.reason,
                        held_by,
                    });
                    continue;
                }
                Effect::ContributorChanged(_) | Effect::ActionDue(_) | Effect::History(_) => {
                    continue;
                }
            };
            self.carry(more)?;
        }
        Ok(())
    }

    /// Has a metric given from now on.
    fn feed(&mut self, rebuild: &Rebuild) {
        let metric = Metric { unit: None, ..rebuild.metric.clone() };
        match self.feeds.iter_mut().find(|feed| feed.metric == metric) {
            Some(feed) => {
                feed.step_ms = gcd(feed.step_ms, rebuild.step_ms);
                feed.distribution |= rebuild.distribution;
            }
            None => self.feeds.push(Feed {
                metric,
                step_ms: rebuild.step_ms,
                distribution: rebuild.distribution,
                read_ms: i64::MIN,
                fed_ms: self.now_ms.div_euclid(rebuild.step_ms) * rebuild.step_ms,
                waiting: Default::default(),
            }),
        }
    }

    /// Buckets of a metric, series by series; series that are new are told to the engine.
    fn buckets(
        &mut self,
        metric: &Metric,
        step_ms: i64,
        distribution: bool,
        range: TimeRange,
    ) -> Result<Vec<(i64, u32, Delta)>, QueryError> {
        let detail = if distribution { Detail::Distribution } else { Detail::Statistics };
        let grid = Grid { period_ms: step_ms, range, detail };
        let key = metric_key(self.tenant, metric);
        let found = self.platform.metrics.find_on(key, &grid, self.budget)?;
        let mut buckets = Vec::new();
        for series in &found {
            let number = match self.numbers.get(series.key()) {
                Some(number) => *number,
                None => {
                    let number = self.numbers.len() as u32;
                    self.numbers.insert(series.key().clone(), number);
                    self.engine.on_series(number, series.kind(), series.key());
                    number
                }
            };
            let periods = series.periods(self.budget)?;
            buckets.extend(periods.into_iter().map(|(at_ms, delta)| (at_ms, number, delta)));
        }
        buckets.sort_by_key(|(at_ms, number, _)| (*at_ms, *number));
        Ok(buckets)
    }

    fn rebuild(&mut self, rebuild: &Rebuild) -> Result<Vec<Effect>, QueryError> {
        self.feed(rebuild);
        let metric = rebuild.metric.clone();
        let of_metric = |feed: &&Feed| {
            feed.metric.name == metric.name
                && feed.metric.namespace == metric.namespace
                && feed.metric.dimensions == metric.dimensions
        };
        // What was not given yet is given when it is over.
        let feed = self.feeds.iter().find(of_metric).expect("made above");
        let (step_ms, end_ms) = (feed.step_ms, feed.fed_ms);
        let range = TimeRange { start_ms: rebuild.range.start_ms, end_ms };
        let buckets = self.buckets(&metric, step_ms, rebuild.distribution, range)?;
        let points: Vec<(i64, Observed<'_>)> =
            buckets.iter().map(|(at_ms, _, delta)| (*at_ms, Observed::Delta(delta))).collect();
        let mut series: Vec<u32> = buckets.iter().map(|(_, number, _)| *number).collect();
        series.sort_unstable();
        series.dedup();
        let history = History {
            position: self.position,
            series: &series,
            points: &points,
            newest_float_ms: None,
        };
        Ok(self.engine.on_rebuilt(rebuild.slot, &history, self.now_ms))
    }

    /// Gives all buckets that are over.
    fn give(&mut self) -> Result<(), QueryError> {
        let mut given: Vec<(i64, u32, Delta)> = Vec::new();
        for n in 0..self.feeds.len() {
            let step_ms = self.feeds[n].step_ms;
            let over_ms = self.now_ms.div_euclid(step_ms) * step_ms;
            while self.feeds[n].read_ms < over_ms {
                let feed = &self.feeds[n];
                let start_ms = feed.read_ms.max(feed.fed_ms);
                let end_ms = start_ms + SPAN_MS.div_euclid(step_ms).max(1) * step_ms;
                let (metric, distribution) = (feed.metric.clone(), feed.distribution);
                let range = TimeRange { start_ms, end_ms };
                let read = self.buckets(&metric, step_ms, distribution, range)?;
                let feed = &mut self.feeds[n];
                feed.waiting.extend(read);
                feed.read_ms = end_ms;
            }
            let feed = &mut self.feeds[n];
            while let Some((at_ms, ..)) = feed.waiting.front()
                && at_ms + step_ms <= over_ms
            {
                given.extend(feed.waiting.pop_front());
            }
            feed.fed_ms = over_ms;
        }
        if given.is_empty() {
            return Ok(());
        }
        self.position += 1;
        let points: Vec<Point<'_>> = given
            .iter()
            .map(|(at_ms, series, delta)| Point {
                series: *series,
                at_ms: *at_ms,
                observed: Observed::Delta(delta),
            })
            .collect();
        let batch = Batch { position: self.position, arrived_ms: self.now_ms, points: &points };
        let effects = self.engine.on_points(&batch);
        self.carry(effects)
    }

    fn answer(&mut self, query: &ScheduledQuery) -> Result<Vec<Effect>, QueryError> {
        let Some(definition) = self.engine.definition(&query.alarm).cloned() else {
            return Ok(Vec::new());
        };
        let answer = match &definition.watch {
            Watch::Promql(promql) => {
                let interval_ms = promql.interval_ms();
                self.vector(&definition, promql.query(), query.at_ms, interval_ms)?
            }
            _ => match self.platform.ask_for(&definition, query) {
                Ok(answer) => answer,
                Err(QueryError::Bad(_) | QueryError::Expression { .. }) => Answer::Error,
                Err(error) => return Err(error),
            },
        };
        Ok(self.engine.on_answer(&query.alarm, query.at_ms, answer, self.now_ms))
    }

    /// A vector of PromQL at a moment; those of a while are evaluated together.
    fn vector(
        &mut self,
        definition: &Definition,
        text: &str,
        at_ms: i64,
        interval_ms: i64,
    ) -> Result<Answer, QueryError> {
        let known = self.vectors.get(&definition.key).is_some_and(|v| at_ms <= v.until_ms);
        if !known {
            let expr =
                lang::promql::parse(text).map_err(|errors| QueryError::Bad(errors.to_string()))?;
            let end_ms = at_ms + SPAN_MS.div_euclid(interval_ms) * interval_ms;
            let question = PromQuestion {
                expr: &expr,
                range: Range { start_ms: at_ms, end_ms, step_ms: interval_ms },
                options: query::Options::default(),
                keep: false,
            };
            let answer = self.platform.runner.promql(Some(self.tenant), &question, self.budget)?;
            let Value::Matrix(matrix) = answer.value else { return Ok(Answer::Error) };
            let mut at: BTreeMap<i64, Vec<AnswerSeries>> = BTreeMap::new();
            for series in matrix {
                let attributes = super::ask::attributes_of(&series.labels);
                let floats = series.points.iter().map(|(at_ms, _)| *at_ms);
                let times = floats.chain(series.histograms.iter().map(|(at_ms, _)| *at_ms));
                for at_ms in times {
                    let attributes = attributes.clone();
                    let one = AnswerSeries { attributes, values: Vec::new() };
                    at.entry(at_ms).or_default().push(one);
                }
            }
            self.vectors.insert(definition.key.clone(), Vectors { until_ms: end_ms, at });
        }
        let vectors = self.vectors.get_mut(&definition.key).expect("made above");
        let series = vectors.at.remove(&at_ms).unwrap_or_default();
        Ok(Answer::Found { series, partial: false })
    }
}

/// What is replayed.
#[derive(Debug, Clone, Default)]
pub struct BacktestOf {
    /// Alarms that are only proposed, or another definition of stored ones.
    pub proposed: Vec<AlarmRecord>,
    /// Stored alarms.
    pub stored: Vec<String>,
    /// From when, milliseconds since 1970: the alarms are new then.
    pub from_ms: i64,
    /// Up to when.
    pub to_ms: i64,
}

impl Platform {
    /// Returns every change that alarms would have made over a stored range, had they been put at its
    /// begin, in order of time. Alarms that a composite looks at are replayed with it, and their changes
    /// are among those returned.
    ///
    /// # Errors
    /// [`AlarmError`](super::AlarmError); a replay costs what a question may.
    pub fn backtest(
        &self,
        who: &model::Principal,
        scope: &Scope,
        of: &BacktestOf,
    ) -> Result<Vec<Transition>, super::AlarmError> {
        self.check(who, scope, crate::Verb::Read)?;
        if of.from_ms >= of.to_ms {
            return Err(super::AlarmError::Invalid(vec![alarm::definition::Invalid {
                field: "from",
                problem: "must be before to".into(),
            }]));
        }
        let tenant = self.tenants.find(scope).unwrap_or(TenantId::NOBODY);
        let records = self.replayed(tenant, &of.proposed, &of.stored)?;
        let account = self.tenants.first_of(tenant);
        let turn = self.questions.begin(account, None).map_err(super::AlarmError::from)?;
        let mut replay = Replay::new(self, tenant, &turn.budget, of.from_ms);
        for rule in self.mute_records(tenant) {
            if let Ok(rule) = rule.rule() {
                replay.engine.put_mute(tenant, rule);
            }
        }
        for record in records {
            replay.put(record.definition(tenant, scope).map_err(super::AlarmError::Invalid)?)?;
        }
        turn.counted(replay.run(of.to_ms)).map_err(super::AlarmError::Query)?;
        Ok(replay.transitions)
    }

    fn mute_records(&self, tenant: TenantId) -> Vec<MuteRecord> {
        let running = self.alarms.running.lock();
        let of_tenant = running.mutes.iter().filter(|((of, _), _)| *of == tenant);
        of_tenant.map(|(_, record)| record.clone()).collect()
    }

    /// The records of a replay: those asked for and all that they look at, these first.
    pub(super) fn replayed(
        &self,
        tenant: TenantId,
        proposed: &[AlarmRecord],
        stored: &[String],
    ) -> Result<Vec<AlarmRecord>, super::AlarmError> {
        let running = self.alarms.running.lock();
        let find = |name: &str| {
            let proposed = proposed.iter().find(|record| record.name == name).cloned();
            let key = AlarmKey { tenant, name: name.to_owned() };
            proposed.or_else(|| Some(running.known.get(&key)?.record.clone()))
        };
        let mut found: Vec<AlarmRecord> = Vec::new();
        let asked = proposed.iter().map(|r| &r.name).chain(stored);
        let mut open: Vec<(String, bool)> = asked.map(|name| (name.clone(), true)).collect();
        while let Some((name, is_asked)) = open.pop() {
            if found.iter().any(|record| record.name == name) {
                continue;
            }
            let Some(record) = find(&name) else {
                // A child that is not there has insufficient data, as in the live engine.
                if is_asked {
                    return Err(super::AlarmError::NotFound(name));
                }
                continue;
            };
            if let WatchRecord::Composite(composite) = &record.watch {
                let rule = lang::alarm_rule::parse(&composite.rule).ok();
                let children = rule.as_ref().map(Rule::children).unwrap_or_default();
                open.extend(children.iter().map(|child| (child.name().to_owned(), false)));
                open.extend(composite.suppressor.iter().map(|name| {
                    let name = name.rsplit_once(":alarm:").map_or(name.as_str(), |(_, name)| name);
                    (name.to_owned(), false)
                }));
            }
            found.push(record);
        }
        found.sort_by(|a, b| {
            let composite = |r: &AlarmRecord| matches!(r.watch, WatchRecord::Composite(_));
            (composite(a), &a.name).cmp(&(composite(b), &b.name))
        });
        Ok(found)
    }
}

impl From<AskError> for super::AlarmError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Access(error) => Self::Access(error),
            AskError::Busy(why) => Self::Busy(why),
            AskError::Query(error) => Self::Query(error),
        }
    }
}
