//! What an unmodified SDK sends is understood, and what we answer it understands.

use aws_shapes::{cloudwatch, sts};
use aws_wire::codec::time;
use aws_wire::schema::{Kind, Service, Structure};
use aws_wire::{
    Access, CredentialError, Credentials, Gateway, Limits, Protocol, Request, Served, ServiceError,
    Struct, sigv4,
};
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value as Json, json};
use stdx::Rng;

use crate::oracle::{KEY_ID, Oracle, SECRET, Sdk, TOKEN, http_request};
use crate::random::{Style, structure, to_json};

/// Serves everything of a service.
fn whole(service: &'static Service) -> Served {
    let names: Vec<&'static str> = service.operations.iter().map(|o| o.name).collect();
    Served { service, operations: Vec::leak(names) }
}

fn gateway() -> Gateway {
    Gateway::new([whole(&cloudwatch::SERVICE), whole(&sts::SERVICE)], Limits::default())
}

struct Keys;

impl Credentials for Keys {
    fn secret(&self, key_id: &str, session_token: Option<&str>) -> Result<String, CredentialError> {
        match (key_id, session_token) {
            (KEY_ID, Some(TOKEN) | None) => Ok(SECRET.to_owned()),
            _ => Err(CredentialError::Unknown),
        }
    }
}

/// Accepts a request at the moment at which it was signed.
fn accept(gateway: &Gateway, parts: Parts, body: &Bytes) -> Request {
    let signed_at =
        parts.headers.get("x-amz-date").and_then(|text| time::parse(text.to_str().ok()?));
    // Some calls of STS are those that get one keys in the first place.
    let access = if signed_at.is_some() { Access::Required(&Keys) } else { Access::Open };
    gateway.accept(parts, body, access, signed_at.unwrap_or(0)).unwrap_or_else(|refused| {
        panic!("{}: {}", refused.status, String::from_utf8_lossy(&refused.body))
    })
}

/// Compares what both sides have. An older model lacks members, never has others.
fn assert_same(sdk: Sdk, found: &Json, wanted: &Json, about: &str) {
    match sdk {
        Sdk::Current => assert_eq!(found, wanted, "{about}"),
        Sdk::OfQueryTimes => assert!(is_part(found, wanted), "{about}: {found} of {wanted}"),
    }
}

fn is_part(found: &Json, wanted: &Json) -> bool {
    match (found, wanted) {
        (Json::Object(found), Json::Object(wanted)) => found
            .iter()
            .all(|(key, inner)| wanted.get(key).is_some_and(|wanted| is_part(inner, wanted))),
        (Json::Array(found), Json::Array(wanted)) if found.len() == wanted.len() => {
            found.iter().zip(wanted).all(|(found, wanted)| is_part(found, wanted))
        }
        // Elements of which the model knows nothing leave nothing in a form.
        (Json::Array(found), Json::Array(wanted)) => found.len() < wanted.len(),
        (found, wanted) => found == wanted,
    }
}

fn every_operation(
    sdk: Sdk,
    service: &'static Service,
    protocol: Option<&str>,
    expected: &[Protocol],
) {
    let gateway = gateway();
    let mut oracle = Oracle::start(sdk);
    let mut rng = Rng::from_seed(7);
    let mut called = 0;
    for operation in service.operations {
        for round in 0..6 {
            let style = Style { ms: false, empty: false };
            let input = operation.input.map(|shape| structure(shape, style, &mut rng));
            let params = input.as_ref().map_or(json!({}), to_json);
            let output = operation
                .output
                .map(|shape| structure(shape, Style { ms: true, empty: true }, &mut rng));
            let about = format!("{} in round {round}", operation.name);
            let mut id = String::new();
            let heard =
                oracle.call((service.name, operation.name, protocol), &params, |parts, body| {
                    let request = accept(&gateway, parts, &body);
                    assert!(expected.contains(&request.protocol), "{:?}", request.protocol);
                    assert_eq!(
                        (request.service.name, request.operation.name),
                        (service.name, operation.name)
                    );
                    let decoded =
                        request.decode().unwrap_or_else(|e| panic!("{}: {e:?}", operation.name));
                    assert_same(sdk, &to_json(&decoded), &params, &about);
                    id.clone_from(&request.request_id);
                    request.respond(Ok(output.clone()))
                });
            let Some(heard) = heard else { break };
            called += 1;
            let wanted = output.as_ref().map_or(json!({}), to_json);
            assert_same(sdk, &heard["output"], &wanted, &about);
            // botocore does not look for the id in CBOR answers.
            if expected != [Protocol::Cbor] {
                assert_eq!(heard["request_id"], json!(id));
            }
        }
    }
    assert!(called >= service.operations.len() * 3, "only {called} calls");
}

