//! PromQL and the regular expressions in it.

use lang::promql::{Expr, MatchOp, Matcher, ParseErrors, parse, parse_series_selector};

pub(super) const WORDS: &[&[u8]] = &[
    b"up",
    b"{",
    b"}",
    b"=~\"",
    b"!~\"",
    b"!=",
    b"[5m]",
    b"[1d:5m]",
    b" offset ",
    b" @ ",
    b"start()",
    b"end()",
    b"sum",
    b" by (",
    b" without (",
    b"rate(",
    b"(",
    b")",
    b"__name__",
    b"'",
    b"`",
    b"\\x",
    b"\\u00e9",
    b"\\U0001f980",
    b"\\377",
    b"#",
    b"0x1f",
    b"1e3",
    b"Inf",
    b"NaN",
    b" bool ",
    b" on (",
    b" group_left ",
    b" and ",
    b" atan2 ",
    b"1h30m",
    b"-",
    b"^",
    b",",
    b"\"a b\"",
    b"_",
    b" ignoring (",
    b" group_right (",
    b" fill (",
    b" fill_left (0) ",
    b" or ",
    b" unless ",
    b"</",
    b">/",
    b"==",
    b"*",
    b"+",
    b"topk(",
    b"count_values(",
    b"limit_ratio(",
    b"label_replace(",
    b"info(",
    b"histogram_quantile(",
    b"[5m * 2]",
    b"step()",
    b"range()",
    b"min(",
    b" anchored",
    b" smoothed",
    b":",
];

pub(super) const REGEX_WORDS: &[&[u8]] = &[
    b"\\Q",
    b"\\E",
    b"[[:alpha:]]",
    b"[^",
    b"]",
    b"(?i)",
    b"(?P<n>",
    b"(",
    b")",
    b"|",
    b"{2,3}",
    b"{1000}",
    b"{,2}",
    b"\\p{Greek}",
    b"\\x{10ffff}",
    b"\\pN",
    b"&&",
    b"~~",
    b"--",
    b"-",
    b".*",
    b"+?",
    b"$",
    b"^",
    b"\\b",
    b"\\C",
    b"\\z",
    b"\\d",
    b"\\",
];

/// A place that is in the text, between two characters.
fn check_refusal(text: &str, refused: &ParseErrors) {
    assert!(!refused.errors().is_empty(), "a refusal has a reason");
    for error in refused.errors() {
        let span = error.span;
        assert!(span.start <= span.end, "{span:?}");
        assert!(text.get(span.start..span.end).is_some(), "{span:?} is no place in the text");
        assert!(!error.message.is_empty());
        assert!(!error.render(text).is_empty());
    }
    let shown = refused.to_string();
    if !shown.starts_with("unknown position: ") {
        let (line, rest) = shown.split_once(':').expect("a line");
        let (column, _) = rest.split_once(':').expect("a column");
        assert!(line.parse::<usize>().is_ok() && column.parse::<usize>().is_ok(), "{shown}");
    }
    assert!(!refused.render().is_empty());
}

/// The tree as a text without its places. Texts, since a number may be NaN.
fn shape(expr: &Expr) -> String {
    let mut expr = expr.clone();
    expr.clear_spans();
    format!("{:?}", expr.kind)
}

fn check_spans(text: &str, expr: &Expr) {
    assert!(text.get(expr.span.start..expr.span.end).is_some(), "{:?}", expr.span);
    for child in expr.children() {
        check_spans(text, child);
    }
}

/// An expression, and a selector of series.
pub(super) fn expression(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match parse(text) {
        Ok(expr) => {
            check_spans(text, &expr);
            let shown = expr.to_string();
            let again =
                parse(&shown).unwrap_or_else(|e| panic!("{text:?} shows as {shown:?}: {e}"));
            assert_eq!(shape(&again), shape(&expr), "{text:?} shows as {shown:?}");
            assert_eq!(again.to_string(), shown, "shown twice");
        }
        Err(refused) => check_refusal(text, &refused),
    }
    match parse_series_selector(text) {
        Ok(matchers) => {
            for matcher in &matchers {
                let _ = matcher.matches_empty();
            }
        }
        Err(refused) => check_refusal(text, &refused),
    }
}

/// A regular expression as a matcher has it, and a value behind the first line's end to try it on.
pub(super) fn regex(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (expression, value) = text.split_once('\n').unwrap_or((text, "a"));
    let (yes, no) = (MatchOp::Re, MatchOp::Nre);
    let matcher = match Matcher::new("l", yes, expression) {
        Ok(matcher) => matcher,
        Err(error) => {
            assert!(error.to_string().len() > "error parsing regexp: ".len(), "{expression:?}");
            return;
        }
    };
    let other = Matcher::new("l", no, expression).expect("compiled above");
    assert_ne!(matcher.matches(value), other.matches(value), "{expression:?} {value:?}");
    if let Some(values) = matcher.plain_values() {
        assert!(values.iter().all(|value| matcher.matches(value)));
        assert_eq!(matcher.matches(value), values.iter().any(|v| v == value));
    }
    // A text that is quoted as a whole matches itself and nothing that is longer.
    if !expression.contains("\\E") {
        let quoted = Matcher::new("l", yes, format!("\\Q{expression}\\E")).expect("quoted");
        assert!(quoted.matches(expression));
        assert!(!quoted.matches(&format!("{expression}x")));
    }
}
