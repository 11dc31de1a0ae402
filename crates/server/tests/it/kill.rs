//! Killed at random moments under load, the server holds what it acknowledged, each delta once.
//!
//! A writer's n-th value is a power of two in a minute that it shares with few others: the sum of a
//! minute says which of its values were kept, and the number of samples tells a value that counted
//! twice from the next power of two.

use crate::http::{Answer, ask, cloudwatch, remote_write};
use crate::programs::Server;
use formats::remote_write::{Encoder, Sample, compress};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::thread::{scope, sleep};
use std::time::Duration;
use stdx::{Clock, RealClock, Rng};

const ROUNDS: u64 = 8;
const DELTA_WRITERS: usize = 2;
const MINUTE_MS: i64 = 60_000;
/// Minutes that deltas are spread over. With as many powers of two as a float can add without
/// rounding, a writer has room for 20,800 values.
const MINUTES: usize = 400;
const POWERS: usize = 52;
/// Series of one remote write request, and samples of each.
const SERIES: usize = 4;
const SAMPLES: usize = 4;

/// What a writer knows of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Acknowledged,
    /// No answer came: it may or may not have been kept.
    Unknown,
    /// No answer came, and a later look showed that it was not kept. It must not come back.
    Gone,
}

/// Reads an answer: true when kept, false when nobody can tell. A refusal is a mistake of the test.
fn acknowledged(answer: io::Result<Answer>) -> bool {
    match answer {
        Ok(answer) if answer.status < 300 => true,
        Ok(answer) => {
            assert!(answer.status >= 500, "refused: {answer:?}");
            false
        }
        Err(_) => false,
    }
}

/// Sends deltas through PutMetricData. Never sends one again: it would count twice, and rightly.
struct Deltas {
    number: usize,
    start_ms: i64,
    fates: Vec<Fate>,
    /// First request of each round.
    rounds: Vec<usize>,
}

impl Deltas {
    fn power_of(n: usize) -> f64 {
        (1u64 << (n / MINUTES)) as f64
    }

    fn write_until_it_fails(&mut self, address: SocketAddr) {
        self.rounds.push(self.fates.len());
        let round = self.rounds.len().to_string();
        while self.fates.len() < MINUTES * POWERS {
            let n = self.fates.len();
            let minute = i64::try_from(n % MINUTES).expect("small");
            let at = (self.start_ms + minute * MINUTE_MS) as f64 / 1000.0;
            let data: Vec<Value> = [("bits", "all"), ("twin", round.as_str())]
                .iter()
                .map(|(name, round)| {
                    json!({
                        "MetricName": name, "Timestamp": at, "Value": Self::power_of(n),
                        "Dimensions": self.dimensions(round),
                    })
                })
                .collect();
            let input = json!({ "Namespace": "Kill", "MetricData": data });
            if !acknowledged(cloudwatch(address, "PutMetricData", &input)) {
                self.fates.push(Fate::Unknown);
                return;
            }
            self.fates.push(Fate::Acknowledged);
        }
    }

    fn dimensions(&self, round: &str) -> Value {
        json!([
            { "Name": "writer", "Value": self.number.to_string() },
            { "Name": "round", "Value": round },
        ])
    }

    /// Reads sums and counts by minute.
    fn read(&self, address: SocketAddr, name: &str, round: &str) -> Vec<(f64, f64)> {
        let query = |id: &str, stat: &str| {
            let metric = json!({
                "Namespace": "Kill", "MetricName": name, "Dimensions": self.dimensions(round),
            });
            json!({ "Id": id, "MetricStat": { "Metric": metric, "Period": 60, "Stat": stat } })
        };
        let input = json!({
            "StartTime": self.start_ms / 1000,
            "EndTime": self.start_ms / 1000 + i64::try_from(MINUTES).expect("small") * 60,
            "MetricDataQueries": [query("s", "Sum"), query("n", "SampleCount")],
        });
        let answer = cloudwatch(address, "GetMetricData", &input).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json();
        assert!(answer.get("NextToken").is_none_or(Value::is_null), "one page: {answer}");
        let mut minutes = vec![(0.0, 0.0); MINUTES];
        for result in answer["MetricDataResults"].as_array().expect("a list") {
            let times = result["Timestamps"].as_array().expect("a list");
            for (at, value) in times.iter().zip(result["Values"].as_array().expect("a list")) {
                let minute = self.minute_of(at.as_f64().expect("a time"));
                let value = value.as_f64().expect("a number");
                match result["Id"].as_str() {
                    Some("s") => minutes[minute].0 = value,
                    _ => minutes[minute].1 = value,
                }
            }
        }
        minutes
    }

