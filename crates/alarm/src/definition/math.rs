//! Metric math of an alarm: metrics with ids, expressions over them, and one that is compared.

use super::Invalid;
use super::metric::{Metric, check_metric};
use eval::Statistic;
use lang::metric_math::{self, Expr, IdKind, Type};
use std::collections::HashMap;

/// `Metrics` of an alarm, as they are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct MathSpec {
    /// The queries, in the order given.
    pub queries: Vec<MathQuery>,
    /// The id of the one whose data are returned.
    pub returns: String,
}

/// A query of an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct MathQuery {
    /// Its id.
    pub id: String,
    /// A metric or an expression.
    pub part: Part,
}

/// A metric or an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A statistic of a metric, with the alarm's period.
    Metric(Metric, Statistic),
    /// An expression over ids.
    Expression(String),
}

/// Checked metric math: expressions in an order in which each uses earlier ones only.
#[derive(Debug, Clone, PartialEq)]
pub struct Math {
    spec: MathSpec,
    metrics: Vec<(String, Metric, Statistic)>,
    expressions: Vec<(String, Expr)>,
}

/// Source: CloudWatch user guide, "Create a CloudWatch alarm based on a metric math expression".
const METRICS_MAX: usize = 10;

impl Math {
    pub(super) fn new(mut spec: MathSpec, wrong: &mut Vec<Invalid>) -> Option<Self> {
        let before = wrong.len();
        let mut refuse = |problem: String| wrong.push(Invalid::new("Metrics", problem));
        let (mut metrics, mut waiting) = (Vec::new(), Vec::new());
        let mut found = Vec::new();
        for query in &mut spec.queries {
            if !is_id(&query.id) {
                refuse(format!(
                    "{:?} is no id: a small letter, then letters, digits and _",
                    query.id
                ));
            }
            match &mut query.part {
                Part::Metric(metric, statistic) => {
                    check_metric(metric, &mut found);
                    metrics.push((query.id.clone(), metric.clone(), *statistic));
                }
                Part::Expression(text) => match metric_math::parse(text) {
                    Ok(expr) => waiting.push((query.id.clone(), expr, text.clone())),
                    Err(mistakes) => mistakes.iter().for_each(|m| refuse(m.render(text))),
                },
            }
        }
        let mut ids: Vec<&str> = spec.queries.iter().map(|query| query.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            refuse(format!("the id {} is there twice", pair[0]));
        }
        if metrics.len() > METRICS_MAX {
            refuse(format!("has {} metrics, {METRICS_MAX} are allowed", metrics.len()));
        }
        if metrics.is_empty() {
            refuse("an alarm needs a metric at least".into());
        }
        if !ids.contains(&spec.returns.as_str()) {
            refuse(format!("there is no {:?} whose data could be returned", spec.returns));
        }
        let expressions = ordered(&metrics, waiting, &spec.returns, &mut refuse);
        wrong.extend(found);
        (wrong.len() == before).then_some(Self { spec, metrics, expressions })
    }

    /// Returns what was asked for.
    pub fn spec(&self) -> &MathSpec {
        &self.spec
    }

    /// Returns id, metric and statistic of each metric.
    pub fn metrics(&self) -> &[(String, Metric, Statistic)] {
        &self.metrics
    }

    /// Returns id and tree of each expression, those that others use first.
    pub fn expressions(&self) -> &[(String, Expr)] {
        &self.expressions
    }

    /// Returns the id of the one that is compared.
    pub fn returns(&self) -> &str {
        &self.spec.returns
    }
}

fn is_id(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.len() <= 255
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Checks each expression when all it uses were checked.
fn ordered(
    metrics: &[(String, Metric, Statistic)],
    mut waiting: Vec<(String, Expr, String)>,
    returns: &str,
    refuse: &mut impl FnMut(String),
) -> Vec<(String, Expr)> {
    let mut known: HashMap<String, IdKind> =
        metrics.iter().map(|(id, ..)| (id.clone(), IdKind::Metric)).collect();
    let mut done = Vec::new();
    while !waiting.is_empty() {
        let is_open = |id: &str| waiting.iter().any(|(open, ..)| open == id);
        let ready = waiting
            .iter()
            .position(|(_, expr, _)| expr.needs().ids.iter().all(|used| !is_open(used.name)));
        let Some(ready) = ready else {
            let names: Vec<&str> = waiting.iter().map(|(id, ..)| id.as_str()).collect();
            refuse(format!("the expressions {} use each other", names.join(", ")));
            return done;
        };
        let (id, expr, text) = waiting.remove(ready);
        if !expr.needs().searches.is_empty() {
            refuse(format!("{id}: an alarm cannot SEARCH"));
            continue;
        }
        let ids: Vec<(&str, IdKind)> =
            known.iter().map(|(id, kind)| (id.as_str(), *kind)).collect();
        match metric_math::check(&expr, &ids[..]) {
            Ok(Type::Series) => {}
            Ok(_) if id == returns => {
                refuse(format!("{id} is several series, an alarm compares one"));
                continue;
            }
            Ok(_) => {}
            Err(mistakes) => {
                mistakes.iter().for_each(|m| refuse(m.render(&text)));
                continue;
            }
        }
        let kind = metric_math::check(&expr, &ids[..]).map_or(Type::Series, |found| found);
        known.insert(id.clone(), IdKind::Expression(kind));
        done.push((id, expr));
    }
    done
}
