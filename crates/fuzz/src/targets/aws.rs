//! What AWS clients send: requests in every protocol, signatures, compressed bodies, page tokens.

use crate::http_text;
use crate::world::{self, NOW_MS};
use aws_shapes::cloudwatch::{
    GET_METRIC_DATA_INPUT, LIST_METRICS_INPUT, get_metric_data_input, list_metrics_input,
};
use aws_wire::body::{self, BodyError};
use aws_wire::codec::{cbor, json};
use aws_wire::token::{Bound, PageTokens};
use aws_wire::{
    Access, CredentialError, Credentials, Gateway, Limits, Protocol, Request, Response, Struct,
    sigv4,
};
use bytes::Bytes;
use http::request::Parts;
use std::sync::{Arc, Mutex};

pub(super) const REQUEST_WORDS: &[&[u8]] = &[
    b"POST / ",
    b"GET /?",
    b"POST /service/GraniteServiceVersion20100801/operation/",
    b"\nx-amz-target: GraniteServiceVersion20100801.",
    b"PutMetricData",
    b"GetMetricData",
    b"GetMetricStatistics",
    b"ListMetrics",
    b"DescribeAlarms",
    b"\ncontent-type: application/x-amz-json-1.0",
    b"\ncontent-type: application/x-amz-json-1.1",
    b"\ncontent-type: application/cbor",
    b"\nsmithy-protocol: rpc-v2-cbor",
    b"\ncontent-type: application/x-www-form-urlencoded",
    b"\nx-amzn-query-mode: true",
    b"\ncontent-encoding: gzip",
    b"\n\n",
    b"Action=GetCallerIdentity&Version=2011-06-15",
    b"&Version=2010-08-01",
    b"&MetricData.member.1.",
    b".member.4294967295",
    b"Dimensions.member.2.Name=",
    b"\"Namespace\":\"",
    b"\"MetricData\":[",
    b"\"MetricName\":",
    b"\"Values\":[1,2],\"Counts\":[",
    b"\"StatisticValues\":{\"SampleCount\":2,\"Sum\":3,\"Minimum\":1,\"Maximum\":2}",
    b"\"Timestamp\":1700000000",
    b"\"StorageResolution\":1",
    b"\"EntityMetricData\":[",
    b"\"Unit\":\"Percent\"",
    b"\"MetricDataQueries\":[",
    b"\"Expression\":\"SELECT AVG(x) FROM SCHEMA(a)\"",
    b"\"Period\":60",
    b"\"Stat\":\"p99.9\"",
    b"null",
    b"{}",
    b"[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"\xbf",
    b"\x9f",
    b"\xff",
    b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\xc1",
    b"\xc4\x82",
    b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xff",
];

pub(super) const SIGNATURE_WORDS: &[&[u8]] = &[
    b"GET /?",
    b"POST /",
    b"\nauthorization: AWS4-HMAC-SHA256 Credential=",
    b"AKID/20231114/us-east-1/monitoring/aws4_request",
    b", SignedHeaders=host;x-amz-date",
    b", Signature=",
    b"\nx-amz-date: 20231114T221320Z",
    b"\ndate: Tue, 14 Nov 2023 22:13:20 GMT",
    b"\nhost: localhost",
    b"\nx-amz-security-token: t",
    b"\nx-amz-content-sha256: UNSIGNED-PAYLOAD",
    b"&X-Amz-Algorithm=AWS4-HMAC-SHA256",
    b"&X-Amz-Credential=",
    b"&X-Amz-Date=20231114T221320Z",
    b"&X-Amz-Expires=60",
    b"&X-Amz-SignedHeaders=host",
    b"&X-Amz-Signature=",
    b"&X-Amz-Security-Token=",
    b"%2F",
    b"%zz",
    b"//../",
];

/// A whole request, through gateway, validation and service to the answer.
pub(super) fn request(input: &[u8]) {
    let Some((parts, body)) = http_text::parse(input) else { return };
    let world = world::lend();
    let request = match world.gateway.accept(parts, &body, Access::Open, NOW_MS) {
        Ok(request) => request,
        Err(refused) => return check_answer(&refused),
    };
    match request.decode() {
        Ok(decoded) => check_codecs(&request, &decoded),
        Err(error) => assert!(error.message().is_some_and(|m| !m.is_empty()), "a reason"),
    }
    let slot = Arc::new(Mutex::new(Vec::new()));
    let into = slot.clone();
    world.services.handle(&request, move |answer| into.lock().expect("one thread").push(answer));
    let answer = request.respond(world.wait_for(&slot));
    check_answer(&answer);
    check_body(&request, &answer);
}

/// Whatever was read can be written and read again, to the same.
fn check_codecs(request: &Request, decoded: &Struct<'_>) {
    let shape = decoded.shape();
    let mut first = Vec::new();
    cbor::encode(decoded, &mut first);
    let again = cbor::decode(shape, &first, Limits::default().depth_max);
    let again = again.unwrap_or_else(|e| panic!("{} as CBOR: {e}", request.operation.name));
    let mut second = Vec::new();
    cbor::encode(&again, &mut second);
    assert_eq!(first, second, "{} as CBOR", request.operation.name);
    let mut first = Vec::new();
    json::encode(decoded, &mut first);
    let again = json::decode(shape, &first, Limits::default().depth_max);
    let again = again.unwrap_or_else(|e| panic!("{} as JSON: {e}", request.operation.name));
    let mut second = Vec::new();
    json::encode(&again, &mut second);
    assert_eq!(first, second, "{} as JSON", request.operation.name);
}

