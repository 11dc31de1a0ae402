//! Random bytes never panic, and decoding undoes encoding.

use aws_shapes::{cloudwatch, sts};
use aws_wire::codec::{cbor, json, query};
use aws_wire::schema::{Operation, Shape};
use aws_wire::{Access, Gateway, Limits, Served, Struct, validate};
use bytes::Bytes;
use proptest::prelude::*;
use stdx::Rng;

use crate::random::{Style, structure};

const DEPTH_MAX: usize = 64;

fn operations() -> impl Iterator<Item = &'static Operation> {
    aws_shapes::SERVICES.iter().flat_map(|service| service.operations)
}

fn some_shape(rng: &mut Rng) -> &'static Shape {
    let shapes: Vec<_> = operations().flat_map(|o| o.input.into_iter().chain(o.output)).collect();
    shapes[usize::try_from(rng.below(shapes.len() as u64)).unwrap()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn json_decoding_undoes_encoding(seed: u64) {
        let mut rng = Rng::from_seed(seed);
        let value = structure(some_shape(&mut rng), Style { ms: true, empty: true }, &mut rng);
        let mut bytes = Vec::new();
        json::encode(&value, &mut bytes);
        prop_assert_eq!(json::decode(value.shape(), &bytes, DEPTH_MAX), Ok(value.clone()));
    }

    #[test]
    fn cbor_decoding_undoes_encoding(seed: u64) {
        let mut rng = Rng::from_seed(seed);
        let value = structure(some_shape(&mut rng), Style { ms: true, empty: true }, &mut rng);
        let mut bytes = Vec::new();
        cbor::encode(&value, &mut bytes);
        prop_assert_eq!(cbor::decode(value.shape(), &bytes, DEPTH_MAX), Ok(value.clone()));
    }

    #[test]
    fn query_decoding_undoes_encoding(seed: u64) {
        let mut rng = Rng::from_seed(seed);
        let value = structure(some_shape(&mut rng), Style { ms: true, empty: false }, &mut rng);
        let bytes = query::encode("A", "1", &value);
        let pairs = query::pairs(&bytes).unwrap();
        prop_assert_eq!(query::decode(value.shape(), pairs, DEPTH_MAX), Ok(value.clone()));
    }

    #[test]
    fn random_bytes_never_panic(seed: u64, bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let shape = some_shape(&mut Rng::from_seed(seed));
        drop(json::decode(shape, &bytes, DEPTH_MAX));
        drop(cbor::decode(shape, &bytes, DEPTH_MAX));
        if let Ok(pairs) = query::pairs(&bytes) {
            drop(query::decode(shape, pairs, DEPTH_MAX));
        }
    }

    #[test]
    fn damaged_requests_never_panic(seed: u64, at: prop::sample::Index, with: u8, cut: prop::sample::Index) {
        let mut rng = Rng::from_seed(seed);
        let value = structure(some_shape(&mut rng), Style { ms: true, empty: true }, &mut rng);
        let shape = value.shape();
        let mut json = Vec::new();
        json::encode(&value, &mut json);
        let mut cbor = Vec::new();
        cbor::encode(&value, &mut cbor);
        let mut form = query::encode("A", "1", &value);
        for bytes in [&mut json, &mut cbor, &mut form] {
            let index = at.index(bytes.len());
            bytes[index] = with;
            if with & 1 == 0 {
                bytes.truncate(cut.index(bytes.len()));
            }
        }
        let check = |value: Struct<'_>| drop(validate::check(&value));
        json::decode(shape, &json, DEPTH_MAX).map(check).ok();
        cbor::decode(shape, &cbor, DEPTH_MAX).map(check).ok();
        let pairs = query::pairs(&form);
        pairs.and_then(|pairs| query::decode(shape, pairs, DEPTH_MAX)).map(check).ok();
    }

    #[test]
    fn random_heads_never_panic(
        path in "(/[a-zA-Z0-9%./{}+-]{0,20}){0,4}",
        query in "([A-Za-z0-9%+-]{0,10}(=[A-Za-z0-9%+-]{0,10})?&?){0,5}",
        target in "[ -~]{0,40}",
        authorization in "(AWS4-HMAC-SHA256)?[ -~]{0,80}",
        date in "[0-9TZ:-]{0,16}",
        content_type in "(application/x-www-form-urlencoded)?",
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let gateway = Gateway::new(
            [
                Served { service: &cloudwatch::SERVICE, operations: &["PutMetricData"] },
                Served { service: &sts::SERVICE, operations: &["GetCallerIdentity"] },
            ],
            Limits::default(),
        );
        let request = http::Request::post(format!("/{}?{query}", path.trim_start_matches('/')))
            .header("x-amz-target", target)
            .header("authorization", authorization)
            .header("x-amz-date", date)
            .header("content-type", content_type)
            .body(Bytes::from(body));
        if let Ok(request) = request {
            let (parts, body) = request.into_parts();
            gateway.claims(&parts);
            if let Ok(request) = gateway.accept(parts, &body, Access::Open, 0) {
                drop(request.input());
            }
        }
    }
}