    fn minute_of(&self, at: f64) -> usize {
        usize::try_from((at as i64 - self.start_ms / 1000) / 60).expect("asked for no other")
    }

    /// Reads the same by the other operation.
    fn read_statistics(&self, address: SocketAddr) -> Vec<(f64, f64)> {
        let input = json!({
            "Namespace": "Kill", "MetricName": "bits", "Dimensions": self.dimensions("all"),
            "Period": 60, "Statistics": ["Sum", "SampleCount"],
            "StartTime": self.start_ms / 1000,
            "EndTime": self.start_ms / 1000 + i64::try_from(MINUTES).expect("small") * 60,
        });
        let answer = cloudwatch(address, "GetMetricStatistics", &input).expect("an answer").json();
        let mut minutes = vec![(0.0, 0.0); MINUTES];
        for point in answer["Datapoints"].as_array().expect("a list") {
            let minute = self.minute_of(point["Timestamp"].as_f64().expect("a time"));
            let of = |name: &str| point[name].as_f64().expect("a number");
            minutes[minute] = (of("Sum"), of("SampleCount"));
        }
        minutes
    }

    /// Compares content and what is known; what was unknown is known from then on.
    fn check(&mut self, address: SocketAddr) {
        let minutes = self.read(address, "bits", "all");
        assert_eq!(minutes, self.read_statistics(address), "two operations, one content");
        let who = self.number;
        for (minute, (sum, count)) in minutes.iter().enumerate() {
            let bits = *sum as u64;
            assert_eq!(
                f64::from(bits.count_ones()),
                *count,
                "writer {who}, minute {minute}: {count} samples make {bits:#b}: counted twice?"
            );
            let sent = (self.fates.len() + MINUTES - 1 - minute) / MINUTES;
            assert_eq!(bits >> sent, 0, "writer {who}, minute {minute}: {bits:#b}, sent {sent}");
        }
        for (n, fate) in self.fates.iter_mut().enumerate() {
            let is_kept = minutes[n % MINUTES].0 as u64 >> (n / MINUTES) & 1 == 1;
            match *fate {
                Fate::Acknowledged => assert!(is_kept, "writer {who} was told that {n} is kept"),
                Fate::Gone => assert!(!is_kept, "writer {who}: {n} came back"),
                Fate::Unknown if is_kept => *fate = Fate::Acknowledged,
                Fate::Unknown => *fate = Fate::Gone,
            }
        }
        // Both values of a request, or neither.
        let mut twins = vec![(0.0, 0.0); MINUTES];
        for round in 1..=self.rounds.len() {
            let found = self.read(address, "twin", &round.to_string());
            for (all, (sum, count)) in twins.iter_mut().zip(found) {
                *all = (all.0 + sum, all.1 + count);
            }
        }
        assert_eq!(minutes, twins, "writer {who}: a request was kept in part");
    }
}

/// Sends samples by remote write; what was not acknowledged is sent again, as Prometheus does.
struct Floats {
    start_ms: i64,
    /// With the round in which it was made, which is a label.
    requests: Vec<(Fate, usize)>,
    rounds: usize,
}

impl Floats {
    fn body(&self, n: usize) -> Vec<u8> {
        let round = self.requests[n].1.to_string();
        let mut encoder = Encoder::new();
        let first_ms = self.start_ms + i64::try_from(n * SAMPLES).expect("small");
        let samples: Vec<Sample> = (0..SAMPLES)
            .map(|i| Sample { at_ms: first_ms + i as i64, value: (n * SAMPLES + i) as f64 })
            .collect();
        for part in 0..SERIES {
            let part = part.to_string();
            let labels =
                [("__name__", "kill_sent"), ("part", part.as_str()), ("round", round.as_str())];
            encoder.series(&labels, &samples);
        }
        compress(&encoder.finish())
    }

    fn write_until_it_fails(&mut self, address: SocketAddr) {
        self.rounds += 1;
        for n in 0..self.requests.len() {
            if self.requests[n].0 != Fate::Acknowledged {
                if !acknowledged(remote_write(address, &self.body(n))) {
                    return;
                }
                self.requests[n].0 = Fate::Acknowledged;
            }
        }
        loop {
            self.requests.push((Fate::Unknown, self.rounds));
            let n = self.requests.len() - 1;
            if !acknowledged(remote_write(address, &self.body(n))) {
                return;
            }
            self.requests[n].0 = Fate::Acknowledged;
        }
    }

