//! One meaning, two drivers: what is computed step by step equals what is computed over the grid.

use eval::metric_math::{
    EvalLimits, Grid, Inputs, NotSteppable, Series, Slots, StepInputs, Stepper, Value, evaluate,
};
use lang::metric_math::{BinaryOp, Function, IdKind, Search, Type, check, parse};
use proptest::prelude::*;

/// The metrics `m1`, `m2` and `m3`, and an array `e1` of two series.
#[derive(Debug)]
struct Columns {
    grid: Grid,
    metrics: Vec<Vec<f64>>,
    array: Vec<Vec<f64>>,
}

const IDS: [(&str, IdKind); 4] = [
    ("m1", IdKind::Metric),
    ("m2", IdKind::Metric),
    ("m3", IdKind::Metric),
    ("e1", IdKind::Expression(Type::Array)),
];

fn metric(id: &str) -> Option<usize> {
    IDS.iter().position(|(name, kind)| *name == id && *kind == IdKind::Metric)
}

fn array(all: &[Vec<f64>], first: u32) -> Vec<Series<'_>> {
    all.iter().zip(first..).map(|(column, n)| Series::of_metric(n, column)).collect()
}

impl Inputs for Columns {
    fn value(&self, id: &str) -> Option<Value<'_>> {
        match metric(id) {
            Some(n) => Some(Value::Series(Series::of_metric(0, &self.metrics[n]))),
            None if id == "e1" => Some(Value::Array(array(&self.array, 100))),
            None => None,
        }
    }

    fn metrics(&self, containing: Option<&str>) -> Vec<Series<'_>> {
        let part = containing.unwrap_or_default();
        let all = self.metrics.iter().zip(IDS).filter(|(_, (id, _))| id.contains(part));
        all.map(|(column, _)| Series::of_metric(0, column)).collect()
    }

    fn search(&self, _: &Search) -> Vec<Series<'_>> {
        array(&self.array, 100)
    }

    fn period_s(&self, id: &str) -> Option<u32> {
        metric(id).map(|n| [60, 300, 10][n])
    }
}

/// The metrics stand in the first slots, the series of the array behind them.
impl StepInputs for Columns {
    fn slots(&self, id: &str) -> Option<Slots> {
        match metric(id) {
            Some(n) => Some(Slots::Series(n)),
            None if id == "e1" => Some(Slots::Array(vec![3, 4])),
            None => None,
        }
    }

    fn metrics(&self, containing: Option<&str>) -> Vec<usize> {
        let part = containing.unwrap_or_default();
        (0..3).filter(|n| IDS[*n].0.contains(part)).collect()
    }

    fn period_s(&self, id: &str) -> Option<u32> {
        Inputs::period_s(self, id)
    }
}

impl Columns {
    /// The points of a time by slot.
    fn points(&self, at: usize) -> Vec<f64> {
        self.metrics.iter().chain(&self.array).map(|column| column[at]).collect()
    }
}

fn stepper(text: &str, columns: &Columns) -> Result<Stepper, NotSteppable> {
    let expr = parse(text).unwrap_or_else(|m| panic!("{text}: {m:?}"));
    check(&expr, &IDS[..]).unwrap_or_else(|m| panic!("{text}: {m:?}"));
    Stepper::new(&expr, columns, 1_000)
}

/// Compares both drivers bit by bit.
fn assert_same(text: &str, columns: &Columns) {
    let mut stepper = stepper(text, columns).unwrap_or_else(|no| panic!("{text}: {no}"));
    let expr = parse(text).unwrap();
    let batch = evaluate(&expr, columns, columns.grid, &EvalLimits::default()).unwrap();
    let batch = match &batch {
        Value::Series(series) => std::slice::from_ref(series),
        Value::Array(all) => &all[..],
        Value::Scalar(_) => panic!("{text} is a scalar"),
    };
    for (at, at_ms) in columns.grid.times_ms().enumerate() {
        let steps = stepper.step(at_ms, &columns.points(at));
        assert_eq!(steps.len(), batch.len(), "{text}");
        for (step, series) in steps.iter().zip(batch) {
            let over_grid = series.values[at];
            let same = step.to_bits() == over_grid.to_bits() || step.is_nan() && over_grid.is_nan();
            assert!(same, "{text} at {at}: {step} one by one, {over_grid} over the grid");
            assert!(step.is_nan() || step.is_finite(), "{text} at {at} is {step}");
        }
    }
}

