//! The rows of `metrics`: cells of names with their shorthand, and how each is drawn.
//!
//! `"."` repeats the cell above it, `"..."` all cells of the row above that the row does not write
//! itself: `["...", "i-2"]` all but the last, `["AWS/EC2", "NetworkIn", "..."]` all from the third on.

use super::METRICS_MAX;
use super::fields::{Fields, Mistakes, kind, quoted};
use crate::Color;
use serde_json::Value;
use std::collections::HashSet;

/// Dimensions of a metric.
///
/// Source: CloudWatch API reference, `Metric`.
pub const DIMENSIONS_MAX: usize = 30;
const NAME_BYTES_MAX: usize = 255;
const DIMENSION_VALUE_BYTES_MAX: usize = 1_024;
const EXPRESSION_BYTES_MAX: usize = 2_048;
/// Longest period: a day.
const PERIOD_S_MAX: u32 = 86_400;

/// A row of `metrics`: what is asked for, and how it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What is asked for.
    pub kind: RowKind,
    /// Its name in expressions.
    pub id: Option<String>,
    /// What the legend says, with the tokens of dynamic labels.
    pub label: Option<String>,
    /// Its statistic, if it is not the widget's.
    pub stat: Option<String>,
    /// Its period in seconds, if it is not the widget's.
    pub period_s: Option<u32>,
    /// The axis that its values stand at.
    pub axis: Side,
    /// Its colour, if it is not the next of the palette.
    pub color: Option<Color>,
    /// Whether it is drawn; what is not can be used by expressions.
    pub visible: bool,
    /// Its region, if it is not the widget's.
    pub region: Option<String>,
    /// Its account, if it is not the widget's.
    pub account_id: Option<String>,
}

/// What a row asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum RowKind {
    /// One metric.
    Metric(Metric),
    /// An expression: metric math, `SEARCH` or a Metrics Insights statement, not read here.
    Expression(String),
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Names and values of its dimensions, in the order of the row.
    pub dimensions: Vec<(String, String)>,
}

/// One of the two axes of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is the side of its name")]
pub enum Side {
    #[default]
    Left,
    Right,
}

pub(super) const SIDES: [(&str, Side); 2] = [("left", Side::Left), ("right", Side::Right)];

pub(super) fn read(rows: &[Value], wrong: &mut Mistakes) -> Vec<Row> {
    if rows.len() > METRICS_MAX {
        wrong.add("metrics", format!("has {} rows, at most {METRICS_MAX} may be", rows.len()));
        return Vec::new();
    }
    let mut above: Vec<&str> = Vec::new();
    let mut ids = HashSet::new();
    let mut read = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let path = format!("metrics[{at}]");
        let Some(cells) = row.as_array() else {
            wrong.add(path, format!("must be an array, not {}", kind(row)));
            continue;
        };
        let (cells, options) = match cells.split_last() {
            Some((last @ Value::Object(_), cells)) => (cells, Some(last)),
            _ => (&cells[..], None),
        };
        let at = cells.len();
        let mut fields = match options {
            Some(options) => Fields::open(options, format!("{path}[{at}]"), wrong),
            None => Fields::absent(),
        };
        let metric = written(cells, &above, &path, wrong).map(|names| {
            above = names;
            metric_of(&above, &path, wrong)
        });
        read.extend(row_of(metric, cells.is_empty(), &mut fields, &path, &mut ids, wrong));
        fields.close(wrong);
    }
    read
}

/// Returns the cells of a row with its shorthand written out; `None` for a row without cells, and
/// for a row that is wrong.
fn written<'a>(
    cells: &'a [Value],
    above: &[&'a str],
    path: &str,
    wrong: &mut Mistakes,
) -> Option<Vec<&'a str>> {
    let mut names = Vec::with_capacity(cells.len());
    // How many cells a "..." of this row stands for.
    let repeated = (above.len() + 1).saturating_sub(cells.len());
    let mut dots = 0;
    for (at, cell) in cells.iter().enumerate() {
        let Some(text) = cell.as_str() else {
            let message = format!("must be a string, not {}", kind(cell));
            wrong.add(format!("{path}[{at}]"), message);
            return None;
        };
        match text {
            "..." => {
                dots += 1;
                if dots > 1 {
                    wrong.add(format!("{path}[{at}]"), "\"...\" can stand in a row only once");
                    return None;
                }
                if repeated == 0 {
                    wrong.add(format!("{path}[{at}]"), "\"...\" has no cells above to repeat");
                    return None;
                }
                let from = names.len();
                names.extend_from_slice(&above[from..from + repeated]);
            }
            "." => match above.get(names.len()) {
                Some(cell) => names.push(cell),
                None => {
                    wrong.add(format!("{path}[{at}]"), "\".\" has no cell above to repeat");
                    return None;
                }
            },
            _ => names.push(text),
        }
    }
    (!names.is_empty()).then_some(names)
}

