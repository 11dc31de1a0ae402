//! When what failed is tried again, and when it is given up.

use serde_json::Value;
use std::fmt;
use stdx::Rng;

/// How a pause grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackOff {
    /// By the same amount each time.
    Linear,
    /// With the square root of a curve between.
    Arithmetic,
    /// Slowly at first.
    Geometric,
    /// Doubled each time.
    Exponential,
}

impl BackOff {
    fn text(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Arithmetic => "arithmetic",
            Self::Geometric => "geometric",
            Self::Exponential => "exponential",
        }
    }
}

/// A policy of retries in four phases: at once, at the least pause, with a growing one, at the
/// greatest.
///
/// Source: SNS developer guide, message delivery retries; the fields are those of `DeliveryPolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first one.
    pub retries: u32,
    /// Of those, so many without a pause.
    pub no_delay: u32,
    /// Then so many after the least pause.
    pub min_delay: u32,
    /// At the end, so many after the greatest.
    pub max_delay: u32,
    /// The least pause in seconds.
    pub least_s: u32,
    /// The greatest pause in seconds.
    pub greatest_s: u32,
    /// How it grows between the two.
    pub back_off: BackOff,
}

/// Why a policy is none, in the service's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RetryPolicyError(pub String);

/// Nothing of a policy is longer: the service's own limit of an hour.
const DELAY_S_MAX: u64 = 3_600;
const RETRIES_MAX: u64 = 100;
const POLICY_BYTES_MAX: usize = 16 << 10;

impl RetryPolicy {
    /// What holds for web hooks and queues when nobody says otherwise: six hours and more, so that a
    /// receiver that is down for an hour hears everything. (The service gives up after a minute.)
    pub const PATIENT: Self = Self {
        retries: 90,
        no_delay: 0,
        min_delay: 2,
        max_delay: 80,
        least_s: 1,
        greatest_s: 300,
        back_off: BackOff::Exponential,
    };

    /// What holds for commands: what they do may not be harmless twice.
    pub const COMMAND: Self = Self {
        retries: 3,
        no_delay: 0,
        min_delay: 0,
        max_delay: 0,
        least_s: 20,
        greatest_s: 20,
        back_off: BackOff::Linear,
    };

    /// Returns the pause after the attempt of number `failed` (the first is 0) has failed, in
    /// milliseconds; `None` when it is given up.
    pub fn pause_ms(&self, failed: u32) -> Option<u64> {
        if failed >= self.retries {
            return None;
        }
        let (least, greatest) =
            (u64::from(self.least_s) * 1_000, u64::from(self.greatest_s) * 1_000);
        if failed < self.no_delay {
            return Some(0);
        }
        if failed < self.no_delay + self.min_delay {
            return Some(least);
        }
        let last = self.retries.saturating_sub(self.max_delay);
        if failed >= last {
            return Some(greatest);
        }
        let steps = last - self.no_delay - self.min_delay;
        let step = failed - self.no_delay - self.min_delay;
        Some(self.between(least, greatest, step, steps))
    }

