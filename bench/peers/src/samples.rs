//! The load of hosts: 4,000 of them with ten gauges and a counter each, as remote write requests.
//!
//! The labels are those of the Time Series Benchmark Suite's `cpu` tables, 252 bytes a sample before
//! snappy. A request holds one sample of each of 2,000 neighbouring series, all of one time, as a
//! sender makes them that forwards scrape after scrape.

use crate::random::{Normal, Random};

/// Hosts in the load.
pub(crate) const HOSTS: usize = 4_000;
/// Series of all hosts together.
pub(crate) const SERIES: usize = HOSTS * NAMES.len();
/// Samples in one request.
pub(crate) const PER_REQUEST: usize = 2_000;
/// Requests that together hold one sample of every series.
pub(crate) const LANES: usize = SERIES / PER_REQUEST;
/// Time between two samples of a series.
pub(crate) const STEP_MS: i64 = 10_000;
/// The metric by which a server is asked whether everything arrived.
pub(crate) const COUNTED_NAME: &str = NAMES[0];

/// The gauges of a host.
pub(crate) const GAUGES: &[&str] = NAMES.split_at(NAMES.len() - 1).0;

const NAMES: [&str; 11] = [
    "cpu_usage_user",
    "cpu_usage_system",
    "cpu_usage_idle",
    "cpu_usage_nice",
    "cpu_usage_iowait",
    "cpu_usage_irq",
    "cpu_usage_softirq",
    "cpu_usage_steal",
    "cpu_usage_guest",
    "cpu_usage_guest_nice",
    "net_bytes_recv",
];

/// What the gauges look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Whole percents: 2.15 bits of news in a sample.
    Integers,
    /// Hundredths of a percent: 8.7 bits.
    Decimals,
}

/// Makes the values of all series, one time after the other.
#[derive(Debug)]
pub(crate) struct Walk {
    kind: Values,
    normal: Normal,
    states: Vec<f64>,
}

impl Walk {
    pub(crate) fn new(kind: Values) -> Self {
        let mut normal = Normal::seeded(0x5167_6874);
        let states = (0..SERIES)
            .map(|series| normal.below(if is_counter(series) { 1_000_000_000 } else { 100 }) as f64)
            .collect();
        Self { kind, normal, states }
    }

    /// Moves a series one step on and returns its value.
    ///
    /// A gauge walks with steps of deviation 1 between 0 and 100 and is rounded only when it is
    /// read. A counter grows by 1.3 million with the deviation of a Poisson variable of that mean,
    /// 1,140: 12.2 bits of news in a sample.
    pub(crate) fn step(&mut self, series: usize) -> f64 {
        let draw = self.normal.draw();
        let state = &mut self.states[series];
        if is_counter(series) {
            *state += (1_140.0_f64.mul_add(draw, 1_300_000.0)).round();
            return *state;
        }
        *state = (*state + draw).clamp(0.0, 100.0);
        match self.kind {
            Values::Integers => state.floor(),
            Values::Decimals => (*state * 100.0).round() / 100.0,
        }
    }
}

fn is_counter(series: usize) -> bool {
    series % NAMES.len() == NAMES.len() - 1
}

/// An encoded request of which only values and timestamps still change.
#[derive(Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where the eight bytes of each value stand; a tag and the timestamp follow.
    values_at: Vec<usize>,
}

impl Template {
    /// Encodes one lane, that is series `lane * PER_REQUEST` and the following.
    pub(crate) fn new(lane: usize, time_ms: i64) -> Self {
        let mut bytes = Vec::new();
        let mut values_at = Vec::with_capacity(PER_REQUEST);
        for series in lane * PER_REQUEST..(lane + 1) * PER_REQUEST {
            let host = host_labels(series / NAMES.len());
            let mut labels = vec![("__name__", NAMES[series % NAMES.len()])];
            labels.extend(host.iter().map(|(name, value)| (*name, value.as_str())));
            put_series(&mut bytes, &labels, 0.0, time_ms);
            values_at.push(bytes.len() - TIME_LEN - 1 - 8);
        }
        Self { bytes, values_at }
    }

    /// Puts in the values of one time and returns the whole request, not yet compressed.
    pub(crate) fn fill(&mut self, time_ms: i64, mut value: impl FnMut() -> f64) -> &[u8] {
        let mut time = Vec::with_capacity(TIME_LEN);
        put_varint(&mut time, time_ms as u64);
        for &at in &self.values_at {
            self.bytes[at..at + 8].copy_from_slice(&value().to_le_bytes());
            self.bytes[at + 9..at + 9 + TIME_LEN].copy_from_slice(&time);
        }
        &self.bytes
    }
}

/// A millisecond of this century takes six bytes as a varint (until the year 2109), so a timestamp
/// can be exchanged in place.
const TIME_LEN: usize = 6;

/// Appends one `TimeSeries` with one sample to a `WriteRequest`.
///
/// A value of zero is written out, though encoders may leave it away, so that every sample has the
/// same length. `labels` are sorted by name, as the protocol demands.
///
/// Source: Prometheus Remote-Write 1.0 specification, section "Protocol".
pub(crate) fn put_series(out: &mut Vec<u8>, labels: &[(&str, &str)], value: f64, time_ms: i64) {
    let field = |text: &str| 1 + varint_len(text.len()) + text.len();
    let label_len = |&(name, text): &(&str, &str)| field(name) + field(text);
    let labels_len: usize = labels.iter().map(label_len).map(|len| 1 + varint_len(len) + len).sum();
    let sample_len = 1 + 8 + 1 + TIME_LEN;
    out.push(0x0a);
    put_varint(out, (labels_len + 2 + sample_len) as u64);
    for label in labels {
        out.push(0x0a);
        put_varint(out, label_len(label) as u64);
        put_text(out, 0x0a, label.0);
        put_text(out, 0x12, label.1);
    }
    out.extend([0x12, sample_len as u8, 0x09]);
    out.extend(value.to_le_bytes());
    out.push(0x10);
    put_varint(out, time_ms as u64);
}

