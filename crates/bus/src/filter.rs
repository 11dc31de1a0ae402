//! Whether a subscription wants a message.

use crate::notice::MessageAttribute;
use lang::filter_policy::{Field, FilterPolicy, Test};
use serde_json::Value;
use std::collections::BTreeMap;

/// Says whether the attributes of a message fit a policy. Binary ones are not looked at.
pub fn wants_attributes(
    policy: &FilterPolicy,
    attributes: &BTreeMap<String, MessageAttribute>,
) -> bool {
    policy.fields.iter().all(|field| match field {
        Field::Tests(name, tests) => {
            let values = attributes.get(name).map(values_of).unwrap_or_default();
            any_holds(tests, &values.iter().collect::<Vec<_>>())
        }
        Field::Or(branches) => branches.iter().any(|branch| wants_attributes(branch, attributes)),
        // Refused where policies over attributes are read.
        Field::Nested(..) => false,
    })
}

/// Says whether the body of a message fits a policy: it must be a JSON object.
pub fn wants_body(policy: &FilterPolicy, body: &str) -> bool {
    match serde_json::from_str(body) {
        Ok(value @ Value::Object(_)) => fits(policy, &[&value]),
        _ => false,
    }
}

fn values_of(attribute: &MessageAttribute) -> Vec<Value> {
    // Behind a dot stands what the sender calls it.
    let kind = attribute.kind.as_str();
    if kind == "String.Array" || kind.starts_with("String.Array.") {
        return match serde_json::from_str(&attribute.value) {
            Ok(Value::Array(items)) => items,
            _ => Vec::new(),
        };
    }
    match kind.split('.').next() {
        Some("Number") => {
            let number = attribute.value.trim().parse().ok().and_then(serde_json::Number::from_f64);
            number.map(Value::Number).into_iter().collect()
        }
        Some("String") => vec![Value::String(attribute.value.clone())],
        _ => Vec::new(),
    }
}

/// Holds a policy against the objects that stand at one place: several, where arrays are on the way.
fn fits(policy: &FilterPolicy, objects: &[&Value]) -> bool {
    policy.fields.iter().all(|field| match field {
        Field::Tests(name, tests) => {
            let values = inside(objects, name);
            let leaves: Vec<&Value> = values.into_iter().filter(|v| !v.is_object()).collect();
            any_holds(tests, &leaves)
        }
        Field::Nested(name, inner) => fits(inner, &inside(objects, name)),
        Field::Or(branches) => branches.iter().any(|branch| fits(branch, objects)),
    })
}

/// Returns the values of a field, arrays opened.
fn inside<'v>(objects: &[&'v Value], name: &str) -> Vec<&'v Value> {
    let mut found = Vec::new();
    let mut open: Vec<&'v Value> = objects.iter().filter_map(|object| object.get(name)).collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            other => found.push(other),
        }
    }
    found
}

fn any_holds(tests: &[Test], values: &[&Value]) -> bool {
    tests.iter().any(|test| match test {
        Test::Exists(false) => values.is_empty(),
        test => values.iter().any(|value| holds(test, value)),
    })
}

fn holds(test: &Test, value: &Value) -> bool {
    match value {
        Value::String(text) => test.holds_of_text(text),
        Value::Number(number) => number.as_f64().is_some_and(|number| test.holds_of_number(number)),
        Value::Bool(value) => test.holds_of_bool(*value),
        Value::Null => test.holds_of_null(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lang::filter_policy::Scope;

    fn attributes(given: &[(&str, &str, &str)]) -> BTreeMap<String, MessageAttribute> {
        let of = |(name, kind, value): &(&str, &str, &str)| {
            ((*name).to_owned(), MessageAttribute { kind: (*kind).into(), value: (*value).into() })
        };
        given.iter().map(of).collect()
    }

    /// The policy and messages of the developer guide's page on subscription filter policies.
    #[test]
    fn attributes_fit_as_in_the_guide() {
        let text = r#"{"store": ["example_corp"], "event": [{"anything-but": "order_cancelled"}],
            "customer_interests": ["rugby", "football", "baseball"],
            "price_usd": [{"numeric": [">=", 100]}]}"#;
        let policy = FilterPolicy::parse(text, Scope::Attributes).unwrap();
        let good = [
            ("store", "String", "example_corp"),
            ("event", "String", "order_placed"),
            ("customer_interests", "String.Array", r#"["soccer", "rugby", "hockey"]"#),
            ("price_usd", "Number", "210.75"),
        ];
        assert!(wants_attributes(&policy, &attributes(&good)));
        let mut cancelled = good;
        cancelled[1].2 = "order_cancelled";
        assert!(!wants_attributes(&policy, &attributes(&cancelled)));
        let mut cheap = good;
        cheap[3].2 = "10";
        assert!(!wants_attributes(&policy, &attributes(&cheap)));
        assert!(!wants_attributes(&policy, &attributes(&good[..3])), "all fields must be there");
        let mut text_for_number = good;
        text_for_number[3].1 = "String";
        assert!(!wants_attributes(&policy, &attributes(&text_for_number)));
        let mut binary = good;
        binary[0].1 = "Binary";
        assert!(!wants_attributes(&policy, &attributes(&binary)));
    }

    #[test]
    fn absence_and_alternatives() {
        let parse = |text: &str| FilterPolicy::parse(text, Scope::Attributes).unwrap();
        let absent = parse(r#"{"store": [{"exists": false}]}"#);
        assert!(wants_attributes(&absent, &attributes(&[("x", "String", "y")])));
        assert!(!wants_attributes(&absent, &attributes(&[("store", "String", "y")])));
        let either = parse(r#"{"$or": [{"a": ["1"]}, {"b": [2]}]}"#);
        assert!(wants_attributes(&either, &attributes(&[("b", "Number", "2.0")])));
        assert!(!wants_attributes(&either, &attributes(&[("b", "Number", "3")])));
        let but = parse(r#"{"a": [{"anything-but": ["x"]}]}"#);
        assert!(
            !wants_attributes(&but, &attributes(&[])),
            "what is not there is not another value"
        );
        assert!(wants_attributes(&but, &attributes(&[("a", "String.Array", r#"["x", "y"]"#)])));
    }

    #[test]
    fn bodies_are_looked_into_at_any_depth() {
        let text = r#"{"Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}},
            "eventName": [{"prefix": "ObjectCreated:"}]}}"#;
        let policy = FilterPolicy::parse(text, Scope::Body).unwrap();
        let body = r#"{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "auto-0001.jpeg"}}}]}"#;
        assert!(wants_body(&policy, body));
        assert!(!wants_body(&policy, &body.replace("auto-", "manual-")));
        assert!(!wants_body(&policy, "no JSON") && !wants_body(&policy, "[]"));
        let parse = |text: &str| FilterPolicy::parse(text, Scope::Body).unwrap();
        let absent = parse(r#"{"a": {"b": [{"exists": false}]}}"#);
        assert!(wants_body(&absent, "{}") && wants_body(&absent, r#"{"a": 1}"#));
        assert!(!wants_body(&absent, r#"{"a": {"b": null}}"#));
        let present = parse(r#"{"a": [{"exists": true}]}"#);
        assert!(wants_body(&present, r#"{"a": null}"#) && !wants_body(&present, r#"{"a": []}"#));
        assert!(!wants_body(&present, r#"{"a": {"b": 1}}"#), "only leaves exist");
    }
}
