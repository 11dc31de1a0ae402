//! The driver: which query is computed when, from what.

use super::fetch::{self, Fetched};
use super::plan::{DataSource, MetricData, Plan};
use super::search;
use super::window::periods_of;
use super::{DataQuestion, caps};
use crate::parallel::try_map;
use crate::{InsightsQuestion, LocalRunner, MetricId, Periods, QueryError};
use eval::insights::{Group, Limits};
use eval::metric_math::{EvalLimits, Grid, Inputs, Series, Value, evaluate};
use lang::insights::Query as Statement;
use lang::metric_math::{Expr, Search};
use metric_store::ReadBudget;
use model::{TenantId, Unit};
use std::borrow::Cow;
use std::collections::HashMap;

/// The results of the queries that were answered.
#[derive(Debug, Default)]
pub struct DataAnswer {
    /// For each query its lines; none for those that are not returned or were not reached.
    pub lines: Vec<Option<Vec<Line>>>,
}

/// One line of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it came from; none for what was made of several.
    pub source: Option<LineSource>,
    /// The query's result is an array, of which this is one element.
    pub is_element: bool,
    /// Between two points, in seconds.
    pub period_s: u32,
    /// Start of the period in milliseconds since 1970 and value, oldest first.
    pub points: Vec<(i64, f64)>,
    /// The units that a metric has data in, by name; only the first is shown.
    pub units: Vec<Unit>,
}

/// What a line came from.
#[derive(Debug, Clone, PartialEq)]
pub enum LineSource {
    /// A metric.
    Metric(LineMetric),
    /// A group of a statement.
    Group(LineGroup),
}

/// The group that a line came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineGroup {
    /// The values of its labels, as they are shown.
    pub label: String,
    /// Names and values of `GROUP BY`; what a group does not have is not there.
    pub by: Vec<(String, String)>,
}

/// The metric that a line came from.
#[derive(Debug, Clone, PartialEq)]
pub struct LineMetric {
    /// The query of the request that asks for it; none where a search found it.
    pub query: Option<usize>,
    /// Which one.
    pub metric: MetricId,
    /// The statistic as it was written.
    pub stat: String,
    /// Its period in seconds.
    pub period_s: u32,
}

impl LineSource {
    fn of_group(statement: &Statement, group: &Group) -> Option<Self> {
        let named = statement.group_by.iter().zip(&group.0);
        let by = named.filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        Some(Self::Group(LineGroup { label: group.label()?, by: by.collect() }))
    }

    /// Returns what the line of a plan's query comes from; none for those that are computed.
    pub fn of(plan: &Plan, query: usize) -> Option<Self> {
        let DataSource::Metric(data) = &plan.queries[query].source else { return None };
        let MetricData { metric, stat, period_s, .. } = data.clone();
        Some(Self::Metric(LineMetric { query: Some(query), metric, stat, period_s }))
    }
}

/// Answers a question.
pub(crate) fn answer(
    runner: &LocalRunner,
    tenant: TenantId,
    question: &DataQuestion<'_>,
    budget: &ReadBudget,
) -> Result<DataAnswer, QueryError> {
    let plan = question.plan;
    let sources = (0..plan.queries.len()).map(|query| LineSource::of(plan, query)).collect();
    let mut engine = Engine {
        runner,
        tenant,
        question,
        budget,
        fetched: HashMap::new(),
        nothing: HashMap::new(),
        searched: HashMap::new(),
        stated: HashMap::new(),
        sources,
    };
    let mut answer = DataAnswer { lines: vec![None; plan.queries.len()] };
    let mut points = 0;
    for query in question.first..plan.queries.len() {
        if !plan.queries[query].is_returned {
            continue;
        }
        if points >= question.points_max {
            break;
        }
        let lines = engine.lines(query)?;
        let is_shown = question.is_resumed && query == question.first;
        points += lines.iter().filter(|_| !is_shown).map(|line| line.points.len()).sum::<usize>();
        answer.lines[query] = Some(lines);
    }
    Ok(answer)
}

