//! Routing, admission, and REST over a small service of our own.

use std::io::Write as _;

use aws_shapes::{cloudwatch, sts};
use aws_wire::schema::{
    Bounds, Field, Kind, List, Location, Map, Member, Operation, Service, Shape, Structure, Text,
    Wire,
};
use aws_wire::{
    Access, CredentialError, Credentials, Gateway, Limits, Protocol, Request, Response, Served,
    Struct, Value, sigv4,
};
use bytes::Bytes;

static TEXT: Shape = Shape::new("Text", Kind::String(Text::ANY));
static NUMBER: Shape = Shape::new("Number", Kind::Integer(Bounds::ANY));
static MOMENT: Shape = Shape::new("Moment", Kind::Timestamp(None));
static TEXTS: Shape = Shape::new(
    "Texts",
    Kind::List(List {
        member: &TEXT,
        length: Bounds::ANY,
        member_name: "member",
        flattened: false,
    }),
);
static TAGS: Shape = Shape::new(
    "Tags",
    Kind::Map(Map {
        key: &TEXT,
        value: &TEXT,
        length: Bounds::ANY,
        names: ("key", "value"),
        flattened: false,
    }),
);
static ITEM: Shape = Shape::new(
    "Item",
    Kind::Structure(Structure::new(&[
        Member::new("Name", &TEXT).required().at(Location::Uri),
        Member::new("GroupName", &TEXT).wire("groupName").at(Location::Query),
        Member::new("Keys", &TEXTS).wire("keys").at(Location::Query),
        Member::new("Since", &MOMENT).wire("since").at(Location::Query),
        Member::new("ETag", &TEXT).wire("ETag").at(Location::Header),
        Member::new("Text", &TEXT),
        Member::new("Tags", &TAGS).wire("tags"),
        Member::new("Count", &NUMBER).at(Location::Status),
    ])),
);
static ARN: Shape = Shape::new(
    "ByArn",
    Kind::Structure(Structure::new(&[Member::new("arn", &TEXT).required().at(Location::Uri)])),
);
static SHELF: Service = Service {
    name: "shelf",
    title: "Shelf",
    signing_name: "shelf",
    api_version: "2024-01-01",
    namespace: "com.example.shelf",
    target_prefix: "",
    json_version: "",
    xml_namespace: "",
    protocols: &[Wire::RestJson],
    query_compatible: false,
    validation_error: "ValidationException",
    operations: &[
        Operation::new("GetItem", "GET", "/items/{Name}").input(&ITEM).output(&ITEM, ""),
        Operation::new("GetSpecial", "GET", "/items/special").input(&ARN),
        Operation::new("ListTags", "GET", "/tags/{arn+}").input(&ARN),
        Operation::new("PutItem", "PUT", "/items/{Name}")
            .input(&ITEM)
            .output(&ITEM, "")
            .status(201),
    ],
};

const fn field(index: u16) -> Field {
    Field::new(&ITEM, index)
}

fn gateway() -> Gateway {
    Gateway::new(
        [
            Served {
                service: &cloudwatch::SERVICE,
                operations: &["PutMetricData", "ListMetrics", "GetMetricData"],
            },
            Served { service: &sts::SERVICE, operations: &["GetCallerIdentity"] },
            Served {
                service: &SHELF,
                operations: &["GetItem", "GetSpecial", "ListTags", "PutItem"],
            },
        ],
        Limits::default(),
    )
}

fn accept(builder: http::request::Builder, body: &'static [u8]) -> Result<Request, Box<Response>> {
    let (parts, body) = builder.body(Bytes::from_static(body)).unwrap().into_parts();
    gateway().accept(parts, &body, Access::Open, 0)
}

fn refused(builder: http::request::Builder, body: &'static [u8]) -> (u16, String) {
    let response = accept(builder, body).expect_err("it is refused");
    (response.status, String::from_utf8_lossy(&response.body).into_owned())
}

fn scoped(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=111122223333/20240501/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=00"
    )
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

#[test]
fn the_head_of_a_request_decides_in_a_fixed_order() {
    let by_path =
        http::Request::post("/service/GraniteServiceVersion20100801/operation/ListMetrics")
            .header("x-amz-target", "GraniteServiceVersion20100801.PutMetricData");
    let request = accept(by_path, b"").unwrap();
    assert_eq!((request.operation.name, request.protocol), ("ListMetrics", Protocol::Cbor));

    let by_target = http::Request::post("/?Action=ListMetrics")
        .header("x-amz-target", "GraniteServiceVersion20100801.PutMetricData")
        .header("host", "sts.amazonaws.com");
    let request = accept(by_target, b"{}").unwrap();
    assert_eq!((request.operation.name, request.protocol), ("PutMetricData", Protocol::Json10));

    let form = b"Action=GetCallerIdentity&Version=2011-06-15";
    let request = accept(http::Request::post("/").header("content-type", FORM), form).unwrap();
    assert_eq!((request.service.name, request.protocol), ("sts", Protocol::Query));
    let request =
        accept(http::Request::get("/?Version=2010-08-01&Action=ListMetrics"), b"").unwrap();
    assert_eq!(request.operation.name, "ListMetrics");

    let request = accept(http::Request::get("/items/special"), b"").unwrap();
    assert_eq!((request.operation.name, request.protocol), ("GetSpecial", Protocol::RestJson));
}

