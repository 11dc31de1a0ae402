//! What Prometheus and its friends send.

use crate::{http_text, world};
use formats::remote_write::{self, DecodeError, Encoder, Item, Sample, items};
use model::{BUCKETS_MAX, Histogram, TenantId};
use std::sync::{Arc, Mutex};

pub(super) const REQUEST_WORDS: &[&[u8]] = &[
    b"GET /api/v1/",
    b"POST /api/v1/write",
    b"query?query=",
    b"query_range?query=up&start=0&end=60&step=15s",
    b"series?match[]=",
    b"labels",
    b"label/__name__/values",
    b"label/U__a_2e_b/values",
    b"metadata?limit=1",
    b"query_exemplars?query=up&start=0",
    b"&time=1700000000.5",
    b"&limit=",
    b"&timeout=1s",
    b"&lookback_delta=5m",
    b"&start=2015-07-01T20:10:51.781Z",
    b"&end=292277025-08-18T07:12:54.999999999Z",
    b"\nx-scope-orgid: team-a",
    b"\nx-scope-orgid: 123456789012",
    b"\nauthorization: Basic MTIzNDU2Nzg5MDEyOng=",
    b"\ncontent-type: application/x-www-form-urlencoded",
    b"\ncontent-type: application/x-protobuf",
    b"\ncontent-encoding: snappy",
    b"\nx-prometheus-remote-write-version: 0.1.0",
    b"\n\n",
    b"{__name__=~\".+\"}",
    b"%7B",
    b"%22",
    b"[5m]",
];

pub(super) const BODY_WORDS: &[&[u8]] = &[
    b"\x0a\x0a",
    b"\x0a\x04\x0a\x00\x12\x00",
    b"\x12\x10\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x10\x80\xe0\xbc\xf5\x9f\x31",
    b"\x12\x09\x09\x02\x00\x00\x00\x00\x00\xf0\x7f",
    b"\x1a\x00",
    b"\x22\x00",
    b"\x22\x14\x08\x03\x20\x06\x5a\x04\x08\x01\x10\x02\x62\x02\x02\x02\x78\x80\xe0\xbc\xf5\x9f\x31",
    b"\x20\x69",
    b"\x82\x01\x08\x00\x00\x00\x00\x00\x00\xf0\x3f",
    b"\x5a\x04\x08\x01\x10\x02",
    b"\x1b",
    b"\x1c",
    b"\x13\x13\x13\x14\x14\x14",
    b"__name__",
    b"\xf8\xff\xff\xff\x0f",
    b"\x0d\x00\x00\x00\x00",
];

/// A whole request to the door, to the answer.
pub(super) fn request(input: &[u8]) {
    let Some((parts, body)) = http_text::parse(input) else { return };
    let world = world::lend();
    if !world.prometheus.claims(&parts) {
        return;
    }
    let slot = Arc::new(Mutex::new(Vec::new()));
    let into = slot.clone();
    let keep = move |answer| into.lock().expect("one thread").push(answer);
    world.prometheus.handle(&parts, body, keep);
    let answer = world.wait_for(&slot);
    let status = answer.status().as_u16();
    // 503: whoever asks may say that no time is left.
    assert!(matches!(status, 200..300 | 400..500 | 503), "{answer:?}");
    let is_json = answer.headers().get("content-type").is_some_and(|t| t == "application/json");
    if is_json {
        let read: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
        let told = read["status"].as_str().expect("a status");
        assert_eq!(told == "success", status < 300, "{read}");
        assert_eq!(
            told == "error",
            read["error"].as_str().is_some_and(|e| !e.is_empty()),
            "{read}"
        );
    } else if status >= 400 {
        assert!(!answer.body().is_empty(), "a refusal says why: {answer:?}");
    }
}

