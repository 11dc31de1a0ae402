//! The queries of a request, put in order before any data is touched.

use super::search::Searched;
use crate::MetricId;
use eval::{Statistic, StatisticError};
use lang::Diagnostic;
use lang::insights::Query as Statement;
use lang::metric_math::{self, Expr, IdKind, Ids, Type};
use model::Unit;
use std::collections::HashMap;

/// One query of a request.
#[derive(Debug, Clone)]
pub struct DataQuery {
    /// What expressions call its result.
    pub id: String,
    /// What it asks for.
    pub source: DataSource,
    /// Its result is wanted, and not only used by others.
    pub is_returned: bool,
}

/// What a query asks for.
#[derive(Debug, Clone)]
pub enum DataSource {
    /// A statistic of one metric.
    Metric(MetricData),
    /// A statement of Metrics Insights.
    Insights {
        /// As it was written.
        text: String,
        /// Length of a period in seconds; without one five minutes.
        period_s: Option<u32>,
    },
    /// An expression over the other queries.
    Math {
        /// As it was written.
        text: String,
        /// The period where its metrics tell none, in seconds.
        period_s: Option<u32>,
    },
}

/// A statistic of one metric.
#[derive(Debug, Clone)]
pub struct MetricData {
    /// Which one.
    pub metric: MetricId,
    /// Only data of this unit.
    pub unit: Option<Unit>,
    /// Which statistic.
    pub statistic: Statistic,
    /// The statistic as it was written, for labels.
    pub stat: String,
    /// Length of a period in seconds.
    pub period_s: u32,
}

/// Why queries cannot be answered, whatever the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanError {
    /// An expression is wrong.
    Text {
        /// Which query.
        query: usize,
        /// What is wrong, in the order of the text; one at least.
        mistakes: Vec<Diagnostic>,
    },
    /// Expressions use each other in a circle.
    Cycle {
        /// The ids along it.
        ids: Vec<String>,
    },
}

/// Queries that can be answered.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) queries: Vec<DataQuery>,
    /// Expressions that were read; none for others.
    pub(super) trees: Vec<Option<Expr>>,
    /// Statements that were read; none for others.
    pub(super) statements: Vec<Option<Statement>>,
    /// The searches of each query, by their number in the expression.
    pub(super) searches: Vec<Vec<Searched>>,
    /// The period at which each query is shown, in seconds.
    pub(super) periods_s: Vec<u32>,
    pub(super) by_id: HashMap<String, usize>,
    /// All queries, each behind those that it uses.
    order: Vec<usize>,
}

/// The period of an expression that names none and has no metrics, such as `TIME_SERIES(1)`, and of
/// a statement that names none.
const DEFAULT_PERIOD_S: u32 = 300;

impl Plan {
    /// Reads the expressions and puts the queries in order. Ids must be unique.
    ///
    /// # Errors
    /// [`PlanError`] tells the first query that is wrong.
    pub fn new(queries: Vec<DataQuery>) -> Result<Self, PlanError> {
        let mut trees = Vec::with_capacity(queries.len());
        let mut searches = vec![Vec::new(); queries.len()];
        let mut statements: Vec<Option<Statement>> = vec![None; queries.len()];
        for (query, asked) in queries.iter().enumerate() {
            let mistaken = |mistakes| PlanError::Text { query, mistakes };
            trees.push(match &asked.source {
                DataSource::Metric(_) => None,
                DataSource::Insights { text, .. } => {
                    statements[query] = Some(lang::insights::parse(text).map_err(mistaken)?);
                    None
                }
                DataSource::Math { text, .. } => {
                    let tree = metric_math::parse(text).map_err(mistaken)?;
                    searches[query] = searches_of(&tree).map_err(mistaken)?;
                    Some(tree)
                }
            });
        }
        let by_id: HashMap<String, usize> =
            queries.iter().enumerate().map(|(at, query)| (query.id.clone(), at)).collect();
        let periods_s = vec![0; queries.len()];
        let mut plan =
            Self { periods_s, queries, trees, statements, searches, by_id, order: Vec::new() };
        plan.order = plan.ordered()?;
        let mut kinds: Vec<Option<IdKind>> = vec![None; plan.queries.len()];
        for query in plan.order.clone() {
            let kind = match (&plan.trees[query], &plan.statements[query]) {
                (None, None) => IdKind::Metric,
                (None, Some(statement)) => {
                    IdKind::Expression(match statement.group_by.is_empty() {
                        true => Type::Series,
                        false => Type::Array,
                    })
                }
                (Some(tree), _) => {
                    let ids = Known { plan: &plan, kinds: &kinds };
                    let mistaken = |mistakes| PlanError::Text { query, mistakes };
                    IdKind::Expression(metric_math::check(tree, &ids).map_err(mistaken)?)
                }
            };
            kinds[query] = Some(kind);
            plan.periods_s[query] = plan.period_of(query);
        }
        Ok(plan)
    }

    /// Returns the queries.
    pub fn queries(&self) -> &[DataQuery] {
        &self.queries
    }

    /// Says whether anything is computed from the results of others: such answers have no pages.
    pub fn has_math(&self) -> bool {
        self.queries.iter().any(|query| !matches!(query.source, DataSource::Metric(_)))
    }