    /// The pause of step `step` of `steps` between the least and the greatest.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "pauses of at most an hour"
    )]
    fn between(&self, least: u64, greatest: u64, step: u32, steps: u32) -> u64 {
        let x = f64::from(step + 1) / f64::from(steps.max(1));
        let shape = match self.back_off {
            BackOff::Linear => x,
            BackOff::Arithmetic => x * (x + 1.0) / 2.0,
            BackOff::Geometric => x * x,
            // From 1 of 2^steps to all of it.
            BackOff::Exponential => 2f64.powf((x - 1.0) * f64::from(steps.min(30))),
        };
        least + ((greatest.saturating_sub(least)) as f64 * shape) as u64
    }

    /// Returns the pause with up to a fifth of it added: those who failed together do not come back
    /// together.
    pub fn pause_with_jitter_ms(&self, failed: u32, rng: &mut Rng) -> Option<u64> {
        let pause = self.pause_ms(failed)?;
        Some(pause + if pause >= 5 { rng.below(pause / 5 + 1) } else { 0 })
    }

    /// Returns how long all pauses are together: what waits behind a failing one is given up after
    /// that time too.
    pub fn total_ms(&self) -> u64 {
        (0..self.retries).filter_map(|n| self.pause_ms(n)).sum()
    }

    /// Reads a topic's or a subscription's `DeliveryPolicy`; `None` where it says nothing of retries.
    ///
    /// # Errors
    /// [`RetryPolicyError`] names the field.
    pub fn read(text: &str) -> Result<Option<Self>, RetryPolicyError> {
        let bad = |what: &str| RetryPolicyError(format!("DeliveryPolicy: {what}"));
        if text.trim().is_empty() {
            return Ok(None);
        }
        if text.len() > POLICY_BYTES_MAX {
            return Err(bad("too long"));
        }
        let value: Value = serde_json::from_str(text).map_err(|_| bad("failed to parse JSON."))?;
        let whole = value.as_object().ok_or_else(|| bad("must be a JSON object"))?;
        let inner = match whole.get("http") {
            Some(http) => {
                let http = http.as_object().ok_or_else(|| bad("http must be an object"))?;
                let known = [
                    "defaultHealthyRetryPolicy",
                    "disableSubscriptionOverrides",
                    "defaultRequestPolicy",
                    "defaultThrottlePolicy",
                ];
                refuse_others(http, &known)?;
                refuse_throttle(http.get("defaultThrottlePolicy"))?;
                refuse_given(http, "disableSubscriptionOverrides")?;
                http.get("defaultHealthyRetryPolicy")
            }
            None => {
                refuse_others(
                    whole,
                    &[
                        "healthyRetryPolicy",
                        "throttlePolicy",
                        "requestPolicy",
                        "guaranteed",
                        "sicklyRetryPolicy",
                    ],
                )?;
                refuse_throttle(whole.get("throttlePolicy"))?;
                refuse_given(whole, "sicklyRetryPolicy")?;
                refuse_given(whole, "guaranteed")?;
                whole.get("healthyRetryPolicy")
            }
        };
        match inner {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Self::of_fields(fields).map(Some),
            Some(_) => Err(bad("healthyRetryPolicy must be an object")),
        }
    }

    fn of_fields(fields: &serde_json::Map<String, Value>) -> Result<Self, RetryPolicyError> {
        let bad = |what: String| RetryPolicyError(format!("DeliveryPolicy: {what}"));
        refuse_others(
            fields,
            &[
                "minDelayTarget",
                "maxDelayTarget",
                "numRetries",
                "numNoDelayRetries",
                "numMinDelayRetries",
                "numMaxDelayRetries",
                "backoffFunction",
            ],
        )?;
        let number = |name: &str, default: u32, max: u64| match fields.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value
                .as_u64()
                .filter(|n| *n <= max)
                .and_then(|n| u32::try_from(n).ok())
                .ok_or_else(|| bad(format!("{name} must be a whole number from 0 to {max}"))),
        };
        let back_off = match fields.get("backoffFunction").map(|v| v.as_str().unwrap_or_default()) {
            None | Some("linear") => BackOff::Linear,
            Some("arithmetic") => BackOff::Arithmetic,
            Some("geometric") => BackOff::Geometric,
            Some("exponential") => BackOff::Exponential,
            Some(_) => {
                return Err(bad(
                    "backoffFunction must be linear, arithmetic, geometric or exponential".into(),
                ));
            }
        };
        let policy = Self {
            retries: number("numRetries", 3, RETRIES_MAX)?,
            no_delay: number("numNoDelayRetries", 0, RETRIES_MAX)?,
            min_delay: number("numMinDelayRetries", 0, RETRIES_MAX)?,
            max_delay: number("numMaxDelayRetries", 0, RETRIES_MAX)?,
            least_s: number("minDelayTarget", 20, DELAY_S_MAX)?,
            greatest_s: number("maxDelayTarget", 20, DELAY_S_MAX)?,
            back_off,
        };
        if policy.least_s == 0 {
            return Err(bad("minDelayTarget must be at least 1".into()));
        }
        if policy.greatest_s < policy.least_s {
            return Err(bad(
                "maxDelayTarget must be greater than or equal to minDelayTarget".into()
            ));
        }
        if policy.no_delay + policy.min_delay + policy.max_delay > policy.retries {
            let text = "numRetries must be greater than or equal to the sum of numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries";
            return Err(bad(text.into()));
        }
        Ok(policy)
    }

    /// Returns the policy as the service shows one that is in force for a subscription.
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "numRetries": self.retries,
            "numNoDelayRetries": self.no_delay,
            "minDelayTarget": self.least_s,
            "maxDelayTarget": self.greatest_s,
            "numMinDelayRetries": self.min_delay,
            "numMaxDelayRetries": self.max_delay,
            "backoffFunction": self.back_off.text(),
        })
    }
}

impl fmt::Display for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

/// Returns the content type that a `DeliveryPolicy` wants for the body of its requests.
///
/// # Errors
/// [`RetryPolicyError`] when it is none that the service takes.
pub fn content_type_of_policy(text: &str) -> Result<Option<String>, RetryPolicyError> {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let request = match (value.get("requestPolicy"), value.pointer("/http/defaultRequestPolicy")) {
        (Some(request), _) | (None, Some(request)) => request,
        (None, None) => return Ok(None),
    };
    let bad = |text: &str| Err(RetryPolicyError(format!("DeliveryPolicy: {text}")));
    let Value::Object(fields) = request else { return bad("requestPolicy must be an object") };
    refuse_others(fields, &["headerContentType"])?;
    match fields.get("headerContentType") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(kind)) => {
            let plain = kind.split(';').next().unwrap_or_default().trim();
            let known = plain.starts_with("text/") || plain.starts_with("application/");
            match known && kind.len() <= 100 && kind.bytes().all(|b| (b' '..=b'~').contains(&b)) {
                true => Ok(Some(kind.clone())),
                false => bad("headerContentType must be of text or application"),
            }
        }
        Some(_) => bad("headerContentType must be a text"),
    }
}

