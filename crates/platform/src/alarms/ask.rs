//! Alarms that cannot be stepped: the query engine is asked, as it is by everybody else.
//!
//! PromQL is asked for the moment of the evaluation. A metric whose window has too many steps is read on
//! a grid that its periods are made of. Metrics Insights, and math that needs all its points at once,
//! are asked like `GetMetricData`, for exactly the periods of the evaluation: they slide with it, or
//! follow the clock of a zone, whose days are uneven.

use super::AlarmCounters;
use super::follow::metric_key;
use crate::Platform;
use alarm::definition::{Definition, Math, Metric, Part, Source, Watch};
use alarm::{Answer, AnswerSeries, ScheduledQuery};
use eval::Statistic;
use metric_store::{Detail, Grid, ReadBudget, ReadError};
use model::{Delta, TenantId, TimeRange};
use query::metric_data::{DataQuery, DataQuestion, DataSource, Line, LineSource, MetricData, Plan};
use query::{Labels, MetricId, Options, PromQuestion, QueryError, Range, Value};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use stdx::Stopwatch;

/// What an evaluation may take. The service gives up after some seconds too.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Series that are looked at. Source: product facts, Metrics Insights and PromQL alarms.
const SERIES_MAX: usize = 10_000;

/// Value of a period and number of its samples, if there are any.
type PeriodValue = Option<(f64, Option<f64>)>;

impl Platform {
    /// Asks for one alarm that is due and gives it the answer; says whether there was one. Several
    /// threads may do so.
    pub fn alarm_query_step(&self) -> bool {
        let alarms = &self.alarms;
        let Some(query) = alarms.queries.lock().next() else { return false };
        let began = Stopwatch::start();
        let is_there = self.ask_for_alarm(&query);
        let mut queries = alarms.queries.lock();
        queries.done(&query.alarm, began.elapsed());
        if !is_there {
            queries.forget(&query.alarm);
        }
        alarms.counters.queries_waiting.store(queries.len() as u64, Ordering::Relaxed);
        true
    }

    /// Has questions wait for their turn; the newest of an alarm stands for those before it.
    pub(super) fn queue_alarm_queries(&self, asked: Vec<ScheduledQuery>) {
        let counters = &self.alarms.counters;
        let mut queries = self.alarms.queries.lock();
        for query in asked {
            if queries.put(query) {
                AlarmCounters::add(&counters.queries_conflated);
            }
        }
        counters.queries_waiting.store(queries.len() as u64, Ordering::Relaxed);
        drop(queries);
        self.alarms.wake();
    }

    /// Says whether the alarm is still there.
    fn ask_for_alarm(&self, query: &ScheduledQuery) -> bool {
        let alarms = &self.alarms;
        let found = alarms.running.lock().engine.definition(&query.alarm).cloned();
        let Some(definition) = found else { return false };
        AlarmCounters::add(&alarms.counters.queries);
        let answer = match self.ask_for(&definition, query) {
            Ok(answer) => answer,
            Err(error) => {
                AlarmCounters::add(&alarms.counters.queries_failed);
                tracing::warn!(alarm = query.alarm.name, %error, "an alarm could not be evaluated");
                match error {
                    QueryError::Bad(_) | QueryError::Expression { .. } => Answer::Error,
                    QueryError::Read(_) | QueryError::Execution(_) => Answer::Failure,
                }
            }
        };
        let now_ms = self.clock.now_ms();
        let lag_ms = now_ms.saturating_sub(query.at_ms + alarm::Options::default().lateness_ms);
        alarms.counters.query_lag_ms.store(lag_ms, Ordering::Relaxed);
        let mut running = alarms.running.lock();
        let is_there = running.engine.definition(&query.alarm).is_some();
        let effects = running.engine.on_answer(&query.alarm, query.at_ms, answer, now_ms);
        let ticket = self.carry_alarms(&mut running, effects, now_ms, Vec::new(), &[]);
        drop(running);
        match alarms.keeping.keep(&*self.catalog, ticket) {
            Ok(()) => self.wake_deliveries(),
            Err(error) => tracing::error!(%error, "what an alarm decided could not be kept yet"),
        }
        is_there
    }

