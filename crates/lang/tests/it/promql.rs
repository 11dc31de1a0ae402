use lang::promql::{
    At, DurationExpr, DurationKind, Ends, Expr, ExprKind, LENGTH_MAX, MatchOp, Matcher, Matching,
    VectorSelector, parse, parse_series_selector, parse_series_selectors,
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

/// The tree as a text, one thing a line, what it is made of indented below it.
fn describe(expr: &Expr) -> String {
    let mut out = String::new();
    describe_into(expr, 0, &mut out);
    out
}

fn describe_into(expr: &Expr, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let line = match &expr.kind {
        ExprKind::Number(number) if number.duration => format!("duration {:?}", number.value),
        ExprKind::Number(number) => format!("number {:?}", number.value),
        ExprKind::String(text) => format!("string {text:?}"),
        ExprKind::Vector(vector) => format!("vector{}", describe_vector(vector, &indent)),
        ExprKind::Matrix(matrix) => format!(
            "matrix over {}{}",
            describe_duration(matrix.range_ms, matrix.range_expr.as_deref()),
            describe_vector(&matrix.vector, &indent)
        ),
        ExprKind::Subquery(subquery) => {
            let range = describe_duration(subquery.range_ms, subquery.range_expr.as_deref());
            let step = subquery
                .step_ms
                .map(|ms| describe_duration(ms, subquery.step_expr.as_deref()))
                .unwrap_or_else(|| "default".into());
            let offset =
                describe_offset(subquery.offset_ms, subquery.offset_expr.as_deref(), subquery.at);
            format!("subquery over {range}, step {step}{offset}")
        }
        ExprKind::Paren(_) => "parentheses".into(),
        ExprKind::Unary(unary) => format!("sign {}", if unary.negative { "-" } else { "+" }),
        ExprKind::Binary(binary) => format!(
            "operator {}{}{}",
            binary.op.symbol(),
            if binary.returns_bool { " bool" } else { "" },
            binary.matching.as_ref().map(describe_matching).unwrap_or_default()
        ),
        ExprKind::Aggregate(aggregate) => format!(
            "{} {} {:?}",
            aggregate.op.name(),
            if aggregate.without { "without" } else { "by" },
            aggregate.labels
        ),
        ExprKind::Call(call) => format!("{}()", call.function.name()),
    };
    let _ = writeln!(out, "{indent}{line}");
    for child in expr.children() {
        describe_into(child, depth + 1, out);
    }
}

fn describe_matching(matching: &Matching) -> String {
    let mut out = format!(
        ", {:?} {} {:?}",
        matching.cardinality,
        if matching.on { "on" } else { "ignoring" },
        matching.labels
    );
    if !matching.include.is_empty() {
        let _ = write!(out, " include {:?}", matching.include);
    }
    for (side, fill) in [("left", matching.fill_left), ("right", matching.fill_right)] {
        if let Some(fill) = fill {
            let _ = write!(out, " fill {side} {fill:?}");
        }
    }
    out
}

fn describe_duration(ms: i64, expr: Option<&DurationExpr>) -> String {
    expr.map_or_else(|| format!("{ms} ms"), kind_of)
}

/// The expression without its places.
fn kind_of(expr: &DurationExpr) -> String {
    match &expr.kind {
        DurationKind::Number(seconds, _) => format!("{seconds} s"),
        DurationKind::Step => "step".into(),
        DurationKind::Range => "range".into(),
        DurationKind::Negated(inner) => format!("-{}", kind_of(inner)),
        DurationKind::Paren(inner) => kind_of(inner),
        DurationKind::Binary(op, a, b) => {
            format!("[{} {} {}]", kind_of(a), op.symbol(), kind_of(b))
        }
    }
}

fn describe_offset(ms: i64, expr: Option<&DurationExpr>, at: Option<At>) -> String {
    let mut out = String::new();
    if ms != 0 || expr.is_some() {
        let _ = write!(out, ", offset {}", describe_duration(ms, expr));
    }
    let _ = match at {
        Some(At::Time(ms)) => write!(out, ", at {ms} ms"),
        Some(At::Start) => write!(out, ", at start"),
        Some(At::End) => write!(out, ", at end"),
        None => Ok(()),
    };
    out
}

fn describe_vector(vector: &VectorSelector, indent: &str) -> String {
    let mut out = describe_offset(vector.offset_ms, vector.offset_expr.as_deref(), vector.at);
    match vector.ends {
        Ends::Plain => {}
        ends => drop(write!(out, ", {ends:?}")),
    }
    for m in &vector.matchers {
        let _ = write!(out, "\n{indent}  {} {} {:?}", m.name, m.op.symbol(), m.value);
    }
    out
}

#[test]
fn an_error_shows_itself_as_prometheus_shows_the_first_mistake() {
    let shown = |text: &str| parse(text).unwrap_err().to_string();
    assert_eq!(shown("up{"), "1:4: parse error: unexpected end of input inside braces");
    assert_eq!(shown("rate(up)").split(": ").next(), Some("1:6"));
}

#[test]
fn every_mistake_in_matchers_is_reported() {
    let errors = parse(r#"up{a=~"(", b=~"*"}"#).unwrap_err();
    let places: Vec<usize> = errors.errors().iter().map(|e| e.span.start).collect();
    assert_eq!(places, [3, 11]);
}

#[test]
fn long_expressions_are_shown_on_several_lines() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/promql-pretty");
    testkit::run_fixtures(dir, |input| {
        let expr = parse(input).unwrap();
        let shown = expr.pretty(40);
        assert_eq!(describe(&parse(&shown).unwrap()), describe(&expr), "{shown}");
        assert_eq!(parse(&shown).unwrap().pretty(40), shown, "shown again");
        shown
    });
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
    for link in ["+a", "^a", " or a", "[1d:]", "*-a", "-(a)"] {
        let chain = format!("a{}", link.repeat(100_000));
        let error = parse(&chain).unwrap_err().to_string();
        assert!(error.contains("deeper than 256 levels"), "{link}: {error}");
        let short = parse(&format!("a{}", link.repeat(100)));
        assert_eq!(short.is_ok(), link != "[1d:]", "{link}: subqueries of ranges are none");
    }
    let long = format!("a{}", " ".repeat(LENGTH_MAX));
    assert_eq!(
        parse(&long).unwrap_err().to_string(),
        "1:1: parse error: expression is longer than 1048576 bytes"
    );
    let deep = format!("{}a{}", "(".repeat(100), ")".repeat(100));
    assert!(parse(&deep).is_ok());
}

fn matcher() -> impl Strategy<Value = String> {
    let name = prop_oneof!["[a-z_]{1,5}", "\"[a-zé. ]{1,5}\"", Just("__name__".to_owned())];
    let op = prop_oneof![Just("="), Just("!="), Just("=~"), Just("!~")];
    (name, op, "[a-z.|é\n\"\\\\]{0,6}")
        .prop_map(|(name, op, value)| format!("{name}{op}{:?}", value))
}

/// Expressions that are sound, of all kinds.
fn expression() -> impl Strategy<Value = String> {
    let selector = prop_oneof![
        Just("up".to_owned()),
        Just("sum{a!~\"x|y\"} @ 5 offset -1m".to_owned()),
        Just("{\"a b\", c='d'} offset (step() * 2)".to_owned()),
        Just("up smoothed".to_owned()),
    ];
    let number = prop_oneof!["[0-9]{1,3}", Just("5m".to_owned()), Just("-Inf".to_owned())];
    let leaf = prop_oneof![selector, number.prop_map(|n| format!("vector({n})"))];
    leaf.prop_recursive(6, 40, 3, |inner| {
        let op = prop::sample::select(
            &[
                "+",
                "-",
                "*",
                "/",
                "%",
                "^",
                "==",
                "!= bool",
                "> on (a)",
                "< ignoring (a, b)",
                "* on (a) group_left (b)",
                "/ group",
                "and",
                "or on ()",
                "unless",
                "atan2",
                "</",
                ">/",
                "+ fill (0)",
                "- on (x) fill_left (-1)",
            ][..],
        );
        let op = op.prop_map(|op: &str| op.replace("/ group", "/ on (a) group_right ()"));
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("-{a}")),
            inner.clone().prop_map(|a| format!("sum by (x) ({a})")),
            inner.clone().prop_map(|a| format!("topk(2 ^ 2, {a}) without (\"y y\")")),
            inner.clone().prop_map(|a| format!("rate(({a})[1h:1m] @ end())")),
            inner.clone().prop_map(|a| format!("label_replace({a}, 'a', `$1`, \"b\", \"\")")),
            inner.prop_map(|a| format!("{a} * scalar(rate(up[5m * 2] anchored))")),
        ]
    })
}

proptest! {
    #[test]
    fn printing_an_expression_undoes_parsing_it(text in expression()) {
        let expr = parse(&text).unwrap_or_else(|e| panic!("{text}: {}", e.render()));
        let printed = expr.to_string();
        let again = parse(&printed).unwrap_or_else(|e| panic!("{printed}: {}", e.render()));
        prop_assert_eq!(describe(&again), describe(&expr));
        prop_assert_eq!(again.to_string(), printed);
    }

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
                "by", "rate", "and", "Inf", "\\", "\"", "0x", "_", ".", "é", "*", "^", "==", "bool",
                "on", "group_left", "fill", "without", "</", "unless", "topk", "step()", "smoothed",
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
