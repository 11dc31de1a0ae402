//! That the three clients speak three wires, and get what their wire promises.

use crate::client::Kind;
use crate::world::{ACCOUNT, REGION, each_client};
use serde_json::{Value, json};

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[test]
fn the_clients_speak_json_query_and_cbor() {
    each_client(|w| {
        w.put(json!([{"MetricName": "m", "Value": 1}]));
        w.call("ListMetrics", json!({"Namespace": w.namespace}));
        let exchange = w.exchange();
        let (sent, got) = (&exchange["headers"], &exchange["answer"]);
        match w.kind {
            Kind::Json => {
                assert_eq!(text(sent, "x-amz-target"), "GraniteServiceVersion20100801.ListMetrics");
                assert_eq!(text(sent, "content-type"), "application/x-amz-json-1.0");
                assert_eq!(text(sent, "x-amzn-query-mode"), "true");
                assert_eq!(text(got, "content-type"), "application/x-amz-json-1.0", "exactly");
            }
            Kind::Query => {
                assert!(sent.get("x-amz-target").is_none(), "{exchange}");
                assert!(
                    text(sent, "content-type").starts_with("application/x-www-form-urlencoded"),
                    "{exchange}"
                );
                assert!(text(got, "content-type").starts_with("text/xml"), "{exchange}");
            }
            Kind::Cbor => {
                assert!(
                    text(&exchange, "url")
                        .ends_with("/service/GraniteServiceVersion20100801/operation/ListMetrics"),
                    "{exchange}"
                );
                assert_eq!(text(sent, "smithy-protocol"), "rpc-v2-cbor");
                assert_eq!(text(got, "smithy-protocol"), "rpc-v2-cbor");
                assert_eq!(text(got, "content-type"), "application/cbor");
            }
        }
        assert!(!text(got, "x-amzn-requestid").is_empty(), "{exchange}");
        let credential = format!("Credential={ACCOUNT}/");
        let scope = format!("/{REGION}/monitoring/aws4_request");
        let signature = text(sent, "authorization");
        assert!(signature.contains(&credential) && signature.contains(&scope), "{signature}");
    });
}

/// The code travels in a header of its own for clients in query mode.
#[test]
fn errors_carry_their_code_for_query_mode() {
    each_client(|w| {
        let set = json!([{"MetricName": "m", "Value": 1, "Values": [1]}]);
        w.put_refused(set);
        let exchange = w.exchange();
        if w.kind != Kind::Query {
            let told = text(&exchange["answer"], "x-amzn-query-error");
            assert_eq!(told, "InvalidParameterCombination;Sender", "{exchange}");
        }
        assert!(!text(&exchange["answer"], "x-amzn-requestid").is_empty(), "{exchange}");
    });
}