struct Engine<'q> {
    runner: &'q LocalRunner,
    tenant: TenantId,
    question: &'q DataQuestion<'q>,
    budget: &'q ReadBudget,
    /// Metrics by query and period.
    fetched: HashMap<(usize, u32), Fetched>,
    /// The column of metrics without any point, by period: one for all of them.
    nothing: HashMap<u32, Vec<f64>>,
    /// What searches found, by query, number in its expression, and period.
    searched: HashMap<(usize, usize, u32), Vec<Found>>,
    /// What statements gave, by query and period.
    stated: HashMap<(usize, u32), Vec<Found>>,
    /// What series came from: first the metrics of the request, by query, then what was searched.
    sources: Vec<Option<LineSource>>,
}

/// Columns that one expression may make beside copies of its inputs.
const COLUMNS_MADE: usize = 64;

/// A column that a search found, and the number of its source.
type Found = (u32, Vec<f64>);

/// Results of other expressions, by query, at the period of the one that uses them.
type Results = HashMap<usize, Value<'static>>;

impl<'q> Engine<'q> {
    fn plan(&self) -> &'q Plan {
        self.question.plan
    }

    /// Returns the periods of a length, or those that were asked for.
    fn periods(&self, period_s: u32) -> Result<Periods<'q>, QueryError> {
        let DataQuestion { range, bounds, now_ms, .. } = *self.question;
        match bounds {
            None => periods_of(range, period_s, now_ms),
            Some(bounds) => Periods::between(bounds)
                .ok_or_else(|| QueryError::Bad("periods that do not go forward".to_owned())),
        }
    }

    fn lines(&mut self, query: usize) -> Result<Vec<Line>, QueryError> {
        let period_s = self.plan().period_s(query);
        let periods = self.periods(period_s)?;
        if self.plan().statements[query].is_some() {
            self.state(query, period_s)?;
            let found = &self.stated[&(query, period_s)];
            let lines = found.iter().map(|(origin, values)| {
                let line = self.line(periods, period_s, Some(*origin as usize), values)?;
                Ok(Line { is_element: line.source.is_some(), ..line })
            });
            return lines.collect();
        }
        let Some(tree) = &self.plan().trees[query] else {
            self.fetch(&[query], period_s)?;
            let fetched = &self.fetched[&(query, period_s)];
            let line = self.line(periods, period_s, Some(query), &fetched.values)?;
            return Ok(vec![Line { units: fetched.units.clone(), ..line }]);
        };
        let under = self.plan().under(query);
        self.fetch(&under, period_s)?;
        self.make_nothing(&under, period_s, periods)?;
        for &used in under.iter().chain([&query]) {
            self.search(used, period_s)?;
            self.state(used, period_s)?;
        }
        let engine = &*self;
        let mut results = Results::new();
        for used in under {
            let Some(tree) = &engine.plan().trees[used] else { continue };
            let inputs = At { engine, period_s, periods, query: used, results: &results };
            let value = engine.evaluate(used, tree, &inputs, periods)?;
            let owned = into_owned(value, engine.budget)?;
            results.insert(used, owned);
        }
        let inputs = At { engine, period_s, periods, query, results: &results };
        let (all, is_element) = match engine.evaluate(query, tree, &inputs, periods)? {
            Value::Array(all) => (all, true),
            Value::Series(series) => (vec![series], false),
            Value::Scalar(_) => unreachable!("a checked expression gives a series or several"),
        };
        let lines = all.iter().map(|series| {
            let origin = series.origin.map(|origin| origin as usize);
            let line = engine.line(periods, period_s, origin, &series.values)?;
            Ok(Line { is_element, ..line })
        });
        lines.collect()
    }

    fn line(
        &self,
        periods: Periods<'_>,
        period_s: u32,
        origin: Option<usize>,
        values: &[f64],
    ) -> Result<Line, QueryError> {
        let there = values.iter().filter(|value| !value.is_nan()).count();
        self.budget.take((there * size_of::<(i64, f64)>()) as u64)?;
        let mut points = Vec::with_capacity(there);
        for (at, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            points.push((periods.start_of(at), *value));
        }
        let source = origin.and_then(|origin| self.sources[origin].clone());
        Ok(Line { source, is_element: false, period_s, points, units: Vec::new() })
    }

    /// Makes the column of metrics without any point, where an expression uses one.
    fn make_nothing(
        &mut self,
        used: &[usize],
        period_s: u32,
        periods: Periods<'_>,
    ) -> Result<(), QueryError> {
        let fetched = used.iter().filter_map(|&query| self.fetched.get(&(query, period_s)));
        let is_wanted = fetched.into_iter().any(|fetched| fetched.units.is_empty());
        if is_wanted && !self.nothing.contains_key(&period_s) {
            self.budget.take((periods.len() * size_of::<f64>()) as u64)?;
            self.nothing.insert(period_s, vec![f64::NAN; periods.len()]);
        }
        Ok(())
    }

    /// Reads what queries themselves ask of the store, at one period.
    fn fetch(&mut self, queries: &[usize], period_s: u32) -> Result<(), QueryError> {
        let periods = self.periods(period_s)?;
        let plan = self.plan();
        let missing: Vec<(usize, &MetricData)> = queries
            .iter()
            .filter(|&&query| !self.fetched.contains_key(&(query, period_s)))
            .filter_map(|&query| match &plan.queries[query].source {
                DataSource::Metric(data) => Some((query, data)),
                DataSource::Insights { .. } | DataSource::Math { .. } => None,
            })
            .collect();
        let (store, tenant, budget) = (&self.runner.store, self.tenant, self.budget);
        let read =
            |(_, data): &(usize, &MetricData)| fetch::metric(store, tenant, data, periods, budget);
        let fetched = try_map(&missing, read)?;
        let keyed = missing.iter().map(|(query, _)| (*query, period_s)).zip(fetched);
        self.fetched.extend(keyed);
        Ok(())
    }

    /// Reads what the searches of a query find, at one period.
    fn search(&mut self, query: usize, period_s: u32) -> Result<(), QueryError> {
        let periods = self.periods(period_s)?;
        for (number, asked) in self.plan().searches[query].iter().enumerate() {
            if self.searched.contains_key(&(query, number, period_s)) {
                continue;
            }
            let account = self.question.account;
            let mut found = search::find(
                &self.runner.store,
                self.tenant,
                account,
                asked,
                periods,
                self.budget,
            )?;
            if self.question.is_capped {
                found.truncate(caps::SEARCHED_MAX);
            }
            let mut all = Vec::with_capacity(found.len());
            for (metric, fetched) in found {
                let origin = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
                let stat = asked.stat.clone();
                let metric = LineMetric { query: None, metric, stat, period_s };
                self.sources.push(Some(LineSource::Metric(metric)));
                all.push((origin, fetched.values));
            }
            self.searched.insert((query, number, period_s), all);
        }
        Ok(())
    }

    /// Computes the statement of a query, if it is one, at one period.
    fn state(&mut self, query: usize, period_s: u32) -> Result<(), QueryError> {
        let Some(statement) = &self.plan().statements[query] else { return Ok(()) };
        if self.stated.contains_key(&(query, period_s)) {
            return Ok(());
        }
        let periods = self.periods(period_s)?;
        let asked = InsightsQuestion {
            query: statement,
            periods,
            limits: match self.question.is_capped {
                true => Limits {
                    metrics_max: Some(caps::STATEMENT_METRICS_MAX),
                    series_max: Some(caps::STATEMENT_SERIES_MAX),
                },
                false => Limits::default(),
            },
        };
        let lines = self.runner.insights(self.tenant, &asked, self.budget)?;
        self.budget.take((lines.len() * periods.len() * size_of::<f64>()) as u64)?;
        let mut all = Vec::with_capacity(lines.len());
        for line in lines {
            let origin = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
            self.sources.push(LineSource::of_group(statement, &line.group));
            let values = line.values.into_iter().map(|value| value.unwrap_or(f64::NAN));
            all.push((origin, values.collect()));
        }
        self.stated.insert((query, period_s), all);
        Ok(())
    }

    fn evaluate<'a>(
        &self,
        query: usize,
        tree: &Expr,
        inputs: &'a At<'_>,
        periods: Periods<'_>,
    ) -> Result<Value<'a>, QueryError> {
        self.budget.check_time()?;
        // What the operators make on their way is paid for in advance, and given back at the end: room
        // for four copies of all inputs, and for columns made of nothing.
        let columns = self.fetched.len() + self.searched.values().map(Vec::len).sum::<usize>();
        let columns =
            COLUMNS_MADE + 4 * (columns + self.stated.values().map(Vec::len).sum::<usize>());
        let bytes = (columns as u64).saturating_mul((periods.len() * size_of::<f64>()) as u64);
        let bytes = bytes.min(self.budget.bytes_left());
        self.budget.take(bytes)?;
        let most = self.budget.limits();
        let points_max = most.points_max.min(bytes / size_of::<f64>() as u64);
        let limits = EvalLimits {
            series_max: most.series_max,
            points_max: usize::try_from(points_max).unwrap_or(usize::MAX),
            ..EvalLimits::default()
        };
        let (period_ms, len) = (periods.period_ms(), periods.len());
        let grid = Grid { start_ms: periods.range().start_ms, period_ms, len };
        let value = evaluate(tree, inputs, grid, &limits);
        self.budget.give(bytes);
        value.map_err(|error| QueryError::Expression {
            id: self.plan().queries[query].id.clone(),
            span: error.span(),
            what: error.to_string(),
        })
    }
}

