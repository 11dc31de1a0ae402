//! Metric math as text: trees, printing, types and mistakes.

use lang::metric_math::{
    Expr, ExprKind, Fill, IdKind, ParseLimits, SortOrder, Type, check, parse, parse_within,
};
use proptest::prelude::*;
use std::path::Path;

fn fixtures(folder: &str, run: impl Fn(&str) -> String) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metric-math").join(folder);
    testkit::run_fixtures(dir, run);
}

fn rendered(source: &str, mistakes: &[lang::Diagnostic]) -> String {
    mistakes.iter().map(|m| m.render(source)).collect::<Vec<_>>().join("\n")
}

/// What is written, the tree, and the text that the tree prints as.
#[test]
fn trees() {
    fixtures("trees", |source| match parse(source) {
        Ok(expr) => {
            let printed = expr.to_string();
            let again = parse(&printed).unwrap_or_else(|m| panic!("{}", rendered(&printed, &m)));
            assert_eq!(tree(&again), tree(&expr), "{source} prints as {printed}");
            format!("{}\n{printed}", tree(&expr))
        }
        Err(mistakes) => rendered(source, &mistakes),
    });
}

/// Mistakes of form.
#[test]
fn mistakes() {
    fixtures("mistakes", |source| match parse(source) {
        Ok(expr) => format!("no mistake: {expr}"),
        Err(mistakes) => rendered(source, &mistakes),
    });
}

/// The type of an expression over metrics `m1`, `m2`, `errors` and arrays `e1`, `search`; and
/// mistakes of type.
#[test]
fn types() {
    let array = IdKind::Expression(Type::Array);
    let series = IdKind::Expression(Type::Series);
    let ids = [
        ("m1", IdKind::Metric),
        ("m2", IdKind::Metric),
        ("errors", IdKind::Metric),
        ("sum", series),
        ("e1", array),
    ];
    fixtures("types", |source| {
        let expr = match parse(source) {
            Ok(expr) => expr,
            Err(mistakes) => panic!("{}", rendered(source, &mistakes)),
        };
        match check(&expr, &ids[..]) {
            Ok(found) => found.to_string(),
            Err(mistakes) => rendered(source, &mistakes),
        }
    });
}

/// The tree in one line, everything in parentheses.
fn tree(expr: &Expr) -> String {
    let all = |parts: Vec<String>| format!("({})", parts.join(" "));
    match &expr.kind {
        ExprKind::Number(number) => format!("{number:?}"),
        ExprKind::Id(id) => id.clone(),
        ExprKind::Negate(inner) => all(vec!["negate".into(), tree(inner)]),
        ExprKind::Chain { first, rest } => {
            let mut parts = vec![tree(first)];
            for link in rest {
                parts.extend([link.op.symbol().to_owned(), tree(&link.right)]);
            }
            all(parts)
        }
        ExprKind::List(elements) => {
            format!("[{}]", elements.iter().map(tree).collect::<Vec<_>>().join(" "))
        }
        ExprKind::Call(function, argument) => all(vec![function.name().into(), tree(argument)]),
        ExprKind::If { condition, then, otherwise } => {
            let mut parts = vec!["IF".to_owned(), tree(condition), tree(then)];
            parts.extend(otherwise.iter().map(|otherwise| tree(otherwise)));
            all(parts)
        }
        ExprKind::Fill { series, with } => {
            let with = match with {
                Fill::Repeat => "repeat".to_owned(),
                Fill::Linear => "linear".to_owned(),
                Fill::With(with) => tree(with),
            };
            all(vec!["FILL".into(), tree(series), with])
        }
        ExprKind::Slice { array, start, end } => {
            let mut parts = vec!["SLICE".to_owned(), tree(array), tree(start)];
            parts.extend(end.iter().map(|end| tree(end)));
            all(parts)
        }
        ExprKind::Sort { array, by, order, limit } => {
            let order = if *order == SortOrder::Ascending { "ascending" } else { "descending" };
            let mut parts =
                vec!["SORT".to_owned(), tree(array), by.name().into(), order.to_owned()];
            parts.extend(limit.iter().map(|limit| tree(limit)));
            all(parts)
        }
        ExprKind::Period { id, .. } => format!("(PERIOD {id})"),
        ExprKind::Metrics(None) => "(METRICS)".to_owned(),
        ExprKind::Metrics(Some(containing)) => format!("(METRICS {containing:?})"),
        ExprKind::Search(s) => {
            let period = s.period_s.map(|p| format!(" {p}")).unwrap_or_default();
            format!("(SEARCH {:?} {:?}{period})", s.text, s.stat)
        }
    }
}

