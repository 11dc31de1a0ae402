//! What does a sample cost on its way from a decoded series to a dashboard's answer?
//!
//! 4,000 hosts with a counter each, every 10 s over 6 h (2,160 samples); questions over the whole
//! time at 60 steps and at 360. Reading the samples is a copy of two arrays, which is measured alone
//! first. Estimate it was designed by: 1 ns a sample for the copy and the cursor, 1 to 2 ns for sums
//! of a window, 20 ns a step of a series for the rest.
//!
//! At last: what a tick of a stepper costs, with the samples that came since the last one.
//!
//! `cargo bench -p eval --bench promql -- [series]`

use eval::promql::{
    EvalError, Labels, Options, Range, Sample, Samples, Selection, SeriesReader, SeriesSet, Source,
    Stepper, Unlimited, evaluate,
};
use std::hint::black_box;

const SAMPLES: i64 = 2_160;
const START_MS: i64 = 1_760_054_400_000;

struct Hosts(Vec<(Labels, Samples)>);

struct Found<'h>(&'h Hosts, Selection<'static>);

impl Source for Hosts {
    fn select<'s>(
        &'s self,
        selection: &Selection<'_>,
    ) -> Result<Box<dyn SeriesSet + 's>, EvalError> {
        Ok(Box::new(Found(self, Selection { matchers: &[], ..*selection })))
    }
}

impl SeriesSet for Found<'_> {
    fn len(&self) -> usize {
        self.0.0.len()
    }

    fn reader(&self) -> Box<dyn SeriesReader + '_> {
        Box::new(self)
    }
}

impl SeriesReader for &Found<'_> {
    fn labels(&mut self, at: usize) -> Result<Labels, EvalError> {
        Ok(self.0.0[at].0.clone())
    }

    fn read(&mut self, at: usize, into: &mut Samples) -> Result<(), EvalError> {
        let samples = &self.0.0[at].1;
        let first = samples.times.partition_point(|t| *t <= self.1.after_ms);
        let behind = samples.times.partition_point(|t| *t <= self.1.last_ms);
        into.clear();
        into.times.extend_from_slice(&samples.times[first..behind]);
        into.values.extend_from_slice(&samples.values[first..behind]);
        Ok(())
    }
}

fn hosts(count: usize) -> Hosts {
    let series = (0..count).map(|host| {
        let labels = Labels::new([
            ("__name__", "requests_total".to_owned()),
            ("hostname", format!("host_{host}")),
            ("region", format!("eu-west-{}", host % 3)),
            ("datacenter", format!("eu-west-{}{}", host % 3, host % 2)),
            ("rack", (host % 97).to_string()),
            ("os", "Ubuntu16.10".to_owned()),
            ("arch", "x64".to_owned()),
            ("team", ["NYC", "SF", "LON", "CHI"][host % 4].to_owned()),
            ("service", (host % 20).to_string()),
            ("service_version", (host % 2).to_string()),
            ("service_environment", ["production", "staging", "test"][host % 3].to_owned()),
        ]);
        let mut value = 0.0;
        let sample = |n: i64| {
            value += ((n * 7919 + host as i64 * 104_729) % 50) as f64;
            (START_MS + n * 10_000, value)
        };
        (labels, (1..=SAMPLES).map(sample).collect())
    });
    Hosts(series.collect())
}

/// Time on a processor: what others do on the machine matters less than with a clock on the wall.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let ns: f64 = text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds");
    ns / 1e9
}

/// Seconds of the best of some rounds, each long enough for the processor's clock.
fn best(mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let (start, mut times) = (cpu_seconds(), 0.0);
        while cpu_seconds() - start < 0.2 {
            work();
            times += 1.0;
        }
        best = best.min((cpu_seconds() - start) / times);
    }
    best
}

fn main() {
    let count = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(4_000);
    let hosts = hosts(count);
    let all = (count as i64 * SAMPLES) as f64;
    let end_ms = START_MS + SAMPLES * 10_000;
    let whole = Selection { matchers: &[], after_ms: i64::MIN, last_ms: i64::MAX, newest: false };
    let set = hosts.select(&whole).expect("found");
    let mut samples = Samples::default();
    let mut reader = set.reader();
    let copy = best(|| {
        for at in 0..set.len() {
            reader.read(at, &mut samples).expect("read");
            black_box(&samples);
        }
    });
    println!("{:<58} {:>7.2} ns a sample", "copy", copy * 1e9 / all);
    for (text, steps) in [
        ("sum by (region) (rate(requests_total[6m]))", 60),
        ("sum by (region) (rate(requests_total[5m]))", 360),
        ("sum by (region) (rate(requests_total[1h]))", 360),
        ("avg by (hostname) (avg_over_time(requests_total[1h]))", 6),
        ("max(max_over_time(requests_total[6m]))", 60),
        ("max(max_over_time(requests_total[1h]))", 360),
        ("sum(sum_over_time(requests_total[1h]))", 360),
        ("quantile by (service) (0.9, rate(requests_total[6m]))", 60),
        ("topk(10, avg_over_time(requests_total[6m]))", 60),
        ("requests_total", 360),
        ("requests_total / on (hostname) requests_total", 360),
        ("requests_total", 1),
    ] {
        let expr = lang::promql::parse(text).expect("an expression");
        let step_ms = SAMPLES * 10_000 / steps;
        let range = match steps {
            1 => Range::instant(end_ms),
            _ => Range { start_ms: START_MS + step_ms, end_ms, step_ms },
        };
        let best = best(|| {
            let answer = evaluate(&expr, &hosts, range, &Options::default(), &Unlimited);
            black_box(answer.expect("a value"));
        });
        println!(
            "{:<58} {:>7.2} ns a sample, {:>7.1} ns a step of a series, {:>7.1} ms",
            format!("{text} x {steps}"),
            best * 1e9 / all,
            best * 1e9 / (count as f64 * steps as f64),
            best * 1e3
        );
    }
    tick(&hosts);
}

/// A rate is stepped every 10 s: one sample of each series comes before each tick.
fn tick(hosts: &Hosts) {
    let text = "sum by (region) (rate(requests_total[5m]))";
    let expr = lang::promql::parse(text).expect("an expression");
    let mut stepper = Stepper::new(&expr, Options::default(), 3_600_000).expect("can be stepped");
    let start = cpu_seconds();
    let ticks = 200;
    for n in 0..ticks {
        for (number, (labels, samples)) in hosts.0.iter().enumerate() {
            let sample = Sample::Float(samples.values[n]);
            stepper.push(0, number as u64, || labels.clone(), samples.times[n], sample);
        }
        let at_ms = START_MS + (n as i64 + 1) * 10_000;
        black_box(stepper.tick(at_ms, &Unlimited).expect("a value"));
    }
    let each = (cpu_seconds() - start) * 1e9 / (ticks * hosts.0.len()) as f64;
    println!("{:<58} {each:>7.0} ns a series", format!("tick: {text}"));
}