    /// Answers what a definition asks for, at the moment and for the periods of the query.
    pub(super) fn ask_for(
        &self,
        definition: &Definition,
        query: &ScheduledQuery,
    ) -> Result<Answer, QueryError> {
        let budget =
            self.questions.budget(Stopwatch::start(), Some(TIME_MAX)).with_series_max(SERIES_MAX);
        let tenant = definition.key.tenant;
        match &definition.watch {
            Watch::Promql(promql) => self.ask_vector(tenant, promql.query(), query.at_ms, &budget),
            Watch::Metric(metric) => match metric.source() {
                Source::Metric(of, statistic) => {
                    let values =
                        self.periods_of(tenant, of, *statistic, &query.periods, &budget)?;
                    let series = vec![AnswerSeries { attributes: Vec::new(), values }];
                    Ok(Answer::Found { series, partial: false })
                }
                Source::Math(math) => {
                    let queries = queries_of_math(math, metric.period().seconds());
                    self.ask_data(tenant, queries, query, &budget)
                }
                Source::Insights { statement, .. } => {
                    let period_s = Some(metric.period().seconds());
                    let source = DataSource::Insights { text: statement.clone(), period_s };
                    let asked = DataQuery { id: "q1".into(), source, is_returned: true };
                    self.ask_data(tenant, vec![asked], query, &budget)
                }
            },
            Watch::Composite(_) => Ok(Answer::Error),
        }
    }

    fn ask_vector(
        &self,
        tenant: TenantId,
        text: &str,
        at_ms: i64,
        budget: &ReadBudget,
    ) -> Result<Answer, QueryError> {
        let expr =
            lang::promql::parse(text).map_err(|errors| QueryError::Bad(errors.to_string()))?;
        let question = PromQuestion {
            expr: &expr,
            range: Range::instant(at_ms),
            options: Options::default(),
            keep: false,
        };
        let answer = match self.runner.promql(Some(tenant), &question, budget) {
            Ok(answer) => answer,
            // More series than are looked at: what there is cannot be told apart from what is missing.
            Err(QueryError::Read(ReadError::TooManySeries { .. })) => {
                return Ok(Answer::Found { series: Vec::new(), partial: true });
            }
            Err(error) => return Err(error),
        };
        let Value::Vector(vector) = answer.value else {
            return Err(QueryError::Bad("the query returns no vector".into()));
        };
        let series = vector.into_iter().map(|sample| AnswerSeries {
            attributes: attributes_of(&sample.labels),
            values: Vec::new(),
        });
        Ok(Answer::Found { series: series.collect(), partial: false })
    }

    /// A statistic of a metric for each of some periods of any place and length.
    pub(super) fn periods_of(
        &self,
        tenant: TenantId,
        metric: &Metric,
        statistic: Statistic,
        periods: &[(i64, i64)],
        budget: &ReadBudget,
    ) -> Result<Vec<PeriodValue>, QueryError> {
        let Some(range) = range_of(periods) else { return Ok(Vec::new()) };
        let step_ms = periods.iter().fold(0, |step, (start, end)| gcd(gcd(step, *start), *end));
        let detail = match statistic.is_basic() {
            true => Detail::Statistics,
            false => Detail::Distribution,
        };
        let grid = Grid { period_ms: step_ms.max(1), range, detail };
        let mut steps: BTreeMap<i64, Delta> = BTreeMap::new();
        for series in self.metrics.find_on(metric_key(tenant, metric), &grid, budget)? {
            for (at_ms, delta) in series.periods(budget)? {
                steps.entry(at_ms).or_default().add(&delta);
            }
        }
        let values = periods.iter().map(|(start, end)| {
            let mut all = Delta::default();
            steps.range(*start..*end).for_each(|(_, delta)| all.add(delta));
            if all.count == 0.0 {
                return None;
            }
            Some((statistic.of(&all)?, Some(all.count)))
        });
        Ok(values.collect())
    }

