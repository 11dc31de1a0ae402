//! Metric math by its fixtures.
//!
//! A case defines the queries of a request, a line each, and ends with the expression:
//!
//! ```text
//! period = 60
//! start = 1795257000
//! m1 = 1 _ 3
//! m2/300 = 4 5 6
//! e1 = [1 2 3 | 4 5 6]
//! search 0 = [1 2 3]
//! m1 + m2
//! ```
//!
//! `_` is a time without a point. `m2/300` is a metric whose own period is 300 seconds. In brackets
//! stand the series of an expression, or what the first `SEARCH` of the expression found. The grid has
//! `period` (60) seconds and begins at `start` (0) seconds since 1970. The result is a line of values,
//! or one for each series of an array behind the id that it came from.

mod steps;

use eval::metric_math::{EvalLimits, Grid, Inputs, Series, Value, evaluate};
use lang::Diagnostic;
use lang::metric_math::{IdKind, Search, Type, check, parse};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metric-math");
    testkit::run_fixtures(dir, |case| match run(case) {
        Ok(shown) => shown,
        Err(mistakes) => {
            let source = case.lines().last().unwrap_or_default();
            let texts: Vec<String> = mistakes.iter().map(|m| m.render(source)).collect();
            texts.join("\n")
        }
    });
}

fn run(case: &str) -> Result<String, Vec<Diagnostic>> {
    let request = Request::read(case);
    let source = case.lines().last().expect("a case ends with its expression");
    let expr = parse(source)?;
    check(&expr, &request.kinds()[..])?;
    match evaluate(&expr, &request, request.grid, &request.limits) {
        Ok(value) => Ok(show(&request, &value)),
        Err(error) => Err(vec![Diagnostic::new(error.span(), error.to_string())]),
    }
}

/// The queries of a case.
pub(crate) struct Request {
    grid: Grid,
    limits: EvalLimits,
    /// Metrics: id, period and column. The place is the origin.
    metrics: Vec<(String, u32, Vec<f64>)>,
    /// Expressions: id and series; more than one, or none, is an array.
    expressions: Vec<(String, Vec<Vec<f64>>)>,
    searches: Vec<Vec<Vec<f64>>>,
}

impl Request {
    fn read(case: &str) -> Self {
        let mut request = Self {
            grid: Grid { start_ms: 0, period_ms: 60_000, len: 0 },
            limits: EvalLimits::default(),
            metrics: Vec::new(),
            expressions: Vec::new(),
            searches: Vec::new(),
        };
        let mut len = None;
        for line in case.lines().rev().skip(1).collect::<Vec<_>>().into_iter().rev() {
            let (name, value) = line.split_once(" = ").expect("a line defines something");
            match name {
                "start" => request.grid.start_ms = value.parse::<i64>().unwrap() * 1_000,
                "period" => request.grid.period_ms = value.parse::<i64>().unwrap() * 1_000,
                "series max" => request.limits.series_max = value.parse().unwrap(),
                "work max" => request.limits.work_max = value.parse().unwrap(),
                "points max" => request.limits.points_max = value.parse().unwrap(),
                _ => request.define(name, value, &mut len),
            }
        }
        request.grid.len = len.unwrap_or(3);
        request
    }

    fn define(&mut self, name: &str, value: &str, len: &mut Option<usize>) {
        let mut column = |text: &str| -> Vec<f64> {
            let number = |word: &str| if word == "_" { f64::NAN } else { word.parse().unwrap() };
            let column: Vec<f64> = text.split_whitespace().map(number).collect();
            assert_eq!(*len.get_or_insert(column.len()), column.len(), "columns are of one length");
            column
        };
        let Some(array) = value.strip_prefix('[').and_then(|value| value.strip_suffix(']')) else {
            let (id, period) = name.split_once('/').unwrap_or((name, "60"));
            self.metrics.push((id.to_owned(), period.parse().unwrap(), column(value)));
            return;
        };
        let all = array.split('|').filter(|text| !text.is_empty()).map(column).collect();
        match name.strip_prefix("search ") {
            Some(n) => {
                assert_eq!(n.parse(), Ok(self.searches.len()), "searches stand in their order");
                self.searches.push(all);
            }
            None => self.expressions.push((name.to_owned(), all)),
        }
    }

    fn kinds(&self) -> Vec<(&str, IdKind)> {
        let metrics = self.metrics.iter().map(|(id, _, _)| (id.as_str(), IdKind::Metric));
        let array = IdKind::Expression(Type::Array);
        metrics.chain(self.expressions.iter().map(|(id, _)| (id.as_str(), array))).collect()
    }