#[test]
fn oracle_cloudwatch_is_spoken_in_json() {
    every_operation(Sdk::Current, &cloudwatch::SERVICE, None, &[Protocol::Json10]);
}

#[test]
fn oracle_cloudwatch_is_spoken_in_cbor() {
    every_operation(
        Sdk::Current,
        &cloudwatch::SERVICE,
        Some("smithy-rpc-v2-cbor"),
        &[Protocol::Cbor],
    );
}

#[test]
fn oracle_cloudwatch_is_spoken_in_query() {
    every_operation(Sdk::Current, &cloudwatch::SERVICE, Some("query"), &[Protocol::Query]);
}

#[test]
fn oracle_sts_is_spoken_in_query() {
    every_operation(Sdk::Current, &sts::SERVICE, None, &[Protocol::Query]);
}

#[test]
fn oracle_older_sdks_are_understood() {
    every_operation(Sdk::OfQueryTimes, &cloudwatch::SERVICE, None, &[Protocol::Query]);
}

#[test]
fn oracle_errors_reach_the_client_with_code_message_and_status() {
    let gateway = gateway();
    let mut oracle = Oracle::start(Sdk::Current);
    let service = &cloudwatch::SERVICE;
    for protocol in ["json", "smithy-rpc-v2-cbor", "query"] {
        for operation in service.operations {
            for shape in operation.errors {
                let Kind::Structure(Structure { error: Some(traits), .. }) = shape.kind else {
                    panic!("{} is no error", shape.name)
                };
                let error = ServiceError::modelled(shape, "what went <wrong> & \"why\"");
                let heard = oracle
                    .call(
                        (service.name, operation.name, Some(protocol)),
                        &json!({}),
                        |parts, body| accept(&gateway, parts, &body).respond(Err(error)),
                    )
                    .expect("the operation is known");
                let about = format!("{} in {protocol}: {heard}", shape.name);
                assert_eq!(heard["error"]["Code"], json!(traits.code), "{about}");
                assert_eq!(heard["status"], json!(traits.status), "{about}");
                let has_message =
                    shape.members().iter().any(|m| m.name.eq_ignore_ascii_case("message"));
                if has_message || protocol == "query" {
                    assert_eq!(
                        heard["error"]["Message"],
                        json!("what went <wrong> & \"why\""),
                        "{about}"
                    );
                } else {
                    assert_eq!(heard["error"]["Message"], json!(""), "{about}");
                }
                // Two errors may share a code; then the client cannot tell them apart.
                let class = heard["class"].as_str().unwrap();
                assert!(class == shape.name || class == traits.code, "{about}");
            }
        }
    }
}

#[test]
fn oracle_members_of_errors_reach_the_client() {
    use cloudwatch::{
        dashboard_invalid_input_error as error, dashboard_validation_message as message,
    };
    let gateway = gateway();
    let mut oracle = Oracle::start(Sdk::Current);
    for protocol in ["json", "smithy-rpc-v2-cbor", "query"] {
        let finding = Struct::new(&cloudwatch::DASHBOARD_VALIDATION_MESSAGE)
            .with(message::DATA_PATH, "/widgets/0")
            .with(message::MESSAGE, "is no widget");
        let members = Struct::new(&cloudwatch::DASHBOARD_INVALID_INPUT_ERROR)
            .with(error::MESSAGE, "The dashboard is invalid")
            .with(error::DASHBOARD_VALIDATION_MESSAGES, vec![finding]);
        let heard = oracle
            .call(("cloudwatch", "PutDashboard", Some(protocol)), &json!({}), |parts, body| {
                accept(&gateway, parts, &body).respond(Err(ServiceError::with_members(members)))
            })
            .unwrap();
        assert_eq!(heard["error"]["Code"], json!("InvalidParameterInput"), "{protocol}: {heard}");
        assert_eq!(
            heard["error"]["Message"],
            json!("The dashboard is invalid"),
            "{protocol}: {heard}"
        );
        assert_eq!(
            heard["members"]["dashboardValidationMessages"],
            json!([{"DataPath": "/widgets/0", "Message": "is no widget"}]),
            "{protocol}: {heard}"
        );
    }
}