/// Reads a metric out of cells; one that is wrong is told and left out.
fn metric_of(cells: &[&str], path: &str, wrong: &mut Mistakes) -> Option<Metric> {
    let [namespace, name, dimensions @ ..] = cells else {
        wrong.add(path, "needs a namespace and a name");
        return None;
    };
    let mut good = check_len(namespace, NAME_BYTES_MAX, "the namespace", path, wrong);
    good &= check_len(name, NAME_BYTES_MAX, "the name", path, wrong);
    if dimensions.len() % 2 == 1 {
        let last = dimensions.last().copied().unwrap_or_default();
        wrong.add(path, format!("the dimension {} has no value", quoted(last)));
        return None;
    }
    if dimensions.len() / 2 > DIMENSIONS_MAX {
        let count = dimensions.len() / 2;
        wrong.add(path, format!("has {count} dimensions, at most {DIMENSIONS_MAX} may be"));
        return None;
    }
    let mut seen = HashSet::new();
    for pair in dimensions.chunks_exact(2) {
        good &= check_len(pair[0], NAME_BYTES_MAX, "a dimension's name", path, wrong);
        good &= check_len(pair[1], DIMENSION_VALUE_BYTES_MAX, "a dimension's value", path, wrong);
        if !seen.insert(pair[0]) {
            wrong.add(path, format!("the dimension {} is there twice", quoted(pair[0])));
            good = false;
        }
    }
    let pairs = dimensions.chunks_exact(2);
    good.then(|| Metric {
        namespace: (*namespace).to_owned(),
        name: (*name).to_owned(),
        dimensions: pairs.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect(),
    })
}

fn check_len(text: &str, most: usize, what: &str, path: &str, wrong: &mut Mistakes) -> bool {
    let good = (1..=most).contains(&text.len());
    if !good {
        wrong.add(path, format!("{what} must have 1 to {most} bytes, not {}", text.len()));
    }
    good
}

/// Puts together what the cells and the options say; `metric` is `None` where there are no cells.
fn row_of(
    metric: Option<Option<Metric>>,
    no_cells: bool,
    fields: &mut Fields<'_>,
    path: &str,
    ids: &mut HashSet<String>,
    wrong: &mut Mistakes,
) -> Option<Row> {
    let expression = fields.text("expression", wrong);
    let row = Row {
        kind: RowKind::Expression(expression.unwrap_or_default().to_owned()),
        id: id_of(fields, ids, wrong),
        label: fields.text("label", wrong).map(str::to_owned),
        stat: fields.text("stat", wrong).map(|stat| stat_of(stat, &fields.path_of("stat"), wrong)),
        period_s: period_of(fields, wrong),
        axis: fields.word("yAxis", &SIDES, wrong).unwrap_or_default(),
        color: fields.color("color", wrong),
        visible: fields.flag("visible", wrong).unwrap_or(true),
        region: fields.text("region", wrong).map(str::to_owned),
        account_id: account_of(fields, wrong),
    };
    match expression {
        Some(_) if !no_cells => {
            wrong.add(path, "is a metric or an expression, not both");
            None
        }
        Some(text) if text.is_empty() || text.len() > EXPRESSION_BYTES_MAX => {
            let message =
                format!("must have 1 to {EXPRESSION_BYTES_MAX} bytes, not {}", text.len());
            wrong.add(fields.path_of("expression"), message);
            None
        }
        Some(_) => Some(row),
        None if fields.get("expression").is_some() => None,
        None if no_cells => {
            wrong.add(path, "has neither a metric nor an expression");
            None
        }
        None => metric.flatten().map(|metric| Row { kind: RowKind::Metric(metric), ..row }),
    }
}

fn id_of(
    fields: &mut Fields<'_>,
    ids: &mut HashSet<String>,
    wrong: &mut Mistakes,
) -> Option<String> {
    let id = fields.text("id", wrong)?;
    let good = id.len() <= NAME_BYTES_MAX
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !good {
        let message = format!(
            "must be a small letter and then letters, digits and underscores, not {}",
            quoted(id)
        );
        wrong.add(fields.path_of("id"), message);
        return None;
    }
    if !ids.insert(id.to_owned()) {
        wrong.add(fields.path_of("id"), format!("{} is there twice", quoted(id)));
        return None;
    }
    Some(id.to_owned())
}

/// Reads a statistic: which ones there are is for who evaluates it; here it only has to look like one.
pub(super) fn stat_of(text: &str, path: &str, wrong: &mut Mistakes) -> String {
    if text.is_empty() || text.len() > 100 {
        wrong.add(path, format!("must have 1 to 100 bytes, not {}", text.len()));
    }
    text.to_owned()
}

/// Reads `period`, in seconds.
///
/// Source: CloudWatch API reference, `MetricStat`, field `Period`.
pub(super) fn period_of(fields: &mut Fields<'_>, wrong: &mut Mistakes) -> Option<u32> {
    let period_s = fields.whole("period", (1, PERIOD_S_MAX), wrong)?;
    if ![1, 5, 10, 20, 30].contains(&period_s) && !period_s.is_multiple_of(60) {
        let message = format!("must be 1, 5, 10, 20, 30 or a multiple of 60, not {period_s}");
        wrong.add(fields.path_of("period"), message);
        return None;
    }
    Some(period_s)
}

pub(super) fn account_of(fields: &mut Fields<'_>, wrong: &mut Mistakes) -> Option<String> {
    let text = fields.text("accountId", wrong)?;
    if text != "LOCAL" && (text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit())) {
        let message =
            format!("must be an account of twelve digits, or LOCAL, not {}", quoted(text));
        wrong.add(fields.path_of("accountId"), message);
        return None;
    }
    Some(text.to_owned())
}
