//! Metric math: text to tree and back, types, and both drivers of its meaning.

use eval::metric_math::{
    EvalLimits, Grid, Inputs, Series, Slots, StepInputs, Stepper, Value, evaluate,
};
use lang::Diagnostic;
use lang::metric_math::{Expr, IdKind, ParseLimits, Search, Type, check, parse_within};

pub(super) const WORDS: &[&[u8]] = &[
    b"m1",
    b"m2",
    b"e1",
    b" AND ",
    b" OR ",
    b"&&",
    b"||",
    b"==",
    b"!=",
    b"<=",
    b"^",
    b"-",
    b"METRICS()",
    b"METRICS('m')",
    b"SEARCH('{A,b} c', 'Sum', 60)",
    b"IF(",
    b"FILL(",
    b", REPEAT)",
    b", LINEAR)",
    b"SORT(",
    b", AVG, DESC, 2)",
    b"SLICE(",
    b"FIRST(",
    b"SUM(",
    b"STDDEV(",
    b"RATE(",
    b"RUNNING_SUM(",
    b"REMOVE_EMPTY(",
    b"METRIC_COUNT(",
    b"PERIOD(m1)",
    b"TIME_SERIES(",
    b"HOUR(m1)",
    b"LAMBDA(",
    b"[",
    b"]",
    b"(",
    b")",
    b",",
    b"1e300",
    b"0.5",
    b"'",
    b"\"",
    b"\\'",
    "“".as_bytes(),
    b"1x",
];

const GRID: Grid = Grid { start_ms: 1_795_305_540_000, period_ms: 60_000, len: 6 };
const LIMITS: EvalLimits = EvalLimits { series_max: 500, points_max: 30_000, work_max: 1_000_000 };
const PARSE: ParseLimits = ParseLimits { text_bytes_max: 4_096, depth_max: 100 };
const NONE: f64 = f64::NAN;
const COLUMNS: [[f64; 6]; 4] = [
    [1.0, NONE, -3.0, 0.0, 1e300, 6.0],
    [NONE, NONE, 2.0, 0.5, -1e300, NONE],
    [NONE; 6],
    [7.0, 7.0, 8.0, 0.0, 0.0, 1.0],
];
const IDS: [(&str, IdKind); 3] =
    [("m1", IdKind::Metric), ("m2", IdKind::Metric), ("e1", IdKind::Expression(Type::Array))];

struct World;

fn series(columns: std::ops::Range<usize>) -> Vec<Series<'static>> {
    columns.zip(0..).map(|(n, origin)| Series::of_metric(origin, &COLUMNS[n])).collect()
}

impl Inputs for World {
    fn value(&self, id: &str) -> Option<Value<'_>> {
        match id {
            "m1" => series(0..1).pop().map(Value::Series),
            "m2" => series(1..2).pop().map(Value::Series),
            "e1" => Some(Value::Array(series(2..4))),
            _ => None,
        }
    }

    fn metrics(&self, containing: Option<&str>) -> Vec<Series<'_>> {
        if containing.is_none_or(|part| "m".contains(part)) { series(0..2) } else { Vec::new() }
    }

    fn search(&self, search: &Search) -> Vec<Series<'_>> {
        series(0..search.index % 4)
    }

    fn period_s(&self, id: &str) -> Option<u32> {
        id.starts_with('m').then_some(60)
    }
}

impl StepInputs for World {
    fn slots(&self, id: &str) -> Option<Slots> {
        match id {
            "m1" => Some(Slots::Series(0)),
            "m2" => Some(Slots::Series(1)),
            "e1" => Some(Slots::Array(vec![2, 3])),
            _ => None,
        }
    }

    fn metrics(&self, containing: Option<&str>) -> Vec<usize> {
        if containing.is_none_or(|part| "m".contains(part)) { vec![0, 1] } else { Vec::new() }
    }

    fn period_s(&self, id: &str) -> Option<u32> {
        Inputs::period_s(self, id)
    }
}

pub(super) fn check_mistakes(text: &str, mistakes: &[Diagnostic]) {
    assert!(!mistakes.is_empty(), "a refusal has a reason");
    assert!(mistakes.is_sorted_by_key(|mistake| mistake.span), "in the order of the text");
    for mistake in mistakes {
        let span = mistake.span;
        assert!(text.get(span.start..span.end).is_some(), "{span:?} is no place in the text");
        assert!(!mistake.message.is_empty() && !mistake.render(text).is_empty());
    }
}

/// An expression, its types, and its value by both drivers.
pub(super) fn expression(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let expr = match parse_within(text, &PARSE) {
        Ok(expr) => expr,
        Err(mistakes) => return check_mistakes(text, &mistakes),
    };
    for used in expr.needs().ids {
        assert_eq!(used.span.of(text), used.name);
    }
    let shown = expr.to_string();
    // Signs and spaces are added where the text had none, so the copy may be longer.
    let wide = ParseLimits { text_bytes_max: usize::MAX, ..PARSE };
    let again = parse_within(&shown, &wide).unwrap_or_else(|m| panic!("{text:?} {shown:?} {m:?}"));
    assert_eq!(again.to_string(), shown, "shown twice");
    match check(&expr, &IDS[..]) {
        Ok(found) => run(&expr, found),
        Err(mistakes) => check_mistakes(text, &mistakes),
    }
}

fn run(expr: &Expr, found: Type) {
    let value = match evaluate(expr, &World, GRID, &LIMITS) {
        Ok(value) => value,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let all = match &value {
        Value::Series(series) if found == Type::Series => std::slice::from_ref(series),
        Value::Array(all) if found == Type::Array => &all[..],
        _ => panic!("{expr} is not {found}"),
    };
    for value in all.iter().flat_map(|series| &*series.values) {
        assert!(value.is_nan() || value.is_finite(), "{expr} has {value}");
    }
    let Ok(mut stepper) = Stepper::new(expr, &World, 5_000) else { return };
    for (at, at_ms) in GRID.times_ms().enumerate() {
        let points: Vec<f64> = COLUMNS.iter().map(|column| column[at]).collect();
        let steps = stepper.step(at_ms, &points);
        assert_eq!(steps.len(), all.len(), "{expr}");
        for (step, series) in steps.iter().zip(all) {
            let over_grid = series.values[at];
            let same = step.to_bits() == over_grid.to_bits() || step.is_nan() && over_grid.is_nan();
            assert!(same, "{expr} at {at}: {step} and {over_grid}");
        }
    }
}
