//! Questions that would take a server down: each ends at a limit that its error names, having taken
//! no more than was allowed, and gives everything back.

use super::memory::Memory;
use eval::promql::{EvalError, Labels, Limits, Options, Range, Samples, evaluate};
use lang::promql::parse;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// An account of what an evaluation takes, with an end to it.
struct Account {
    bytes: AtomicU64,
    peak: AtomicU64,
    bytes_max: u64,
    looks: AtomicU64,
    looks_max: u64,
}

impl Limits for Account {
    fn check(&self) -> Result<(), EvalError> {
        self.looks.store(self.looks.load(Relaxed) + 1, Relaxed);
        if self.looks.load(Relaxed) > self.looks_max { Err(EvalError::Timeout) } else { Ok(()) }
    }

    fn read(&self, _samples: u64) -> Result<(), EvalError> {
        Ok(())
    }

    fn take(&self, bytes: u64) -> Result<(), EvalError> {
        if self.bytes.load(Relaxed).saturating_add(bytes) > self.bytes_max {
            return Err(EvalError::TooMuch("more memory than allowed".to_owned()));
        }
        self.bytes.store(self.bytes.load(Relaxed) + bytes, Relaxed);
        self.peak.store(self.peak.load(Relaxed).max(self.bytes.load(Relaxed)), Relaxed);
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        self.bytes.store(
            self.bytes.load(Relaxed).checked_sub(bytes).expect("no more than was taken"),
            Relaxed,
        );
    }
}

const MIB: u64 = 1 << 20;

/// As many steps as a range query may have.
const MANY_STEPS: Range = Range { start_ms: 0, end_ms: 11_000 * 60_000, step_ms: 60_000 };

/// Asks and returns the error.
fn refused(memory: &Memory, text: &str, range: Range, bytes_max: u64, looks_max: u64) -> EvalError {
    let expr = parse(text).unwrap_or_else(|error| panic!("{}: {error}", head(text)));
    let account = Account { bytes_max, looks_max, ..no_end() };
    let answer = evaluate(&expr, memory, range, &Options::default(), &account);
    assert_eq!(account.bytes.load(Relaxed), 0, "all is given back: {}", head(text));
    match answer {
        Err(error) => error,
        Ok(_) => panic!("answered within {bytes_max} bytes: {}", head(text)),
    }
}

fn head(text: &str) -> String {
    text.chars().take(100).collect()
}

/// Ends for want of memory.
fn too_much(memory: &Memory, text: &str, range: Range, bytes_max: u64) {
    let error = refused(memory, text, range, bytes_max, 100_000);
    assert_eq!(error.to_string(), "more memory than allowed", "{}", head(text));
}

/// Series `m{a="0"}`, `m{a="1"}`, ..., and as many of `n`, over ten minutes.
fn series(count: i64) -> Memory {
    let samples = || (0..600).map(|at| (at * 1000, (at % 97) as f64)).collect::<Samples>();
    let labels = |name: &str, n: i64| {
        Labels::new([("__name__", name.to_owned()), ("a", n.to_string()), ("b", "x".repeat(50))])
    };
    let series = |name| (0..count).map(move |n| (labels(name, n), samples()));
    Memory { series: series("m").chain(series("n")).collect() }
}

/// Steps that lie so close that a series of 600 samples has 10,000 values.
const DENSE: Range = Range { start_ms: 0, end_ms: 600_000, step_ms: 60 };

#[test]
fn subqueries_have_so_many_steps_in_all() {
    let nothing = Memory::default();
    let at = Range::instant(1_000_000_000_000);
    for text in [
        "count_over_time(vector(1)[1y:1ms])",
        "count_over_time(vector(1)[30d:1ms])",
        "max_over_time(nosuch[1y:1ms])",
        "absent_over_time(nosuch[1y:1ms])",
        "vector(1)[1y:1ms]",
        // Each of them is within the limit.
        "count_over_time(vector(1)[5h:1ms]) + count_over_time(vector(2)[5h:1ms]) + \
         count_over_time(vector(3)[5h:1ms])",
    ] {
        let error = refused(&nothing, text, at, 2048 * MIB, 100_000).to_string();
        assert!(error.starts_with("subquery of "), "{text}: {error}");
        assert!(error.contains("more than 50000000 steps of subqueries"), "{text}: {error}");
    }
}

