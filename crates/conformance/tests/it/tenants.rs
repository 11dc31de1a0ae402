//! Accounts and regions keep apart, and who calls is told.

use crate::bench::Server;
use crate::client::{Kind, Who};
use crate::python::Boto3;
use crate::world::{ACCOUNT, REGION, World, connect, each_client};
use serde_json::json;
use std::sync::Arc;

#[test]
fn accounts_and_regions_see_only_their_own() {
    each_client(|w| {
        let whose = [
            Who::new(ACCOUNT, REGION),
            Who::new("444455556666", REGION),
            Who::new(ACCOUNT, "us-west-2"),
        ];
        for (i, who) in whose.iter().enumerate() {
            w.who = who.clone();
            w.put(json!([
                {"MetricName": "shared", "Timestamp": w.now(), "Value": i + 1},
                {"MetricName": format!("own-{i}"), "Value": 1},
            ]));
        }
        for (i, who) in whose.iter().enumerate() {
            w.who = who.clone();
            assert_eq!(w.names(json!({})), [format!("own-{i}"), "shared".into()], "{who:?}");
            assert_eq!(w.minutes("shared", "Sum"), [(w.now(), (i + 1) as f64)], "{who:?}");
            let found = w.statistics(json!({"MetricName": "shared"}));
            assert_eq!((found.len(), &found[0]["Sum"]), (1, &json!((i + 1) as f64)), "{who:?}");
        }
        w.who = Who::new("999999999999", REGION);
        assert!(w.list(json!({})).is_empty());
        assert!(w.minutes("shared", "Sum").is_empty());
    });
}

#[test]
fn tokens_do_not_cross_accounts() {
    each_client(|w| {
        let other = Who::new("444455556666", REGION);
        let own = w.who.clone();
        for who in [&own, &other] {
            w.who = who.clone();
            let data = (0..600).map(|i| json!({"MetricName": format!("m{i:03}"), "Value": 1}));
            w.put(data.collect());
        }
        w.who = own;
        let input = json!({"Namespace": w.namespace});
        let token = w.call("ListMetrics", input)["NextToken"].clone();
        w.who = other;
        let input = json!({"Namespace": w.namespace, "NextToken": token});
        let told = w.told("ListMetrics", input);
        assert!(told.message.contains("NextToken"), "{told:?}");
    });
}

/// A key id that is no account comes in as the default one, 000000000000.
#[test]
fn any_other_key_is_the_default_account() {
    each_client(|w| {
        let as_whom = |w: &mut World, key: &str| w.who = Who::new(key, REGION);
        as_whom(w, "AKIAIOSFODNN7EXAMPLE");
        w.put(json!([{"MetricName": "m", "Value": 1}]));
        as_whom(w, "000000000000");
        assert_eq!(w.names(json!({})), ["m"]);
        as_whom(w, ACCOUNT);
        assert!(w.list(json!({})).is_empty());
    });
}

#[test]
fn the_default_account_is_the_configured_one() {
    let directory = Arc::new(tempfile::tempdir().expect("a directory"));
    let arguments = ["--account", "123456789012", "--collect-host=false"];
    let server = Server::start_on(directory, &arguments).expect("starts");
    let mut client = connect(Kind::Cbor, &server);
    let who = |key| Who::new(key, REGION);
    let data = json!([{"MetricName": "m", "Value": 1}]);
    let input = json!({"Namespace": "Conformance", "MetricData": data});
    client.call(&who("AKIAIOSFODNN7EXAMPLE"), "PutMetricData", input).expect("taken");
    let mut count = |key| {
        let listed = client.call(&who(key), "ListMetrics", json!({"Namespace": "Conformance"}));
        listed.expect("answered")["Metrics"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((count("123456789012"), count("000000000000")), (1, 0));
}

/// Only boto3 is asked: the Rust SDK for STS would be built for one call.
#[test]
fn the_caller_is_told_who_it_is() {
    let server = Server::start();
    for kind in [Kind::Json, Kind::Query] {
        let mut client = Boto3::start(kind, &server.endpoint());
        for (key, account) in [(ACCOUNT, ACCOUNT), ("AKIAIOSFODNN7EXAMPLE", "000000000000")] {
            let who = Who::new(key, REGION);
            let told = client.call_service("sts", &who, "GetCallerIdentity", json!({}));
            let told = told.unwrap_or_else(|e| panic!("{kind:?}: {e:?}"));
            assert_eq!(told["Account"], account, "{kind:?}: {told}");
            let arn = told["Arn"].as_str().expect("an ARN");
            assert!(arn.starts_with("arn:aws:") && arn.contains(account), "{told}");
            assert!(told["UserId"].as_str().is_some_and(|id| !id.is_empty()), "{told}");
        }
    }
}

/// The environments hold what they are there for.
#[test]
fn one_boto3_is_current_and_one_of_query_times() {
    let server = Server::start();
    let version = |kind| {
        let client = Boto3::start(kind, &server.endpoint());
        let mut parts = client.version.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    };
    assert!(version(Kind::Json) >= (1, 44));
    assert!(version(Kind::Query) < (1, 42));
}
