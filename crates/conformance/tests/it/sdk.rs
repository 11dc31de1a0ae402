//! The AWS SDK for Rust, over a plain HTTP/1.1 connector: no TLS library is built for it.

use crate::client::{Client, Failure, Refusal, Who};
use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::{Config, Credentials, Region};
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    DashboardValidationMessage, Datapoint, Dimension, DimensionFilter, Entity, EntityMetricData,
    LabelOptions, MessageData, Metric, MetricDataQuery, MetricDataResult, MetricDatum, MetricStat,
    StatisticSet,
};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

pub(crate) struct RustSdk {
    endpoint: String,
    runtime: tokio::runtime::Runtime,
    clients: HashMap<Who, CloudWatch>,
    exchange: Arc<Mutex<Value>>,
}

impl RustSdk {
    pub(crate) fn new(endpoint: &str) -> RustSdk {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        RustSdk {
            endpoint: endpoint.into(),
            runtime: runtime.expect("a runtime"),
            clients: HashMap::new(),
            exchange: Arc::default(),
        }
    }

    fn client(&mut self, who: &Who) -> CloudWatch {
        let (endpoint, exchange) = (&self.endpoint, &self.exchange);
        let client = self.clients.entry(who.clone()).or_insert_with(|| {
            let connector = SharedHttpConnector::new(Plain { exchange: exchange.clone() });
            CloudWatch::from_conf(
                Config::builder()
                    .behavior_version_latest()
                    .endpoint_url(endpoint)
                    .region(Region::new(who.region.clone()))
                    .credentials_provider(Credentials::new(
                        &who.key,
                        "any",
                        None,
                        None,
                        "conformance",
                    ))
                    .retry_config(RetryConfig::disabled())
                    .http_client(http_client_fn(move |_, _| connector.clone()))
                    .build(),
            )
        });
        client.clone()
    }
}

impl Client for RustSdk {
    fn call(&mut self, who: &Who, operation: &str, input: Value) -> Result<Value, Failure> {
        let client = self.client(who);
        *self.exchange.lock().expect("not poisoned") = Value::Null;
        self.runtime.block_on(call(&client, operation, &input))
    }

    fn exchange(&self) -> Value {
        self.exchange.lock().expect("not poisoned").clone()
    }
}

/// One connection per request: simple, and nothing is left over when the server is killed.
#[derive(Debug)]
struct Plain {
    exchange: Arc<Mutex<Value>>,
}

impl HttpConnector for Plain {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let exchange = self.exchange.clone();
        HttpConnectorFuture::new(async move {
            send(request, &exchange).await.map_err(|e| ConnectorError::other(e, None))
        })
    }
}

async fn send(
    request: HttpRequest,
    exchange: &Mutex<Value>,
) -> Result<HttpResponse, Box<dyn std::error::Error + Send + Sync>> {
    let request = request.try_into_http1x()?;
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let authority = parts.uri.authority().ok_or("no authority")?.to_string();
    let url = parts.uri.to_string();
    parts.uri = parts.uri.path_and_query().ok_or("no path")?.as_str().parse()?;
    if !parts.headers.contains_key(http::header::HOST) {
        parts.headers.insert(http::header::HOST, authority.parse()?);
    }
    let sent = headers(&parts.headers);
    let body_bytes = body.len();

    let socket = tokio::net::TcpStream::connect(&authority).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(http::Request::from_parts(parts, Full::new(body))).await?;
    let (parts, body) = response.into_parts();
    let bytes: Bytes = body.collect().await?.to_bytes();
    connection.abort();

    *exchange.lock().expect("not poisoned") = json!({
        "url": url, "headers": sent, "body_bytes": body_bytes, "answer": headers(&parts.headers),
    });
    let response = http::Response::from_parts(parts, SdkBody::from(bytes));
    Ok(HttpResponse::try_from(response)?)
}

fn headers(headers: &http::HeaderMap) -> Value {
    let text = |v: &http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), json!(text(value)))).collect()
}

