//! Alarms, mute rules, tags and pictures through the AWS SDK for Rust.

use crate::client::Failure;
use crate::sdk::{at, dimension, failure, list, ms, object, query, text, whole, word};
use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_cloudwatch::types::{
    AlarmContributor, AlarmHistoryItem, AlarmMuteRuleSummary, AlarmPromQlCriteria, CompositeAlarm,
    Dimension, EvaluationCriteria, EvaluationWindow, MetricAlarm, MetricDataQuery, MuteTargets,
    Rule, Schedule, SlidingWindow, Tag, WallClockWindow, WarmUpConfiguration,
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Calls an operation; `None` when it is none of these.
pub(crate) async fn call(
    client: &CloudWatch,
    operation: &str,
    input: &Value,
) -> Option<Result<Value, Failure>> {
    Some(match operation {
        "PutMetricAlarm" => put_metric_alarm(client, input).await,
        "PutCompositeAlarm" => put_composite_alarm(client, input).await,
        "DescribeAlarms" => describe_alarms(client, input).await,
        "DescribeAlarmsForMetric" => describe_alarms_for_metric(client, input).await,
        "DescribeAlarmHistory" => describe_alarm_history(client, input).await,
        "DescribeAlarmContributors" => {
            let call = client.describe_alarm_contributors();
            let call = call.set_alarm_name(text(input, "AlarmName"));
            call.send().await.map_err(failure).map(|output| {
                let all = output.alarm_contributors().iter().map(contributor);
                json!({"AlarmContributors": all.collect::<Value>()})
            })
        }
        "SetAlarmState" => {
            let call = client
                .set_alarm_state()
                .set_alarm_name(text(input, "AlarmName"))
                .set_state_value(text(input, "StateValue").map(|t| t.as_str().into()))
                .set_state_reason(text(input, "StateReason"))
                .set_state_reason_data(text(input, "StateReasonData"));
            call.send().await.map(|_| json!({})).map_err(failure)
        }
        "EnableAlarmActions" => {
            let call = client.enable_alarm_actions();
            let call = call.set_alarm_names(list(input, "AlarmNames", word));
            call.send().await.map(|_| json!({})).map_err(failure)
        }
        "DisableAlarmActions" => {
            let call = client.disable_alarm_actions();
            let call = call.set_alarm_names(list(input, "AlarmNames", word));
            call.send().await.map(|_| json!({})).map_err(failure)
        }
        "DeleteAlarms" => {
            let call = client.delete_alarms().set_alarm_names(list(input, "AlarmNames", word));
            call.send().await.map(|_| json!({})).map_err(failure)
        }
        "PutAlarmMuteRule" => put_alarm_mute_rule(client, input).await,
        "GetAlarmMuteRule" => get_alarm_mute_rule(client, input).await,
        "ListAlarmMuteRules" => {
            let call = client
                .list_alarm_mute_rules()
                .set_alarm_name(text(input, "AlarmName"))
                .set_statuses(list(input, "Statuses", |v| word(v).as_str().into()));
            call.send().await.map_err(failure).map(|output| {
                let all = output.alarm_mute_rule_summaries().iter().map(summary);
                json!({"AlarmMuteRuleSummaries": all.collect::<Value>()})
            })
        }
        "DeleteAlarmMuteRule" => {
            let call = client.delete_alarm_mute_rule();
            let call = call.set_alarm_mute_rule_name(text(input, "AlarmMuteRuleName"));
            call.send().await.map(|_| json!({})).map_err(failure)
        }
        "TagResource" => {
            let call = client
                .tag_resource()
                .set_resource_arn(text(input, "ResourceARN"))
                .set_tags(list(input, "Tags", tag));
            call.send().await.map(|_| json!({})).map_err(failure)
        }
        "UntagResource" => {
            let call = client
                .untag_resource()
                .set_resource_arn(text(input, "ResourceARN"))
                .set_tag_keys(list(input, "TagKeys", word));
            call.send().await.map(|_| json!({})).map_err(failure)
        }
        "ListTagsForResource" => {
            let call = client.list_tags_for_resource();
            let call = call.set_resource_arn(text(input, "ResourceARN"));
            call.send().await.map_err(failure).map(|output| {
                let all = output
                    .tags()
                    .iter()
                    .map(|tag| object([("Key", said(tag.key())), ("Value", said(tag.value()))]));
                json!({"Tags": all.collect::<Value>()})
            })
        }
        "GetMetricWidgetImage" => {
            let call = client
                .get_metric_widget_image()
                .set_metric_widget(text(input, "MetricWidget"))
                .set_output_format(text(input, "OutputFormat"));
            call.send().await.map_err(failure).map(|output| {
                let image = output.metric_widget_image().expect("a picture").as_ref();
                json!({"MetricWidgetImage": image})
            })
        }
        _ => return None,
    })
}

fn said(text: Option<&str>) -> Option<Value> {
    text.map(Value::from)
}

fn number(number: Option<i32>) -> Option<Value> {
    number.map(|number| Value::from(f64::from(number)))
}

fn texts(all: &[String]) -> Option<Value> {
    Some(all.iter().map(String::as_str).map(Value::from).collect())
}

fn pairs(map: Option<&HashMap<String, String>>) -> Option<Value> {
    map.map(|map| map.iter().map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect())
}

fn tag(from: &Value) -> Tag {
    Tag::builder().set_key(text(from, "Key")).set_value(text(from, "Value")).build()
}

async fn put_metric_alarm(client: &CloudWatch, input: &Value) -> Result<Value, Failure> {
    let call = client
        .put_metric_alarm()
        .set_alarm_name(text(input, "AlarmName"))
        .set_alarm_description(text(input, "AlarmDescription"))
        .set_actions_enabled(input["ActionsEnabled"].as_bool())
        .set_ok_actions(list(input, "OKActions", word))
        .set_alarm_actions(list(input, "AlarmActions", word))
        .set_insufficient_data_actions(list(input, "InsufficientDataActions", word))
        .set_metric_name(text(input, "MetricName"))
        .set_namespace(text(input, "Namespace"))
        .set_statistic(text(input, "Statistic").map(|t| t.as_str().into()))
        .set_extended_statistic(text(input, "ExtendedStatistic"))
        .set_dimensions(list(input, "Dimensions", dimension))
        .set_period(whole(input, "Period"))
        .set_unit(text(input, "Unit").map(|t| t.as_str().into()))
        .set_evaluation_periods(whole(input, "EvaluationPeriods"))
        .set_datapoints_to_alarm(whole(input, "DatapointsToAlarm"))
        .set_threshold(input["Threshold"].as_f64())
        .set_comparison_operator(text(input, "ComparisonOperator").map(|t| t.as_str().into()))
        .set_treat_missing_data(text(input, "TreatMissingData"))
        .set_evaluate_low_sample_count_percentile(text(input, "EvaluateLowSampleCountPercentile"))
        .set_metrics(list(input, "Metrics", query))
        .set_tags(list(input, "Tags", tag))
        .set_threshold_metric_id(text(input, "ThresholdMetricId"))
        .set_evaluation_window(input.get("EvaluationWindow").map(window))
        .set_warm_up_configuration(input.get("WarmUpConfiguration").map(warm_up))
        .set_evaluation_criteria(input.get("EvaluationCriteria").map(criteria))
        .set_evaluation_interval(whole(input, "EvaluationInterval"));
    call.send().await.map(|_| json!({})).map_err(failure)
}

fn window(from: &Value) -> EvaluationWindow {
    match from.get("WallClockWindow") {
        Some(clock) => EvaluationWindow::WallClockWindow(
            WallClockWindow::builder().set_timezone(text(clock, "Timezone")).build(),
        ),
        None => EvaluationWindow::SlidingWindow(SlidingWindow::builder().build()),
    }
}

fn warm_up(from: &Value) -> WarmUpConfiguration {
    WarmUpConfiguration::builder()
        .set_warm_up_period_duration_in_minutes(whole(from, "WarmUpPeriodDurationInMinutes"))
        .set_only_start_evaluating_after_warm_up_period_ends(
            from["OnlyStartEvaluatingAfterWarmUpPeriodEnds"].as_bool(),
        )
        .build()
}

fn criteria(from: &Value) -> EvaluationCriteria {
    let from = &from["PromQLCriteria"];
    EvaluationCriteria::PromQlCriteria(
        AlarmPromQlCriteria::builder()
            .set_query(text(from, "Query"))
            .set_pending_period(whole(from, "PendingPeriod"))
            .set_recovery_period(whole(from, "RecoveryPeriod"))
            .build(),
    )
}

async fn put_composite_alarm(client: &CloudWatch, input: &Value) -> Result<Value, Failure> {
    let call = client
        .put_composite_alarm()
        .set_alarm_name(text(input, "AlarmName"))
        .set_alarm_description(text(input, "AlarmDescription"))
        .set_actions_enabled(input["ActionsEnabled"].as_bool())
        .set_ok_actions(list(input, "OKActions", word))
        .set_alarm_actions(list(input, "AlarmActions", word))
        .set_insufficient_data_actions(list(input, "InsufficientDataActions", word))
        .set_alarm_rule(text(input, "AlarmRule"))
        .set_tags(list(input, "Tags", tag))
        .set_actions_suppressor(text(input, "ActionsSuppressor"))
        .set_actions_suppressor_wait_period(whole(input, "ActionsSuppressorWaitPeriod"))
        .set_actions_suppressor_extension_period(whole(input, "ActionsSuppressorExtensionPeriod"));
    call.send().await.map(|_| json!({})).map_err(failure)
}

async fn describe_alarms(client: &CloudWatch, input: &Value) -> Result<Value, Failure> {
    let call = client
        .describe_alarms()
        .set_alarm_names(list(input, "AlarmNames", word))
        .set_alarm_name_prefix(text(input, "AlarmNamePrefix"))
        .set_alarm_types(list(input, "AlarmTypes", |v| word(v).as_str().into()))
        .set_children_of_alarm_name(text(input, "ChildrenOfAlarmName"))
        .set_parents_of_alarm_name(text(input, "ParentsOfAlarmName"))
        .set_state_value(text(input, "StateValue").map(|t| t.as_str().into()))
        .set_action_prefix(text(input, "ActionPrefix"))
        .set_max_records(whole(input, "MaxRecords"))
        .set_next_token(text(input, "NextToken"));
    let output = call.send().await.map_err(failure)?;
    Ok(object([
        ("MetricAlarms", Some(output.metric_alarms().iter().map(metric_alarm).collect())),
        ("CompositeAlarms", Some(output.composite_alarms().iter().map(composite_alarm).collect())),
        ("NextToken", said(output.next_token())),
    ]))
}

async fn describe_alarms_for_metric(client: &CloudWatch, input: &Value) -> Result<Value, Failure> {
    let call = client
        .describe_alarms_for_metric()
        .set_namespace(text(input, "Namespace"))
        .set_metric_name(text(input, "MetricName"))
        .set_dimensions(list(input, "Dimensions", dimension))
        .set_statistic(text(input, "Statistic").map(|t| t.as_str().into()));
    let output = call.send().await.map_err(failure)?;
    Ok(json!({"MetricAlarms": output.metric_alarms().iter().map(metric_alarm).collect::<Value>()}))
}

fn metric_alarm(from: &MetricAlarm) -> Value {
    object([
        ("AlarmName", said(from.alarm_name())),
        ("AlarmArn", said(from.alarm_arn())),
        ("AlarmDescription", said(from.alarm_description())),
        (
            "AlarmConfigurationUpdatedTimestamp",
            from.alarm_configuration_updated_timestamp().map(ms),
        ),
        ("ActionsEnabled", from.actions_enabled().map(Value::from)),
        ("OKActions", from.ok_actions.as_deref().and_then(texts)),
        ("AlarmActions", from.alarm_actions.as_deref().and_then(texts)),
        ("InsufficientDataActions", from.insufficient_data_actions.as_deref().and_then(texts)),
        ("StateValue", from.state_value().map(|v| Value::from(v.as_str()))),
        ("StateReason", said(from.state_reason())),
        ("StateReasonData", said(from.state_reason_data())),
        ("StateUpdatedTimestamp", from.state_updated_timestamp().map(ms)),
        ("StateTransitionedTimestamp", from.state_transitioned_timestamp().map(ms)),
        ("MetricName", said(from.metric_name())),
        ("Namespace", said(from.namespace())),
        ("Statistic", from.statistic().map(|v| Value::from(v.as_str()))),
        ("ExtendedStatistic", said(from.extended_statistic())),
        ("Dimensions", from.dimensions.as_deref().map(dimensions)),
        ("Period", number(from.period())),
        ("Unit", from.unit().map(|v| Value::from(v.as_str()))),
        ("EvaluationPeriods", number(from.evaluation_periods())),
        ("DatapointsToAlarm", number(from.datapoints_to_alarm())),
        ("Threshold", from.threshold().map(Value::from)),
        ("ComparisonOperator", from.comparison_operator().map(|v| Value::from(v.as_str()))),
        ("TreatMissingData", said(from.treat_missing_data())),
        ("EvaluateLowSampleCountPercentile", said(from.evaluate_low_sample_count_percentile())),
        ("Metrics", from.metrics.as_ref().map(|all| all.iter().map(data_query).collect())),
        ("EvaluationState", from.evaluation_state().map(|v| Value::from(v.as_str()))),
        ("EvaluationWindow", from.evaluation_window().map(window_shown)),
        ("WarmUpConfiguration", from.warm_up_configuration().map(warm_up_shown)),
        ("EvaluationCriteria", from.evaluation_criteria().map(criteria_shown)),
        ("EvaluationInterval", number(from.evaluation_interval())),
    ])
}

fn dimensions(all: &[Dimension]) -> Value {
    let shown = all.iter().map(|d| object([("Name", said(d.name())), ("Value", said(d.value()))]));
    shown.collect()
}

fn data_query(from: &MetricDataQuery) -> Value {
    let stat = from.metric_stat().map(|stat| {
        let metric = stat.metric().map(|metric| {
            object([
                ("Namespace", said(metric.namespace())),
                ("MetricName", said(metric.metric_name())),
                ("Dimensions", metric.dimensions.as_deref().map(dimensions)),
            ])
        });
        object([
            ("Metric", metric),
            ("Period", number(stat.period())),
            ("Stat", said(stat.stat())),
            ("Unit", stat.unit().map(|v| Value::from(v.as_str()))),
        ])
    });
    object([
        ("Id", said(from.id())),
        ("MetricStat", stat),
        ("Expression", said(from.expression())),
        ("Label", said(from.label())),
        ("ReturnData", from.return_data().map(Value::from)),
        ("Period", number(from.period())),
        ("AccountId", said(from.account_id())),
    ])
}

fn window_shown(from: &EvaluationWindow) -> Value {
    match from {
        EvaluationWindow::WallClockWindow(clock) => {
            json!({"WallClockWindow": object([("Timezone", said(clock.timezone()))])})
        }
        _ => json!({"SlidingWindow": {}}),
    }
}

fn warm_up_shown(from: &WarmUpConfiguration) -> Value {
    object([
        ("WarmUpPeriodDurationInMinutes", number(from.warm_up_period_duration_in_minutes())),
        (
            "OnlyStartEvaluatingAfterWarmUpPeriodEnds",
            from.only_start_evaluating_after_warm_up_period_ends().map(Value::from),
        ),
    ])
}

fn criteria_shown(from: &EvaluationCriteria) -> Value {
    let from = from.as_prom_ql_criteria().expect("PromQL criteria");
    json!({"PromQLCriteria": object([
        ("Query", said(from.query())),
        ("PendingPeriod", number(from.pending_period())),
        ("RecoveryPeriod", number(from.recovery_period())),
    ])})
}

fn composite_alarm(from: &CompositeAlarm) -> Value {
    object([
        ("AlarmName", said(from.alarm_name())),
        ("AlarmArn", said(from.alarm_arn())),
        ("AlarmDescription", said(from.alarm_description())),
        (
            "AlarmConfigurationUpdatedTimestamp",
            from.alarm_configuration_updated_timestamp().map(ms),
        ),
        ("ActionsEnabled", from.actions_enabled().map(Value::from)),
        ("OKActions", from.ok_actions.as_deref().and_then(texts)),
        ("AlarmActions", from.alarm_actions.as_deref().and_then(texts)),
        ("InsufficientDataActions", from.insufficient_data_actions.as_deref().and_then(texts)),
        ("AlarmRule", said(from.alarm_rule())),
        ("StateValue", from.state_value().map(|v| Value::from(v.as_str()))),
        ("StateReason", said(from.state_reason())),
        ("StateReasonData", said(from.state_reason_data())),
        ("StateUpdatedTimestamp", from.state_updated_timestamp().map(ms)),
        ("StateTransitionedTimestamp", from.state_transitioned_timestamp().map(ms)),
        ("ActionsSuppressedBy", from.actions_suppressed_by().map(|v| Value::from(v.as_str()))),
        ("ActionsSuppressedReason", said(from.actions_suppressed_reason())),
        ("ActionsSuppressor", said(from.actions_suppressor())),
        ("ActionsSuppressorWaitPeriod", number(from.actions_suppressor_wait_period())),
        ("ActionsSuppressorExtensionPeriod", number(from.actions_suppressor_extension_period())),
    ])
}

async fn describe_alarm_history(client: &CloudWatch, input: &Value) -> Result<Value, Failure> {
    let call = client
        .describe_alarm_history()
        .set_alarm_name(text(input, "AlarmName"))
        .set_alarm_contributor_id(text(input, "AlarmContributorId"))
        .set_alarm_types(list(input, "AlarmTypes", |v| word(v).as_str().into()))
        .set_history_item_type(text(input, "HistoryItemType").map(|t| t.as_str().into()))
        .set_start_date(at(input, "StartDate"))
        .set_end_date(at(input, "EndDate"))
        .set_max_records(whole(input, "MaxRecords"))
        .set_next_token(text(input, "NextToken"))
        .set_scan_by(text(input, "ScanBy").map(|t| t.as_str().into()));
    let output = call.send().await.map_err(failure)?;
    Ok(object([
        ("AlarmHistoryItems", Some(output.alarm_history_items().iter().map(item).collect())),
        ("NextToken", said(output.next_token())),
    ]))
}

fn item(from: &AlarmHistoryItem) -> Value {
    object([
        ("AlarmName", said(from.alarm_name())),
        ("AlarmContributorId", said(from.alarm_contributor_id())),
        ("AlarmType", from.alarm_type().map(|v| Value::from(v.as_str()))),
        ("Timestamp", from.timestamp().map(ms)),
        ("HistoryItemType", from.history_item_type().map(|v| Value::from(v.as_str()))),
        ("HistorySummary", said(from.history_summary())),
        ("HistoryData", said(from.history_data())),
        ("AlarmContributorAttributes", pairs(from.alarm_contributor_attributes())),
    ])
}

fn contributor(from: &AlarmContributor) -> Value {
    object([
        ("ContributorId", said(from.contributor_id())),
        ("ContributorAttributes", pairs(from.contributor_attributes())),
        ("StateReason", said(from.state_reason())),
        ("StateTransitionedTimestamp", from.state_transitioned_timestamp().map(ms)),
    ])
}

async fn put_alarm_mute_rule(client: &CloudWatch, input: &Value) -> Result<Value, Failure> {
    let schedule = &input["Rule"]["Schedule"];
    let schedule = Schedule::builder()
        .set_expression(text(schedule, "Expression"))
        .set_duration(text(schedule, "Duration"))
        .set_timezone(text(schedule, "Timezone"))
        .build();
    let targets = input.get("MuteTargets").map(|targets| {
        MuteTargets::builder().set_alarm_names(list(targets, "AlarmNames", word)).build()
    });
    let call = client
        .put_alarm_mute_rule()
        .set_name(text(input, "Name"))
        .set_description(text(input, "Description"))
        .set_rule(Some(Rule::builder().schedule(schedule).build()))
        .set_mute_targets(targets)
        .set_tags(list(input, "Tags", tag))
        .set_start_date(at(input, "StartDate"))
        .set_expire_date(at(input, "ExpireDate"));
    call.send().await.map(|_| json!({})).map_err(failure)
}

async fn get_alarm_mute_rule(client: &CloudWatch, input: &Value) -> Result<Value, Failure> {
    let call = client.get_alarm_mute_rule();
    let call = call.set_alarm_mute_rule_name(text(input, "AlarmMuteRuleName"));
    let output = call.send().await.map_err(failure)?;
    let rule = output.rule().and_then(Rule::schedule).map(|schedule| {
        json!({"Schedule": object([
            ("Expression", said(schedule.expression())),
            ("Duration", said(schedule.duration())),
            ("Timezone", said(schedule.timezone())),
        ])})
    });
    let targets = output.mute_targets().map(|of| json!({"AlarmNames": of.alarm_names()}));
    Ok(object([
        ("Name", said(output.name())),
        ("AlarmMuteRuleArn", said(output.alarm_mute_rule_arn())),
        ("Description", said(output.description())),
        ("Rule", rule),
        ("MuteTargets", targets),
        ("StartDate", output.start_date().map(ms)),
        ("ExpireDate", output.expire_date().map(ms)),
        ("Status", output.status().map(|v| Value::from(v.as_str()))),
        ("LastUpdatedTimestamp", output.last_updated_timestamp().map(ms)),
        ("MuteType", said(output.mute_type())),
    ]))
}

fn summary(from: &AlarmMuteRuleSummary) -> Value {
    object([
        ("AlarmMuteRuleArn", said(from.alarm_mute_rule_arn())),
        ("ExpireDate", from.expire_date().map(ms)),
        ("Status", from.status().map(|v| Value::from(v.as_str()))),
        ("MuteType", said(from.mute_type())),
        ("LastUpdatedTimestamp", from.last_updated_timestamp().map(ms)),
    ])
}
