//! What a server answered, in a form in which two servers can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::table::How;

/// The answer of one request.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// Points by the series' labels; an instant vector has one each.
    Points(BTreeMap<String, Vec<(i64, f64)>>),
    /// A list of names, or of series.
    Names(BTreeSet<String>),
}

/// How many things are in an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) series: usize,
    pub(crate) points: usize,
}

/// Sums and means come out differently in the last digits when they are added up in another order.
const TOLERANCE: f64 = 1e-9;

impl Answer {
    /// Reads the JSON of Prometheus' HTTP API.
    pub(crate) fn read(body: &[u8]) -> Result<Self> {
        let tree: Value = serde_json::from_slice(body).context("no JSON")?;
        if tree["status"] != "success" {
            bail!("no success");
        }
        if let Some(list) = tree["data"].as_array() {
            let name = |one: &Value| match one {
                Value::String(name) => Ok(name.clone()),
                labels => shown_labels(labels),
            };
            return Ok(Self::Names(list.iter().map(name).collect::<Result<_>>()?));
        }
        let list = tree["data"]["result"].as_array().context("no result")?;
        let mut series = BTreeMap::new();
        for one in list {
            let labels = shown_labels(&one["metric"])?;
            let points = match (&one["value"], &one["values"]) {
                (Value::Null, Value::Array(points)) => points.iter().map(point).collect(),
                (value, _) => point(value).map(|point| vec![point]),
            };
            if series.insert(labels.clone(), points?).is_some() {
                bail!("{labels} comes twice");
            }
        }
        Ok(Self::Points(series))
    }

    pub(crate) fn size(&self) -> Size {
        match self {
            Self::Points(series) => {
                Size { series: series.len(), points: series.values().map(Vec::len).sum() }
            }
            Self::Names(names) => Size { series: names.len(), points: 0 },
        }
    }

    /// Returns the first differences in words, or nothing when both say the same.
    pub(crate) fn differences(&self, other: &Self, how: Option<How>) -> Option<String> {
        let lines = match (self, other) {
            (Self::Names(one), Self::Names(other)) => one
                .symmetric_difference(other)
                .map(|name| format!("only one has {name}"))
                .collect::<Vec<_>>(),
            (Self::Points(one), Self::Points(other)) => match how {
                Some(How::Values) => compare(&by_time(one), &by_time(other), TOLERANCE),
                Some(How::Within(share)) => compare(one, other, share),
                None => compare(one, other, TOLERANCE),
            },
            _ => vec!["one is a list of names and the other is of points".to_owned()],
        };
        let first: Vec<String> = lines.iter().take(5).cloned().collect();
        let count = lines.len();
        (count > 0).then(|| format!("{count} differences, such as\n    {}", first.join("\n    ")))
    }
}

fn point(pair: &Value) -> Result<(i64, f64)> {
    let time = pair[0].as_f64().context("a point without a time")?;
    let value = pair[1].as_str().context("a point without a value")?;
    Ok(((time * 1e3).round() as i64, value.parse().with_context(|| value.to_owned())?))
}

fn shown_labels(labels: &Value) -> Result<String> {
    let labels = labels.as_object().context("labels are no object")?;
    let sorted: BTreeMap<_, _> = labels.iter().collect();
    let mut shown = String::new();
    for (name, value) in sorted {
        let _ = write!(shown, "{name}={value},");
    }
    Ok(shown)
}

/// Puts the values of all series at a time in order.
fn by_time(series: &BTreeMap<String, Vec<(i64, f64)>>) -> BTreeMap<String, Vec<(i64, f64)>> {
    let mut out: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    for &(time, value) in series.values().flatten() {
        out.entry(format!("all at {time}")).or_default().push((time, value));
    }
    for points in out.values_mut() {
        points.sort_by(|one, other| one.1.total_cmp(&other.1));
    }
    out
}

fn compare(
    one: &BTreeMap<String, Vec<(i64, f64)>>,
    other: &BTreeMap<String, Vec<(i64, f64)>>,
    tolerance: f64,
) -> Vec<String> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let none = Vec::new();
    let mut lines = Vec::new();
    for name in names {
        let (one, other) = (one.get(name).unwrap_or(&none), other.get(name).unwrap_or(&none));
        if one.len() != other.len() {
            lines.push(format!("{name} {} points and {}", one.len(), other.len()));
            continue;
        }
        let differ = |((time, value), (other_time, other_value)): &(&(i64, f64), &(i64, f64))| {
            time != other_time || !is_near(*value, *other_value, tolerance)
        };
        if let Some((one, other)) = one.iter().zip(other).find(differ) {
            lines.push(format!("{name} {} at {} and {} at {}", one.1, one.0, other.1, other.0));
        }
    }
    lines
}

fn is_near(one: f64, other: f64, tolerance: f64) -> bool {
    one == other
        || (one.is_nan() && other.is_nan())
        || (one - other).abs() <= tolerance * one.abs().max(other.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(points: &[(&str, f64)]) -> Answer {
        let series: Vec<String> = points
            .iter()
            .map(|(host, value)| format!(r#"{{"metric":{{"h":"{host}"}},"value":[7,"{value}"]}}"#))
            .collect();
        let text = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#,
            series.join(",")
        );
        Answer::read(text.as_bytes()).expect("an answer")
    }

    #[test]
    fn values_may_differ_in_their_last_digits_and_no_more() {
        let one = vector(&[("a", 1.0), ("b", 2.0)]);
        assert_eq!(one.size(), Size { series: 2, points: 2 });
        assert_eq!(one.differences(&vector(&[("b", 2.000_000_000_1), ("a", 1.0)]), None), None);
        let told = one.differences(&vector(&[("a", 1.0), ("b", 2.1)]), None).expect("differs");
        assert!(told.contains("2 at 7000 and 2.1 at 7000"), "{told}");
        let loose = Some(How::Within(0.1));
        assert_eq!(one.differences(&vector(&[("a", 1.0), ("b", 2.1)]), loose), None);
        assert!(one.differences(&vector(&[("a", 1.0)]), loose).is_some());
    }

    #[test]
    fn of_ties_only_the_values_count() {
        let one = vector(&[("a", 100.0), ("b", 99.0)]);
        let tied = vector(&[("a", 99.0), ("c", 100.0)]);
        assert!(one.differences(&tied, None).is_some());
        assert_eq!(one.differences(&tied, Some(How::Values)), None);
        let other = vector(&[("a", 99.0), ("c", 99.0)]);
        assert!(one.differences(&other, Some(How::Values)).is_some());
    }

    #[test]
    fn lists_have_no_order_and_failures_are_no_answers() {
        let read = |text: &str| Answer::read(text.as_bytes());
        let one = read(r#"{"status":"success","data":["a","b"]}"#).expect("names");
        let other = read(r#"{"status":"success","data":["b","a"]}"#).expect("names");
        assert_eq!(one.differences(&other, None), None);
        assert!(read(r#"{"status":"error","error":"too many"}"#).is_err());
        let series = read(r#"{"status":"success","data":[{"x":"1","a":"2"}]}"#).expect("series");
        assert_eq!(series, Answer::Names([r#"a="2",x="1","#.to_owned()].into()));
    }
}
