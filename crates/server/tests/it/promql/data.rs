//! Generated series: everything that an expression may stumble over.

use super::natives;
use crate::http::remote_write;
use formats::remote_write::{Encoder, HistogramSample, Sample, compress};
use model::Histogram;
use std::net::SocketAddr;
use stdx::Rng;

pub(super) const MINUTE_MS: i64 = 60_000;
/// Scrapes come so far apart.
const SCRAPE_MS: i64 = 15_000;
/// All data are inside so many minutes.
pub(super) const MINUTES: i64 = 90;
/// Requests hold so many minutes each, so that no sample is older than the one before it.
const SLICE_MINUTES: i64 = 10;

type Labels = Vec<(String, String)>;

pub(super) struct Series {
    labels: Labels,
    samples: Vec<Sample>,
    /// Samples that come after all others, older than they.
    late: Vec<Sample>,
    histograms: Vec<HistogramSample>,
}

fn stale() -> f64 {
    f64::from_bits(model::STALE_NAN_BITS)
}

pub(super) struct Maker {
    pub(super) rng: Rng,
    start_ms: i64,
    all: Vec<Series>,
}

impl Maker {
    fn random(&mut self) -> f64 {
        self.rng.unit()
    }

    /// The times of scrapes, each a little off.
    fn scrapes(&mut self, every_ms: i64) -> Vec<i64> {
        let count = MINUTES * MINUTE_MS / every_ms;
        let offset = i64::try_from(self.rng.below(u64::try_from(every_ms).unwrap())).unwrap();
        (0..count)
            .map(|n| {
                let jitter = i64::try_from(self.rng.below(7)).unwrap() - 3;
                self.start_ms + n * every_ms + (offset + jitter).clamp(0, every_ms - 1)
            })
            .collect()
    }

    fn add(&mut self, labels: &[(&str, &str)], samples: Vec<Sample>) {
        let mut labels: Labels =
            labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        labels.sort();
        self.all.push(Series { labels, samples, late: Vec::new(), histograms: Vec::new() });
    }

    /// A series of histograms, and of floats at other times.
    pub(super) fn native(
        &mut self,
        labels: &[(&str, &str)],
        mut value: impl FnMut(&mut Self, usize, i64) -> Option<Result<f64, Histogram>>,
    ) {
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        for (n, at_ms) in self.scrapes(SCRAPE_MS).into_iter().enumerate() {
            match value(self, n, (at_ms - self.start_ms) / MINUTE_MS) {
                Some(Ok(value)) => samples.push(Sample { at_ms, value }),
                Some(Err(histogram)) => histograms.push(HistogramSample { at_ms, histogram }),
                None => {}
            }
        }
        self.add(labels, samples);
        self.all.last_mut().expect("added above").histograms = histograms;
    }

    fn each(
        &mut self,
        labels: &[(&str, &str)],
        every_ms: i64,
        mut value: impl FnMut(&mut Self, usize, i64) -> Option<f64>,
    ) {
        let times = self.scrapes(every_ms);
        let mut samples = Vec::new();
        for (n, at_ms) in times.into_iter().enumerate() {
            let minute = (at_ms - self.start_ms) / MINUTE_MS;
            if let Some(value) = value(self, n, minute) {
                samples.push(Sample { at_ms, value });
            }
        }
        self.add(labels, samples);
    }

    fn counters(&mut self) {
        for (n, (job, instance)) in
            [("api", "a:1"), ("api", "b:1"), ("db", "a:2"), ("db", "b:2"), ("web", "c:1")]
                .into_iter()
                .enumerate()
        {
            let labels = [("__name__", "requests_total"), ("job", job), ("instance", instance)];
            let mut total = 100.0 * n as f64;
            self.each(&labels, SCRAPE_MS, |maker, sample, minute| {
                // A reset for each, at another time; web is down twice, and says so once.
                if sample % 97 == 20 * (n + 1) {
                    total = 0.0;
                }
                total += (maker.random() * 30.0).floor();
                match (job, minute) {
                    ("web", 30..=36) => None,
                    ("web", 50) => Some(stale()),
                    ("web", 51..=54) => None,
                    ("db", 70..=73) if n == 3 => None,
                    _ => Some(total),
                }
            });
        }
    }

