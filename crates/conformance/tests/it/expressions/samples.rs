//! Puts what the cases ask for: the block of data in `fixtures/README.md`.

use super::case::{FIRST, fixtures, identity};
use crate::bench::{MINUTE, SECOND};
use crate::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Puts all samples, one call for each namespace.
pub(super) fn put(w: &mut World) {
    let page = fixtures().join("README.md");
    let text = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let mut data: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let block = text.lines().skip_while(|line| *line != "```data").skip(1);
    for line in block.take_while(|line| *line != "```").filter(|line| !line.is_empty()) {
        let read = metric(line).unwrap_or_else(|| panic!("{}: {line}", page.display()));
        for (namespace, datum) in read {
            data.entry(namespace).or_default().push(datum);
        }
    }
    assert!(!data.is_empty(), "{}: no block of data", page.display());
    for (namespace, data) in data {
        w.call("PutMetricData", json!({"Namespace": namespace, "MetricData": data}));
    }
}

/// Reads `namespace|name{dimension=value} unit=Seconds = 1 _ 2,3 4x5 set(1,2,2,2)`: what came in each minute,
/// or in every 10 seconds with ` every=10` before the unit.
fn metric(line: &str) -> Option<Vec<(String, Value)>> {
    let (metric, values) = line.rsplit_once(" = ")?;
    let (metric, unit) = match metric.trim_end().rsplit_once(" unit=") {
        Some((metric, unit)) => (metric.trim_end(), Some(unit)),
        None => (metric.trim_end(), None),
    };
    let (metric, seconds) = match metric.rsplit_once(" every=") {
        Some((metric, seconds)) => (metric.trim_end(), Some(seconds.parse::<i64>().ok()?)),
        None => (metric, None),
    };
    let identity = identity(metric);
    let namespace = identity["Namespace"].as_str()?;
    let mut data = Vec::new();
    for (column, cell) in (0..).zip(values.split_whitespace()) {
        let Some(mut datum) = sample(cell)? else { continue };
        datum["MetricName"] = identity["MetricName"].clone();
        datum["Dimensions"] = identity["Dimensions"].clone();
        datum["Timestamp"] = json!(FIRST + column * seconds.map_or(MINUTE, |s| s * SECOND));
        if seconds.is_some() {
            datum["StorageResolution"] = json!(1);
        }
        if let Some(unit) = unit {
            datum["Unit"] = json!(unit);
        }
        data.push((namespace.to_owned(), datum));
    }
    Some(data)
}

fn sample(cell: &str) -> Option<Option<Value>> {
    if cell == "_" {
        return Some(None);
    }
    let numbers = |list: &str| -> Option<Vec<f64>> {
        list.split(',').map(|number| number.parse().ok()).collect()
    };
    if let Some(set) = cell.strip_prefix("set(").and_then(|rest| rest.strip_suffix(')')) {
        let [count, sum, minimum, maximum] = numbers(set)?.try_into().ok()?;
        let set = json!({"SampleCount": count, "Sum": sum, "Minimum": minimum, "Maximum": maximum});
        return Some(Some(json!({"StatisticValues": set})));
    }
    if let Some((first, last)) = cell.split_once("..") {
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        return Some(Some(json!({"Values": (first..=last).collect::<Vec<_>>()})));
    }
    if cell.contains('x') {
        let pairs: Option<Vec<(f64, f64)>> = cell
            .split(',')
            .map(|pair| {
                let (value, count) = pair.split_once('x')?;
                Some((value.parse().ok()?, count.parse().ok()?))
            })
            .collect();
        let (values, counts): (Vec<f64>, Vec<f64>) = pairs?.into_iter().unzip();
        return Some(Some(json!({"Values": values, "Counts": counts})));
    }
    let values = numbers(cell)?;
    Some(Some(match values.as_slice() {
        [value] => json!({"Value": value}),
        values => json!({"Values": values}),
    }))
}