    fn array<'a>(&self, all: &'a [Vec<f64>], first: usize) -> Vec<Series<'a>> {
        all.iter().zip(first..).map(|(c, n)| Series::of_metric(n.try_into().unwrap(), c)).collect()
    }

    fn name(&self, origin: u32) -> String {
        let origin = origin as usize;
        match self.metrics.get(origin) {
            Some((id, _, _)) => id.clone(),
            None => format!("#{}", origin - 100),
        }
    }
}

impl Inputs for Request {
    fn value(&self, id: &str) -> Option<Value<'_>> {
        if let Some(n) = self.metrics.iter().position(|(name, _, _)| name == id) {
            let origin = n.try_into().unwrap();
            return Some(Value::Series(Series::of_metric(origin, &self.metrics[n].2)));
        }
        let (_, all) = self.expressions.iter().find(|(name, _)| name == id)?;
        Some(Value::Array(self.array(all, 100)))
    }

    fn metrics(&self, containing: Option<&str>) -> Vec<Series<'_>> {
        let all = self.metrics.iter().zip(0..);
        all.filter(|((id, _, _), _)| containing.is_none_or(|part| id.contains(part)))
            .map(|((_, _, column), n)| Series::of_metric(n, column))
            .collect()
    }

    fn search(&self, search: &Search) -> Vec<Series<'_>> {
        self.array(&self.searches[search.index], 100)
    }

    fn period_s(&self, id: &str) -> Option<u32> {
        self.metrics.iter().find(|(name, _, _)| name == id).map(|(_, period, _)| *period)
    }
}

fn show(request: &Request, value: &Value<'_>) -> String {
    let line = |values: &[f64]| {
        let number = |v: &f64| match v.abs() {
            v if v.is_nan() => "_".to_owned(),
            1e15.. => format!("{v:e}"),
            _ => v.to_string(),
        };
        values.iter().map(number).collect::<Vec<_>>().join(" ")
    };
    match value {
        Value::Scalar(scalar) => panic!("{scalar} is no result"),
        Value::Series(series) => line(&series.values),
        Value::Array(all) if all.is_empty() => "no series".to_owned(),
        Value::Array(all) => {
            let mut shown = String::new();
            for series in all {
                let name = series.origin.map_or("-".to_owned(), |origin| request.name(origin));
                let _ = writeln!(shown, "{name}: {}", line(&series.values));
            }
            shown
        }
    }
}

#[test]
fn an_owned_column_of_the_inputs_is_written_into() {
    struct Owned;
    impl Inputs for Owned {
        fn value(&self, _: &str) -> Option<Value<'_>> {
            let values = Cow::Owned(vec![1.0, 2.0]);
            Some(Value::Series(Series { origin: Some(7), values }))
        }
        fn metrics(&self, _: Option<&str>) -> Vec<Series<'_>> {
            Vec::new()
        }
        fn search(&self, _: &Search) -> Vec<Series<'_>> {
            Vec::new()
        }
        fn period_s(&self, _: &str) -> Option<u32> {
            None
        }
    }
    let grid = Grid { start_ms: 0, period_ms: 60_000, len: 2 };
    let limits = EvalLimits { series_max: 1, points_max: 0, work_max: 6 };
    let value = evaluate(&parse("ABS(-m1 * 2)").unwrap(), &Owned, grid, &limits).unwrap();
    let expected = Series { origin: Some(7), values: Cow::Owned(vec![2.0, 4.0]) };
    assert_eq!(value, Value::Series(expected), "labels survive, and nothing was copied");
}

/// The highest trees that the parser lets through, on the stack of a test.
#[test]
fn the_deepest_expressions_are_computed() {
    let request = Request::read("m1 = 1 2\nm1");
    let around = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    for text in [
        around("-(", "m1", ")", 48),
        around("ABS(", "m1", ")", 98),
        around("IF(1, ", "m1", ", 0)", 98),
        around("FIRST([", "m1", "])", 48),
        around("FILL(m1, ", "m1", ")", 98),
        around("(", "m1", " * 1 + 1 - 1 == 1 AND 1 OR 1)", 98),
        around("1 OR 1 AND 1 == 1 + 1 * (", "m1", ")", 15),
        around("1 ^ ", "m1", "", 98),
    ] {
        let expr = parse(&text).unwrap_or_else(|m| panic!("{text}: {}", m[0].message));
        assert_eq!(check(&expr, &request.kinds()[..]), Ok(Type::Series), "{text}");
        let value = evaluate(&expr, &request, request.grid, &request.limits).unwrap();
        let Value::Series(series) = value else { panic!("{text} is a series") };
        assert!(!series.is_empty(), "{text}");
    }
}