/// Copies what is borrowed from columns, to be used by further expressions.
fn into_owned(value: Value<'_>, budget: &ReadBudget) -> Result<Value<'static>, QueryError> {
    let own = |series: Series<'_>| {
        budget.take(size_of_val(&series.values[..]) as u64)?;
        let values = series.values.into_owned().into();
        Ok::<_, QueryError>(Series { origin: series.origin, values })
    };
    Ok(match value {
        Value::Scalar(scalar) => Value::Scalar(scalar),
        Value::Series(series) => Value::Series(own(series)?),
        Value::Array(all) => Value::Array(all.into_iter().map(own).collect::<Result<_, _>>()?),
    })
}

/// What an expression sees: what was fetched and computed at its period.
struct At<'e> {
    engine: &'e Engine<'e>,
    period_s: u32,
    periods: Periods<'e>,
    query: usize,
    results: &'e Results,
}

impl At<'_> {
    fn metric(&self, query: usize) -> Option<Series<'_>> {
        let fetched = self.engine.fetched.get(&(query, self.period_s))?;
        let values = match fetched.units.is_empty() {
            true => self.engine.nothing.get(&self.period_s)?,
            false => &fetched.values,
        };
        Some(Series::of_metric(u32::try_from(query).ok()?, values))
    }
}

