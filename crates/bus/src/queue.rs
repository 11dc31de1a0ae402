//! Messages to a queue of SQS: one signed request of the AWS JSON protocol.

use crate::address::Reach;
use crate::notice::MessageAttribute;
use aws_wire::sigv4::{self, Keys};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;
use stdx::{Clock as _, HttpCall, RealClock};

/// A queue takes this long at most.
const WAIT_MS: u64 = 15_000;

/// The server of queues, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct Queues {
    /// Scheme, host and port.
    base: String,
    key_id: String,
    secret: String,
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Queues {
    /// Reads `http://KEYID:SECRET@host:port`.
    ///
    /// # Errors
    /// What is wrong with it, as a fragment.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Reach { loopback: true }.check_url(text)?;
        let plain = |text: &str| crate::real_net::decoded(text);
        let (key_id, secret) = (plain(url.username())?, plain(url.password().unwrap_or_default())?);
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !visible(&key_id) || !visible(&secret) {
            return Err("it needs an access key: https://KEYID:SECRET@host".into());
        }
        let mut base = url;
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self { base: base.as_str().trim_end_matches('/').to_owned(), key_id, secret })
    }

    /// Returns the request that puts a message into the queue of an ARN.
    ///
    /// # Errors
    /// The ARN is none of a queue.
    pub fn send(
        &self,
        arn: &str,
        body: &str,
        attributes: Option<&BTreeMap<String, MessageAttribute>>,
    ) -> Result<HttpCall, String> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "sqs", region, account, name] = parts[..] else {
            return Err(format!("{arn:?} is no ARN of a queue"));
        };
        let mut message = json!({
            "QueueUrl": format!("{}/{account}/{name}", self.base),
            "MessageBody": body,
        });
        if let Some(attributes) = attributes.filter(|a| !a.is_empty()) {
            message["MessageAttributes"] =
                Value::Object(attributes.iter().map(of_queue).collect::<Map<_, _>>());
        }
        let body = message.to_string().into_bytes();
        let url = format!("{}/", self.base);
        let request = http::Request::builder()
            .method("POST")
            .uri(&url)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "AmazonSQS.SendMessage")
            .body(())
            .map_err(|e| e.to_string())?;
        let (mut parts, ()) = request.into_parts();
        let keys = Keys { key_id: &self.key_id, secret: &self.secret, session_token: None };
        // Signatures are of the world, also when the clock is virtual.
        sigv4::sign(&mut parts, &body, keys, region, "sqs", RealClock.now_ms());
        let text =
            |value: &http::HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
        let headers = parts.headers.iter().filter(|(name, _)| *name != "host");
        Ok(HttpCall {
            method: "POST",
            url,
            headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
            body,
            wait_ms: WAIT_MS,
            is_trusted: true,
        })
    }
}

fn of_queue((name, attribute): (&String, &MessageAttribute)) -> (String, Value) {
    let MessageAttribute { kind, value } = attribute;
    let value = match kind.split('.').next() {
        Some("Binary") => json!({ "DataType": kind, "BinaryValue": value }),
        _ => json!({ "DataType": kind, "StringValue": value }),
    };
    (name.clone(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_signed_to_the_queue_of_its_arn() {
        let queues = Queues::parse("http://AKID:s%2Fecret@127.0.0.1:5000/").unwrap();
        assert!(!format!("{queues:?}").contains("ecret"));
        let kind = MessageAttribute { kind: "String".into(), value: "v".into() };
        let attributes = BTreeMap::from([("a".to_owned(), kind)]);
        let arn = "arn:aws:sqs:eu-west-1:000000000000:jobs";
        let call = queues.send(arn, "text", Some(&attributes)).unwrap();
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(body["QueueUrl"], "http://127.0.0.1:5000/000000000000/jobs");
        assert_eq!(body["MessageAttributes"]["a"]["StringValue"], "v");
        let authorization = call.headers.iter().find(|(name, _)| name == "authorization").unwrap();
        assert!(
            authorization.1.contains("Credential=AKID/")
                && authorization.1.contains("/eu-west-1/sqs/")
        );
        for bad in ["http://127.0.0.1:5000", "x", "ftp://a:b@h"] {
            assert!(Queues::parse(bad).is_err(), "{bad}");
        }
    }
}
