//! Which operations are served.

use aws_shapes::{cloudwatch, sns, sts};
use aws_wire::Served;
use aws_wire::schema::{Operation, Service};
use platform::Verb;
use std::fmt::Write as _;

const CLOUDWATCH: &[&str] = &[
    "DeleteAlarmMuteRule",
    "DeleteAlarms",
    "DescribeAlarmContributors",
    "DescribeAlarmHistory",
    "DescribeAlarms",
    "DescribeAlarmsForMetric",
    "DisableAlarmActions",
    "EnableAlarmActions",
    "GetAlarmMuteRule",
    "GetMetricData",
    "GetMetricStatistics",
    "GetMetricWidgetImage",
    "ListAlarmMuteRules",
    "ListMetrics",
    "ListTagsForResource",
    "PutAlarmMuteRule",
    "PutCompositeAlarm",
    "PutMetricAlarm",
    "PutMetricData",
    "SetAlarmState",
    "TagResource",
    "UntagResource",
];
const STS: &[&str] = &["GetCallerIdentity"];

/// Returns what is served, for a [`Gateway`](aws_wire::Gateway); the list behind
/// `sightline aws operations`.
pub fn served() -> Vec<Served> {
    vec![
        Served { service: &cloudwatch::SERVICE, operations: CLOUDWATCH },
        Served { service: &sns::SERVICE, operations: crate::sns::OPERATIONS },
        Served { service: &sts::SERVICE, operations: STS },
    ]
}

/// Returns what an operation does to its account; `None` for the one that everybody may ask.
pub(crate) fn verb_of(service: &Service, operation: &Operation) -> Option<Verb> {
    const READS: [&str; 3] = ["Get", "List", "Describe"];
    match (service.name, operation.name) {
        ("sts", "GetCallerIdentity") => None,
        (_, name) if READS.iter().any(|prefix| name.starts_with(prefix)) => Some(Verb::Read),
        _ => Some(Verb::Write),
    }
}

/// Returns every operation of the models as a Markdown table that says which are served.
pub fn operations_table() -> String {
    let mut text = String::from(
        "# AWS operations\n\nEvery operation of the services that are spoken, and whether it is \
         served. Made from the\nlist that routes requests; `sightline aws operations` prints the \
         same. An operation that is not served\nanswers `UnsupportedOperation`.\n\n\
         | service | operation | served |\n| --- | --- | --- |\n",
    );
    for Served { service, operations } in served() {
        for operation in service.operations {
            let is_served = if operations.contains(&operation.name) { "yes" } else { "no" };
            let _ = writeln!(text, "| {} | {} | {is_served} |", service.title, operation.name);
        }
    }
    text
}