impl At<'_> {
    /// A statement is an array where it groups.
    fn stated(&self, query: usize) -> Option<Value<'_>> {
        let found = self.engine.stated.get(&(query, self.period_s))?;
        let mut all = found.iter().map(|(origin, values)| Series::of_metric(*origin, values));
        match self.engine.plan().statements[query].as_ref()?.group_by.is_empty() {
            true => all.next().map(Value::Series),
            false => Some(Value::Array(all.collect())),
        }
    }
}

impl Inputs for At<'_> {
    fn value(&self, id: &str) -> Option<Value<'_>> {
        fn borrowed<'s>(series: &'s Series<'static>) -> Series<'s> {
            Series { origin: series.origin, values: Cow::Borrowed(&series.values[..]) }
        }
        let query = *self.engine.plan().by_id.get(id)?;
        match self.results.get(&query) {
            Some(Value::Scalar(scalar)) => Some(Value::Scalar(*scalar)),
            Some(Value::Series(series)) => Some(Value::Series(borrowed(series))),
            Some(Value::Array(all)) => Some(Value::Array(all.iter().map(borrowed).collect())),
            None => self.stated(query).or_else(|| self.metric(query).map(Value::Series)),
        }
    }

    fn metrics(&self, containing: Option<&str>) -> Vec<Series<'_>> {
        let metrics = self.engine.plan().metrics(containing);
        metrics.filter_map(|query| self.metric(query)).collect()
    }

    fn search(&self, search: &Search) -> Vec<Series<'_>> {
        let found = self.engine.searched.get(&(self.query, search.index, self.period_s));
        let found = found.map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|(origin, values)| Series::of_metric(*origin, values)).collect()
    }

    fn period_s(&self, id: &str) -> Option<u32> {
        let plan = self.engine.plan();
        Some(plan.periods_s[*plan.by_id.get(id)?])
    }

    fn times_ms(&self) -> Option<&[i64]> {
        self.periods.uneven_starts()
    }
}
