//! Alarms that are given as JSON, outside of a request: in a file of somebody who tests them.

use super::{put_composite_alarm, put_metric_alarm};
use aws_shapes::cloudwatch::{PUT_COMPOSITE_ALARM_INPUT, PUT_METRIC_ALARM_INPUT};
use aws_wire::codec::json;
use aws_wire::{ServiceError, validate};
use platform::AlarmRecord;

/// Nested deeper than any input.
const DEPTH_MAX: usize = 32;

/// Reads an alarm from the input of `PutMetricAlarm` or `PutCompositeAlarm`; what `DescribeAlarms` says
/// beside it is passed over.
///
/// # Errors
/// The name of the alarm, and what is wrong with it, in the words of the service.
pub fn read_alarm(given: &serde_json::Value) -> Result<AlarmRecord, String> {
    let name = given["AlarmName"].as_str().unwrap_or("an alarm without AlarmName");
    let told = |error: String| format!("{name}: {error}");
    let bytes = serde_json::to_vec(given).map_err(|error| told(error.to_string()))?;
    let of = |error: ServiceError| told(error.message().unwrap_or_default().to_owned());
    if given.get("AlarmRule").is_some() {
        let asked = json::decode(&PUT_COMPOSITE_ALARM_INPUT, &bytes, DEPTH_MAX)
            .map_err(|error| told(error.to_string()))?;
        validate::check(&asked).map_err(told)?;
        return put_composite_alarm::record(&asked).map_err(of);
    }
    let mut asked = json::decode(&PUT_METRIC_ALARM_INPUT, &bytes, DEPTH_MAX)
        .map_err(|error| told(error.to_string()))?;
    put_metric_alarm::record(&mut asked).map_err(of)
}