#[test]
fn a_grid_is_paid_for_before_it_is_made() {
    let nothing = Memory::default();
    let at = Range::instant(1_000_000_000_000);
    for text in [
        "count_over_time(vector(1)[1y:1s])",
        "max_over_time(nosuch[1y:1s])",
        "absent_over_time(nosuch[1y:1s])",
        "count_over_time(vector(scalar(nosuch))[1y:1s])",
        "count_over_time(vector(time())[1y:1s])",
        "count_over_time(hour()[1y:1s])",
        "vector(pi())[1y:1s]",
    ] {
        too_much(&nothing, text, at, 64 * MIB);
    }
}

#[test]
fn each_counted_value_is_a_column() {
    let nothing = Memory::default();
    let at = Range::instant(1_000_000_000_000);
    let text = "count_over_time(count_values(\"v\", vector(time()))[1d:1s])";
    too_much(&nothing, text, at, 64 * MIB);
    too_much(&nothing, "count_values(\"v\", vector(time()))", MANY_STEPS, 64 * MIB);
}

#[test]
fn labels_have_a_longest_value_and_are_paid_for() {
    let nothing = Memory::default();
    let at = Range::instant(0);
    let start = || "label_replace(vector(1), \"a\", \"x\", \"\", \"\")".to_owned();
    let joined = (0..25).fold(start(), |text, _| {
        format!("label_join({text}, \"a\", \"\", \"a\", \"a\", \"a\", \"a\")")
    });
    let doubled = (0..40).fold(start(), |text, _| {
        format!("label_replace({text}, \"a\", \"$0$0\", \"a\", \"(.*)\")")
    });
    let often = format!(
        "label_replace({}, \"b\", \"{}\", \"a\", \"(.*)\")",
        (0..16).fold(start(), |text, _| {
            format!("label_replace({text}, \"a\", \"$0$0\", \"a\", \"(.*)\")")
        }),
        "$0".repeat(10_000)
    );
    let long = format!("label_replace(m, \"x\", \"{}\", \"\", \"\")", "x".repeat(900_000));
    for (text, function) in [
        (joined, "label_join()"),
        (doubled, "label_replace()"),
        (often, "label_replace()"),
        (long, "label_replace()"),
    ] {
        let error = refused(&series(1), &text, at, 64 * MIB, 100_000).to_string();
        let expected = format!("{function} makes a label value of more than 65536 bytes");
        assert_eq!(error, expected, "{}", head(&text));
    }
    // As long as may be, for each series.
    let text = format!("label_replace(m, \"x\", \"{}\", \"\", \"\")", "x".repeat(60_000));
    too_much(&series(100), &text, at, 2 * MIB);
    let text = format!("label_join(m, \"x\", \"{}\", \"a\", \"a\")", "x".repeat(60_000));
    too_much(&series(100), &text, at, 2 * MIB);
    assert!(
        evaluate(&parse("vector(1)").unwrap(), &nothing, at, &Options::default(), &no_end())
            .is_ok()
    );
}

fn no_end() -> Account {
    let [bytes, peak, looks] = Default::default();
    Account { bytes, peak, bytes_max: u64::MAX, looks, looks_max: u64::MAX }
}

#[test]
fn what_is_kept_of_each_series_is_paid_for() {
    let memory = series(20);
    // Twenty series are 1.6 MB.
    for text in [
        "sum without (x) (m)",
        "avg without (x) (m)",
        "min by (a) (m)",
        "stddev by (a) (m)",
        "count by (a) (m)",
        "rate({__name__=~\"m|n\"}[5m])",
        "timestamp(m)",
        "info(m)",
        "info(m, {__name__=\"n\"})",
        "m",
        "-m",
        "abs(m)",
        "m * 2",
        "m + on (a) n",
        "m and on (a) n",
        "m or n",
        "m unless nosuch",
        "topk by (a) (1, m)",
        "limitk by (a) (1, m)",
        "quantile by (a) (0.5, m)",
        "label_replace(m, \"le\", \"$1\", \"a\", \"(.*)\")",
        "histogram_fraction(0, 1, label_replace(m, \"le\", \"$1\", \"a\", \"(.*)\"))",
        "sum_over_time(m[1m:1s])",
        "max by (a) (m @ 5)",
        "m @ 5",
    ] {
        too_much(&memory, text, DENSE, MIB);
    }
}

#[test]
fn what_is_used_again_is_paid_for_until_the_end() {
    let expr = parse("abs(m) + abs(m) + abs(m)").unwrap();
    let account = no_end();
    evaluate(&expr, &series(20), DENSE, &Options::default(), &account).unwrap();
    // What is kept, both sides, and the result, of 20 series with 10,001 steps each.
    let (peak, least) = (account.peak.load(Relaxed), 4 * 20 * 10_001 * 8);
    assert!(peak >= least, "{peak} of {least}");
    assert_eq!(account.bytes.load(Relaxed), 0);
}

