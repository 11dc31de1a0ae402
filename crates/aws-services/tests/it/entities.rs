//! Entities that metrics are reported with.

use crate::server::Server;
use serde_json::{Value as Json, json};

fn body(key_attributes: &Json, strict: bool) -> Json {
    json!({
        "Namespace": "Shop",
        "StrictEntityValidation": strict,
        "EntityMetricData": [{
            "Entity": {"KeyAttributes": key_attributes, "Attributes": {"Team": "blue"}},
            "MetricData": [{
                "MetricName": "Orders", "Value": 1.0,
                "Dimensions": [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}],
            }],
        }],
    })
}

fn known(server: &Server) -> Vec<platform::EntityOfSeries> {
    let who = model::Principal::internal("123456789012".parse().unwrap());
    let scope = server.platform.default_scope().clone();
    server.platform.entities(&who, &scope, None).unwrap()
}

#[test]
fn an_entity_is_kept_with_its_metric() {
    let server = Server::new();
    server.ask("PutMetricData", &body(&json!({"Type": "Service", "Name": "shop"}), true));
    let known = known(&server);
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].name, "Orders");
    assert_eq!(known[0].dimensions[0], ("a".to_owned(), "1".to_owned()));
    assert_eq!(known[0].entity.key_attributes["Name"], "shop");
    assert_eq!(known[0].entity.attributes["Team"], "blue");
    assert_eq!(server.listed(&json!({})).len(), 1);
}

#[test]
fn an_unsound_entity_costs_the_request_only_when_strict() {
    for unsound in [
        json!({"Type": "Service"}),
        json!({}),
        json!({"Type": "Service", "Owner": "me"}),
        json!({"Type": "Service", "Name": ""}),
    ] {
        let server = Server::new();
        let (code, text) = server.refusal("PutMetricData", &body(&unsound, true));
        assert_eq!(code, "InvalidParameterValue");
        let begin = "The value for parameter EntityMetricData.member.1.Entity is invalid: ";
        assert!(text.starts_with(begin), "{text}");
        assert!(server.listed(&json!({})).is_empty());
        server.ask("PutMetricData", &body(&unsound, false));
        assert_eq!(server.listed(&json!({})).len(), 1);
        assert!(known(&server).is_empty());
    }
}

#[test]
fn problems_name_the_datum_of_the_entity() {
    let server = Server::new();
    let mut body = body(&json!({"Type": "Service", "Name": "shop"}), false);
    body["EntityMetricData"][0]["MetricData"][0]["Value"] = json!("NaN");
    let (_, text) = server.refusal("PutMetricData", &body);
    let place = "EntityMetricData.member.1.MetricData.member.1.Value";
    assert_eq!(text, format!("The value NaN for parameter {place} is invalid."));
    assert!(known(&server).is_empty(), "nothing of a refused request is kept");
}