async fn call(client: &CloudWatch, operation: &str, input: &Value) -> Result<Value, Failure> {
    match operation {
        "PutMetricData" => {
            let call = client
                .put_metric_data()
                .set_namespace(text(input, "Namespace"))
                .set_metric_data(list(input, "MetricData", datum))
                .set_entity_metric_data(list(input, "EntityMetricData", entity_data))
                .set_strict_entity_validation(input["StrictEntityValidation"].as_bool());
            call.send().await.map_err(failure)?;
            Ok(json!({}))
        }
        "GetMetricData" => {
            let call = client
                .get_metric_data()
                .set_metric_data_queries(list(input, "MetricDataQueries", query))
                .set_start_time(at(input, "StartTime"))
                .set_end_time(at(input, "EndTime"))
                .set_next_token(text(input, "NextToken"))
                .set_scan_by(text(input, "ScanBy").map(|t| t.as_str().into()))
                .set_max_datapoints(whole(input, "MaxDatapoints"))
                .set_label_options(input.get("LabelOptions").map(label_options));
            let output = call.send().await.map_err(failure)?;
            Ok(object([
                (
                    "MetricDataResults",
                    Some(output.metric_data_results().iter().map(result).collect()),
                ),
                ("NextToken", output.next_token().map(Value::from)),
                ("Messages", Some(output.messages().iter().map(message).collect())),
            ]))
        }
        "GetMetricStatistics" => {
            let call = client
                .get_metric_statistics()
                .set_namespace(text(input, "Namespace"))
                .set_metric_name(text(input, "MetricName"))
                .set_dimensions(list(input, "Dimensions", dimension))
                .set_start_time(at(input, "StartTime"))
                .set_end_time(at(input, "EndTime"))
                .set_period(whole(input, "Period"))
                .set_statistics(list(input, "Statistics", |v| word(v).as_str().into()))
                .set_extended_statistics(list(input, "ExtendedStatistics", word))
                .set_unit(text(input, "Unit").map(|t| t.as_str().into()));
            let output = call.send().await.map_err(failure)?;
            Ok(object([
                ("Label", output.label().map(Value::from)),
                ("Datapoints", Some(output.datapoints().iter().map(datapoint).collect())),
            ]))
        }
        "ListMetrics" => {
            let call = client
                .list_metrics()
                .set_namespace(text(input, "Namespace"))
                .set_metric_name(text(input, "MetricName"))
                .set_dimensions(list(input, "Dimensions", filter))
                .set_next_token(text(input, "NextToken"))
                .set_recently_active(text(input, "RecentlyActive").map(|t| t.as_str().into()))
                .set_include_linked_accounts(input["IncludeLinkedAccounts"].as_bool())
                .set_owning_account(text(input, "OwningAccount"));
            let output = call.send().await.map_err(failure)?;
            Ok(object([
                ("Metrics", Some(output.metrics().iter().map(listed).collect())),
                ("NextToken", output.next_token().map(Value::from)),
            ]))
        }
        "DescribeAnomalyDetectors" => {
            client.describe_anomaly_detectors().send().await.map_err(failure)?;
            Ok(json!({}))
        }
        "PutDashboard" => {
            let call = client
                .put_dashboard()
                .set_dashboard_name(text(input, "DashboardName"))
                .set_dashboard_body(text(input, "DashboardBody"));
            let output = call.send().await.map_err(failure)?;
            let messages = output.dashboard_validation_messages().iter();
            Ok(messages.filter_map(DashboardValidationMessage::message).map(Value::from).collect())
        }
        other => match crate::sdk_alarms::call(client, other, input).await {
            Some(answer) => answer,
            None => panic!("{other} is not wired to the Rust SDK yet"),
        },
    }
}

pub(crate) fn failure<E>(error: SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let whole = format!("{error:?}");
    match error {
        SdkError::ServiceError(told) => Failure::Refused(Refusal {
            code: told.err().code().unwrap_or_default().into(),
            message: told.err().message().unwrap_or_default().into(),
            status: told.raw().status().as_u16(),
        }),
        _ => Failure::Broken(whole),
    }
}

pub(crate) fn text(from: &Value, name: &str) -> Option<String> {
    from.get(name).map(word)
}

pub(crate) fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

pub(crate) fn whole(from: &Value, name: &str) -> Option<i32> {
    from.get(name).map(|v| v.as_i64().and_then(|n| n.try_into().ok()).expect("a whole number"))
}

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some(text) => text.parse().expect("NaN or an infinity"),
        None => value.as_f64().expect("a number"),
    }
}

fn float(from: &Value, name: &str) -> Option<f64> {
    from.get(name).map(number)
}

pub(crate) fn at(from: &Value, name: &str) -> Option<DateTime> {
    from.get(name).map(|v| DateTime::from_millis(v.as_i64().expect("milliseconds")))
}

pub(crate) fn list<T>(from: &Value, name: &str, item: impl Fn(&Value) -> T) -> Option<Vec<T>> {
    from.get(name).map(|v| v.as_array().expect("a list").iter().map(item).collect())
}