#[test]
fn the_scope_says_whose_form_it_is() {
    let form = b"Action=ListMetrics&Version=2010-08-01";
    let post = |scope: &str| {
        http::Request::post("/")
            .header("content-type", FORM)
            .header("x-amz-date", "20240501T120000Z")
            .header("authorization", scoped(scope))
    };
    let request = accept(post("monitoring"), form).unwrap();
    let claim = request.claim.as_ref().expect("it says who signed");
    assert_eq!((claim.key_id.as_str(), claim.region.as_str()), ("111122223333", "eu-west-1"));
    let (status, body) = refused(post("sts"), form);
    assert_eq!(status, 400);
    assert!(body.contains("<Code>InvalidAction</Code>"), "{body}");
}

#[test]
fn what_nobody_knows_is_told_from_what_is_not_served() {
    let json = |target: &str| http::Request::post("/").header("x-amz-target", target);
    let (status, body) = refused(json("GraniteServiceVersion20100801.Nope"), b"{}");
    assert_eq!(status, 400);
    assert!(body.contains("#UnknownOperationException"), "{body}");
    let (status, body) = refused(json("Nobody.Nope"), b"{}");
    assert!(status == 400 && body.contains(r#""UnknownOperationException""#), "{body}");
    let (status, body) = refused(json("GraniteServiceVersion20100801.PutDashboard"), b"{}");
    assert_eq!(status, 501);
    assert!(
        body.contains("CloudWatch PutDashboard is not served by Sightline yet; `sightline aws operations` lists what is"),
        "{body}"
    );
    let form = b"Action=Nope&Version=2010-08-01";
    let (status, body) = refused(http::Request::post("/").header("content-type", FORM), form);
    assert!(status == 400 && body.contains("<Code>InvalidAction</Code>"), "{body}");
    let (status, _) = refused(http::Request::get("/nowhere"), b"");
    assert_eq!(status, 404);
}

#[test]
fn malformed_signatures_are_refused_even_where_everybody_may_come() {
    let target = || {
        http::Request::post("/").header("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")
    };
    assert!(accept(target(), b"{}").is_ok(), "no signature at all is fine");
    for header in [
        "Bearer my-secret-token",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/20240501/r/monitoring, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/20240501/r/monitoring/aws4_request, Signature=0",
    ] {
        let with =
            target().header("x-amz-date", "20240501T120000Z").header("authorization", header);
        let (status, body) = refused(with, b"{}");
        assert!(status == 400 && body.contains("#IncompleteSignature"), "{header}: {body}");
        assert!(!body.contains("my-secret"), "{body}");
    }
}

struct OneKey;

impl Credentials for OneKey {
    fn secret(&self, key_id: &str, _: Option<&str>) -> Result<String, CredentialError> {
        if key_id == "AKID" { Ok("secret".to_owned()) } else { Err(CredentialError::Unknown) }
    }
}

#[test]
fn signatures_are_checked_where_keys_are_required() {
    const NOW: i64 = 1_714_564_800_000;
    let gateway = gateway();
    let signed = |key_id: &str, secret: &str, service: &str, at: i64| {
        let (mut parts, body) = http::Request::post("/")
            .header("host", "localhost:4280")
            .header("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")
            .body(Bytes::from_static(b"{}"))
            .unwrap()
            .into_parts();
        let keys = sigv4::Keys { key_id, secret, session_token: None };
        sigv4::sign(&mut parts, &body, keys, "eu-west-1", service, at);
        gateway.accept(parts, &body, Access::Required(&OneKey), NOW).map_err(|refused| {
            (refused.status, String::from_utf8_lossy(&refused.body).into_owned())
        })
    };
    const MINUTE: i64 = 60_000;
    assert!(signed("AKID", "secret", "monitoring", NOW - 15 * MINUTE).is_ok());
    for (key_id, secret, service, at, expected) in [
        ("AKID", "other", "monitoring", NOW, "InvalidSignatureException"),
        ("NOBODY", "secret", "monitoring", NOW, "UnrecognizedClientException"),
        ("AKID", "secret", "logs", NOW, "correct service: 'monitoring'"),
        (
            "AKID",
            "secret",
            "monitoring",
            NOW - 16 * MINUTE,
            "Signature expired: 20240501T114400Z is now earlier than 20240501T114500Z (20240501T120000Z - 15 min.)",
        ),
        ("AKID", "secret", "monitoring", NOW + 16 * MINUTE, "Signature not yet current"),
    ] {
        let (_, body) = signed(key_id, secret, service, at).expect_err(expected);
        assert!(body.contains(expected), "{expected}: {body}");
    }
    let (parts, body) = http::Request::post("/")
        .header("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")
        .body(Bytes::new())
        .unwrap()
        .into_parts();
    let refused = gateway.accept(parts, &body, Access::Required(&OneKey), NOW).unwrap_err();
    assert!(String::from_utf8_lossy(&refused.body).contains("MissingAuthenticationToken"));
}

#[test]
fn what_is_too_large_is_refused_before_and_after_decompression() {
    let limits =
        Limits { body_bytes_max: 1_000, decompressed_bytes_max: 2_000, ..Limits::default() };
    let gateway = Gateway::new(
        [Served { service: &cloudwatch::SERVICE, operations: &["ListMetrics"] }],
        limits,
    );
    let send = |body: Vec<u8>, encoding: &str| {
        let (parts, body) = http::Request::post("/")
            .header("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")
            .header("content-encoding", encoding)
            .body(Bytes::from(body))
            .unwrap()
            .into_parts();
        gateway.accept(parts, &body, Access::Open, 0).map(|_| ()).map_err(|refused| refused.status)
    };
    assert_eq!(send(vec![b' '; 1_001], "identity"), Err(413));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&[b' '; 5_000]).unwrap();
    assert_eq!(send(gzip.finish().unwrap(), "gzip"), Err(413));
    assert_eq!(send(b"{}".to_vec(), "gzip"), Err(400));
}

#[test]
fn rest_reads_path_query_headers_and_body() {
    let put = http::Request::put(
        "/items/a%2Fb%20c?groupName=g+1&keys=x&keys=y&since=2024-05-01T12%3A00%3A00Z",
    )
    .header("etag", "\"7\"");
    let request =
        accept(put, br#"{"Text":"t","tags":{"k":"v"},"Name":"not this","groupName":"nor this"}"#)
            .unwrap();
    let input = request.input().unwrap();
    assert_eq!(input.str(field(0)), Some("a/b c"));
    assert_eq!(input.str(field(1)), Some("g 1"));
    assert_eq!(input.strs(field(2)).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(input.timestamp_ms(field(3)), Some(1_714_564_800_000));
    assert_eq!(input.str(field(4)), Some("\"7\""));
    assert_eq!(input.str(field(5)), Some("t"));
    assert_eq!(input.map(field(6)), [("k".into(), Value::from("v"))]);

    let output = Struct::new(&ITEM).with(field(4), "\"8\"").with(field(5), "u");
    let response = request.respond(Ok(Some(output)));
    assert_eq!(response.status, 201);
    assert_eq!(response.headers["etag"], "\"8\"");
    assert_eq!(&response.body[..], br#"{"Text":"u"}"#);

    let request = accept(http::Request::get("/tags/arn:aws:x:y/z/1"), b"").unwrap();
    assert_eq!(request.input().unwrap().get_named("arn"), Some(&Value::from("arn:aws:x:y/z/1")));
}

#[test]
fn wrong_types_are_named_as_aws_names_them() {
    let send = |body: &'static [u8]| {
        let request = accept(
            http::Request::post("/")
                .header("x-amz-target", "GraniteServiceVersion20100801.PutMetricData"),
            body,
        )
        .unwrap();
        let error = request.input().expect_err("it is of the wrong type");
        String::from_utf8_lossy(&request.respond(Err(error)).body).into_owned()
    };
    for (body, expected) in [
        (&br#"{"Namespace":1}"#[..], "NUMBER_VALUE can not be converted to a String"),
        (br#"{"Namespace":true}"#, "TRUE_VALUE can not be converted to a String"),
        (br#"{"Namespace":{}}"#, "Start of structure or map found where not expected."),
        (br#"{"Namespace":[]}"#, "Start of list found where not expected"),
        (br#"{"MetricData":"x"}"#, "Expected list or null"),
        (br#"{"MetricData":[{"Value":"x"}]}"#, "STRING_VALUE can not be converted to a Double"),
        (
            br#"{"MetricData":[{"Timestamp":"x"}]}"#,
            "STRING_VALUE can not be converted to milliseconds since epoch",
        ),
        (br#"{"Namespace":"n""#, "not valid JSON"),
        (br#"[]"#, "Expected map or null"),
    ] {
        let shown = send(body);
        assert!(shown.contains("#SerializationException") && shown.contains(expected), "{shown}");
    }
}

#[test]
fn other_requests_are_left_to_other_doors() {
    let gateway = gateway();
    let claims = |builder: http::request::Builder| {
        let (parts, ()) = builder.body(()).unwrap().into_parts();
        gateway.claims(&parts)
    };
    assert!(!claims(http::Request::get("/api/v1/query?query=up")));
    assert!(!claims(http::Request::post("/api/v1/query").header("content-type", FORM)));
    assert!(!claims(http::Request::get("/")));
    assert!(claims(http::Request::post("/").header("content-type", FORM)));
    assert!(claims(http::Request::get("/?Action=ListMetrics&Version=2010-08-01")));
    assert!(claims(http::Request::get("/schedules").header("authorization", scoped("scheduler"))));
}