    fn gauges(&mut self) {
        for (n, (job, zone)) in
            [("api", "x"), ("api", "y"), ("db", "x"), ("db", ""), ("web", "z")].iter().enumerate()
        {
            let labels = [("__name__", "temperature"), ("job", *job), ("zone", *zone)];
            let labels: Vec<_> = labels.into_iter().filter(|(_, v)| !v.is_empty()).collect();
            self.each(&labels, SCRAPE_MS, |maker, sample, _| {
                let wave = (sample as f64 / 20.0 + n as f64).sin() * 20.0;
                Some(((wave + maker.random() * 4.0) * 10.0).round() / 10.0)
            });
        }
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e-300, 1e308];
        self.each(&[("__name__", "odd"), ("kind", "mixed")], SCRAPE_MS, |_, sample, _| {
            Some(if sample % 3 == 0 { odd[sample / 3 % odd.len()] } else { sample as f64 + 0.5 })
        });
        self.each(&[("__name__", "odd"), ("kind", "nan")], SCRAPE_MS, |_, _, _| Some(f64::NAN));
        self.each(&[("__name__", "odd"), ("kind", "inf")], SCRAPE_MS, |_, sample, minute| {
            Some(if minute > 45 { f64::INFINITY } else { sample as f64 })
        });
        for sign in ["1", "-1"] {
            let huge = sign.parse::<f64>().unwrap() * 1.5e308;
            self.each(&[("__name__", "huge"), ("sign", sign)], SCRAPE_MS, move |_, _, _| {
                Some(huge)
            });
        }
        self.each(&[("__name__", "huge"), ("sign", "small")], SCRAPE_MS, |_, n, _| {
            Some(1e-300 * n as f64)
        });
        for (name, value) in [("one", 1.0), ("zero", 0.0)] {
            self.each(&[("__name__", name)], SCRAPE_MS, move |_, _, _| Some(value));
        }
    }

    fn gaps(&mut self) {
        self.each(&[("__name__", "sparse"), ("n", "1")], 4 * MINUTE_MS, |_, n, _| Some(n as f64));
        self.each(&[("__name__", "sparse"), ("n", "2")], 7 * MINUTE_MS, |_, n, _| {
            Some(-(n as f64))
        });
        let at_ms = self.start_ms + 40 * MINUTE_MS;
        self.add(&[("__name__", "once")], vec![Sample { at_ms, value: 7.0 }]);
        // Exactly on the minute: the ends of windows are of interest.
        let exact = (0..MINUTES)
            .map(|n| Sample { at_ms: self.start_ms + n * MINUTE_MS, value: (n * n % 11) as f64 })
            .collect();
        self.add(&[("__name__", "exact")], exact);
        self.each(&[("__name__", "flaps"), ("n", "1")], SCRAPE_MS, |_, n, minute| {
            match minute % 5 {
                3 => Some(stale()),
                4 => None,
                _ => Some((n % 4) as f64),
            }
        });
        self.each(&[("__name__", "gone")], SCRAPE_MS, |_, n, minute| match minute {
            0..60 => Some(n as f64),
            60 => Some(stale()),
            _ => None,
        });
        self.each(&[("__name__", "my.metric"), ("le mot", "é\n\"")], SCRAPE_MS, |_, n, _| {
            Some(n as f64)
        });
    }

    fn histograms(&mut self) {
        for (n, job) in ["api", "db", "bad"].into_iter().enumerate() {
            let bounds = ["0.1", "0.5", "1", "5", "+Inf"];
            let mut counts = [0.0; 5];
            let times = self.scrapes(SCRAPE_MS);
            let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); bounds.len() + 1];
            let mut sum = 0.0;
            for at_ms in times {
                let mut more = 0.0;
                for (bucket, count) in counts.iter_mut().enumerate() {
                    more += (self.random() * 2.0 + n as f64).floor();
                    *count += more;
                    // A bucket that falls below the one before it.
                    let bad = job == "bad" && bucket == 2;
                    let value = if bad { *count / 10.0 } else { *count };
                    samples[bucket].push(Sample { at_ms, value });
                }
                sum += self.random() * 10.0;
                samples[bounds.len()].push(Sample { at_ms, value: sum });
            }
            let sums = samples.pop().expect("made above");
            let count = samples.last().expect("a bucket").clone();
            for (le, samples) in bounds.iter().zip(samples) {
                self.add(
                    &[("__name__", "duration_seconds_bucket"), ("job", job), ("le", le)],
                    samples,
                );
            }
            self.add(&[("__name__", "duration_seconds_sum"), ("job", job)], sums);
            self.add(&[("__name__", "duration_seconds_count"), ("job", job)], count);
        }
        for (le, value) in [("1", 5.0), ("1.0", 7.0), ("2", 15.0), ("+Inf", 20.0), ("x", 3.0)] {
            let labels = [("__name__", "doubled_bucket"), ("le", le)];
            self.each(&labels, SCRAPE_MS, move |_, _, _| Some(value));
        }
        for le in ["-2", "-1", "+Inf"] {
            let value = le.parse::<f64>().unwrap().clamp(-2.0, 3.0) + 4.0;
            let labels = [("__name__", "below_bucket"), ("le", le)];
            self.each(&labels, SCRAPE_MS, move |_, _, _| Some(value));
        }
        self.each(&[("__name__", "single_bucket"), ("le", "+Inf")], SCRAPE_MS, |_, _, _| Some(3.0));
    }

    fn matching(&mut self) {
        for (a, b, value) in
            [("1", "x", 1.0), ("1", "y", 2.0), ("2", "x", 3.0), ("2", "y", 4.0), ("3", "x", 5.0)]
        {
            let labels = [("__name__", "left"), ("a", a), ("b", b)];
            self.each(&labels, SCRAPE_MS, move |_, n, _| Some(value + (n / 40) as f64));
        }
        for (a, b, value) in [("1", "x", 10.0), ("2", "y", 20.0), ("4", "x", 30.0)] {
            let labels = [("__name__", "right"), ("a", a), ("b", b)];
            self.each(&labels, SCRAPE_MS, move |_, _, _| Some(value));
        }
        for (a, version) in [("1", "v1"), ("2", "v2"), ("3", "")] {
            let labels = [("__name__", "info_of"), ("a", a), ("version", version)];
            let labels: Vec<_> = labels.into_iter().filter(|(_, v)| !v.is_empty()).collect();
            self.each(&labels, SCRAPE_MS, |_, _, _| Some(1.0));
        }
        for (job, instance, version) in
            [("api", "a:1", "1"), ("api", "b:1", "2"), ("db", "a:2", "1")]
        {
            let labels = [
                ("__name__", "target_info"),
                ("job", job),
                ("instance", instance),
                ("version", version),
            ];
            self.each(&labels, SCRAPE_MS, |_, _, _| Some(1.0));
        }
        for code in 0..12 {
            let code = (200 + code * 25).to_string();
            let labels = [("__name__", "many"), ("code", code.as_str())];
            self.each(&labels, SCRAPE_MS, |maker, _, _| Some((maker.random() * 5.0).floor()));
        }
    }

    /// Some samples come late.
    fn delay(&mut self) {
        for series in self.all.iter_mut().filter(|s| s.labels[0].1 == "requests_total") {
            let from = self.start_ms + 80 * MINUTE_MS;
            let (late, samples) = series.samples.iter().partition(|s| {
                s.at_ms > from && s.at_ms / SCRAPE_MS % 3 == 0 && s.at_ms < from + 5 * MINUTE_MS
            });
            (series.late, series.samples) = (late, samples);
        }
    }
}