fn datum(from: &Value) -> MetricDatum {
    let statistic_values = from.get("StatisticValues").map(|set| {
        StatisticSet::builder()
            .set_sample_count(float(set, "SampleCount"))
            .set_sum(float(set, "Sum"))
            .set_minimum(float(set, "Minimum"))
            .set_maximum(float(set, "Maximum"))
            .build()
    });
    MetricDatum::builder()
        .set_metric_name(text(from, "MetricName"))
        .set_dimensions(list(from, "Dimensions", dimension))
        .set_timestamp(at(from, "Timestamp"))
        .set_value(float(from, "Value"))
        .set_statistic_values(statistic_values)
        .set_values(list(from, "Values", number))
        .set_counts(list(from, "Counts", number))
        .set_unit(text(from, "Unit").map(|t| t.as_str().into()))
        .set_storage_resolution(whole(from, "StorageResolution"))
        .build()
}

fn entity_data(from: &Value) -> EntityMetricData {
    let pairs = |from: &Value| {
        let members: Option<&Map<String, Value>> = from.as_object();
        members.map(|m| m.iter().map(|(k, v)| (k.clone(), word(v))).collect())
    };
    let entity = &from["Entity"];
    EntityMetricData::builder()
        .entity(
            Entity::builder()
                .set_key_attributes(pairs(&entity["KeyAttributes"]))
                .set_attributes(pairs(&entity["Attributes"]))
                .build(),
        )
        .set_metric_data(list(from, "MetricData", datum))
        .build()
}

pub(crate) fn dimension(from: &Value) -> Dimension {
    Dimension::builder().set_name(text(from, "Name")).set_value(text(from, "Value")).build()
}

fn filter(from: &Value) -> DimensionFilter {
    DimensionFilter::builder().set_name(text(from, "Name")).set_value(text(from, "Value")).build()
}

fn label_options(from: &Value) -> LabelOptions {
    LabelOptions::builder().set_timezone(text(from, "Timezone")).build()
}

pub(crate) fn query(from: &Value) -> MetricDataQuery {
    let stat = from.get("MetricStat").map(|stat| {
        let metric = stat.get("Metric").map(|metric| {
            Metric::builder()
                .set_namespace(text(metric, "Namespace"))
                .set_metric_name(text(metric, "MetricName"))
                .set_dimensions(list(metric, "Dimensions", dimension))
                .build()
        });
        MetricStat::builder()
            .set_metric(metric)
            .set_period(whole(stat, "Period"))
            .set_stat(text(stat, "Stat"))
            .set_unit(text(stat, "Unit").map(|t| t.as_str().into()))
            .build()
    });
    MetricDataQuery::builder()
        .set_id(text(from, "Id"))
        .set_metric_stat(stat)
        .set_expression(text(from, "Expression"))
        .set_label(text(from, "Label"))
        .set_return_data(from.get("ReturnData").and_then(Value::as_bool))
        .set_period(whole(from, "Period"))
        .set_account_id(text(from, "AccountId"))
        .build()
}

pub(crate) fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

pub(crate) fn ms(at: &DateTime) -> Value {
    Value::from(at.to_millis().expect("in range"))
}

fn message(from: &MessageData) -> Value {
    object([("Code", from.code().map(Value::from)), ("Value", from.value().map(Value::from))])
}

fn result(from: &MetricDataResult) -> Value {
    object([
        ("Id", from.id().map(Value::from)),
        ("Label", from.label().map(Value::from)),
        ("Timestamps", Some(from.timestamps().iter().map(ms).collect())),
        ("Values", Some(from.values().iter().copied().map(Value::from).collect())),
        ("StatusCode", from.status_code().map(|c| Value::from(c.as_str()))),
        ("Messages", from.messages.as_ref().map(|all| all.iter().map(message).collect())),
    ])
}

fn datapoint(from: &Datapoint) -> Value {
    let extended = from.extended_statistics().map(|all| {
        all.iter().map(|(name, value)| (name.clone(), Value::from(*value))).collect::<Value>()
    });
    object([
        ("Timestamp", from.timestamp().map(ms)),
        ("SampleCount", from.sample_count().map(Value::from)),
        ("Average", from.average().map(Value::from)),
        ("Sum", from.sum().map(Value::from)),
        ("Minimum", from.minimum().map(Value::from)),
        ("Maximum", from.maximum().map(Value::from)),
        ("Unit", from.unit().map(|u| Value::from(u.as_str()))),
        ("ExtendedStatistics", extended),
    ])
}

fn listed(from: &Metric) -> Value {
    let dimensions = from.dimensions().iter();
    let dimensions = dimensions.map(|d| {
        object([("Name", d.name().map(Value::from)), ("Value", d.value().map(Value::from))])
    });
    object([
        ("Namespace", from.namespace().map(Value::from)),
        ("MetricName", from.metric_name().map(Value::from)),
        ("Dimensions", Some(dimensions.collect())),
    ])
}
