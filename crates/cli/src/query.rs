//! `sightline query`.

use crate::client::Endpoint;
use crate::config::usage;
use crate::print::{Format, Rows};
use crate::put::dimension;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// What to ask: a PromQL selector, or a CloudWatch metric.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct QueryArguments {
    #[command(flatten)]
    endpoint: Endpoint,
    /// PromQL selector, such as up{job="node"}
    #[arg(conflicts_with_all = ["namespace", "metric"])]
    selector: Option<String>,
    /// Namespace; alone it lists the namespace's metrics
    #[arg(short, long)]
    namespace: Option<String>,
    /// Name of the metric
    #[arg(short, long, requires = "namespace")]
    metric: Option<String>,
    /// Dimension as name=value; the whole set must be given
    #[arg(short, long = "dimension", value_name = "NAME=VALUE", requires = "namespace")]
    dimensions: Vec<String>,
    /// Statistic: SampleCount, Sum, Average, Minimum, Maximum, p0 to p100 [default: Average]
    #[arg(long, requires = "metric")]
    stat: Option<String>,
    /// Length of a period (CloudWatch) or step (PromQL with --range) [default: 60s]
    #[arg(long)]
    period: Option<String>,
    /// How far back [default: 1h]
    #[arg(long)]
    since: Option<String>,
    /// End, such as 2026-01-01T00:00:00Z [default: now]
    #[arg(long)]
    end: Option<String>,
    /// PromQL: values over the whole time, not only the last one
    #[arg(long, requires = "selector")]
    range: bool,
    /// Which entities the metrics of a namespace were reported with
    #[arg(long, conflicts_with_all = ["selector", "metric", "dimensions"])]
    entities: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value = "table")]
    format: Format,
}

const EXAMPLES: &str = "Examples:
  sightline query -n CWAgent                                     what is there
  sightline query -n CWAgent -m mem_used_percent -d host=$(uname -n) --since 10m
  sightline query 'up{job=\"node\"}'                               the last values
  sightline query 'node_load1' --range --since 3h --period 5m -f csv
  sightline query --entities -n Shop -f json";

fn duration(name: &str, text: &str) -> anyhow::Result<SignedDuration> {
    let duration: SignedDuration =
        text.parse().map_err(|e| usage(format!("{name} {text:?}: {e}")))?;
    if duration.is_positive() {
        Ok(duration)
    } else {
        Err(usage(format!("{name} {text:?} must be positive")))
    }
}

fn text_of(seconds: f64) -> String {
    let at = Timestamp::from_millisecond((seconds * 1000.0).round() as i64);
    at.map(|t| t.to_string()).unwrap_or_else(|_| seconds.to_string())
}

fn labels_text(labels: &Value) -> String {
    let pairs = labels.as_object().into_iter().flatten().filter(|(n, _)| *n != "__name__");
    let pairs: Vec<String> =
        pairs.map(|(n, v)| format!("{n}={:?}", v.as_str().unwrap_or_default())).collect();
    format!("{}{{{}}}", labels["__name__"].as_str().unwrap_or_default(), pairs.join(","))
}

pub(crate) fn query(arguments: &QueryArguments) -> anyhow::Result<()> {
    refuse_idle_options(arguments)?;
    let period = duration("--period", arguments.period.as_deref().unwrap_or("60s"))?;
    let since = duration("--since", arguments.since.as_deref().unwrap_or("1h"))?;
    let end = match &arguments.end {
        Some(text) => text.parse().map_err(|e| usage(format!("--end {text:?}: {e}")))?,
        None => now(&arguments.endpoint)?,
    };
    let start = end.checked_sub(since)?;
    let seconds = |at: Timestamp| at.as_millisecond() as f64 / 1000.0;
    let (start, end) = (seconds(start), seconds(end));
    let rows = if arguments.entities {
        entities(arguments)?
    } else if let Some(selector) = &arguments.selector {
        prometheus(arguments, selector, start, end, period.as_secs_f64())?
    } else if arguments.metric.is_some() {
        if period.subsec_nanos() != 0 {
            return Err(usage("--period of a CloudWatch metric must be whole seconds"));
        }
        statistics(arguments, start, end, period.as_secs())?
    } else if arguments.namespace.is_some() {
        metrics(arguments)?
    } else {
        return Err(usage(
            "give a PromQL selector, or --namespace and --metric; --help shows examples",
        ));
    };
    rows.print(arguments.format)
}

/// An option that would change nothing is refused: whoever gave it expects something of it.
fn refuse_idle_options(arguments: &QueryArguments) -> anyhow::Result<()> {
    let lists = arguments.selector.is_none() && arguments.metric.is_none();
    let instant = arguments.selector.is_some() && !arguments.range;
    for (name, given, idle) in [
        ("--period", arguments.period.is_some(), lists || instant),
        ("--since", arguments.since.is_some(), lists || instant),
        ("--end", arguments.end.is_some(), lists),
    ] {
        if given && idle {
            let what = if lists { "a list" } else { "the last values; add --range" };
            return Err(usage(format!("{name} has no effect on {what}")));
        }
    }
    Ok(())
}

