//! What does it cost to sign a message of a topic, and what does the rest of it cost?
//!
//! A message is signed with RSA of 2,048 bits, over SHA-1 or SHA-256. Estimate: half of a private operation of
//! 2,048 bits is two of 1,024 by the remainders of its primes, some 1 to 2 ms in plain Rust with blinding;
//! digest, base64 and the JSON text are some 10 us.
//!
//! `cargo bench -p bus --bench sign`

use bus::{MessageType, SignatureVersion, SigningKey, SnsMessage};
use std::collections::BTreeMap;
use std::hint::black_box;
use stdx::Stopwatch;

const ROUNDS: usize = 7;
const SIGNED: u32 = 300;
const TEXTS: u32 = 20_000;

fn message() -> SnsMessage {
    SnsMessage {
        kind: MessageType::Notification,
        id: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324".into(),
        topic: "arn:aws:sns:us-east-1:123456789012:ops".into(),
        subject: Some("ALARM: \"cpu-high\" in US East (N. Virginia)".into()),
        message: "x".repeat(1_500),
        at_ms: 1_767_225_600_000,
        subscribe_url: None,
        token: None,
        unsubscribe_url: None,
        attributes: BTreeMap::new(),
    }
}

/// Prints the median of some rounds, and the best and the worst, in microseconds for each.
fn measure(what: &str, count: u32, mut work: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let watch = Stopwatch::start();
            (0..count).for_each(|_| work());
            watch.elapsed().as_secs_f64() * 1e6 / f64::from(count)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let median = rounds[ROUNDS / 2];
    let (best, worst) = (rounds[0], rounds[ROUNDS - 1]);
    println!("{what:32} {median:9.1} us ({best:.1} to {worst:.1}), {:9.0} a second", 1e6 / median);
}

fn main() {
    let (key, _) = SigningKey::make().expect("a key");
    let url = "https://127.0.0.1:4280/SimpleNotificationService-0123456789abcdef.pem";
    for version in [SignatureVersion::One, SignatureVersion::Two] {
        let what = format!("signed, version {}", version.text());
        measure(&what, SIGNED, || {
            black_box(message().signed(&key, version, url));
        });
    }
    measure("the text that is signed", TEXTS, || {
        black_box(message().canonical());
    });
}
