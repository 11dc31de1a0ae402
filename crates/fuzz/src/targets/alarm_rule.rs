//! Rules of composite alarms: text to tree and back.

use super::metric_math::check_mistakes;
use lang::alarm_rule::{Limits, parse, parse_within};

pub(super) const WORDS: &[&[u8]] = &[
    b"ALARM(",
    b"OK(",
    b"INSUFFICIENT_DATA(",
    b"AT_LEAST(",
    b"2, ",
    b"50%, ",
    b"NOT ALARM, ",
    b"(a, b))",
    b" AND ",
    b" OR ",
    b"NOT ",
    b"TRUE",
    b"FALSE",
    b"(",
    b")",
    b",",
    b"\"",
    b"\\\"",
    b"\\\\",
    b"arn:aws:cloudwatch:r:1:alarm:x",
    b" and ",
    "é".as_bytes(),
];

/// A rule, printed and read again.
pub(super) fn rule(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut rule = match parse(text) {
        Ok(rule) => rule,
        Err(mistakes) => return check_mistakes(text, &mistakes),
    };
    for child in rule.children() {
        assert!(text.contains(child.span.of(text)), "{child} is no part of the text");
        assert!(child.text.ends_with(child.name()));
    }
    let shown = rule.to_string();
    // Quotes are added where the text had none, so the copy may be longer.
    let limits = Limits { chars_max: usize::MAX, ..Limits::default() };
    let mut again = parse_within(&shown, &limits).unwrap_or_else(|m| panic!("{shown:?} {m:?}"));
    rule.clear_spans();
    again.clear_spans();
    assert_eq!(again, rule, "{shown}");
}
