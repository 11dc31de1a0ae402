//! Any expression ends: with a value, or with an error that says why; it takes what it says and gives
//! it back.

use super::memory::Memory;
use super::properties::memory;
use eval::promql::{EvalError, Limits, Options, Range, evaluate};
use lang::promql::{Function, ValueType, parse};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes that an evaluation may take, and how many looks it is given.
struct Budget {
    bytes: AtomicU64,
    max: u64,
    looks: AtomicU64,
}

impl Limits for Budget {
    fn check(&self) -> Result<(), EvalError> {
        self.looks.store(self.looks.load(Relaxed) + 1, Relaxed);
        if self.looks.load(Relaxed) > 20_000 { Err(EvalError::Timeout) } else { Ok(()) }
    }

    fn read(&self, _samples: u64) -> Result<(), EvalError> {
        Ok(())
    }

    fn take(&self, bytes: u64) -> Result<(), EvalError> {
        if self.bytes.load(Relaxed) + bytes > self.max {
            return Err(EvalError::TooMuch("memory".to_owned()));
        }
        self.bytes.store(self.bytes.load(Relaxed) + bytes, Relaxed);
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        self.bytes.store(
            self.bytes.load(Relaxed).checked_sub(bytes).expect("no more than was taken"),
            Relaxed,
        );
    }
}

fn ask(memory: &Memory, text: &str, range: Range, max: u64) -> Result<(), EvalError> {
    // Some durations are longer than the language's.
    let Ok(expr) = parse(text) else {
        return Ok(());
    };
    let budget = Budget { bytes: AtomicU64::new(0), max, looks: AtomicU64::new(0) };
    let answer = evaluate(&expr, memory, range, &Options::default(), &budget);
    assert_eq!(budget.bytes.load(Relaxed), 0, "all is given back: {text}");
    answer.map(|_| ())
}

/// Numbers of all sizes.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0"),
        Just("1"),
        Just("-1"),
        Just("0.5"),
        Just("3"),
        Just("1e300"),
        Just("-1e18"),
        Just("NaN"),
        Just("Inf"),
        Just("-Inf"),
        Just("time()"),
        Just("scalar(m{a=\"1\", b=\"1\"})"),
    ]
    .prop_map(str::to_owned)
}

fn duration() -> impl Strategy<Value = String> {
    prop_oneof![Just("1ms"), Just("1m"), Just("95s"), Just("1h"), Just("100y"), Just("290000000y")]
        .prop_map(str::to_owned)
}

fn moved() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(String::new()),
        1 => duration().prop_map(|d| format!(" offset {d}")),
        1 => duration().prop_map(|d| format!(" offset -{d}")),
        1 => Just(" @ 100".to_owned()),
        1 => Just(" @ 9223372036853".to_owned()),
        1 => Just(" @ -9223372036853".to_owned()),
        1 => Just(" @ end()".to_owned()),
    ]
}

fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("m"), Just("n"), Just("h"), Just("{__name__=~\".+\"}"), Just("nothing")]
}

fn vector() -> impl Strategy<Value = String> {
    let leaf = (name(), moved()).prop_map(|(name, moved)| format!("{name}{moved}"));
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (0..Function::ALL.len(), inner.clone(), number(), duration(), moved())
                .prop_map(|(at, v, n, d, m)| call(Function::ALL[at], &v, &n, &d, &m)),
            (operator(), inner.clone(), inner.clone())
                .prop_map(|(op, l, r)| format!("({l}) {op} ({r})")),
            (arithmetic(), inner.clone(), number())
                .prop_map(|(op, l, r)| format!("({l}) {op} {r}")),
            (aggregation(), number(), inner.clone()).prop_map(|((op, by), n, v)| match op {
                "count_values" => format!("count_values {by} (\"v\", {v})"),
                "topk" | "bottomk" | "quantile" | "limitk" | "limit_ratio" =>
                    format!("{op} {by} ({n}, {v})"),
                _ => format!("{op} {by} ({v})"),
            }),
            inner.prop_map(|v| format!("-({v})")),
        ]
    })
}