#[test]
fn the_time_is_looked_at_inside_of_one_series() {
    let nothing = Memory::default();
    let window = "vector(time() % 1000)[6h:1s]";
    for text in [
        format!("quantile_over_time(0.5, {window})"),
        format!("mad_over_time({window})"),
        format!("stddev_over_time({window})"),
        format!("changes({window})"),
        format!("resets({window})"),
        format!("deriv({window})"),
        format!("predict_linear({window}, 60)"),
        format!("double_exponential_smoothing({window}, 0.5, 0.5)"),
        format!("ts_of_max_over_time({window})"),
        "rate((vector(time()) % 2)[6h:1s])".to_owned(),
        format!("sum(quantile_over_time(0.5, {window}))"),
    ] {
        let error = refused(&nothing, &text, MANY_STEPS, 256 * MIB, 20);
        assert!(matches!(error, EvalError::Timeout), "{text}: {error}");
    }
}

#[test]
fn parts_of_the_steps_give_what_all_of_them_give() {
    // So many visits that the steps are cut, and few enough to be asked one by one.
    let memory = Memory {
        series: vec![(
            Labels::new([("__name__", "m")]),
            (0..20_000).map(|at| (at * 1000, ((at * 7919) % 1013) as f64)).collect(),
        )],
    };
    let range = Range { start_ms: 9_000_000, end_ms: 20_000_000, step_ms: 50_000 };
    for text in [
        "quantile_over_time(scalar(vector(time())) % 7 / 7, m[2h])",
        "rate(m[2h])",
        "increase(m[2h] anchored)",
        "max_over_time(m[2h])",
        "avg_over_time(m[2h])",
        "predict_linear(m[2h], time())",
        "changes(m[2h] @ 10000)",
        "stddev_over_time(m[2h:1s] offset 10m)",
    ] {
        let expr = parse(text).unwrap();
        let ask =
            |range| evaluate(&expr, &memory, range, &Options::default(), &no_end()).unwrap().0;
        let eval::promql::Value::Matrix(whole) = ask(range) else { panic!("{text}") };
        assert_eq!(whole[0].points.len(), 221, "{text}");
        for (at_ms, value) in whole[0].points.iter().step_by(11) {
            let eval::promql::Value::Vector(one) = ask(Range::instant(*at_ms)) else {
                panic!("{text}")
            };
            let one = one[0].points[0].1;
            let near = (one - value).abs() <= 1e-9 * value.abs();
            assert!(near, "{text} at {at_ms}: {value}, alone {one}");
        }
    }
}

/// Expressions that go as deep as the parser lets them.
fn deepest(nest: impl Fn(String) -> String) -> String {
    let mut text = "vector(1)".to_owned();
    loop {
        let deeper = nest(text.clone());
        if parse(&deeper).is_err() {
            return text;
        }
        text = deeper;
    }
}

#[test]
fn the_deepest_expressions_are_evaluated_on_a_small_stack() {
    let forms: [fn(String) -> String; 11] = [
        |x| format!("({x})"),
        |x| format!("-({x})"),
        |x| format!("1 + ({x})"),
        |x| format!("vector(1) or ({x})"),
        |x| format!("abs({x})"),
        |x| format!("sum({x})"),
        |x| format!("topk(1, {x})"),
        |x| format!("count_values(\"v\", {x})"),
        |x| format!("label_replace({x}, \"a\", \"b\", \"\", \"\")"),
        |x| format!("vector(scalar({x}))"),
        |x| format!("max_over_time({x}[5m:1m])"),
    ];
    let texts: Vec<String> = forms.iter().map(deepest).collect();
    let deep = move || {
        for text in texts {
            let expr = parse(&text).unwrap();
            assert!(text.len() > 200, "{text}");
            assert_eq!(parse(&expr.to_string()).unwrap().to_string(), expr.to_string());
            let range = Range { start_ms: 0, end_ms: 120_000, step_ms: 60_000 };
            for range in [Range::instant(60_000), range] {
                evaluate(&expr, &Memory::default(), range, &Options::default(), &no_end())
                    .unwrap_or_else(|error| panic!("{}: {error}", head(&text)));
            }
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(deep).unwrap().join().unwrap();
}
