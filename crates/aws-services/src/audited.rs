//! What of a call goes into the record of it: input and output in the form of CloudTrail.
//!
//! Source: AWS CloudTrail user guide, "CloudTrail record contents" (members begin with a small letter);
//! SNS developer guide, "Logging API calls using CloudTrail", and CloudWatch user guide, the same, for
//! which operations are recorded and which are about data.

use crate::caller::is_read_only;
use crate::{Answer, Services};
use aws_wire::codec::time::iso8601;
use aws_wire::{Request, Struct, Value};
use serde_json::{Map, Value as Json, json};

/// Operations that put or send data: too many, and of no interest to who manages what.
const OF_DATA: [&str; 3] = ["PutMetricData", "Publish", "PublishBatch"];
/// Stands for a secret, as it does in CloudTrail.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Says whether a call changes definitions, so that it is recorded also when it was done.
pub fn is_management(request: &Request) -> bool {
    !is_read_only(request) && !OF_DATA.contains(&request.operation.name)
}

/// Returns what was asked for, without secrets.
pub fn parameters(request: &Request) -> Option<Json> {
    request.decode().ok().map(|input| told(&input))
}

/// Returns what was answered.
pub fn elements(answer: &Answer) -> Option<Json> {
    let output = answer.as_ref().ok()?.as_ref()?;
    let told = told(output);
    told.as_object().is_some_and(|members| !members.is_empty()).then_some(told)
}

impl Services {
    /// Returns the region that a call is for.
    pub fn region_of(&self, request: &Request) -> String {
        let claimed = request.claim.as_ref().map(|claim| claim.region.as_str());
        let region = claimed.filter(|region| !region.is_empty());
        region.unwrap_or(&self.platform.default_scope().region).to_owned()
    }
}

fn told(value: &Struct<'_>) -> Json {
    let mut members = Map::new();
    for (member, inner) in value.shape().members().iter().zip(value.members()) {
        if inner.is_null() {
            continue;
        }
        let told = match (member.name, inner) {
            _ if member.shape.sensitive => HIDDEN.into(),
            // Whoever has it confirms a subscription.
            ("Token", _) => HIDDEN.into(),
            // It may hold a password, and keys in its query.
            ("Endpoint", Value::Str(text)) if text.contains("://") => {
                platform::shown_url(text).into()
            }
            _ => told_value(inner),
        };
        let mut name = member.name.to_owned();
        name[..1].make_ascii_lowercase();
        members.insert(name, told);
    }
    Json::Object(members)
}

fn told_value(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Double(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => Json::Number(number),
            None => number.to_string().into(),
        },
        Value::Str(text) => Json::String(text.to_string()),
        Value::Blob(bytes) => json!(format!("{} bytes", bytes.len())),
        Value::Timestamp(at_ms) => iso8601(*at_ms).into(),
        Value::List(list) => list.iter().map(told_value).collect(),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| (key.to_string(), told_value(value)));
            Json::Object(entries.collect())
        }
        Value::Struct(inner) => told(inner),
    }
}
