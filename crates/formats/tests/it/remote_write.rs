use formats::remote_write::{
    self, DecodeError, Encoder, ExemplarToSend, Item, LabelError, Malformed, MetricType, Sample,
    SeriesView, items,
};
use model::TenantId;
use proptest::prelude::*;

type Labels = Vec<(String, String)>;
/// A series as it was sent: its labels, and times with the bits of their values.
type Sent = (Labels, Vec<(i64, u64)>);

fn only_series(body: &[u8]) -> SeriesView<'_> {
    match items(body).next() {
        Some(Ok(Item::Series(series))) => series,
        other => panic!("{other:?}"),
    }
}

/// Wraps the fields of a `TimeSeries` into a request.
fn request_of(fields: &[u8]) -> Vec<u8> {
    assert!(fields.len() < 128);
    [&[0x0a, fields.len() as u8], fields].concat()
}

fn key_error(labels: &[(&str, &str)]) -> LabelError {
    let mut encoder = Encoder::new();
    encoder.series(labels, &[]);
    only_series(&encoder.finish()).series_key(TenantId(0)).unwrap_err()
}

/// Looks at everything that a request holds.
fn read_all(body: &[u8]) -> Result<Vec<Sent>, DecodeError> {
    let mut all = Vec::new();
    for item in items(body) {
        match item? {
            Item::Series(series) => {
                let _ = series.series_key(TenantId(0));
                let labels: Result<Labels, _> =
                    series.labels().map(|l| l.map(|(n, v)| (n.into(), v.into()))).collect();
                let samples: Result<Vec<_>, _> =
                    series.samples().map(|s| s.map(|s| (s.at_ms, s.value.to_bits()))).collect();
                for exemplar in series.exemplars() {
                    let _ = exemplar?.labels.count();
                }
                for histogram in series.histograms() {
                    let _ = histogram?;
                }
                all.push((labels?, samples?));
            }
            Item::Metadata(metadata) => {
                metadata.family()?;
                metadata.help()?;
                metadata.unit()?;
            }
        }
    }
    Ok(all)
}

#[test]
fn labels_become_a_series() {
    let mut encoder = Encoder::new();
    encoder.series(
        &[("job", "node"), ("__name__", "up"), ("empty", ""), ("Zone", "é\n\"")],
        &[Sample { at_ms: -5, value: -0.0 }],
    );
    let body = encoder.finish();
    let series = only_series(&body);
    let key = series.series_key(TenantId(7)).unwrap();
    assert_eq!((key.tenant, key.name.as_str(), key.namespace.as_str()), (TenantId(7), "up", ""));
    assert_eq!(key.labels, [("Zone".into(), "é\n\"".into()), ("job".into(), "node".into())]);
    let raw = series.labels_raw().unwrap();
    assert_eq!(raw, &body[2..2 + raw.len()]);
    assert_eq!(series.samples().next().unwrap().unwrap().value.to_bits(), (-0.0f64).to_bits());
}

#[test]
fn labels_that_make_no_series_are_refused() {
    assert_eq!(key_error(&[("a", "1"), ("a", "2")]), LabelError::Duplicate("a".into()));
    let twice = key_error(&[("__name__", "a"), ("__name__", "b")]);
    assert_eq!(twice, LabelError::Duplicate("__name__".into()));
    assert_eq!(key_error(&[("", "1")]), LabelError::EmptyName);
    for name in ["__namespace__", "__unit__"] {
        let error = key_error(&[("__name__", "a"), (name, "x")]);
        assert_eq!(error.to_string(), format!("reserved label name {name:?}"));
    }
    // An empty value is an absent label, whatever its name.
    let mut encoder = Encoder::new();
    encoder.series(&[("__unit__", ""), ("", ""), ("a", ""), ("a", "1")], &[]);
    let body = encoder.finish();
    assert_eq!(only_series(&body).series_key(TenantId(0)).unwrap().labels.len(), 1);
}

#[test]
fn stale_markers_keep_their_bits() {
    let stale = f64::from_bits(model::STALE_NAN_BITS);
    let mut encoder = Encoder::new();
    let samples = [1_700_000_000_000, 5, i64::MIN, i64::MAX, 0];
    let samples = samples.map(|at_ms| Sample { at_ms, value: stale });
    encoder.series::<&str>(&[], &samples);
    let body = encoder.finish();
    let read: Vec<Sample> = only_series(&body).samples().map(Result::unwrap).collect();
    assert_eq!(read.len(), samples.len());
    for (read, sent) in read.iter().zip(&samples) {
        assert_eq!(read.at_ms, sent.at_ms);
        assert!(model::is_stale(read.value));
    }
}

