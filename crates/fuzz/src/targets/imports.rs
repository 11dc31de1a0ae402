//! What other servers are asked for, or have written out.

use formats::remote_read::{MatchType, request, results};
use formats::remote_write::{Item, Sample};
use formats::victoria::read_line;
use serde_json::{Number, Value, json};

pub(super) const LINE_WORDS: &[&[u8]] = &[
    b"{\"metric\":{",
    b"\"__name__\":\"up\"",
    b"},\"values\":[",
    b"],\"timestamps\":[",
    b"]}",
    b"null",
    b"\"Infinity\"",
    b"\"-Infinity\"",
    b"1549891472010",
    b"0.30000000000000004",
    b"5e-324",
    b"1e309",
    b"\\ud800",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

/// A line of VictoriaMetrics' export.
pub(super) fn victoria(input: &[u8]) {
    let read = match read_line(input) {
        Ok(read) => read,
        Err(why) => return assert!(!why.is_empty()),
    };
    assert!((read.samples.len() + read.nulls) * 4 <= input.len());
    let value = |sample: &Sample| match Number::from_f64(sample.value) {
        Some(number) => Value::Number(number),
        None => json!(if sample.value > 0.0 { "Infinity" } else { "-Infinity" }),
    };
    let metric: serde_json::Map<String, Value> =
        read.labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let line = json!({
        "metric": metric,
        "values": read.samples.iter().map(value).collect::<Vec<_>>(),
        "timestamps": read.samples.iter().map(|s| s.at_ms).collect::<Vec<_>>(),
    });
    let again = read_line(line.to_string().as_bytes()).expect("our own line is read");
    assert_eq!(again.labels, read.labels);
    let bits = |samples: &[Sample]| -> Vec<(i64, u64)> {
        samples.iter().map(|s| (s.at_ms, s.value.to_bits())).collect()
    };
    assert_eq!(bits(&again.samples), bits(&read.samples), "{line}");
}

/// An answer of remote read, unpacked; packed ones go the way of `snappy`.
pub(super) fn remote_read(input: &[u8]) {
    let Some(found) = results(input) else { return };
    let mut names = Vec::new();
    for items in found {
        for item in items {
            match item {
                Ok(Item::Series(series)) => {
                    for label in series.labels() {
                        match label {
                            Ok(label) => names.push(label),
                            Err(error) => assert!(error.offset <= input.len(), "{error}"),
                        }
                    }
                    for sample in series.samples() {
                        if let Err(error) = sample {
                            assert!(error.offset <= input.len(), "{error}");
                        }
                    }
                }
                Ok(Item::Metadata(_)) => {}
                Err(error) => assert!(error.offset <= input.len(), "{error}"),
            }
        }
    }
    // What it was asked with has the same frame: one query, whatever is matched by.
    let matchers: Vec<_> =
        names.iter().map(|(name, value)| (MatchType::NotRegex, *name, *value)).collect();
    let asked = request(&matchers, i64::MIN, i64::MAX);
    assert_eq!(results(&asked).map(|queries| queries.len()), Some(1));
}