#[test]
fn oracle_common_errors_reach_the_client() {
    let gateway = gateway();
    let mut oracle = Oracle::start(Sdk::Current);
    for protocol in ["json", "smithy-rpc-v2-cbor", "query"] {
        let params = json!({"AlarmName": "a", "StateValue": "X", "StateReason": "r"});
        let heard = oracle
            .call(("cloudwatch", "SetAlarmState", Some(protocol)), &params, |parts, body| {
                let request = accept(&gateway, parts, &body);
                let error = request.input().expect_err("X is no state");
                request.respond(Err(error))
            })
            .unwrap();
        assert_eq!(heard["error"]["Code"], json!("ValidationError"), "{protocol}: {heard}");
        assert_eq!(heard["status"], json!(400));
        assert_eq!(
            heard["error"]["Message"],
            json!(
                "1 validation error detected: Value 'X' at 'stateValue' failed to satisfy \
                 constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
            )
        );

        let only_some = Gateway::new(
            [Served { service: &cloudwatch::SERVICE, operations: &["PutMetricData"] }],
            Limits::default(),
        );
        let heard = oracle
            .call(("cloudwatch", "PutDashboard", Some(protocol)), &json!({}), |parts, body| {
                *only_some.accept(parts, &body, Access::Open, 0).expect_err("it is not served")
            })
            .unwrap();
        assert_eq!(heard["error"]["Code"], json!("UnsupportedOperation"), "{protocol}: {heard}");
        assert_eq!(heard["status"], json!(501));
        let message = heard["error"]["Message"].as_str().unwrap();
        assert!(message.starts_with("CloudWatch PutDashboard is not served"), "{message}");
    }
}

#[test]
fn oracle_a_thousand_datums_come_compressed() {
    let gateway = gateway();
    for (sdk, protocol) in [
        (Sdk::Current, Some("json")),
        (Sdk::Current, Some("smithy-rpc-v2-cbor")),
        (Sdk::OfQueryTimes, None),
    ] {
        let mut oracle = Oracle::start(sdk);
        let datums: Vec<Json> = (0..1_000)
            .map(|i| {
                json!({
                    "MetricName": "latency", "Value": f64::from(i) / 8.0, "Unit": "Milliseconds",
                    "Timestamp": {"$ts_ms": 1_700_000_000_000_i64 + i64::from(i) * 1_000},
                    "Dimensions": [{"Name": "host", "Value": format!("web-{i}")}],
                })
            })
            .collect();
        let params = json!({"Namespace": "shop", "MetricData": datums});
        let heard = oracle
            .call(("cloudwatch", "PutMetricData", protocol), &params, |parts, body| {
                assert_eq!(parts.headers["content-encoding"], "gzip");
                assert!(body.len() < 64 << 10, "{} bytes", body.len());
                let request = accept(&gateway, parts, &body);
                assert_eq!(to_json(&request.input().expect("it is valid")), params);
                request.respond(Ok(None))
            })
            .unwrap();
        assert_eq!(heard["output"], json!({}));
    }
}

#[test]
fn oracle_numbers_beyond_numbers_arrive() {
    let gateway = gateway();
    let mut oracle = Oracle::start(Sdk::Current);
    for protocol in ["json", "smithy-rpc-v2-cbor", "query"] {
        for name in ["NaN", "Infinity", "-Infinity"] {
            if protocol == "query" {
                // Python writes `nan` and `inf` into forms, which is no form the protocol knows.
                continue;
            }
            let params = json!({
                "Namespace": "n",
                "MetricData": [{"MetricName": "m", "Value": {"$float": name.to_lowercase()}}],
            });
            oracle
                .call(("cloudwatch", "PutMetricData", Some(protocol)), &params, |parts, body| {
                    let request = accept(&gateway, parts, &body);
                    let input = request.input().expect("it decodes; the service refuses it");
                    let datum =
                        input.structs(cloudwatch::put_metric_data_input::METRIC_DATA).next();
                    let value = datum.and_then(|d| d.f64(cloudwatch::metric_datum::VALUE)).unwrap();
                    assert_eq!(
                        value.to_string().to_lowercase(),
                        match name {
                            "NaN" => "nan",
                            "Infinity" => "inf",
                            _ => "-inf",
                        }
                    );
                    request.respond(Ok(None))
                })
                .unwrap();
        }
    }
}