fn put_text(out: &mut Vec<u8>, tag: u8, text: &str) {
    out.push(tag);
    put_varint(out, text.len() as u64);
    out.extend(text.as_bytes());
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn varint_len(number: usize) -> usize {
    (usize::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// Returns a host's labels but for the metric's name, sorted.
fn host_labels(host: usize) -> [(&'static str, String); 10] {
    const REGIONS: [(&str, u64); 9] = [
        ("ap-northeast-1", 2),
        ("ap-southeast-1", 2),
        ("ap-southeast-2", 2),
        ("eu-central-1", 2),
        ("eu-west-1", 3),
        ("sa-east-1", 3),
        ("us-east-1", 5),
        ("us-west-1", 2),
        ("us-west-2", 3),
    ];
    let mut random = Random::seeded(host as u64);
    let mut pick =
        |choices: &[&str]| choices[random.below(choices.len() as u64) as usize].to_owned();
    let arch = pick(&["x64", "x86"]);
    let os = pick(&["Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"]);
    let team = pick(&["SF", "NYC", "LON", "CHI"]);
    let environment = pick(&["production", "staging", "test"]);
    let (region, zones) = REGIONS[random.below(9) as usize];
    let zone = (b'a' + random.below(zones) as u8) as char;
    [
        ("arch", arch),
        ("datacenter", format!("{region}{zone}")),
        ("hostname", format!("host_{host}")),
        ("os", os),
        ("rack", random.below(100).to_string()),
        ("region", region.to_owned()),
        ("service", random.below(20).to_string()),
        ("service_environment", environment),
        ("service_version", random.below(2).to_string()),
        ("team", team),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Bits that an ideal coder would need for one of these numbers.
    fn entropy(numbers: &[i64]) -> f64 {
        let mut counts: HashMap<i64, f64> = HashMap::new();
        for number in numbers {
            *counts.entry(*number).or_default() += 1.0;
        }
        let all = numbers.len() as f64;
        counts.values().map(|count| -count / all * (count / all).log2()).sum()
    }

    fn increments(kind: Values, series: &[usize], scale: f64) -> Vec<i64> {
        let mut walk = Walk::new(kind);
        let mut out = Vec::new();
        for &series in series {
            let mut last = walk.step(series);
            for _ in 0..2_000 {
                let next = walk.step(series);
                out.push(((next - last) * scale).round() as i64);
                last = next;
            }
        }
        out
    }

    #[test]
    fn the_news_in_a_sample_is_what_the_comparison_was_designed_for() {
        let gauges: Vec<usize> = (0..50).map(|host| host * 11).collect();
        let counters: Vec<usize> = (0..1_000).map(|host| host * 11 + 10).collect();
        let integers = entropy(&increments(Values::Integers, &gauges, 1.0));
        assert!((2.05..2.25).contains(&integers), "integers carry {integers} bits");
        let decimals = entropy(&increments(Values::Decimals, &gauges, 100.0));
        assert!((8.4..9.0).contains(&decimals), "decimals carry {decimals} bits");
        let counters = entropy(&increments(Values::Integers, &counters, 1.0));
        assert!((12.0..12.4).contains(&counters), "counters carry {counters} bits");
    }

    /// Splits one protobuf message into (field number, payload).
    fn fields(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let mut number = 0;
            for shift in (0..).step_by(7) {
                let byte = bytes[0];
                *bytes = &bytes[1..];
                number |= u64::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    break;
                }
            }
            number
        }
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes) as u8;
            let payload = match tag & 7 {
                0 => varint(&mut bytes).to_le_bytes().to_vec(),
                1 => bytes.split_off(..8).expect("eight bytes").to_vec(),
                _ => {
                    let len = varint(&mut bytes) as usize;
                    bytes.split_off(..len).expect("whole field").to_vec()
                }
            };
            out.push((tag >> 3, payload));
        }
        out
    }

    #[test]
    fn a_filled_request_reads_back_as_series_with_sorted_labels() {
        let mut template = Template::new(3, 1_700_000_000_000);
        let mut next = 0.0;
        let request = template.fill(1_700_000_010_000, || {
            next += 1.0;
            next
        });
        let per_sample = request.len() / PER_REQUEST;
        assert!((245..260).contains(&per_sample), "{per_sample} bytes a sample");
        let series = fields(request);
        assert_eq!(series.len(), PER_REQUEST);
        for (at, (_, one)) in series.iter().enumerate() {
            let (mut names, mut samples) = (Vec::new(), Vec::new());
            for (field, payload) in fields(one) {
                match field {
                    1 => names.push(fields(&payload)[0].1.clone()),
                    _ => samples.push(fields(&payload)),
                }
            }
            assert!(names.is_sorted() && names.len() == 11);
            assert_eq!(samples.len(), 1);
            assert_eq!(samples[0][0].1, (at as f64 + 1.0).to_le_bytes());
            assert_eq!(samples[0][1].1, 1_700_000_010_000_u64.to_le_bytes());
        }
    }
}
