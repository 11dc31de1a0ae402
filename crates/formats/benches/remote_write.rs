//! What does one sample of a remote write request cost, from the packed body to its value?
//!
//! Estimate, for a series of 270 bytes with eleven labels and one sample: unpacking at 3 GB a second
//! takes 90 ns, and passing over twelve fields at 4 ns each another 50 ns. Looking into the labels
//! happens once in a series' life and may cost ten times that.

use formats::remote_write::{self, Encoder, Item, Sample};
use std::hint::black_box;
use std::time::Duration;
use stdx::Stopwatch;

const SERIES: usize = 10_000;
const ROUNDS: usize = 200;
const RUNS: usize = 5;

fn main() {
    let plain = request();
    let packed = remote_write::compress(&plain);
    println!("{SERIES} series, {} bytes, {} packed", plain.len(), packed.len());
    let mut buffer = Vec::new();
    report("unpack", || {
        remote_write::decompress(&packed, 1 << 26, &mut buffer).unwrap().len() as u64
    });
    report("walk", || walk(&plain));
    report("walk and look into the labels", || {
        let mut seen = 0;
        for item in remote_write::items(&plain) {
            let Item::Series(series) = item.unwrap() else { continue };
            seen += series.labels().map(|l| l.unwrap().1.len() as u64).sum::<u64>();
        }
        seen
    });
}

/// What a receiver does with series that it knows: the bytes of the labels, and the samples.
fn walk(body: &[u8]) -> u64 {
    let mut seen = 0;
    for item in remote_write::items(body) {
        let Item::Series(series) = item.unwrap() else { continue };
        seen ^= black_box(series.labels_raw().unwrap()).len() as u64;
        for sample in series.samples() {
            let sample = sample.unwrap();
            seen ^= sample.value.to_bits() ^ sample.at_ms.cast_unsigned();
        }
    }
    seen
}

fn request() -> Vec<u8> {
    let mut encoder = Encoder::new();
    for n in 0..SERIES {
        let mut labels = vec![
            ("__name__".to_owned(), format!("node_metric_{}_total", n % 97)),
            ("instance".to_owned(), format!("host-{:04}.example:9100", n / 97)),
            ("job".to_owned(), "node".to_owned()),
        ];
        for l in 0..8 {
            labels.push((format!("label_{l}"), format!("value_{}", (n * 31 + l) % 50)));
        }
        let sample = Sample { at_ms: 1_700_000_000_000, value: n as f64 * 0.5 };
        encoder.series(&labels, &[sample]);
    }
    encoder.finish()
}

fn report(what: &str, mut round: impl FnMut() -> u64) {
    let mut spent: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let watch = Stopwatch::start();
            for _ in 0..ROUNDS {
                black_box(round());
            }
            watch.elapsed()
        })
        .collect();
    spent.sort();
    let per_sample = |d: Duration| d.as_nanos() as f64 / (SERIES * ROUNDS) as f64;
    println!(
        "{what}: {:.1} ns a sample (of {RUNS} runs: {:.1} to {:.1})",
        per_sample(spent[RUNS / 2]),
        per_sample(spent[0]),
        per_sample(spent[RUNS - 1])
    );
}