#[test]
fn nesting_has_an_end() {
    let shape = &cloudwatch::PUT_METRIC_DATA_INPUT;
    for unknown in ["Unknown", "MetricData"] {
        let deep = format!("{{\"{unknown}\":{}", "[".repeat(100_000));
        assert!(json::decode(shape, deep.as_bytes(), DEPTH_MAX).is_err());
    }
    let mut cbor = vec![0xbf, 0x61, b'X'];
    cbor.extend(std::iter::repeat_n(0x9f, 1_000_000));
    assert!(cbor::decode(shape, &cbor, DEPTH_MAX).is_err());
    let mut tags = vec![0xbf, 0x61, b'X'];
    tags.extend(std::iter::repeat_n(0xc1, 1_000_000));
    assert!(cbor::decode(shape, &tags, DEPTH_MAX).is_err());
    let huge = [
        0xbf, 0x6a, b'M', b'e', b't', b'r', b'i', b'c', b'D', b'a', b't', b'a', 0x9b, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
    assert!(cbor::decode(shape, &huge, DEPTH_MAX).is_err());
    let form = format!("MetricData{}=1", ".member.1".repeat(1_000));
    let pairs = query::pairs(form.as_bytes()).unwrap();
    assert!(query::decode(shape, pairs, DEPTH_MAX).is_ok(), "parts that no shape has are skipped");
    let far = query::pairs(
        b"MetricData.member.4000000000.MetricName=m&MetricData.member.99999999999.MetricName=m",
    )
    .unwrap();
    assert!(query::decode(shape, far, DEPTH_MAX).is_err(), "a position has its bounds");
}

#[test]
fn definite_lengths_and_short_numbers_are_read_too() {
    use cloudwatch::{metric_datum, put_metric_data_input};
    let mut bytes = Vec::new();
    let mut writer = minicbor::Encoder::new(&mut bytes);
    (|| -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        writer.map(3)?.str("Namespace")?.str("n")?.str("Unknown")?.array(2)?.u8(1)?.null()?;
        writer.str("MetricData")?.array(2)?;
        writer.map(2)?.str("Value")?.f16(1.5)?.str("StorageResolution")?.u8(1)?;
        writer.map(2)?.str("Value")?.i8(-3)?.str("Timestamp")?;
        writer.tag(minicbor::data::IanaTag::Timestamp)?.u32(1_700_000_000)?;
        Ok(())
    })()
    .unwrap();
    let value = cbor::decode(&cloudwatch::PUT_METRIC_DATA_INPUT, &bytes, DEPTH_MAX).unwrap();
    assert_eq!(value.str(put_metric_data_input::NAMESPACE), Some("n"));
    let datums: Vec<_> = value.structs(put_metric_data_input::METRIC_DATA).collect();
    assert_eq!(datums[0].f64(metric_datum::VALUE), Some(1.5));
    assert_eq!(datums[0].i64(metric_datum::STORAGE_RESOLUTION), Some(1));
    assert_eq!(datums[1].f64(metric_datum::VALUE), Some(-3.0));
    assert_eq!(datums[1].timestamp_ms(metric_datum::TIMESTAMP), Some(1_700_000_000_000));
}