    fn check(&self, address: SocketAddr) {
        let now = (RealClock.now_ms() as f64 / 1000.0).to_string();
        let asked = [("query", "kill_sent[3h]"), ("time", now.as_str())];
        let answer = ask(address, "/api/v1/query", &asked).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut found: BTreeMap<(usize, usize), Vec<(i64, f64)>> = BTreeMap::new();
        for series in answer.json()["data"]["result"].as_array().expect("a list") {
            let label = |name: &str| {
                series["metric"][name].as_str().and_then(|v| v.parse().ok()).expect("a number")
            };
            let points = series["values"].as_array().expect("a list").iter().map(|point| {
                let at_ms = (point[0].as_f64().expect("a time") * 1000.0).round() as i64;
                (at_ms, point[1].as_str().and_then(|v| v.parse().ok()).expect("a value"))
            });
            let old = found.insert((label("round"), label("part")), points.collect());
            assert!(old.is_none(), "one series twice: {}", series["metric"]);
        }
        for (n, (fate, round)) in self.requests.iter().enumerate() {
            let first = n * SAMPLES;
            let wanted: Vec<(i64, f64)> =
                (first..first + SAMPLES).map(|i| (self.start_ms + i as i64, i as f64)).collect();
            let parts: Vec<Vec<(i64, f64)>> = (0..SERIES)
                .map(|part| {
                    let series = found.get_mut(&(*round, part));
                    let points = series.map(|points| {
                        let here = points.iter().take_while(|p| p.0 <= wanted[SAMPLES - 1].0);
                        let here = here.count();
                        points.drain(..here).collect()
                    });
                    points.unwrap_or_default()
                })
                .collect();
            let all = parts.iter().all(|p| *p == wanted);
            let none = parts.iter().all(Vec::is_empty) && *fate != Fate::Acknowledged;
            assert!(all || none, "request {n}, {fate:?}: {parts:?} of {wanted:?}");
        }
        assert!(found.values().all(Vec::is_empty), "never sent: {found:?}");
    }
}

/// How the server is told to end.
fn ending(rng: &mut Rng) -> Signal {
    if rng.one_in(4) { Signal::TERM } else { Signal::KILL }
}

#[test]
fn oracle_killed_under_load_it_holds_what_it_acknowledged() {
    let seed = std::env::var("SIGHTLINE_KILL_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| Rng::from_system().next_u64());
    println!("SIGHTLINE_KILL_SEED={seed} makes the same choices again");
    let mut rng = Rng::from_seed(seed);
    let data = tempfile::tempdir().expect("a temporary directory");
    let now_ms = RealClock.now_ms();
    let start_ms = now_ms - now_ms.rem_euclid(MINUTE_MS);
    let mut deltas: Vec<Deltas> = (0..DELTA_WRITERS)
        .map(|number| Deltas {
            number,
            start_ms: start_ms - 500 * MINUTE_MS,
            fates: Vec::new(),
            rounds: Vec::new(),
        })
        .collect();
    let mut floats =
        Floats { start_ms: start_ms - 60 * MINUTE_MS, requests: Vec::new(), rounds: 0 };

    for round in 1..=ROUNDS {
        // All three survive a kill; they differ when the power goes.
        let sync = ["always", "interval:20", "os"][rng.below(3) as usize];
        let mut server = Server::start(data.path(), &["--sync", sync]);
        let address = server.address;
        let after = Duration::from_millis(20 + rng.below(900));
        let signal = ending(&mut rng);
        let ended = scope(|scope| {
            for writer in &mut deltas {
                scope.spawn(|| writer.write_until_it_fails(address));
            }
            scope.spawn(|| floats.write_until_it_fails(address));
            sleep(after);
            server.program.signal(signal);
            server.program.wait()
        });
        assert_eq!(ended.code(), (signal == Signal::TERM).then_some(0), "{ended}");
        // While it reads back what it left behind is a moment like any other.
        let mut startups = 0;
        while rng.one_in(2) {
            startups += 1;
            let mut program =
                Server::launch("127.0.0.1:0".parse().expect("an address"), data.path(), &[]);
            sleep(Duration::from_millis(rng.below(40)));
            program.kill();
        }
        let server = Server::start(data.path(), &[]);
        let sent: Vec<usize> = deltas.iter().map(|d| d.fates.len()).collect();
        println!(
            "round {round}: --sync {sync}, {signal:?} after {after:?}, killed {startups} times while \
             starting; {sent:?} puts and {} remote writes so far",
            floats.requests.len()
        );
        deltas.iter_mut().for_each(|writer| writer.check(server.address));
        floats.check(server.address);
    }
    let sent: usize = deltas.iter().map(|d| d.fates.len()).sum();
    assert!(sent > 100 && floats.requests.len() > 50, "hardly anything was written");
}