/// Makes the series of [`MINUTES`] from `start_ms` on.
pub(super) fn generate(seed: u64, start_ms: i64) -> Vec<Series> {
    let mut maker = Maker { rng: Rng::from_seed(seed), start_ms, all: Vec::new() };
    maker.counters();
    maker.gauges();
    maker.gaps();
    maker.histograms();
    maker.matching();
    maker.delay();
    natives::make(&mut maker);
    maker.all
}

/// Sends all series, slice after slice, and then what is late.
pub(super) fn push(address: SocketAddr, all: &[Series], start_ms: i64) {
    for slice in 0..=MINUTES / SLICE_MINUTES {
        let from = start_ms + slice * SLICE_MINUTES * MINUTE_MS;
        let to = from + SLICE_MINUTES * MINUTE_MS;
        let inside = |at_ms: i64| (from..to).contains(&at_ms);
        send(address, all, |series| {
            let samples = series.samples.iter().filter(|s| inside(s.at_ms)).copied().collect();
            let histograms = series.histograms.iter().filter(|s| inside(s.at_ms)).cloned();
            (samples, histograms.collect())
        });
    }
    send(address, all, |series| (series.late.clone(), Vec::new()));
}

fn send(
    address: SocketAddr,
    all: &[Series],
    pick: impl Fn(&Series) -> (Vec<Sample>, Vec<HistogramSample>),
) {
    let mut request = Encoder::new();
    for series in all {
        let (samples, histograms) = pick(series);
        if !samples.is_empty() || !histograms.is_empty() {
            request.mixed_series(&series.labels, &samples, &histograms);
        }
    }
    let answer = remote_write(address, &compress(&request.finish())).expect("an answer");
    assert!(matches!(answer.status, 200 | 204), "{address}: {answer:?}");
}
