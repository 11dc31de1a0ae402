//! Two answers, and whether they say the same.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Values may differ by so much of their size: sums are taken in other orders, and powers and
/// sines are another library's.
const TOLERANCE: f64 = 1e-12;

/// Says how two answers differ; nothing if they say the same.
///
/// Compared are the code, the kind and place of an error, the value, and what is said beside it.
/// Series come in any order, unless `ordered`: then equal values may still change places.
pub(super) fn difference(
    theirs: &(u16, Value),
    ours: &(u16, Value),
    ordered: bool,
) -> Option<String> {
    if theirs.0 != ours.0 || theirs.1["errorType"] != ours.1["errorType"] {
        return Some(format!(
            "theirs {} {}\n    ours {} {}",
            theirs.0,
            brief(&theirs.1),
            ours.0,
            brief(&ours.1)
        ));
    }
    let (a, b) = (&theirs.1, &ours.1);
    if place(a).zip(place(b)).is_some_and(|(theirs, ours)| theirs != ours) {
        return Some(format!("theirs {}\n    ours {}", a["error"], b["error"]));
    }
    for notes in ["warnings", "infos"] {
        let texts = |value: &Value| -> BTreeSet<String> {
            let all = value[notes].as_array().map(Vec::as_slice).unwrap_or_default();
            all.iter().map(|text| without_name(text.as_str().unwrap_or_default())).collect()
        };
        if texts(a) != texts(b) {
            return Some(format!("{notes}: theirs {}\n    ours {}", a[notes], b[notes]));
        }
    }
    let (a, b) = (&sorted(&a["data"]), &sorted(&b["data"]));
    if a["resultType"] != b["resultType"] {
        return Some(format!("theirs {}, ours {}", a["resultType"], b["resultType"]));
    }
    match a["resultType"].as_str() {
        Some("vector" | "matrix") => of_series(&a["result"], &b["result"], ordered),
        Some("scalar") if same_point(&a["result"], &b["result"]) => None,
        _ if a == b => None,
        _ => Some(format!("theirs {a}, ours {b}")),
    }
}

fn of_series(theirs: &Value, ours: &Value, ordered: bool) -> Option<String> {
    let (theirs, ours) = (named(theirs), named(ours));
    // A matrix is sorted by its labels, a vector by its values.
    let keys = |all: &[(String, Value)]| -> Vec<String> {
        all.iter()
            .map(|(name, value)| match value[1].as_str() {
                Some(value) => value.to_owned(),
                None => name.clone(),
            })
            .collect()
    };
    if ordered && keys(&theirs) != keys(&ours) {
        return Some(format!("order: theirs {:?}\n    ours {:?}", keys(&theirs), keys(&ours)));
    }
    let mut by_name: BTreeMap<String, Value> = ours.into_iter().collect();
    let mut lines = Vec::new();
    for (name, value) in theirs {
        match by_name.remove(&name) {
            None => lines.push(format!("{name}: theirs {}, ours none", brief(&value))),
            Some(own) => {
                if let Some(line) = of_points(&value, &own) {
                    lines.push(format!("{name}: {line}"));
                }
            }
        }
    }
    for (name, value) in by_name {
        lines.push(format!("{name}: theirs none, ours {}", brief(&value)));
    }
    let more = lines.len().saturating_sub(3);
    lines.truncate(3);
    (!lines.is_empty()).then(|| format!("{}\n    and {more} more", lines.join("\n    ")))
}

/// Series by their labels, which are sorted.
fn named(result: &Value) -> Vec<(String, Value)> {
    let all = result.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter()
        .map(|series| {
            let one = series.get("value").or(series.get("histogram")).cloned();
            let values = one.unwrap_or_else(|| {
                // Floats and histograms have times of their own.
                let lists = [series.get("values"), series.get("histograms")];
                lists.into_iter().flatten().filter_map(Value::as_array).flatten().cloned().collect()
            });
            (series["metric"].to_string(), values)
        })
        .collect()
}

fn of_points(theirs: &Value, ours: &Value) -> Option<String> {
    let (Some(a), Some(b)) = (theirs.as_array(), ours.as_array()) else {
        return Some(format!("theirs {theirs}, ours {ours}"));
    };
    if !a.first().is_some_and(Value::is_array) {
        return (!same_point(theirs, ours)).then(|| format!("theirs {theirs}, ours {ours}"));
    }
    if a.len() != b.len() {
        let lacks = a.iter().find(|p| !b.iter().any(|q| q[0] == p[0]));
        let extra = b.iter().find(|p| !a.iter().any(|q| q[0] == p[0]));
        return Some(format!(
            "theirs {} points, ours {}; ours lacks {lacks:?} and has besides {extra:?}",
            a.len(),
            b.len()
        ));
    }
    let unequal = a.iter().zip(b).find(|(a, b)| !same_point(a, b));
    unequal.map(|(a, b)| format!("theirs {a}, ours {b}"))
}

fn same_point(a: &Value, b: &Value) -> bool {
    a[0] == b[0] && same_value(&a[1], &b[1])
}

/// Numbers come as texts, and within histograms.
fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(name, value)| b.get(name).is_some_and(|other| same_value(value, other));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => match (number(a), number(b)) {
            (Some(x), Some(y)) if x.is_nan() || y.is_nan() => x.is_nan() && y.is_nan(),
            (Some(x), Some(y)) => a == b || (x - y).abs() <= TOLERANCE * x.abs().max(y.abs()),
            _ => a == b,
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

/// Prometheus names a metric in some notes at the first step of a range, and no metric later; in others
/// it names none ever.
fn without_name(note: &str) -> String {
    let not_compared = ["monotonicity", "NaN observations"].iter().any(|what| note.contains(what));
    match (note.find(" for metric name "), note.rfind(" (")) {
        (Some(start), Some(end)) if not_compared && start < end => {
            format!("{}{}", &note[..start], &note[end..])
        }
        _ => note.to_owned(),
    }
}

/// Lists of label sets come in any order.
fn sorted(data: &Value) -> Value {
    let mut data = data.clone();
    if let Some(list) = data.as_array_mut() {
        list.sort_by_cached_key(Value::to_string);
    }
    data
}

/// The place that an error names: all that stands before the first blank of `1:5: parse error`.
fn place(answer: &Value) -> Option<&str> {
    let (before, _) = answer["error"].as_str()?.split_once(": parse error")?;
    before.rsplit(' ').next().filter(|place| place.contains(':'))
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