/// A body of remote write, unpacked.
pub(super) fn remote_write(input: &[u8]) {
    let mut again = Encoder::new();
    let mut series = Vec::new();
    for item in items(input) {
        match item {
            Ok(Item::Series(view)) => {
                let labels: Result<Vec<(&str, &str)>, _> = view.labels().collect();
                let samples: Result<Vec<Sample>, _> = view.samples().collect();
                if view.labels_raw().is_some_and(<[u8]>::is_empty) {
                    assert!(labels.as_ref().is_ok_and(Vec::is_empty));
                }
                for histogram in view.histograms() {
                    match histogram {
                        Ok(Ok(sample)) => check_histogram(&sample.histogram),
                        Ok(Err((_, why))) => assert!(!why.to_string().is_empty()),
                        Err(error) => check_place(&error, input),
                    }
                }
                let key = view.series_key(TenantId(1));
                let mut exemplars = 0;
                for exemplar in view.exemplars() {
                    exemplars += 1;
                    match exemplar {
                        Ok(exemplar) => exemplar.labels.filter_map(Result::err).for_each(|error| {
                            check_place(&error, input);
                        }),
                        Err(error) => check_place(&error, input),
                    }
                }
                assert!(exemplars <= view.exemplar_count());
                match (&labels, samples) {
                    (Ok(labels), Ok(samples)) => {
                        again.series(labels, &samples);
                        series.push((owned(labels), samples));
                    }
                    (Err(error), _) => {
                        check_place(error, input);
                        assert!(key.is_err(), "a key of labels that cannot be read");
                    }
                    (_, Err(error)) => check_place(&error, input),
                }
                if let Ok(key) = key {
                    let mut canonical = key.clone();
                    assert_eq!(canonical.canonicalise(), Ok(()));
                    assert_eq!(canonical, key, "canonical from the start");
                }
            }
            Ok(Item::Metadata(view)) => {
                for text in [view.family(), view.help(), view.unit()] {
                    if let Err(error) = text {
                        check_place(&error, input);
                    }
                }
                assert!(!view.metric_type().name().is_empty());
            }
            Err(error) => check_place(&error, input),
        }
    }
    let body = again.finish();
    let read = items(&body).map(|item| {
        let Ok(Item::Series(view)) = item else { panic!("our own series is read") };
        let labels: Result<Vec<_>, _> = view.labels().collect();
        let samples: Result<Vec<_>, _> = view.samples().collect();
        (owned(&labels.expect("read")), samples.expect("read"))
    });
    let bits = |(labels, samples): (Labels, Vec<Sample>)| {
        let samples: Vec<_> = samples.iter().map(|s| (s.at_ms, s.value.to_bits())).collect();
        (labels, samples)
    };
    assert!(read.map(bits).eq(series.into_iter().map(bits)), "decoding undoes encoding");
}

/// What was taken can be kept: buckets in order, few enough, none of them beyond what there is.
fn check_histogram(histogram: &Histogram) {
    for buckets in [&histogram.positive, &histogram.negative] {
        assert!(buckets.len() <= BUCKETS_MAX && buckets.is_sorted_by(|a, b| a.index < b.index));
        assert!(buckets.iter().all(|bucket| bucket.count.is_nan() || bucket.count >= 0.0));
    }
    assert!(histogram.bounds.len() <= BUCKETS_MAX);
    let mut bytes = Vec::new();
    histogram.encode(&mut bytes);
    let read = Histogram::decode(&mut stdx::varint::Reader::new(&bytes)).expect("our own bytes");
    let mut again = Vec::new();
    read.encode(&mut again);
    assert_eq!(bytes, again, "decoding undoes encoding");
}

type Labels = Vec<(String, String)>;

fn owned(labels: &[(&str, &str)]) -> Labels {
    labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

fn check_place(error: &DecodeError, input: &[u8]) {
    assert!(error.offset <= input.len(), "{error}: no place in {} bytes", input.len());
    assert!(error.to_string().contains(&error.offset.to_string()), "{error}");
}

/// A packed body, with a limit on what it unpacks to.
pub(super) fn snappy(input: &[u8]) {
    const LIMIT: usize = 1 << 16;
    let mut buffer = Vec::new();
    match remote_write::decompress(input, LIMIT, &mut buffer) {
        Ok(plain) => {
            assert!(plain.len() <= LIMIT);
            let packed = remote_write::compress(plain);
            let mut other = vec![0xaa; 40];
            let again = remote_write::decompress(&packed, LIMIT, &mut other);
            assert_eq!(again.ok(), Some(plain));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
