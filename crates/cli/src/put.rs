//! `sightline put`.

use crate::client::Endpoint;
use crate::config::usage;
use crate::print;
use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io;

/// What to put: one value by flags, or many from CSV.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PutArguments {
    #[command(flatten)]
    endpoint: Endpoint,
    /// Namespace
    #[arg(short, long)]
    namespace: String,
    /// Name of the metric
    #[arg(short, long, required_unless_present = "csv", conflicts_with = "csv")]
    metric: Option<String>,
    /// Value; several make several samples of one time
    #[arg(
        short,
        long = "value",
        value_parser = finite,
        allow_negative_numbers = true,
        required_unless_present = "csv",
        conflicts_with = "csv"
    )]
    values: Vec<f64>,
    /// Unit, such as Count or Bytes/Second
    #[arg(short, long, conflicts_with = "csv")]
    unit: Option<String>,
    /// Dimension as name=value; may be given several times
    #[arg(short, long = "dimension", value_name = "NAME=VALUE")]
    dimensions: Vec<String>,
    /// Time, such as 2026-01-01T00:00:00Z [default: now]
    #[arg(short, long, conflicts_with = "csv")]
    time: Option<String>,
    /// Keep seconds apart instead of minutes
    #[arg(long)]
    high_resolution: bool,
    /// Read rows with the columns metric, value and, if wanted, time and unit; - is standard input
    #[arg(long, value_name = "FILE")]
    csv: Option<String>,
}

const EXAMPLES: &str = "Examples:
  sightline put -n Shop -m Orders -v 3 -u Count -d region=eu
  printf 'metric,value,time\\nOrders,3,2026-01-01T00:00:00Z\\n' | sightline put -n Shop --csv -";

/// As many data as one call may carry.
const DATA_PER_CALL: usize = 1000;

/// Splits `name=value`.
pub(crate) fn dimension(text: &str) -> anyhow::Result<(&str, &str)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name, value)),
        _ => Err(usage(format!("--dimension {text:?} must be name=value"))),
    }
}

/// Reads a number that JSON can say, which are also those that CloudWatch takes.
fn finite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("must be a finite number".into()),
    }
}

fn seconds(text: &str) -> anyhow::Result<f64> {
    let at: Timestamp = text.parse().map_err(|e| usage(format!("time {text:?}: {e}")))?;
    Ok(at.as_millisecond() as f64 / 1000.0)
}

pub(crate) fn put(arguments: &PutArguments) -> anyhow::Result<()> {
    let mut dimensions = Vec::new();
    for text in &arguments.dimensions {
        let (name, value) = dimension(text)?;
        dimensions.push(json!({ "Name": name, "Value": value }));
    }
    let datum = |metric: &str, unit: Option<&str>, time: Option<&str>| -> anyhow::Result<Value> {
        let mut datum = json!({ "MetricName": metric, "Dimensions": dimensions });
        if let Some(unit) = unit {
            datum["Unit"] = unit.into();
        }
        if let Some(time) = time {
            datum["Timestamp"] = seconds(time)?.into();
        }
        if arguments.high_resolution {
            datum["StorageResolution"] = 1.into();
        }
        Ok(datum)
    };
    let mut data = Vec::new();
    if let Some(path) = &arguments.csv {
        let source: Box<dyn io::Read> = match path.as_str() {
            "-" => Box::new(io::stdin()),
            path => Box::new(std::fs::File::open(path).with_context(|| format!("--csv {path}"))?),
        };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let header = reader.headers()?.clone();
        let column = |name: &str| header.iter().position(|h| h.eq_ignore_ascii_case(name));
        let metric = column("metric").ok_or_else(|| usage("--csv needs a column `metric`"))?;
        let value = column("value").ok_or_else(|| usage("--csv needs a column `value`"))?;
        let (time, unit) = (column("time"), column("unit"));
        for (number, row) in reader.records().enumerate() {
            let row = row?;
            let cell = |at: Option<usize>| at.and_then(|at| row.get(at)).filter(|c| !c.is_empty());
            let metric = cell(Some(metric))
                .ok_or_else(|| usage(format!("row {}: no metric", number + 1)))?;
            let text = cell(Some(value)).unwrap_or_default();
            let value = finite(text)
                .map_err(|what| usage(format!("row {}: value {text:?}: {what}", number + 1)))?;
            let mut datum = datum(metric, cell(unit), cell(time))?;
            datum["Value"] = value.into();
            data.push(datum);
        }
    } else {
        let metric = arguments.metric.as_deref().unwrap_or_default();
        let mut datum = datum(metric, arguments.unit.as_deref(), arguments.time.as_deref())?;
        match arguments.values.as_slice() {
            [one] => datum["Value"] = (*one).into(),
            many => datum["Values"] = many.to_vec().into(),
        }
        data.push(datum);
    }
    let mut done = 0;
    for piece in data.chunks(DATA_PER_CALL) {
        let input = json!({ "Namespace": arguments.namespace, "MetricData": piece });
        let put = arguments.endpoint.cloudwatch("PutMetricData", &input);
        match done {
            0 => put?,
            _ => put.with_context(|| format!("{done} of {} data were put before", data.len()))?,
        };
        done += piece.len();
    }
    print::text(&format!("put {done} data\n"))
}