#[test]
fn oracle_signatures_over_unusual_requests_are_the_same() {
    let mut oracle = Oracle::start(Sdk::Current);
    let urls = [
        "http://127.0.0.1:4280/",
        "http://127.0.0.1:4280",
        "http://example.com:80/a/b/",
        "http://example.com/a//b/../c/./d",
        "http://example.com/%E6%BC%A2/a%20b/x%2Fy",
        "http://example.com/tags/arn%3Aaws%3Ascheduler%3Aeu-central-1%3A1",
        "http://example.com/a-b_c.d~e/f:g@h",
        "http://example.com/?b=2&a=1&a=0&c",
        "http://example.com/?q=%E6%BC%A2%20x&z=a%2Bb&empty=",
        "http://example.com/?A=1&a=2&B=3",
        "http://example.com/service/S/operation/O?x-y=~",
    ];
    for url in urls {
        for method in ["GET", "POST"] {
            for token in [true, false] {
                let asked = json!({
                    "command": "sign", "method": method, "url": url, "token": token,
                    "headers": [["X-Amz-Target", "A.B"], ["X-Odd", "  two   words  "], ["Content-Type", "text/plain"]],
                    "body": "aGVsbG8=",
                });
                let heard = oracle.ask(&asked);
                let (parts, body) = http_request(&heard["request"]);
                let claim = sigv4::parse(&parts).unwrap().expect("it is signed");
                assert_eq!(
                    (claim.region.as_str(), claim.service.as_str()),
                    ("eu-central-1", "monitoring")
                );
                assert_eq!(claim.session_token.as_deref(), token.then_some(TOKEN));
                let now = time::parse(parts.headers["x-amz-date"].to_str().unwrap()).unwrap();
                claim
                    .verify(&parts, &body, SECRET, now)
                    .unwrap_or_else(|error| panic!("{method} {url}: {error}"));
                assert!(claim.verify(&parts, b"other", SECRET, now).is_err());
                assert!(claim.verify(&parts, &body, "other", now).is_err());
            }
        }
    }
}

#[test]
fn oracle_presigned_queries_are_accepted_until_they_expire() {
    let gateway = gateway();
    let mut oracle = Oracle::start(Sdk::Current);
    let heard = oracle.ask(&json!({
        "command": "presign", "service": "sts", "method": "get_caller_identity",
        "params": {}, "expires": 600,
    }));
    let request = || http_request(&json!({"method": "GET", "url": heard["url"]}));
    let (parts, body) = request();
    let query = parts.uri.query().unwrap().to_owned();
    let signed_at = query.split("X-Amz-Date=").nth(1).unwrap();
    let now = time::parse(&signed_at[..16]).unwrap();
    let accepted = gateway.accept(parts, &body, Access::Required(&Keys), now + 599_000).unwrap();
    assert_eq!(
        (accepted.operation.name, accepted.protocol),
        ("GetCallerIdentity", Protocol::Query)
    );
    assert_eq!(accepted.claim.as_ref().map(|c| c.key_id.as_str()), Some(KEY_ID));

    let (parts, body) = request();
    let refused = gateway.accept(parts, &body, Access::Required(&Keys), now + 601_000).unwrap_err();
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(text.contains("<Code>RequestExpired</Code>"), "{text}");

    let (mut parts, body) = request();
    parts.uri =
        format!("/?{}", query.replace("Version=2011-06-15", "Version=2011-06-16")).parse().unwrap();
    let refused = gateway.accept(parts, &body, Access::Required(&Keys), now).unwrap_err();
    assert_eq!(refused.status, 403);
}