#[test]
fn what_an_expression_needs_stands_with_its_places() {
    let source = "m1 + SUM(METRICS('err')) * PERIOD(m2) + FIRST(SEARCH(' a ', 'Sum', 60)) - m1";
    let expr = parse(source).unwrap();
    let needs = expr.needs();
    let ids: Vec<(&str, usize)> = needs.ids.iter().map(|id| (id.name, id.span.start)).collect();
    assert_eq!(ids, [("m1", 0), ("m1", source.len() - 2)]);
    assert_eq!(needs.periods[0].name, "m2");
    assert_eq!(needs.periods[0].span.of(source), "m2");
    assert_eq!(needs.metrics[0].containing, Some("err"));
    assert_eq!(needs.metrics[0].span.of(source), "METRICS('err')");
    let search = needs.searches[0];
    assert_eq!((search.index, search.period_s), (0, Some(60)));
    assert_eq!((search.text.as_str(), search.text_span.of(source)), (" a ", " a "));
    assert_eq!((search.stat.as_str(), search.stat_span.of(source)), ("Sum", "Sum"));
    let source = "(m1) * ((m2 + 1))";
    let expr = parse(source).unwrap();
    let places: Vec<&str> = expr.needs().ids.iter().map(|id| id.span.of(source)).collect();
    assert_eq!(places, ["m1", "m2"], "parentheses are no part of an id");
    assert_eq!(expr.span.of(source), source);
    let two = parse("[SEARCH('a', 'Sum'), SEARCH('b', 'Sum')]").unwrap();
    let texts: Vec<(usize, &str)> =
        two.needs().searches.iter().map(|s| (s.index, s.text.as_str())).collect();
    assert_eq!(texts, [(0, "a"), (1, "b")]);
}

#[test]
fn limits_are_named() {
    let limits = ParseLimits { text_bytes_max: 10, depth_max: 3 };
    let message = |source: &str| parse_within(source, &limits).unwrap_err()[0].message.clone();
    assert_eq!(message("m1 + m2 + m3"), "expression has 12 bytes, the limit is 10");
    assert_eq!(message("((((m1))))"), "expression nests deeper than 3, the limit of depth");
    assert!(parse_within("((m1))+m2", &limits).is_ok());
}

#[test]
fn nesting_cannot_exhaust_the_stack() {
    for open in ["(", "[", "-", "-(", "SUM(", "2^", "IF(m1,", "[m1,", "1+(", "FILL(FILL(m1,"] {
        let mistakes = parse(&open.repeat(10_000)).unwrap_err();
        assert!(mistakes.len() <= 51, "{open}: {}", mistakes.len());
    }
    let deep = format!("{}m1{}", "(".repeat(99), ")".repeat(99));
    assert!(parse(&deep).is_ok());
    // A long sum is flat, whatever its length.
    let long = format!("m1{}", " + m1 * 2 - 3".repeat(4_000));
    let expr = parse(&long).unwrap();
    assert_eq!(check(&expr, &[("m1", IdKind::Metric)][..]), Ok(Type::Series));
    assert_eq!(expr.to_string(), long);
}

const PIECES: &[&str] = &[
    "m1", "m2", "e1", "and", "AND", "OR", "&&", "||", "==", "!=", "<", ">=", "+", "-", "*", "/",
    "^", "(", ")", "[", "]", ",", "1", "2.5", "1e3", ".5", "'a'", "\"b\"", "'", "\"", "\\", "SUM",
    "SUM(", "IF(", "FILL(", "REPEAT", "LINEAR", "SORT(", "AVG", "DESC", "SLICE(", "METRICS(",
    "PERIOD(", "SEARCH(", "LAMBDA(", "sum(", "RATE(", " ", "\n", "é", "“", "”", "=", "%",
];

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,40}") {
        if let Err(mistakes) = parse(&text) {
            rendered(&text, &mistakes);
        }
    }

    #[test]
    fn printing_undoes_parsing(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..20)
    ) {
        let text = pieces.concat();
        match parse(&text) {
            Ok(expr) => {
                let printed = expr.to_string();
                let again = parse(&printed);
                prop_assert!(again.is_ok(), "{text:?} prints as {printed:?}");
                prop_assert_eq!(tree(&again.unwrap()), tree(&expr));
                let ids = [("m1", IdKind::Metric), ("e1", IdKind::Expression(Type::Array))];
                if let Err(mistakes) = check(&expr, &ids[..]) {
                    prop_assert!(!mistakes.is_empty());
                    rendered(&text, &mistakes);
                }
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                rendered(&text, &mistakes);
            }
        }
    }
}

/// Any tree, by its text with everything in parentheses.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("m1".to_owned()),
        Just("2.5".to_owned()),
        Just("METRICS()".to_owned()),
        Just("PERIOD(m1)".to_owned()),
        Just("SEARCH('{A,b} \"c\"', 'p99', 60)".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let op = prop::sample::select(&["+", "-", "*", "/", "^", "==", "<", ">=", "AND", "OR"][..]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("STDDEV({a})")),
            prop::collection::vec(inner.clone(), 1..3)
                .prop_map(|all| format!("[{}]", all.join(","))),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("IF({a}, {b}, {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("FILL({a}, {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("SLICE({a}, {b})")),
        ]
    })
}

proptest! {
    #[test]
    fn printing_keeps_the_shape(text in expression()) {
        let expr = parse(&text).unwrap_or_else(|m| panic!("{}", rendered(&text, &m)));
        let printed = expr.to_string();
        prop_assert!(printed.len() <= text.len() + 40, "{printed}");
        prop_assert_eq!(tree(&parse(&printed).unwrap()), tree(&expr), "{}", printed);
    }
}