    /// Returns the period at which a query is shown, in seconds.
    pub fn period_s(&self, query: usize) -> u32 {
        self.periods_s[query]
    }

    /// Returns the queries that an expression uses, in the order of its text.
    fn used(&self, query: usize) -> Vec<usize> {
        let Some(tree) = &self.trees[query] else { return Vec::new() };
        let needs = tree.needs();
        let ids = needs.ids.iter().chain(&needs.periods);
        let mut used: Vec<usize> = ids.filter_map(|id| self.by_id.get(id.name).copied()).collect();
        for asked in &needs.metrics {
            used.extend(self.metrics(asked.containing));
        }
        used
    }

    /// Returns the queries that an expression uses, also through others, each behind those that it
    /// uses itself.
    pub(super) fn under(&self, query: usize) -> Vec<usize> {
        let mut is_under = vec![false; self.queries.len()];
        let mut open = self.used(query);
        while let Some(used) = open.pop() {
            if !std::mem::replace(&mut is_under[used], true) {
                open.extend(self.used(used));
            }
        }
        self.order.iter().copied().filter(|&used| is_under[used]).collect()
    }

    /// Returns the metrics of the request whose id contains a text.
    pub(super) fn metrics(&self, containing: Option<&str>) -> impl Iterator<Item = usize> {
        let text = containing.unwrap_or_default().to_owned();
        (0..self.queries.len())
            .filter(move |&at| matches!(self.queries[at].source, DataSource::Metric(_)))
            .filter(move |&at| self.queries[at].id.contains(&text))
    }

    /// The longest period of what the expression uses.
    fn period_of(&self, query: usize) -> u32 {
        let own = match &self.queries[query].source {
            DataSource::Metric(data) => return data.period_s,
            DataSource::Insights { period_s, .. } => {
                return period_s.unwrap_or(DEFAULT_PERIOD_S);
            }
            DataSource::Math { period_s, .. } => *period_s,
        };
        let needs = self.trees[query].as_ref().map(Expr::needs).unwrap_or_default();
        let ids = needs.ids.iter().filter_map(|id| self.by_id.get(id.name).copied());
        let listed = needs.metrics.iter().flat_map(|asked| self.metrics(asked.containing));
        let periods = ids.chain(listed).map(|used| self.periods_s[used]);
        let searched = needs.searches.iter().filter_map(|search| search.period_s);
        eval::metric_math::result_period_s(periods.chain(searched))
            .or(own)
            .unwrap_or(DEFAULT_PERIOD_S)
    }

    /// Returns the queries so that each stands behind those that it uses.
    fn ordered(&self) -> Result<Vec<usize>, PlanError> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.queries.len()];
        let mut order = Vec::with_capacity(self.queries.len());
        for start in 0..self.queries.len() {
            // A stack of its own: five hundred expressions may use each other in a row.
            let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
            if marks[start] == Mark::New {
                marks[start] = Mark::Open;
                path.push((start, self.used(start)));
            }
            while let Some((query, rest)) = path.last_mut() {
                match rest.pop() {
                    None => {
                        marks[*query] = Mark::Done;
                        order.push(*query);
                        path.pop();
                    }
                    Some(used) if marks[used] == Mark::New => {
                        marks[used] = Mark::Open;
                        path.push((used, self.used(used)));
                    }
                    Some(used) if marks[used] == Mark::Open => {
                        let from = path.iter().position(|(query, _)| *query == used);
                        let along = path[from.unwrap_or(0)..].iter().map(|(query, _)| *query);
                        let ids = along.chain([used]).map(|query| self.queries[query].id.clone());
                        return Err(PlanError::Cycle { ids: ids.collect() });
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(order)
    }
}

/// Reads the searches of an expression.
fn searches_of(tree: &Expr) -> Result<Vec<Searched>, Vec<Diagnostic>> {
    let mut searches = Vec::new();
    let mut mistakes = Vec::new();
    for asked in tree.needs().searches {
        let search = lang::search::parse(&asked.text).map_err(|inner| {
            mistakes.extend(inner.into_iter().map(|mistake| Diagnostic {
                span: mistake.span.behind(asked.text_span.start),
                ..mistake
            }));
        });
        let statistic = asked.stat.parse().map_err(|error: StatisticError| {
            mistakes.push(Diagnostic::new(asked.stat_span, error.to_string()));
        });
        if let (Ok(search), Ok(statistic)) = (search, statistic) {
            searches.push(Searched { search, statistic, stat: asked.stat.clone() });
        }
    }
    if mistakes.is_empty() { Ok(searches) } else { Err(mistakes) }
}

/// The ids that an expression may use, with what is known of them.
struct Known<'p> {
    plan: &'p Plan,
    kinds: &'p [Option<IdKind>],
}

impl Ids for Known<'_> {
    fn kind(&self, id: &str) -> Option<IdKind> {
        let query = *self.plan.by_id.get(id)?;
        Some(self.kinds[query].unwrap_or(IdKind::Expression(Type::Series)))
    }

    fn names(&self) -> Vec<&str> {
        self.plan.queries.iter().map(|query| query.id.as_str()).collect()
    }
}