/// Every operator between every two types, and every function that can be stepped over every type.
fn steppable() -> Vec<String> {
    let mut all = Vec::new();
    for op in BinaryOp::ALL.map(BinaryOp::symbol) {
        for (left, right) in [
            ("m1", "m2"),
            ("m1", "2.5"),
            ("-2", "m1"),
            ("m1", "e1"),
            ("e1", "m1"),
            ("e1", "0"),
            ("3", "e1"),
            ("e1", "[m2, m1]"),
        ] {
            all.push(format!("{left} {op} {right}"));
        }
        all.push(format!("m1 * (7 {op} 2)"));
    }
    for (name, function) in Function::ALL {
        let arguments: &[&str] = match function {
            Function::Aggregate(_) => &["e1", "METRICS()", "[m1]", "METRICS('none')"],
            Function::Elementwise(_) | Function::Running(_) => &["m1", "e1", "m1 - m2"],
            Function::Calendar(_) => &["m1"],
            Function::First | Function::Last => &["e1", "METRICS()", "METRICS('none')"],
            Function::TimeSeries => &["2.5", "PERIOD(m2)", "LOG(0)", "CEIL(2.5)"],
            // A scalar, see below; and one that cannot be stepped.
            Function::MetricCount | Function::RemoveEmpty => &[],
        };
        all.extend(arguments.iter().map(|argument| format!("{name}({argument})")));
    }
    let others = [
        "-m1",
        "-e1",
        "m1 / METRIC_COUNT(METRICS())",
        "m1 / PERIOD(m2)",
        "METRICS()",
        "METRICS('2') * 2",
        "[m1, e1, [m2]]",
        "FILL(m1, 5)",
        "FILL(e1, 0)",
        "FILL(m1, m2)",
        "FILL(e1, m3)",
        "FILL(m1, REPEAT)",
        "FILL(e1, REPEAT)",
        "FILL(m1, LOG(0))",
        "SLICE(METRICS(), 1)",
        "SLICE(METRICS(), 0, 2)",
        "SLICE(METRICS(), 2, 1)",
        "SLICE(METRICS(), 9)",
        "IF(m1 > 0, m2)",
        "IF(m1 > 0, m2, m3)",
        "IF(m1, 1, 0)",
        "IF(m1, 1)",
        "IF(m1, m2, 7)",
        "IF(m1, 7, m2)",
        "IF(1, m1, m2)",
        "IF(0, m1, m2)",
        "IF(0, m1)",
        "IF(1, 2)",
        "IF(1, 2, m1)",
        "IF(LOG(0), m1, m2)",
        "m1 * IF(1, 2, 3)",
        "DIFF(FILL(m1, REPEAT))",
        "RATE(RUNNING_SUM(m1)) - SUM(RUNNING_SUM(e1))",
    ];
    all.extend(others.map(str::to_owned));
    all
}

/// A value, often none, often one that operators treat apart.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => Just(f64::NAN),
        2 => Just(0.0),
        1 => Just(1.0),
        1 => Just(1e300),
        1 => Just(-1e300),
        6 => -100.0..100.0f64,
    ]
}

prop_compose! {
    fn columns()(len in 0usize..12)(
        len in Just(len),
        metrics in prop::collection::vec(prop::collection::vec(value(), len), 3),
        array in prop::collection::vec(prop::collection::vec(value(), len), 2),
        start_s in -100_000i64..2_000_000_000,
        period_s in prop::sample::select(&[1i64, 10, 60, 300, 86_400][..]),
    ) -> Columns {
        let grid = Grid { start_ms: start_s * 1_000, period_ms: period_s * 1_000, len };
        Columns { grid, metrics, array }
    }
}

