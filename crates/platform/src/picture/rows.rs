//! From the rows of a widget to what is asked for: a plan for each region.

use super::{Mistake, mistake};
use crate::naming::{NO_NAMESPACE, Naming, NamingFor, names_apart};
use chart::Widget;
use chart::widget::{Row, RowKind};
use lang::labels::Label;
use model::Scope;
use query::MetricId;
use query::metric_data::{DataQuery, DataSource, Line, LineSource, MetricData, Plan, PlanError};
use std::collections::BTreeMap;

/// The rows of one region.
pub(super) struct Rows {
    /// Where.
    pub(super) scope: Scope,
    /// What is asked for.
    pub(super) plan: Plan,
    /// The number of each query's row in the widget.
    rows: Vec<usize>,
    wanted: Vec<Option<Label>>,
}

/// Stands for the id of a row that has none: no expression can name it.
fn unsaid_id(row: usize) -> String {
    let row = u32::try_from(row).unwrap_or(u32::MAX);
    char::from_u32(0xe000 + row % 0x1000).unwrap_or_default().to_string()
}

impl Rows {
    /// Plans the rows of a widget.
    ///
    /// # Errors
    /// Every mistake, by its place in the widget.
    pub(super) fn of(widget: &Widget, scope: &Scope) -> Result<Vec<Self>, Vec<Mistake>> {
        let mut wrong = Vec::new();
        if widget.period_is_range {
            wrong.push(mistake("setPeriodToTimeRange", "is not served yet"));
        }
        let mut regions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, row) in widget.metrics.iter().enumerate() {
            let account = row.account_id.as_deref().or(widget.account_id.as_deref());
            if let Some(account) = account
                && account != "LOCAL"
                && account != scope.account.as_str()
            {
                let text = format!("{account} is another account, whose metrics are not served");
                wrong.push(mistake(format!("metrics[{at}].accountId"), text));
            }
            let region = row.region.as_deref().or(widget.region.as_deref());
            regions.entry(region.unwrap_or(&scope.region)).or_default().push(at);
        }
        let mut groups = Vec::new();
        for (region, rows) in regions {
            let scope = Scope { account: scope.account, region: region.to_owned() };
            groups.extend(Self::of_region(widget, scope, rows, &mut wrong));
        }
        if wrong.is_empty() { Ok(groups) } else { Err(wrong) }
    }

    fn of_region(
        widget: &Widget,
        scope: Scope,
        rows: Vec<usize>,
        wrong: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let before = wrong.len();
        let (mut queries, mut wanted) = (Vec::new(), Vec::new());
        for &at in &rows {
            let row = &widget.metrics[at];
            wanted.push(label(row, at, wrong));
            queries.extend(query(widget, at, wrong));
        }
        if wrong.len() > before {
            return None;
        }
        match Plan::new(queries) {
            Ok(plan) => Some(Self { scope, plan, rows, wanted }),
            Err(error) => {
                wrong.extend(of_plan(&error, widget, &rows));
                None
            }
        }
    }

    /// Returns the number of each visible row: in the plan, and in the widget.
    pub(super) fn visible(&self, widget: &Widget) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.rows.iter().copied().enumerate();
        rows.filter(|(_, row)| widget.metrics[*row].visible)
    }

    /// Returns the number of each query whose result is wanted.
    pub(super) fn returned(&self) -> impl Iterator<Item = usize> {
        let queries = self.plan.queries().iter().enumerate();
        queries.filter(|(_, query)| query.is_returned).map(|(at, _)| at)
    }

    /// Returns the place of a query in the widget.
    pub(super) fn path_of(&self, id: &str) -> String {
        let at = self.plan.queries().iter().position(|query| query.id == id);
        format!("metrics[{}]", at.map_or(0, |at| self.rows[at]))
    }

    pub(super) fn naming<'s>(&self, widget: &Widget, scope: &'s Scope, now_ms: i64) -> Naming<'s>
    where
        Self: 's,
    {
        let asker = NamingFor {
            account: scope.account.as_str(),
            region: scope.region.as_str(),
            now_ms,
            zone_minutes: widget.zone.minutes_at(now_ms),
        };
        Naming::new(&self.plan, self.wanted.clone(), asker)
    }

    /// Returns the labels of a row's lines. Metrics that want none are called by what tells them
    /// apart; an expression without an id by its text.
    pub(super) fn labels(
        &self,
        naming: &Naming<'_>,
        at: usize,
        lines: Option<&[Line]>,
        widget: &Widget,
    ) -> Vec<String> {
        if self.wanted[at].is_none()
            && matches!(widget.metrics[self.rows[at]].kind, RowKind::Metric(_))
        {
            return vec![self.name_apart(at, widget)];
        }
        let mut labels = naming.of(&self.plan, at, lines);
        let RowKind::Expression(text) = &widget.metrics[self.rows[at]].kind else { return labels };
        let unsaid = unsaid_id(self.rows[at]);
        labels
            .iter_mut()
            .filter(|label| **label == unsaid)
            .for_each(|label| label.clone_from(text));
        labels
    }

    fn name_apart(&self, wanted: usize, widget: &Widget) -> String {
        let sources: Vec<(usize, LineSource)> = self
            .visible(widget)
            .filter_map(|(at, _)| Some((at, LineSource::of(&self.plan, at)?)))
            .collect();
        let lines: Vec<Option<&LineSource>> =
            sources.iter().map(|(_, source)| Some(source)).collect();
        let names = names_apart(&lines, "");
        let at = sources.iter().position(|(at, _)| *at == wanted);
        at.map(|at| names[at].clone()).unwrap_or_default()
    }
}