/// The mistake is never ours, and an error has a name.
fn check_answer(answer: &Response) {
    // 501 names an operation that is not served.
    assert!(matches!(answer.status, 200 | 400..=499 | 501), "{answer:?}");
    if answer.status != 200 {
        let named = answer.headers.contains_key("x-amzn-errortype") || !answer.body.is_empty();
        assert!(named, "{answer:?}");
    }
}

fn check_body(request: &Request, answer: &Response) {
    match request.protocol {
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson if !answer.body.is_empty() => {
            let read: Result<serde_json::Value, _> = serde_json::from_slice(&answer.body);
            assert!(read.is_ok(), "{:?}", answer.body);
        }
        Protocol::Query => {
            let text = std::str::from_utf8(&answer.body).expect("XML is UTF-8");
            assert!(text.trim_end().ends_with('>'), "{text}");
        }
        Protocol::Cbor if answer.status == 200 => {
            if let Some(shape) = request.operation.output {
                let read = cbor::decode(shape, &answer.body, Limits::default().depth_max);
                assert!(read.is_ok(), "{:?}", answer.body);
            }
        }
        _ => {}
    }
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

struct OneKey;

impl Credentials for OneKey {
    fn secret(&self, key_id: &str, token: Option<&str>) -> Result<String, CredentialError> {
        match (key_id, token) {
            ("AKID", None | Some("t")) => Ok(SECRET.to_owned()),
            ("OLD", _) => Err(CredentialError::Expired),
            _ => Err(CredentialError::Unknown),
        }
    }
}

/// Who signed a request; and that nobody comes in who did not.
pub(super) fn signature(input: &[u8]) {
    let Some((parts, body)) = http_text::parse(input) else { return };
    match sigv4::parse(&parts) {
        Ok(None) => {}
        Ok(Some(claim)) => {
            assert!(!claim.key_id.is_empty());
            if claim.verify(&parts, &body, SECRET, NOW_MS).is_ok() {
                let other = claim.verify(&parts, &body, "another", NOW_MS);
                assert!(other.is_err(), "a signature belongs to one secret");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let gateway = Gateway::new(aws_services::served(), Limits::default());
    let refused = |parts: Parts, body: &Bytes| match gateway.accept(
        parts,
        body,
        Access::Required(&OneKey),
        NOW_MS,
    ) {
        Ok(_) => false,
        Err(answer) => {
            check_answer(&answer);
            true
        }
    };
    let is_signed = matches!(sigv4::parse(&parts), Ok(Some(_)));
    assert!(is_signed || refused(parts.clone(), &body), "unsigned and let in");
    let _ = refused(parts, &body);
}

/// A compressed body.
pub(super) fn gzip(input: &[u8]) {
    let limits = Limits { decompressed_bytes_max: 1 << 20, ..Limits::default() };
    match body::plain(input, Some("gzip"), &limits) {
        Ok(plain) => assert!(plain.len() <= limits.decompressed_bytes_max),
        Err(BodyError::NotGzip | BodyError::TooLarge { .. }) => {}
        Err(error) => panic!("{error} of a gzip body"),
    }
}

/// The token of a page, made up by a client.
pub(super) fn page_token(input: &[u8]) {
    let Ok(token) = std::str::from_utf8(input) else { return };
    let asked = Struct::new(&LIST_METRICS_INPUT);
    let bound = Bound {
        operation: "ListMetrics",
        scope: "123456789012/us-east-1",
        request: &asked,
        token: list_metrics_input::NEXT_TOKEN,
    };
    let tokens = PageTokens::new([7; 32]);
    if let Ok(position) = tokens.open(&bound, token) {
        assert_eq!(tokens.seal(&bound, &position), token, "a token has one form");
    }
    let other = Bound { operation: "GetMetricData", ..bound };
    let sealed = tokens.seal(&bound, input);
    assert_eq!(tokens.open(&bound, &sealed).ok(), (sealed.len() <= 8_192).then(|| input.to_vec()));
    assert!(tokens.open(&other, &sealed).is_err(), "a token is of one operation");
}

/// What stands in a token of ours, as if an earlier version had made it.
pub(super) fn page_position(input: &[u8]) {
    let world = world::lend();
    let tokens = PageTokens::new(world.platform.page_secret());
    let scope = "123456789012/us-east-1";
    let queries = r#"{"MetricDataQueries":[{"Id":"a","MetricStat":{"Metric":{"Namespace":"N",
        "MetricName":"m"},"Period":60,"Stat":"Sum"}}],"StartTime":1699990000,"EndTime":1699999999}"#;
    let depth = Limits::default().depth_max;
    for (operation, shape, token, asked) in [
        ("ListMetrics", &LIST_METRICS_INPUT, list_metrics_input::NEXT_TOKEN, "{}"),
        ("GetMetricData", &GET_METRIC_DATA_INPUT, get_metric_data_input::NEXT_TOKEN, queries),
    ] {
        let mut request = json::decode(shape, asked.as_bytes(), depth).expect("a request");
        let bound = Bound { operation, scope, request: &request, token };
        let sealed = tokens.seal(&bound, input);
        request.set(token, sealed);
        let mut body = Vec::new();
        json::encode(&request, &mut body);
        let head = format!("POST /\nx-amz-target: GraniteServiceVersion20100801.{operation}\n\n");
        let (parts, _) = http_text::parse(head.as_bytes()).expect("a request");
        let accepted = world.gateway.accept(parts, &body.into(), Access::Open, NOW_MS);
        let request = accepted.expect("a request of ours");
        let slot = Arc::new(Mutex::new(Vec::new()));
        let into = slot.clone();
        world
            .services
            .handle(&request, move |answer| into.lock().expect("one thread").push(answer));
        check_answer(&request.respond(world.wait_for(&slot)));
    }
}