/// The server's clock decides what now is: it may be a virtual one.
fn now(endpoint: &Endpoint) -> anyhow::Result<Timestamp> {
    match endpoint.get("/-/clock", &[]) {
        Ok(clock) => Ok(Timestamp::from_millisecond(clock["now_ms"].as_i64().unwrap_or_default())?),
        // Without a test bench the clock is the machine's.
        Err(_) => Ok(Timestamp::now()),
    }
}

fn prometheus(
    arguments: &QueryArguments,
    selector: &str,
    start: f64,
    end: f64,
    step: f64,
) -> anyhow::Result<Rows> {
    let query = ("query", selector.to_owned());
    let answer = if arguments.range {
        let range = [
            query,
            ("start", start.to_string()),
            ("end", end.to_string()),
            ("step", step.to_string()),
        ];
        arguments.endpoint.get("/api/v1/query_range", &range)?
    } else {
        arguments.endpoint.get("/api/v1/query", &[query, ("time", end.to_string())])?
    };
    let header = ["series", "time", "value"].map(str::to_owned).to_vec();
    let mut rows = Vec::new();
    for series in answer["data"]["result"].as_array().into_iter().flatten() {
        let name = labels_text(&series["metric"]);
        let one = series.get("value").into_iter();
        let many = series["values"].as_array().into_iter().flatten();
        for sample in one.chain(many) {
            let at = text_of(sample[0].as_f64().unwrap_or_default());
            rows.push(vec![name.clone(), at, sample[1].as_str().unwrap_or_default().to_owned()]);
        }
    }
    Ok(Rows { header, rows })
}

fn dimensions_of(arguments: &QueryArguments) -> anyhow::Result<Vec<Value>> {
    arguments
        .dimensions
        .iter()
        .map(|text| dimension(text).map(|(name, value)| json!({ "Name": name, "Value": value })))
        .collect()
}

fn statistics(
    arguments: &QueryArguments,
    start: f64,
    end: f64,
    period: i64,
) -> anyhow::Result<Rows> {
    let stat = arguments.stat.as_deref().unwrap_or("Average");
    let mut input = json!({
        "StartTime": start, "EndTime": end, "ScanBy": "TimestampAscending",
        "MetricDataQueries": [{ "Id": "m1", "MetricStat": {
            "Metric": {
                "Namespace": arguments.namespace, "MetricName": arguments.metric,
                "Dimensions": dimensions_of(arguments)?,
            },
            "Period": period, "Stat": stat,
        }}],
    });
    let mut rows = Vec::new();
    loop {
        let answer = arguments.endpoint.cloudwatch("GetMetricData", &input)?;
        let result = &answer["MetricDataResults"][0];
        let times = result["Timestamps"].as_array().into_iter().flatten();
        let values = result["Values"].as_array().into_iter().flatten();
        rows.extend(
            times.zip(values).map(|(at, value)| {
                vec![text_of(at.as_f64().unwrap_or_default()), value.to_string()]
            }),
        );
        match answer["NextToken"].as_str() {
            Some(token) => input["NextToken"] = token.into(),
            None => break,
        }
    }
    Ok(Rows { header: vec!["time".into(), stat.to_owned()], rows })
}

fn metrics(arguments: &QueryArguments) -> anyhow::Result<Rows> {
    let header = ["metric", "dimensions"].map(str::to_owned).to_vec();
    let mut rows = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut input =
            json!({ "Namespace": arguments.namespace, "Dimensions": dimensions_of(arguments)? });
        if let Some(token) = &token {
            input["NextToken"] = token.as_str().into();
        }
        let answer = arguments.endpoint.cloudwatch("ListMetrics", &input)?;
        for metric in answer["Metrics"].as_array().into_iter().flatten() {
            let dimensions: Vec<String> = metric["Dimensions"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|d| {
                    let text = |name: &str| d[name].as_str().unwrap_or_default().to_owned();
                    format!("{}={}", text("Name"), text("Value"))
                })
                .collect();
            let name = metric["MetricName"].as_str().unwrap_or_default().to_owned();
            rows.push(vec![name, dimensions.join(" ")]);
        }
        token = answer["NextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            return Ok(Rows { header, rows });
        }
    }
}

fn entities(arguments: &QueryArguments) -> anyhow::Result<Rows> {
    let namespace = arguments.namespace.iter().map(|n| ("namespace", n.clone()));
    let answer = arguments.endpoint.get("/-/entities", &namespace.collect::<Vec<_>>())?;
    let header = ["namespace", "metric", "dimensions", "key attributes", "attributes"];
    let pairs = |value: &Value| -> String {
        let object = value.as_object().into_iter().flatten();
        let texts: Vec<String> =
            object.map(|(n, v)| format!("{n}={}", v.as_str().unwrap_or_default())).collect();
        texts.join(" ")
    };
    let rows = answer["entities"].as_array().into_iter().flatten().map(|one| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let dimensions: Vec<String> = one["dimensions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|d| {
                format!(
                    "{}={}",
                    d[0].as_str().unwrap_or_default(),
                    d[1].as_str().unwrap_or_default()
                )
            })
            .collect();
        let entity = &one["entity"];
        vec![
            text("namespace"),
            text("name"),
            dimensions.join(" "),
            pairs(&entity["key_attributes"]),
            pairs(&entity["attributes"]),
        ]
    });
    Ok(Rows { header: header.map(str::to_owned).to_vec(), rows: rows.collect() })
}