fn label(row: &Row, at: usize, wrong: &mut Vec<Mistake>) -> Option<Label> {
    let text = row.label.as_deref().filter(|text| !text.is_empty())?;
    let told = |mistakes: Vec<lang::Diagnostic>| {
        for one in mistakes {
            let text = format!("{}: {}", one.span.place(text), one.message);
            wrong.push(mistake(format!("metrics[{at}].label"), text));
        }
    };
    Label::parse(text).map_err(told).ok()
}

fn query(widget: &Widget, at: usize, wrong: &mut Vec<Mistake>) -> Option<DataQuery> {
    let row = &widget.metrics[at];
    let source = match &row.kind {
        RowKind::Metric(metric) => {
            let stat = row.stat.as_ref().unwrap_or(&widget.stat);
            let told = |error: eval::StatisticError| {
                wrong.push(mistake(format!("metrics[{at}].stat"), error.to_string()));
            };
            let mut dimensions = metric.dimensions.clone();
            dimensions.sort_unstable();
            let namespace =
                if metric.namespace == NO_NAMESPACE { "" } else { metric.namespace.as_str() };
            DataSource::Metric(MetricData {
                metric: MetricId {
                    namespace: namespace.to_owned(),
                    name: metric.name.clone(),
                    dimensions,
                },
                unit: None,
                statistic: stat.parse().map_err(told).ok()?,
                stat: stat.clone(),
                period_s: row.period_s.unwrap_or(widget.period_s),
            })
        }
        RowKind::Expression(text) => {
            let period_s = Some(row.period_s.unwrap_or(widget.period_s));
            let first = text.split_whitespace().next();
            match first.is_some_and(|word| word.eq_ignore_ascii_case("SELECT")) {
                true => DataSource::Insights { text: text.clone(), period_s },
                false => DataSource::Math { text: text.clone(), period_s },
            }
        }
    };
    let id = row.id.clone().unwrap_or_else(|| unsaid_id(at));
    Some(DataQuery { id, source, is_returned: row.visible })
}

fn of_plan(error: &PlanError, widget: &Widget, rows: &[usize]) -> Vec<Mistake> {
    match error {
        PlanError::Text { query, mistakes } => {
            let row = rows[*query];
            let text = match &widget.metrics[row].kind {
                RowKind::Expression(text) => text.as_str(),
                RowKind::Metric(_) => "",
            };
            let told = mistakes.iter().map(|one| {
                let text = format!("{}: {}", one.span.place(text), one.message);
                mistake(format!("metrics[{row}].expression"), text)
            });
            told.collect()
        }
        PlanError::Cycle { ids } => {
            let text = format!("expressions use each other in a circle: {}", ids.join(" -> "));
            vec![mistake("metrics", text)]
        }
    }
}