#[test]
fn metadata_is_read() {
    let mut encoder = Encoder::new();
    encoder.metadata(MetricType::GaugeHistogram, "http_seconds", "How long.", "seconds");
    encoder.metadata(MetricType::Unknown, "", "", "");
    let body = encoder.finish();
    let read: Vec<_> = items(&body)
        .map(|item| match item.unwrap() {
            Item::Metadata(m) => {
                (m.metric_type(), m.family().unwrap(), m.help().unwrap(), m.unit().unwrap())
            }
            Item::Series(_) => panic!("no series was sent"),
        })
        .collect();
    assert_eq!(read[0], (MetricType::GaugeHistogram, "http_seconds", "How long.", "seconds"));
    assert_eq!(read[1], (MetricType::Unknown, "", "", ""));
}

#[test]
fn labels_with_other_fields_between_are_still_read() {
    // Label a=1, an exemplar, a sample with its time first, a histogram, label b=2, a sample of
    // nothing, an unknown field.
    let fields = [
        &[0x0a, 6, 0x0a, 1, b'a', 0x12, 1, b'1'][..],
        &[0x1a, 0],
        &[0x12, 11, 0x10, 3, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
        &[0x22, 0],
        &[0x0a, 6, 0x0a, 1, b'b', 0x12, 1, b'2'],
        &[0x12, 0],
        &[0x28, 1],
    ]
    .concat();
    let body = request_of(&fields);
    let series = only_series(&body);
    assert_eq!(series.labels_raw(), None);
    let labels: Vec<_> = series.labels().map(Result::unwrap).collect();
    assert_eq!(labels, [("a", "1"), ("b", "2")]);
    let samples: Vec<_> = series.samples().map(Result::unwrap).collect();
    assert_eq!(samples, [Sample { at_ms: 3, value: 1.0 }, Sample { at_ms: 0, value: 0.0 }]);
    assert_eq!((series.histograms().count(), series.exemplar_count()), (1, 1));
    let exemplars: Vec<_> = series.exemplars().map(Result::unwrap).collect();
    assert_eq!((exemplars.len(), exemplars[0].at_ms, exemplars[0].value), (1, 0, 0.0));
}

#[test]
fn exemplars_are_read_as_they_were_written() {
    let mut encoder = Encoder::new();
    let send = |at_ms, value, labels| ExemplarToSend { at_ms, value, labels };
    let exemplars = [
        send(1_600_096_945_479, 6.5, &[("trace_id", "EpTxMJ40fUus7aGY"), ("span", "ä")][..]),
        send(0, f64::NAN, &[]),
        send(-5, 0.0, &[("a", "")]),
    ];
    let sample = Sample { at_ms: 7, value: 1.0 };
    encoder.series_with(&[("__name__", "m")], &[sample], &exemplars);
    let body = encoder.finish();
    let series = only_series(&body);
    assert_eq!(series.samples().collect::<Result<Vec<_>, _>>(), Ok(vec![sample]));
    assert_eq!(series.exemplar_count(), 3);
    for (read, sent) in series.exemplars().map(Result::unwrap).zip(exemplars) {
        assert_eq!((read.at_ms, read.value.to_bits()), (sent.at_ms, sent.value.to_bits()));
        assert_eq!(read.labels.collect::<Result<Vec<_>, _>>().unwrap(), sent.labels);
    }
    // A time in eight bytes, and labels that are cut off: the walk ends there.
    for broken in [&[3 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0][..], &[1 << 3 | 2, 5, 1]] {
        let mut fields = vec![3 << 3 | 2, u8::try_from(broken.len()).unwrap()];
        fields.extend_from_slice(broken);
        fields.extend_from_slice(&[3 << 3 | 2, 0]);
        let body = request_of(&fields);
        let read: Vec<_> = only_series(&body).exemplars().collect();
        assert!(read.len() == 1 && read[0].is_err(), "{read:?}");
    }
}

#[test]
fn unknown_fields_are_passed_over() {
    // Every wire type, with a group in a group, before a series without anything.
    let unknown = [
        &[0x28, 0xff, 0x01][..],                           // field 5, a number
        &[0x29, 1, 2, 3, 4, 5, 6, 7, 8],                   // eight bytes
        &[0x2a, 3, b'x', b'y', b'z'],                      // a text
        &[0x2d, 1, 2, 3, 4],                               // four bytes
        &[0x2b, 0x33, 0x2a, 1, 0x2c, 0x34, 0x38, 1, 0x2c], // field 5 { 6 { text } 7 = 1 }
        &[0x0a, 0],
    ]
    .concat();
    let read = read_all(&unknown);
    assert_eq!(read, Ok(vec![(vec![], vec![])]));
    let mut deep = vec![0x2b; 65];
    deep.extend([0x2c; 65]);
    assert_eq!(read_all(&deep), Err(DecodeError { what: Malformed::TooDeep, offset: 64 }));
    assert_eq!(read_all(&[&[0x2b; 64][..], &[0x2c; 64]].concat()), Ok(vec![]));
}

#[test]
fn malformed_bytes_are_refused_with_their_place() {
    use Malformed::*;
    let cases: [(&[u8], Malformed, usize); 12] = [
        (&[0x0a], CutOff, 1),
        (&[0x0a, 2, 0x0a], CutOff, 1),
        (&[0x0a, 0, 0x0a, 3, 0x12, 2, 0x09], CutOff, 5),
        (&[0x80], CutOff, 0),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], NumberTooLong, 0),
        (&[0x00], FieldNumber, 0),
        (&[0x0a, 1, 0x07], WireType, 2),
        (&[0x08, 1], FieldType, 0),
        (&[0x0a, 3, 0x12, 1, 0x11], FieldType, 4),
        (&[0x2c], Group, 0),
        (&[0x2b, 0x34], Group, 1),
        (&[0x2b, 0x28, 1], Group, 0),
    ];
    for (bytes, what, offset) in cases {
        let read = read_all(bytes).unwrap_err();
        assert_eq!(read, DecodeError { what, offset }, "{bytes:x?}");
    }
    let not_utf8 = request_of(&[0x0a, 4, 0x0a, 2, b'a', 0xff]);
    assert_eq!(read_all(&not_utf8), Err(DecodeError { what: NotUtf8, offset: 7 }));
    assert_eq!(DecodeError { what: NotUtf8, offset: 7 }.to_string(), "text is not UTF-8 at byte 7");
}

