use lang::alarm_rule::{AtLeast, Limits, Rule, parse, parse_within};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;

const ANY: Limits = Limits { chars_max: 1_000_000, elements_max: 500, children_max: 100 };

#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/alarm-rule");
    testkit::run_fixtures(dir, |input| match parse(input) {
        Ok(rule) => {
            let printed = rule.to_string();
            assert_eq!(plain(parse(&printed).unwrap()), plain(rule.clone()), "{printed}");
            let mut out = String::new();
            describe(&rule, 0, &mut out);
            out + &printed
        }
        Err(mistakes) => {
            let shown: Vec<String> = mistakes.iter().map(|m| m.render(input)).collect();
            shown.join("\n")
        }
    });
}

fn plain(mut rule: Rule) -> Rule {
    rule.clear_spans();
    rule
}

/// The tree as a text, one thing a line.
fn describe(rule: &Rule, depth: usize, out: &mut String) {
    out.push_str(&"  ".repeat(depth));
    let mut inner: &[Rule] = &[];
    let _ = match rule {
        Rule::Constant(truth) => writeln!(out, "{truth}"),
        Rule::Is(state, alarm) => writeln!(out, "{state} {:?}", alarm.name()),
        Rule::AtLeast(AtLeast { quorum, state, negated, alarms }) => {
            let names: Vec<&str> = alarms.iter().map(|a| a.name()).collect();
            let not = if *negated { "not " } else { "" };
            writeln!(out, "at least {quorum} {not}{state} {names:?}")
        }
        Rule::Not(one) => {
            inner = std::slice::from_ref(one);
            writeln!(out, "not")
        }
        Rule::All(all) => {
            inner = all;
            writeln!(out, "all")
        }
        Rule::Any(all) => {
            inner = all;
            writeln!(out, "any")
        }
    };
    inner.iter().for_each(|one| describe(one, depth + 1, out));
}

#[test]
fn size_is_bounded() {
    let message = |text: &str| parse(text).unwrap_err()[0].message.clone();
    let spaces = " ".repeat(10_240 - 4);
    assert!(parse(&format!("TRUE{spaces}")).is_ok());
    assert_eq!(message(&format!("TRUE {spaces}")), "the rule is longer than 10240 characters");

    let alarms = |n: usize| (0..n).map(|n| format!("OK(a{n})")).collect::<Vec<_>>().join(" OR ");
    assert!(parse(&alarms(100)).is_ok());
    assert_eq!(message(&alarms(101)), "the rule is about more than 100 alarms");

    let same = |n: usize| vec!["OK(a)"; n].join(" AND ");
    assert!(parse(&same(500)).is_ok());
    assert_eq!(message(&same(501)), "the rule has more than 500 elements");
}

#[test]
fn nesting_is_bounded() {
    let deep =
        |open: &str, n: usize, close: &str| format!("{}TRUE{}", open.repeat(n), close.repeat(n));
    assert!(parse(&deep("(", 249, ")")).is_ok());
    assert!(parse(&deep("NOT ", 249, "")).is_ok());
    for text in [deep("(", 250, ")"), deep("NOT ", 2_000, ""), deep("NOT(", 2_000, ")")] {
        let mistakes = parse(&text).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert_eq!(mistakes[0].message, "the rule is nested deeper than 250");
    }
}

proptest! {
    #[test]
    fn any_pieces_are_read_or_refused(
        pieces in prop::collection::vec(
            prop::sample::select(&[
                "ALARM(", "OK(", "INSUFFICIENT_DATA(", "AT_LEAST(", "2, ", "50%, ", "NOT ", "ALARM, ",
                "(", ")", ", ", ",", " AND ", " OR ", "TRUE", "FALSE", "a", "b)", "\"a b\")", "\"", "\\",
                "(a, \"b\", c))", "and", "true", "é", "arn:aws:cloudwatch:r:1:alarm:x)", "OK(a)",
            ][..]),
            0..16,
        )
    ) {
        let text = pieces.concat();
        match parse(&text) {
            Ok(rule) => {
                let printed = rule.to_string();
                let again = parse_within(&printed, &ANY);
                prop_assert_eq!(again.map(plain), Ok(plain(rule)), "{}", printed);
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                prop_assert!(mistakes.is_sorted_by_key(|m| m.span));
                mistakes.iter().for_each(|m| drop(m.render(&text)));
            }
        }
    }
}