    fn ask_data(
        &self,
        tenant: TenantId,
        queries: Vec<DataQuery>,
        query: &ScheduledQuery,
        budget: &ReadBudget,
    ) -> Result<Answer, QueryError> {
        let plan = Plan::new(queries).map_err(|error| QueryError::Bad(format!("{error:?}")))?;
        let Some(range) = range_of(&query.periods) else { return Ok(Answer::Error) };
        // They lie side by side, the newest first.
        let oldest_first = query.periods.iter().rev().map(|(start_ms, _)| *start_ms);
        let bounds: Vec<i64> = oldest_first.chain([range.end_ms]).collect();
        let account = self
            .tenants
            .scope_of(tenant)
            .map(|scope| scope.account.to_string())
            .unwrap_or_default();
        let question = DataQuestion {
            plan: &plan,
            account: &account,
            range,
            bounds: Some(&bounds),
            now_ms: query.at_ms,
            first: 0,
            is_resumed: false,
            points_max: usize::MAX,
            is_capped: false,
        };
        let answer = self.runner.data(tenant, &question, budget)?;
        let returned = plan.queries().iter().position(|query| query.is_returned).unwrap_or(0);
        let lines = answer.lines.into_iter().nth(returned).flatten().unwrap_or_default();
        let series = lines.iter().map(|line| AnswerSeries {
            attributes: attributes(line),
            values: query.periods.iter().map(|(start, _)| value_at(line, *start)).collect(),
        });
        // A series without any value in the window is none.
        let series = series.filter(|series| series.values.iter().any(Option::is_some)).collect();
        Ok(Answer::Found { series, partial: false })
    }
}

/// What tells a series of PromQL: its labels without the name, sorted.
pub(crate) fn attributes_of(labels: &Labels) -> Vec<(String, String)> {
    let others = labels.iter().filter(|(name, _)| *name != "__name__");
    let mut all: Vec<_> = others.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    all.sort_unstable();
    all
}

fn attributes(line: &Line) -> Vec<(String, String)> {
    match &line.source {
        Some(LineSource::Group(group)) if line.is_element => {
            let mut by = group.by.clone();
            by.sort_unstable();
            by
        }
        _ => Vec::new(),
    }
}

fn value_at(line: &Line, start_ms: i64) -> Option<(f64, Option<f64>)> {
    let at = line.points.binary_search_by_key(&start_ms, |(at_ms, _)| *at_ms).ok()?;
    Some((line.points[at].1, None))
}

fn range_of(periods: &[(i64, i64)]) -> Option<TimeRange> {
    let start_ms = periods.iter().map(|(start, _)| *start).min()?;
    let end_ms = periods.iter().map(|(_, end)| *end).max()?;
    Some(TimeRange { start_ms, end_ms })
}

pub(super) fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn queries_of_math(math: &Math, period_s: u32) -> Vec<DataQuery> {
    let queries = math.spec().queries.iter().map(|query| {
        let source = match &query.part {
            Part::Metric(metric, statistic) => {
                let Metric { namespace, name, dimensions, unit } = metric.clone();
                DataSource::Metric(MetricData {
                    metric: MetricId { namespace, name, dimensions },
                    unit,
                    statistic: *statistic,
                    stat: statistic.to_string(),
                    period_s,
                })
            }
            Part::Expression(text) => {
                DataSource::Math { text: text.clone(), period_s: Some(period_s) }
            }
        };
        let is_returned = query.id == math.returns();
        DataQuery { id: query.id.clone(), source, is_returned }
    });
    queries.collect()
}
