//! A server without sockets: a platform on a simulated disk, and requests in three protocols.

use aws_services::{Answer, Services};
use aws_shapes::cloudwatch as shapes;
use aws_wire::schema::{Kind, Shape};
use aws_wire::{Access, Gateway, Limits, Struct, codec};
use bytes::Bytes;
use model::Scope;
use platform::{AuthMode, Platform, PlatformOptions, StoreOptions};
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stdx::{CrashPlan, SimDisk, VirtualClock};
use storage::SyncMode;

/// 2023-11-14T22:00:00Z, in the middle of nothing.
pub(crate) const NOW_MS: i64 = 1_699_999_200_000;
pub(crate) const NOW_S: i64 = NOW_MS / 1_000;

pub(crate) struct Server {
    pub(crate) platform: Arc<Platform>,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) disk: SimDisk,
    pub(crate) services: Services,
    pub(crate) gateway: Gateway,
    /// Credential scope of requests.
    pub(crate) key_id: String,
    pub(crate) region: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Json,
    Cbor,
    Query,
}

/// What came over the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) query_error: String,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Json {
        if self.body.is_empty() {
            return Json::Null;
        }
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Code in the query protocol, and message.
    pub(crate) fn error(&self) -> (String, String) {
        let code = self.query_error.split(';').next().unwrap_or_default().to_owned();
        let body = self.json();
        let text = body.get("message").or(body.get("Message")).and_then(Json::as_str);
        (code, text.unwrap_or_default().to_owned())
    }
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with_store(StoreOptions::default())
    }

    pub(crate) fn with_store(store: StoreOptions) -> Self {
        Self::with_options(|options| options.store = store)
    }

    pub(crate) fn with_options(change: impl FnOnce(&mut PlatformOptions)) -> Self {
        let clock = Arc::new(VirtualClock::starting_at(NOW_MS));
        let scope = Scope { account: "123456789012".parse().unwrap(), region: "us-east-1".into() };
        let mut options = PlatformOptions {
            data_dir: "/data".into(),
            default_scope: scope,
            sync: SyncMode::Always,
            auth: AuthMode::Open,
            key_file: None,
            store: StoreOptions::default(),
            questions: Default::default(),
        };
        change(&mut options);
        let disk = SimDisk::new(1, CrashPlan::default());
        let platform = Platform::open(&options, clock.clone(), Arc::new(disk.clone())).unwrap();
        let platform = Arc::new(platform);
        Self {
            services: Services::new(platform.clone()),
            gateway: Gateway::new(aws_services::served(), Limits::default()),
            platform,
            clock,
            disk,
            key_id: "AKIDEXAMPLE".into(),
            region: "us-east-1".into(),
        }
    }

    fn head(&self, service: &str) -> http::request::Builder {
        http::Request::post("/").header("x-amz-date", "20231114T220000Z").header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={}/20231114/{}/{service}/aws4_request, \
                 SignedHeaders=host, Signature=00",
                self.key_id, self.region
            ),
        )
    }

    /// Sends a request and does the server's background work until it is answered.
    pub(crate) fn send(&self, request: http::Request<Bytes>) -> Reply {
        let slot: Arc<Mutex<Vec<Answer>>> = Arc::default();
        let (parts, body) = request.into_parts();
        let response = match self.gateway.accept(parts, &body, Access::Open, NOW_MS) {
            Ok(request) => {
                let into = slot.clone();
                self.services.handle(&request, move |answer| into.lock().unwrap().push(answer));
                for _ in 0..8 {
                    if slot.lock().unwrap().is_empty() {
                        self.platform.commit_step(Duration::ZERO);
                    }
                }
                let answers = std::mem::take(&mut *slot.lock().unwrap());
                assert_eq!(answers.len(), 1, "exactly one answer");
                aws_services::respond(&request, answers.into_iter().next().unwrap())
            }
            Err(response) => *response,
        };
        let header = |name: &str| {
            response.headers.get(name).map_or(String::new(), |h| h.to_str().unwrap().to_owned())
        };
        Reply {
            status: response.status,
            query_error: header("x-amzn-query-error"),
            content_type: header("content-type"),
            body: response.body.to_vec(),
        }
    }

    /// Sends a body of JSON as the AWS CLI does.
    pub(crate) fn call(&self, operation: &str, body: &Json) -> Reply {
        let request = self
            .head("monitoring")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("GraniteServiceVersion20100801.{operation}"))
            .header("x-amzn-query-mode", "true")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        self.send(request)
    }

    /// The same, with the answer taken apart; it must be no error.
    pub(crate) fn ask(&self, operation: &str, body: &Json) -> Json {
        let reply = self.call(operation, body);
        assert_eq!(reply.status, 200, "{operation} {body}: {}", reply.text());
        reply.json()
    }

    /// The same, with the error's code and message.
    pub(crate) fn refusal(&self, operation: &str, body: &Json) -> (String, String) {
        let reply = self.call(operation, body);
        assert_ne!(reply.status, 200, "{operation} {body} was taken: {}", reply.text());
        reply.error()
    }

    pub(crate) fn put(&self, namespace: &str, data: &Json) {
        let reply =
            self.call("PutMetricData", &json!({"Namespace": namespace, "MetricData": data}));
        assert_eq!((reply.status, reply.text().as_str()), (200, ""), "{data}");
    }

    pub(crate) fn listed(&self, filter: &Json) -> Vec<Json> {
        self.ask("ListMetrics", filter)["Metrics"].as_array().unwrap().clone()
    }

    /// Sends a body in any protocol.
    pub(crate) fn send_in(&self, wire: Wire, operation: &str, body: &Json) -> Reply {
        let operation_of = shapes::SERVICE.operation(operation).unwrap();
        let text = body.to_string();
        let input = in_shape(operation_of.input.unwrap(), text.as_bytes());
        let mut bytes = Vec::new();
        let request = match wire {
            Wire::Json => return self.call(operation, body),
            Wire::Cbor => {
                codec::cbor::encode(&input, &mut bytes);
                let path = format!("/service/GraniteServiceVersion20100801/operation/{operation}");
                self.head("monitoring")
                    .uri(path)
                    .header("smithy-protocol", "rpc-v2-cbor")
                    .header("content-type", "application/cbor")
            }
            Wire::Query => {
                bytes = codec::query::encode(operation, "2010-08-01", &input);
                self.head("monitoring")
                    .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            }
        };
        self.send(request.body(Bytes::from(bytes)).unwrap())
    }

    pub(crate) fn form(&self, service: &str, form: &str) -> Reply {
        let request = self
            .head(service)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form.to_owned()))
            .unwrap();
        self.send(request)
    }
}

fn in_shape<'a>(shape: &'static Shape, text: &'a [u8]) -> Struct<'a> {
    assert!(matches!(shape.kind, Kind::Structure(_)));
    codec::json::decode(shape, text, 32).unwrap()
}