fn refuse_others(
    fields: &serde_json::Map<String, Value>,
    known: &[&str],
) -> Result<(), RetryPolicyError> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            Err(RetryPolicyError(format!("DeliveryPolicy: unexpected JSON member: {name}")))
        }
    }
}

/// What would not be heeded is taken only where it says nothing.
fn refuse_given(
    fields: &serde_json::Map<String, Value>,
    name: &str,
) -> Result<(), RetryPolicyError> {
    match fields.get(name) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(()),
        Some(_) => Err(RetryPolicyError(format!("DeliveryPolicy: {name} is not supported"))),
    }
}

/// A limit of messages a second is not kept, so it is not taken.
fn refuse_throttle(policy: Option<&Value>) -> Result<(), RetryPolicyError> {
    match policy {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(RetryPolicyError("DeliveryPolicy: throttlePolicy is not supported".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(text: &str) -> Vec<u64> {
        let policy = RetryPolicy::read(text).unwrap().unwrap();
        (0..).map_while(|n| policy.pause_ms(n)).map(|ms| ms / 1_000).collect()
    }

    #[test]
    fn the_four_phases_follow_each_other() {
        let text = r#"{"healthyRetryPolicy":{"numRetries":10,"numNoDelayRetries":2,"numMinDelayRetries":2,
            "numMaxDelayRetries":2,"minDelayTarget":10,"maxDelayTarget":50,"backoffFunction":"linear"}}"#;
        assert_eq!(pauses(text), [0, 0, 10, 10, 20, 30, 40, 50, 50, 50]);
    }

    #[test]
    fn what_is_left_out_is_as_the_service_has_it() {
        let text =
            r#"{"http":{"defaultHealthyRetryPolicy":{},"disableSubscriptionOverrides":false}}"#;
        assert_eq!(pauses(text), [20, 20, 20]);
        assert_eq!(RetryPolicy::read("{}"), Ok(None));
        assert_eq!(RetryPolicy::read(""), Ok(None));
    }

    #[test]
    fn each_function_grows_from_the_least_to_the_greatest() {
        for function in ["linear", "arithmetic", "geometric", "exponential"] {
            let text = format!(
                r#"{{"healthyRetryPolicy":{{"numRetries":8,"minDelayTarget":1,"maxDelayTarget":100,"backoffFunction":"{function}"}}}}"#
            );
            let pauses = pauses(&text);
            assert!(pauses.is_sorted(), "{function}: {pauses:?}");
            assert_eq!((pauses.len(), pauses[7]), (8, 100), "{function}");
            assert!(pauses[0] < 20, "{function}: {pauses:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (inner, said) in [
            (r#"{"numRetries":101}"#, "numRetries"),
            (r#"{"minDelayTarget":0}"#, "minDelayTarget"),
            (r#"{"minDelayTarget":30,"maxDelayTarget":20}"#, "maxDelayTarget"),
            (r#"{"numRetries":1,"numNoDelayRetries":2}"#, "sum"),
            (r#"{"backoffFunction":"x"}"#, "backoffFunction"),
            (r#"{"retries":1}"#, "retries"),
        ] {
            let text = format!(r#"{{"healthyRetryPolicy":{inner}}}"#);
            let error = RetryPolicy::read(&text).unwrap_err().to_string();
            assert!(error.contains(said), "{inner}: {error}");
        }
        let overrides = r#"{"http":{"disableSubscriptionOverrides":true}}"#;
        assert!(RetryPolicy::read(overrides).is_err());
        assert!(RetryPolicy::read(r#"{"throttlePolicy":{"maxReceivesPerSecond":1}}"#).is_err());
    }

    #[test]
    fn the_patient_one_outlasts_an_outage_of_an_hour() {
        let policy = RetryPolicy::PATIENT;
        assert!(policy.total_ms() > 6 * 3_600_000, "{}", policy.total_ms());
        let mut rng = Rng::from_seed(1);
        for failed in 0..policy.retries {
            let (plain, with) = (
                policy.pause_ms(failed).unwrap(),
                policy.pause_with_jitter_ms(failed, &mut rng).unwrap(),
            );
            assert!((plain..=plain + plain / 5).contains(&with));
        }
    }
}
