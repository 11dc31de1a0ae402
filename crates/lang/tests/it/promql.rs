use lang::promql::{
    At, ErrorKind, Expr, ExprKind, MatchOp, Matcher, VectorSelector, parse, parse_series_selector,
    parse_series_selectors,
};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/promql");
    testkit::run_fixtures(dir, |input| match parse(input) {
        Ok(expr) => {
            let printed = expr.to_string();
            assert_eq!(describe(&parse(&printed).unwrap()), describe(&expr), "{printed}");
            format!("{}{printed}", describe(&expr))
        }
        Err(errors) => errors.render(),
    });
}

/// The tree as a text, one thing a line.
fn describe(expr: &Expr) -> String {
    let mut out = String::new();
    let _ = match &expr.kind {
        ExprKind::Number(number) => writeln!(out, "number {:?}", number.value),
        ExprKind::String(text) => writeln!(out, "string {text:?}"),
        ExprKind::Vector(vector) => writeln!(out, "vector{}", describe_vector(vector)),
        ExprKind::Matrix(matrix) => {
            writeln!(out, "matrix over {} ms{}", matrix.range_ms, describe_vector(&matrix.vector))
        }
        other => unreachable!("{other:?}"),
    };
    out
}

fn describe_vector(vector: &VectorSelector) -> String {
    let mut out = String::new();
    if vector.offset_ms != 0 {
        let _ = write!(out, ", offset {} ms", vector.offset_ms);
    }
    let _ = match vector.at {
        Some(At::Time(ms)) => write!(out, ", at {ms} ms"),
        Some(At::Start) => write!(out, ", at start"),
        Some(At::End) => write!(out, ", at end"),
        None => Ok(()),
    };
    for m in &vector.matchers {
        let _ = write!(out, "\n  {} {} {:?}", m.name, m.op.symbol(), m.value);
    }
    out
}

#[test]
fn a_refusal_says_whose_mistake_it_is() {
    let kind = |text: &str| parse(text).unwrap_err().kind();
    assert_eq!(kind("rate(up[5m])"), ErrorKind::NotServed);
    assert_eq!(kind("up + 1"), ErrorKind::NotServed);
    assert_eq!(kind("up up"), ErrorKind::Syntax);
    let errors = parse("rate(up[5m])").unwrap_err();
    assert_eq!(errors.to_string(), "1:1: not served yet: function `rate`");
    assert_eq!(
        parse("up{").unwrap_err().to_string(),
        "1:4: parse error: unexpected end of input inside braces"
    );
}

#[test]
fn every_mistake_in_matchers_is_reported() {
    let errors = parse(r#"up{a=~"(", b=~"*"}"#).unwrap_err();
    let places: Vec<usize> = errors.errors().iter().map(|e| e.diagnostic.span.start).collect();
    assert_eq!(places, [3, 11]);
}

#[test]
fn a_series_selector_is_nothing_else() {
    let matchers = parse_series_selector(r#"up{job="a"}"#).unwrap();
    let names: Vec<&str> = matchers.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["__name__", "job"]);
    for bad in ["", "up[5m]", "up offset 5m", "up @ 5", "(up)", "1", "up + 1", "{}", "rate(up)"] {
        assert!(parse_series_selector(bad).is_err(), "{bad}");
    }
    assert_eq!(parse_series_selectors(["up", "{a='b'}"]).unwrap().len(), 2);
    assert!(parse_series_selectors(["up", "{}"]).is_err());
}

#[test]
fn nesting_cannot_exhaust_the_stack() {
    for open in ["(", "{", "[", "-", "-(", "((a)[", "a{b="] {
        assert!(parse(&open.repeat(100_000)).is_err());
    }
    let deep = format!("{}a{}", "(".repeat(100), ")".repeat(100));
    assert!(parse(&deep).is_ok());
}

fn matcher() -> impl Strategy<Value = String> {
    let name = prop_oneof!["[a-z_]{1,5}", "\"[a-zé. ]{1,5}\"", Just("__name__".to_owned())];
    let op = prop_oneof![Just("="), Just("!="), Just("=~"), Just("!~")];
    (name, op, "[a-z.|é\n\"\\\\]{0,6}")
        .prop_map(|(name, op, value)| format!("{name}{op}{:?}", value))
}

proptest! {
    #[test]
    fn any_expression_is_compiled_or_refused(
        pieces in prop::collection::vec(
            prop::sample::select(&[
                "a", "é", ".", "*", "+", "?", "|", "(", ")", "(?i)", "[", "]", "^", "$", "{", "}", "2",
                ",", "-", "&&", "~~", "\\", "\\Q", "\\E", "\\p", "\\x", "[:", ":]", "\n",
            ][..]),
            0..12,
        ),
        value in "[aé\n2]{0,4}",
    ) {
        let expression = pieces.concat();
        if let Ok(matcher) = Matcher::new("a", MatchOp::Re, expression.as_str()) {
            let opposite = Matcher::new("a", MatchOp::Nre, expression.as_str()).unwrap();
            prop_assert_ne!(matcher.matches(&value), opposite.matches(&value));
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,40}") {
        if let Err(errors) = parse(&text) {
            errors.render();
        }
    }

    #[test]
    fn any_pieces_are_parsed_or_refused(
        pieces in prop::collection::vec(
            prop::sample::select(&[
                "up", "{", "}", "a", "=", "=~", "!~", "\"x\"", "'é'", "`\n`", "[", "]", "5m", "1",
                "(", ")", ",", " ", "\n", "#", "@", "offset", "start", "end", "-", "+", ":", "sum",
                "by", "rate", "and", "Inf", "\\", "\"", "0x", "_", ".", "é",
            ][..]),
            0..14,
        )
    ) {
        let text = pieces.concat();
        match parse(&text) {
            Ok(expr) => {
                let again = parse(&expr.to_string()).unwrap();
                prop_assert_eq!(describe(&again), describe(&expr));
            }
            Err(errors) => drop(errors.render()),
        }
    }

    #[test]
    fn printing_undoes_parsing(
        name in prop::option::of("[a-z:_]{1,6}"),
        matchers in prop::collection::vec(matcher(), 0..4),
        range in prop::option::of(1i64..100_000_000),
        offset in -100_000i64..100_000,
    ) {
        let range = range.map(|ms| format!("[{ms}ms]")).unwrap_or_default();
        let text = format!(
            "{}{{{}}}{range} offset {}{}ms",
            name.unwrap_or_default(),
            matchers.join(","),
            if offset < 0 { "-" } else { "" },
            offset.abs()
        );
        if let Ok(expr) = parse(&text) {
            let again = parse(&expr.to_string()).unwrap();
            prop_assert_eq!(&again.kind, &expr.kind);
            let selected: fn(&Expr) -> &[Matcher] = |e| match &e.kind {
                ExprKind::Vector(v) => &v.matchers,
                ExprKind::Matrix(m) => &m.vector.matchers,
                _ => &[],
            };
            prop_assert!(selected(&expr).iter().any(|m| !m.matches_empty()));
        }
    }
}
