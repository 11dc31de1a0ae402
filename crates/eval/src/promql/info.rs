//! `info()`: labels of info metrics are added to the series that they tell about.
//!
//! Info series are those of `target_info`, or of the names that the second argument asks for; they
//! belong to a series when `instance` and `job` are the same. Where several belong, the one with the
//! newest sample does.
//!
//! Source: Prometheus documentation, `info()`.

use super::evaluate::Evaluator;
use super::ledger::Ledger;
use super::{ABSENT, Column, EvalError, Grid, Grouping, Labels, NAME, is_absent, merge};
use lang::promql::{Ends, Expr, ExprKind, MatchOp, Matcher, VectorSelector};
use std::collections::HashMap;
use std::rc::Rc;

const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// The info series of one target and one metric name.
struct InfoFamily {
    /// Values are the times of the latest samples.
    columns: Vec<Column>,
}

impl Evaluator<'_> {
    pub(super) fn info(
        &mut self,
        arg: &Expr,
        selector: Option<&Expr>,
        grid: Grid,
    ) -> Result<Vec<Column>, EvalError> {
        let matchers: &[Matcher] = match selector.map(|s| &s.inner().kind) {
            Some(ExprKind::Vector(selector)) => &selector.matchers,
            Some(_) => return Err(EvalError::execution("info() takes a selector of labels")),
            None => &[],
        };
        let names = names_of(matchers);
        let data: Vec<&Matcher> = matchers.iter().filter(|m| m.name != NAME).collect();
        let base = self.vector(arg, grid)?;
        let families = self.info_families(&names, &data, grid)?;
        let identity = Grouping::by(&IDENTIFYING.map(str::to_owned));
        let mut key = String::new();
        let mut results = Vec::new();
        for column in base {
            // Info series among the series themselves stay as they are.
            if names.iter().all(|m| m.matches(column.labels.name())) {
                results.push(column);
                continue;
            }
            identity.key_of(&column.labels, &mut key);
            let of_series = families.get(key.as_str()).map_or(&[][..], Vec::as_slice);
            results.extend(enriched(&column, of_series, &data, &self.ledger)?);
        }
        results.retain(Column::has_values);
        merge::merge_equal(results)
    }

    /// Returns the info series of each target, one family for each metric name.
    fn info_families(
        &mut self,
        names: &[Matcher],
        data: &[&Matcher],
        grid: Grid,
    ) -> Result<HashMap<Labels, Vec<InfoFamily>>, EvalError> {
        let mut matchers = names.to_vec();
        matchers.extend(data.iter().map(|m| (*m).clone()));
        let selector = VectorSelector {
            matchers,
            offset_ms: 0,
            offset_expr: None,
            at: None,
            ends: Ends::Plain,
        };
        let mut columns = Vec::new();
        let ledger = Rc::clone(&self.ledger);
        self.stream_timestamps(&selector, grid, &mut |name, cells| {
            let labels = name.labels()?;
            ledger.take_cells(&labels, cells)?;
            columns.push(cells.to_column(labels));
            Ok(())
        })?;
        let identity = Grouping::by(&IDENTIFYING.map(str::to_owned));
        let mut key = String::new();
        let mut by_name: HashMap<(Labels, String), InfoFamily> = HashMap::new();
        for column in columns {
            identity.key_of(&column.labels, &mut key);
            let place = (Grouping::labels_of(&key), column.labels.name().to_owned());
            let family = by_name.entry(place).or_insert(InfoFamily { columns: Vec::new() });
            family.columns.push(column);
        }
        let mut families: HashMap<Labels, Vec<InfoFamily>> = HashMap::new();
        let mut sorted: Vec<_> = by_name.into_iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        for ((target, _), family) in sorted {
            families.entry(target).or_default().push(family);
        }
        Ok(families)
    }
}

/// Which names info metrics have.
fn names_of(matchers: &[Matcher]) -> Vec<Matcher> {
    let mut names: Vec<Matcher> = matchers.iter().filter(|m| m.name == NAME).cloned().collect();
    if names.iter().all(|m| matches!(m.op, MatchOp::Ne | MatchOp::Nre)) {
        // Refusals alone name nothing.
        let (op, value) = match names.is_empty() {
            true => (MatchOp::Eq, "target_info"),
            false => (MatchOp::Re, ".+_info"),
        };
        if let Ok(matcher) = Matcher::new(NAME, op, value) {
            names.insert(0, matcher);
        }
    }
    names
}

/// Returns a series under the labels that it has with its info series, which change with them.
fn enriched(
    column: &Column,
    families: &[InfoFamily],
    data: &[&Matcher],
    ledger: &Ledger<'_>,
) -> Result<Vec<Column>, EvalError> {
    let required = data.iter().any(|m| !m.matches_empty());
    let mut results: Vec<(Vec<Option<usize>>, Column)> = Vec::new();
    for (step, value) in column.values.iter().enumerate() {
        if !column.cells().is_there(step) {
            continue;
        }
        let chosen: Vec<Option<usize>> =
            families.iter().map(|family| family.newest(step)).collect();
        if required && chosen.iter().all(Option::is_none) {
            continue;
        }
        let info_series: usize = families.iter().map(|family| family.columns.len()).sum();
        ledger.visit(info_series + results.len() * families.len())?;
        let known = results.iter().position(|(of, _)| *of == chosen);
        let place = match known {
            Some(place) => place,
            None => {
                let labels = with_labels(&column.labels, families, &chosen, data);
                ledger.take(labels.bytes() + size_of_val(chosen.as_slice()))?;
                ledger.take_columns(1, column.values.len())?;
                let values = vec![ABSENT; column.values.len()];
                results.push((chosen, Column::new(labels, values)));
                results.len() - 1
            }
        };
        results[place].1.values[step] = *value;
        results[place].1.set_histogram(step, column.cells().histogram(step).cloned());
    }
    Ok(results.into_iter().map(|(_, column)| column).collect())
}

impl InfoFamily {
    fn newest(&self, step: usize) -> Option<usize> {
        let there = self.columns.iter().enumerate().filter(|(_, c)| !is_absent(c.values[step]));
        there.max_by(|a, b| a.1.values[step].total_cmp(&b.1.values[step])).map(|(at, _)| at)
    }
}

fn with_labels(
    labels: &Labels,
    families: &[InfoFamily],
    chosen: &[Option<usize>],
    data: &[&Matcher],
) -> Labels {
    let mut builder = labels.to_builder();
    let pairs = families.iter().zip(chosen);
    for info in pairs.filter_map(|(family, at)| Some(&family.columns[(*at)?].labels)) {
        for (name, value) in info.iter() {
            let wanted = data.is_empty() || data.iter().any(|m| m.name == name);
            // What the series says of itself counts.
            if wanted && !super::labels::is_name(name) && labels.get(name).is_empty() {
                builder.set(name, value);
            }
        }
    }
    builder.build()
}