#[test]
fn the_walk_ends_after_an_error() {
    assert_eq!(items(&[0x08, 1, 0x0a, 0]).count(), 1);
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec(("[a-z_é]{0,8}", "[ -~é\n]{0,40}"), 0..8)
}

fn samples() -> impl Strategy<Value = Vec<(i64, u64)>> {
    let times = prop_oneof![any::<i64>(), 1_600_000_000_000i64..1_900_000_000_000, -3i64..3];
    let values = prop_oneof![any::<u64>(), Just(0), Just(model::STALE_NAN_BITS)];
    prop::collection::vec((times, values), 0..6)
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(sent in prop::collection::vec((labels(), samples()), 0..6)) {
        let mut encoder = Encoder::new();
        for (labels, samples) in &sent {
            let samples: Vec<Sample> = samples
                .iter()
                .map(|&(at_ms, bits)| Sample { at_ms, value: f64::from_bits(bits) })
                .collect();
            encoder.series(labels, &samples);
        }
        let plain = encoder.finish();
        let mut buffer = Vec::new();
        let packed = remote_write::compress(&plain);
        let body = remote_write::decompress(&packed, plain.len(), &mut buffer).unwrap();
        prop_assert_eq!(read_all(body).unwrap(), sent);
        // A cut body is an error or fewer series, never a panic.
        for cut in 0..body.len().min(200) {
            let _ = read_all(&body[..cut]);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_all(&bytes);
        let mut buffer = Vec::new();
        let _ = remote_write::decompress(&bytes, 1 << 16, &mut buffer);
        prop_assert!(buffer.len() <= 22 * bytes.len());
    }

    #[test]
    fn one_wrong_byte_never_panics(at in 0usize..100, byte in any::<u8>()) {
        let mut encoder = Encoder::new();
        encoder.series(&[("__name__", "up"), ("job", "a")], &[Sample { at_ms: 1, value: 2.0 }; 2]);
        encoder.metadata(MetricType::Gauge, "up", "Whether it is up.", "");
        let mut body = encoder.finish();
        let at = at % body.len();
        body[at] = byte;
        let _ = read_all(&body);
    }
}
