//! The words that PromQL gives a meaning to.

use super::{AggregateOp, BinaryOp};

const AGGREGATIONS: &[AggregateOp] = &[
    AggregateOp::Avg,
    AggregateOp::Bottomk,
    AggregateOp::Count,
    AggregateOp::CountValues,
    AggregateOp::Group,
    AggregateOp::LimitRatio,
    AggregateOp::Limitk,
    AggregateOp::Max,
    AggregateOp::Min,
    AggregateOp::Quantile,
    AggregateOp::Stddev,
    AggregateOp::Stdvar,
    AggregateOp::Sum,
    AggregateOp::Topk,
];

const OPERATORS: &[BinaryOp] = &[
    BinaryOp::Add,
    BinaryOp::Sub,
    BinaryOp::Mul,
    BinaryOp::Div,
    BinaryOp::Mod,
    BinaryOp::Pow,
    BinaryOp::Atan2,
    BinaryOp::Eq,
    BinaryOp::Ne,
    BinaryOp::Gt,
    BinaryOp::Lt,
    BinaryOp::Ge,
    BinaryOp::Le,
    BinaryOp::TrimUpper,
    BinaryOp::TrimLower,
    BinaryOp::And,
    BinaryOp::Or,
    BinaryOp::Unless,
];

/// Keywords that are no names of metrics.
///
/// Source: Prometheus documentation, "Querying basics", instant vector selectors.
const RESERVED: &[&str] = &["bool", "on", "ignoring", "group_left", "group_right"];

/// Other keywords, as messages show them.
const KEYWORDS: &[&str] = &["anchored", "by", "end", "offset", "smoothed", "start", "without"];

/// Finds an operator by its sign, or its word in lower case.
pub(super) fn operator(symbol: &str) -> Option<BinaryOp> {
    OPERATORS.iter().copied().find(|op| op.symbol() == symbol)
}

/// Says whether messages show a sign as an operator.
pub(super) fn is_operator(sign: &str) -> bool {
    operator(sign).is_some() || matches!(sign, "=~" | "!~")
}

pub(super) fn aggregation(word: &str) -> Option<AggregateOp> {
    AGGREGATIONS.iter().copied().find(|op| op.name().eq_ignore_ascii_case(word))
}

pub(super) fn is_grouping(word: &str) -> bool {
    contains(&["by", "without"], word)
}

pub(super) fn is_reserved(word: &str) -> bool {
    contains(RESERVED, word)
}

/// Shows a word as messages do: by what it means.
pub(super) fn shown(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    if operator(&lower).is_some() {
        format!("<op:{lower}>")
    } else if aggregation(word).is_some() {
        format!("<aggr:{lower}>")
    } else if is_reserved(word) || contains(KEYWORDS, word) {
        format!("<{lower}>")
    } else {
        format!("identifier {word:?}")
    }
}

/// Returns the number that a word stands for.
pub(super) fn number(word: &str) -> Option<f64> {
    if word.eq_ignore_ascii_case("inf") {
        Some(f64::INFINITY)
    } else if word.eq_ignore_ascii_case("nan") {
        Some(f64::NAN)
    } else {
        None
    }
}

fn contains(words: &[&str], word: &str) -> bool {
    words.iter().any(|w| w.eq_ignore_ascii_case(word))
}

/// Says whether a name may stand without quotes as a label's name.
pub(super) fn is_bare_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(inner) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// Says whether a name may stand without quotes as a metric's name.
pub(super) fn is_bare_metric(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    name.bytes().all(inner)
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
        && number(name).is_none()
        && !is_reserved(name)
}
