//! Compares an answer with the text that says what it should be.

use super::case::Request;
use crate::bench::SECOND;
use crate::client::Refusal;
use crate::world::points;
use serde_json::Value;
use std::fmt;

/// One result, or one line of what is expected: a label, and a value or none for each period of the range.
pub(super) struct Line {
    label: String,
    values: Vec<Option<f64>>,
    /// Codes of messages, and a status other than `Complete`.
    messages: Vec<String>,
}

/// Reads the results of GetMetricData onto the grid of the request.
pub(super) fn read(answer: &Value, request: &Request) -> Result<Vec<Line>, String> {
    let list = answer["MetricDataResults"].as_array().ok_or("no list of results")?;
    list.iter().map(|result| line(result, request)).collect()
}

fn line(result: &Value, request: &Request) -> Result<Line, String> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let id = result["Id"].as_str().ok_or("a result without Id")?;
    let step = request.grids.get(id).copied().unwrap_or(60) * SECOND;
    let start = request.start - request.start.rem_euclid(step);
    let slots = (request.end - start + step - 1) / step;
    let mut values = vec![None; usize::try_from(slots).map_err(|e| e.to_string())?];

    let points = points(result);
    let ordered =
        |a: &(i64, f64), b: &(i64, f64)| if request.ascending { a.0 < b.0 } else { a.0 > b.0 };
    if !points.is_sorted_by(ordered) {
        return Err(format!("not in order of time\n{points:?}"));
    }
    for (at, value) in points {
        let slot = usize::try_from((at - start) / step).ok().filter(|_| (at - start) % step == 0);
        let slot = slot.and_then(|slot| values.get_mut(slot));
        *slot.ok_or_else(|| format!("a point off the grid of {step} ms\n{result}"))? = Some(value);
    }
    let mut messages: Vec<String> = result["Messages"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|message| text(&message["Code"]))
        .collect();
    if result["StatusCode"] != "Complete" {
        messages.push(text(&result["StatusCode"]));
    }
    Ok(Line { label: text(&result["Label"]), values, messages })
}

/// What a case expects.
pub(super) enum Expected {
    /// `error Code|Code: text`, where the text must be part of the message.
    Refusal {
        codes: Vec<String>,
        text: String,
    },
    /// `no points`: any number of results, and nothing in them.
    NoPoints,
    Lines(Vec<Line>),
}

impl Expected {
    pub(super) fn parse(text: &str) -> Result<Expected, String> {
        if text == "no points" {
            return Ok(Expected::NoPoints);
        }
        if let Some(refusal) = text.strip_prefix("error ") {
            let (codes, text) = refusal.split_once(": ").unwrap_or((refusal, ""));
            let codes = codes.split('|').map(str::to_owned).collect();
            return Ok(Expected::Refusal { codes, text: text.to_owned() });
        }
        let mut lines: Vec<Line> = Vec::new();
        for line in text.lines() {
            if let Some(code) = line.strip_prefix("  message ") {
                let last = lines.last_mut().ok_or("a message before any result")?;
                last.messages.push(code.to_owned());
                continue;
            }
            let parts = line.rsplit_once(": ");
            let (label, values) = parts.ok_or_else(|| format!("no label\n{line}"))?;
            let values: Option<Vec<_>> = values.split_whitespace().map(value).collect();
            let values = values.ok_or_else(|| format!("no values\n{line}"))?;
            lines.push(Line { label: label.to_owned(), values, messages: Vec::new() });
        }
        Ok(Expected::Lines(lines))
    }

    pub(super) fn matches_refusal(&self, refusal: &Refusal) -> Result<(), String> {
        match self {
            Expected::Refusal { codes, text }
                if codes.contains(&refusal.code) && refusal.message.contains(text) =>
            {
                Ok(())
            }
            _ => Err(format!("refused\nerror {}: {}", refusal.code, refusal.message)),
        }
    }

    pub(super) fn matches(&self, found: &[Line], any_order: bool) -> Result<(), String> {
        let same = match self {
            Expected::Refusal { .. } => false,
            Expected::NoPoints => found
                .iter()
                .all(|line| line.messages.is_empty() && line.values.iter().all(Option::is_none)),
            Expected::Lines(lines) if any_order => same_set(lines, found),
            Expected::Lines(lines) => {
                lines.len() == found.len() && lines.iter().zip(found).all(|(a, b)| a.describes(b))
            }
        };
        let all: Vec<String> = found.iter().map(Line::to_string).collect();
        if same { Ok(()) } else { Err(format!("got\n{}", all.join("\n"))) }
    }
}

fn same_set(lines: &[Line], found: &[Line]) -> bool {
    let mut left: Vec<&Line> = found.iter().collect();
    let all = lines.iter().all(|line| {
        let at = left.iter().position(|found| line.describes(found));
        at.map(|at| left.remove(at)).is_some()
    });
    all && left.is_empty()
}

impl Line {
    fn describes(&self, found: &Line) -> bool {
        label_matches(&self.label, &found.label)
            && self.messages == found.messages
            && self.values.len() == found.values.len()
            && self.values.iter().zip(&found.values).all(|pair| match pair {
                (Some(a), Some(b)) => close(*b, *a),
                (None, None) => true,
                _ => false,
            })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.label)?;
        for value in &self.values {
            match value {
                Some(value) => write!(f, " {value}")?,
                None => f.write_str(" _")?,
            }
        }
        self.messages.iter().try_for_each(|code| write!(f, "\n  message {code}"))
    }
}

/// Reads `_`, a number, or a fraction such as `11/3`, which is how many of them come out of a rule.
fn value(text: &str) -> Option<Option<f64>> {
    if text == "_" {
        return Some(None);
    }
    let number = |text: &str| text.parse::<f64>().ok();
    Some(Some(match text.split_once('/') {
        Some((above, below)) => number(above)? / number(below)?,
        None => number(text)?,
    }))
}

pub(super) fn close(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0)
}

/// Compares labels; `*` stands for anything, and `5` for `5.0` and `5.00`: how numbers look in a label is
/// written down nowhere.
fn label_matches(pattern: &str, label: &str) -> bool {
    let same_word = |(a, b): (&str, &str)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => close(b, a),
        _ => a == b,
    };
    let words = |text: &str| text.split(' ').count();
    if !pattern.contains('*') {
        return words(pattern) == words(label)
            && pattern.split(' ').zip(label.split(' ')).all(same_word);
    }
    let parts: Vec<&str> = pattern.split('*').collect();
    let (first, rest) = parts.split_first().expect("split gives one part at least");
    let (last, between) = rest.split_last().expect("there is a star");
    let Some(mut left) = label.strip_prefix(first).and_then(|left| left.strip_suffix(last)) else {
        return false;
    };
    between.iter().all(|part| {
        let found = left.split_once(part);
        found.map(|(_, after)| left = after).is_some()
    })
}
