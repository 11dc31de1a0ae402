//! The words that PromQL gives a meaning to.

/// Functions. A name that is not here is a mistake of the author's, not a gap of ours.
const FUNCTIONS: &[&str] = &[
    "abs",
    "absent",
    "absent_over_time",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "avg_over_time",
    "ceil",
    "changes",
    "clamp",
    "clamp_max",
    "clamp_min",
    "cos",
    "cosh",
    "count_over_time",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "deg",
    "delta",
    "deriv",
    "double_exponential_smoothing",
    "exp",
    "first_over_time",
    "floor",
    "histogram_avg",
    "histogram_count",
    "histogram_fraction",
    "histogram_quantile",
    "histogram_quantiles",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "holt_winters",
    "hour",
    "idelta",
    "increase",
    "info",
    "irate",
    "label_join",
    "label_replace",
    "last_over_time",
    "ln",
    "log10",
    "log2",
    "mad_over_time",
    "max_over_time",
    "min_over_time",
    "minute",
    "month",
    "pi",
    "predict_linear",
    "present_over_time",
    "quantile_over_time",
    "rad",
    "rate",
    "resets",
    "round",
    "scalar",
    "sgn",
    "sin",
    "sinh",
    "sort",
    "sort_by_label",
    "sort_by_label_desc",
    "sort_desc",
    "sqrt",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "tan",
    "tanh",
    "time",
    "timestamp",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "vector",
    "year",
];

const AGGREGATIONS: &[&str] = &[
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "limit_ratio",
    "limitk",
    "max",
    "min",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
];

/// Operators that are words; those that are signs are in the lexer's table.
const WORD_OPERATORS: &[&str] = &["and", "atan2", "or", "unless"];

/// Operators that are signs.
const SIGN_OPERATORS: &[&str] = &["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<="];

/// Functions are written in lower case only.
pub(super) fn is_function(word: &str) -> bool {
    FUNCTIONS.contains(&word)
}

pub(super) fn is_aggregation(word: &str) -> bool {
    contains(AGGREGATIONS, word)
}

pub(super) fn is_grouping(word: &str) -> bool {
    contains(&["by", "without"], word)
}

pub(super) fn is_word_operator(word: &str) -> bool {
    contains(WORD_OPERATORS, word)
}

pub(super) fn is_sign_operator(sign: &str) -> bool {
    SIGN_OPERATORS.contains(&sign)
}

/// Modifiers of a selector beside `offset` and `@`.
pub(super) fn is_other_modifier(word: &str) -> bool {
    contains(&["anchored", "smoothed"], word)
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
}