fn operator() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("+"),
        Just("/ on (a)"),
        Just("* on (a) group_left (b)"),
        Just("- ignoring (b) group_right ()"),
        Just("+ fill (1)"),
        Just("* on (a) group_left (b) fill (2)"),
        Just("> on (a, b)"),
        Just("== bool"),
        Just("and on (a)"),
        Just("or"),
        Just("unless ignoring (a)"),
        Just("</"),
    ]
}

fn arithmetic() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("+"),
        Just("^"),
        Just("%"),
        Just("atan2"),
        Just(">"),
        Just("<= bool"),
        Just(">/")
    ]
}

fn aggregation() -> impl Strategy<Value = (&'static str, &'static str)> {
    let ops = [
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "quantile",
        "count_values",
        "limitk",
        "limit_ratio",
    ];
    let by = prop_oneof![Just(""), Just("by (a)"), Just("without (b)"), Just("by (__name__)")];
    ((0..ops.len()).prop_map(move |at| ops[at]), by)
}

/// A call of any function, with arguments of its types.
fn call(function: Function, vector: &str, number: &str, duration: &str, moved: &str) -> String {
    let signature = function.signature();
    let args = signature.args.iter().enumerate().map(|(at, kind)| match kind {
        ValueType::Scalar => number.to_owned(),
        ValueType::Vector if function == Function::Info && at == 1 => "{a=~\".*\"}".to_owned(),
        ValueType::Vector => vector.to_owned(),
        ValueType::Matrix if duration.len().is_multiple_of(2) => format!("m[{duration}]{moved}"),
        ValueType::Matrix => format!("({vector})[{duration}:30s]{moved}"),
        ValueType::String => "\"a\"".to_owned(),
    });
    let args: Vec<String> = args.collect();
    let text = format!("{}({})", function.name(), args.join(", "));
    if signature.returns == ValueType::Scalar { format!("vector({text})") } else { text }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_expression_ends(
        memory in memory(),
        text in vector(),
        start in prop_oneof![Just(0_i64), Just(150_000), Just(i64::MAX / 2), Just(i64::MIN / 2)],
        steps in 0..40_i64,
    ) {
        let range = match steps {
            0 => Range::instant(start),
            steps => Range { start_ms: start, end_ms: start + steps * 10_000, step_ms: 10_000 },
        };
        // Each of them is fine; what is not is a panic, or memory that stays.
        let _ = ask(&memory, &text, range, 1 << 20);
        let _ = ask(&memory, &text, range, 10_000);
    }
}

#[test]
fn most_of_what_is_made_up_is_an_expression() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut text = || vector().new_tree(&mut runner).expect("a text").current();
    let read = (0..500).filter(|_| parse(&text()).is_ok()).count();
    assert!(read > 400, "{read} of 500");
}

#[test]
fn what_is_larger_than_its_input_ends_in_the_budget() {
    let samples = |n: i64| (0..600).map(move |at| (at * 1000, ((at * 31 + n) % 997) as f64));
    let series = |n: i64| {
        let labels = [("__name__", "m".to_owned()), ("a", n.to_string())];
        (eval::promql::Labels::new(labels), samples(n).collect())
    };
    let memory = Memory { series: (0..20).map(series).collect() };
    let range = Range { start_ms: 0, end_ms: 600_000, step_ms: 1000 };
    for text in [
        "count_values(\"v\", m)",
        "histogram_quantiles(label_replace(m, \"le\", \"$1\", \"a\", \"(.*)\"), \"q\", time())",
        "sum_over_time(m[1y:1s])",
        "sum by (a) (m) + on (a) group_left () m",
        "topk(5, m) or m",
    ] {
        let error = ask(&memory, text, range, 100_000).unwrap_err();
        assert!(matches!(error, EvalError::TooMuch(_)), "{text}: {error}");
    }
    let error = ask(&memory, "max_over_time(m[100y:1ms])", range, u64::MAX).unwrap_err();
    assert!(error.to_string().starts_with("subquery of "), "{error}");
}