/// Any expression of a type that can be stepped, as text in parentheses.
fn series() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(&["m1", "m2", "m3"][..]).prop_map(str::to_owned),
        prop::sample::select(&["SUM(e1)", "MAX(METRICS())", "HOUR(m1)"][..])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        let op = prop::sample::select(&BinaryOp::ALL[..]).prop_map(BinaryOp::symbol);
        let scalar = prop::sample::select(&["0", "1", "2.5", "PERIOD(m1)", "(1 / 0)"][..]);
        let function = prop::sample::select(
            &["DIFF", "RATE", "DIFF_TIME", "RUNNING_SUM", "ABS", "LOG", "CEIL", "MINUTE"][..],
        );
        let fold = prop::sample::select(&["AVG", "SUM", "MIN", "STDDEV", "DATAPOINT_COUNT"][..]);
        prop_oneof![
            (inner.clone(), op.clone(), inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (inner.clone(), op, scalar.clone()).prop_map(|(a, op, b)| format!("({a}) {op} {b}")),
            (function, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            (fold, inner.clone(), inner.clone())
                .prop_map(|(f, a, b)| format!("{f}([{a}, {b}, e1])")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("IF({a}, {b}, {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("FILL({a}, {b})")),
            (inner.clone(), scalar).prop_map(|(a, b)| format!("IF({a}, {b})")),
            inner.prop_map(|a| format!("FILL({a}, REPEAT)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_operator_and_function_steps_as_it_computes_a_grid(columns in columns()) {
        for text in steppable() {
            assert_same(&text, &columns);
        }
    }
}

proptest! {
    #[test]
    fn any_expression_steps_as_it_computes_a_grid(text in series(), columns in columns()) {
        assert_same(&text, &columns);
    }

    #[test]
    fn a_clone_goes_on_from_where_it_was_taken(columns in columns(), cut in 0usize..12) {
        let text = "RUNNING_SUM(FILL(m1, REPEAT)) + DIFF(m2)";
        let mut whole = stepper(text, &columns).unwrap();
        let mut taken = whole.clone();
        for (at, at_ms) in columns.grid.times_ms().enumerate() {
            let points = columns.points(at);
            let expected = whole.step(at_ms, &points).to_vec();
            let got = taken.step(at_ms, &points);
            prop_assert!(expected[0].to_bits() == got[0].to_bits());
            if at == cut {
                taken = whole.clone();
            }
        }
    }
}

#[test]
fn what_cannot_be_stepped_says_why() {
    let columns = Columns {
        grid: Grid { start_ms: 0, period_ms: 60_000, len: 0 },
        metrics: vec![Vec::new(); 3],
        array: vec![Vec::new(); 2],
    };
    let reason = |text: &str| {
        let no = stepper(text, &columns).expect_err(text);
        format!("{} | {no}", no.span.of(text))
    };
    let cases = [
        ("m1 - AVG(m1)", "AVG(m1) | AVG of a time series needs all of its points"),
        ("TIME_SERIES(DATAPOINT_COUNT(m1))", "DATAPOINT_COUNT(m1) | DATAPOINT_COUNT of a time"),
        ("SORT(e1, AVG, ASC)", "SORT(e1, AVG, ASC) | SORT compares all points of each series"),
        ("REMOVE_EMPTY(e1)", "REMOVE_EMPTY(e1) | REMOVE_EMPTY looks at all points"),
        ("FILL(m1, LINEAR)", "m1 | FILL with LINEAR needs the point behind a gap"),
        ("SEARCH('a', 'Sum')", "SEARCH('a', 'Sum') | SEARCH finds series that are not known"),
        ("e1 + METRICS()", "+ | operator + between arrays of 2 and 3 series"),
    ];
    for (text, expected) in cases {
        assert!(reason(text).starts_with(expected), "{}", reason(text));
    }
    let no = Stepper::new(&parse("m1 + m2 + m3").unwrap(), &columns, 4).unwrap_err();
    assert_eq!(no.to_string(), "expression takes more than 4 steps, the limit");
}

#[test]
fn memory_is_told() {
    let columns = Columns {
        grid: Grid { start_ms: 0, period_ms: 60_000, len: 0 },
        metrics: vec![Vec::new(); 3],
        array: vec![Vec::new(); 2],
    };
    for (text, memory) in [
        ("m1 / m2 * 100", false),
        ("FILL(m1, 0)", false),
        ("SUM(METRICS())", false),
        ("RATE(m1)", true),
        ("IF(m1, 1, FILL(m2, REPEAT))", true),
    ] {
        assert_eq!(stepper(text, &columns).unwrap().has_memory(), memory, "{text}");
    }
}
