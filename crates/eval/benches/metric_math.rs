//! What does a point cost on its way through an expression over all metrics of a request?
//!
//! 40,000 series of 720 points (12 hours at a minute), every 23rd point missing: 230 MB of columns.
//! Reading them, by XOR of their bits, is measured first: nothing can be quicker. Estimate it was
//! designed by: an aggregate of columns that are only read costs twice the reading, each thing done to
//! every point before it some 0.5 ns more, a function with a memory 3 ns (a division for each point).
//!
//! `cargo bench -p eval --bench metric_math -- [series]`

use eval::metric_math::{EvalLimits, Grid, Inputs, Series, Value, evaluate};
use lang::metric_math::{Search, parse};
use std::hint::black_box;

const POINTS: usize = 720;
const RUNS: usize = 5;
const EXPRESSIONS: [&str; 10] = [
    "SUM(METRICS())",
    "AVG(METRICS())",
    "MAX(METRICS())",
    "STDDEV(METRICS())",
    "SUM(METRICS() * 2)",
    "SUM(METRICS() > 50)",
    "SUM(RATE(METRICS()))",
    "SUM(FILL(METRICS(), LINEAR))",
    "SORT(METRICS(), AVG, DESC, 10)",
    "METRICS() / 100",
];

struct Request(Vec<Vec<f64>>);

impl Inputs for Request {
    fn value(&self, _: &str) -> Option<Value<'_>> {
        None
    }

    fn metrics(&self, _: Option<&str>) -> Vec<Series<'_>> {
        self.0.iter().zip(0..).map(|(column, n)| Series::of_metric(n, column)).collect()
    }

    fn search(&self, _: &Search) -> Vec<Series<'_>> {
        Vec::new()
    }

    fn period_s(&self, _: &str) -> Option<u32> {
        None
    }
}

fn column(series: usize) -> Vec<f64> {
    let point = |at: usize| {
        let missing = (series * 31 + at * 17).is_multiple_of(23);
        if missing { f64::NAN } else { ((series + at) % 100) as f64 }
    };
    (0..POINTS).map(point).collect()
}

/// Time on a processor: what others do on the machine matters less than with a clock on the wall.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let ns: f64 = text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds");
    ns / 1e9
}

/// Prints the quickest and the slowest of some runs, and what a point cost in the quickest.
fn measure(name: &str, points: usize, mut run: impl FnMut()) {
    let mut seconds = Vec::new();
    for _ in 0..RUNS {
        let start = cpu_seconds();
        run();
        seconds.push(cpu_seconds() - start);
    }
    seconds.sort_by(f64::total_cmp);
    let (quickest, slowest) = (seconds[0], seconds[RUNS - 1]);
    println!(
        "{name:32} {:7.1} to {:7.1} ms {:8.2} ns a point",
        quickest * 1e3,
        slowest * 1e3,
        quickest * 1e9 / points as f64
    );
}

fn main() {
    let series = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(40_000);
    let request = Request((0..series).map(column).collect());
    let grid = Grid { start_ms: 0, period_ms: 60_000, len: POINTS };
    let points = series * POINTS;
    println!("{series} series of {POINTS} points");
    measure("(reading)", points, || {
        let bits = request.0.iter().flatten().fold(0, |bits, value| bits ^ value.to_bits());
        black_box(bits);
    });
    for text in EXPRESSIONS {
        let expr = parse(text).expect("an expression");
        measure(text, points, || {
            let value = evaluate(&expr, &request, grid, &EvalLimits::default());
            black_box(value.expect("within the limits"));
        });
    }
}
