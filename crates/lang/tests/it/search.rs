use lang::search::{Condition, Search, Term, parse};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/search");
    testkit::run_fixtures(dir, |input| match parse(input) {
        Ok(search) => {
            let printed = search.to_string();
            assert_eq!(plain(parse(&printed).unwrap()), plain(search.clone()), "{printed}");
            let mut out = String::new();
            if let Some(schema) = &search.schema {
                let _ = writeln!(out, "schema {:?} {:?}", schema.namespace, schema.dimensions);
            }
            if let Some(condition) = &search.condition {
                describe(condition, 0, &mut out);
            }
            out + &printed
        }
        Err(mistakes) => {
            let shown: Vec<String> = mistakes.iter().map(|m| m.render(input)).collect();
            shown.join("\n")
        }
    });
}

fn plain(mut search: Search) -> Search {
    search.condition.iter_mut().for_each(Condition::clear_spans);
    search
}

/// The tree as a text, one thing a line.
fn describe(condition: &Condition, depth: usize, out: &mut String) {
    out.push_str(&"  ".repeat(depth));
    let mut inner: &[Condition] = &[];
    let _ = match condition {
        Condition::All(all) => {
            inner = all;
            writeln!(out, "all")
        }
        Condition::Any(all) => {
            inner = all;
            writeln!(out, "any")
        }
        Condition::Not(one) => {
            inner = std::slice::from_ref(one);
            writeln!(out, "not")
        }
        Condition::Term(Term { place, text, .. }) => writeln!(out, "{place:?} {text:?}"),
    };
    inner.iter().for_each(|one| describe(one, depth + 1, out));
}

#[test]
fn nesting_and_length_are_bounded() {
    for open in ["(", "NOT ", "a=(", "((NOT "] {
        let text: String = open.repeat(2_000).chars().take(1_000).collect();
        assert!(parse(&text).is_err(), "{open}");
    }
    let deep = format!("{}a{}", "(".repeat(60), ")".repeat(60));
    assert!(parse(&deep).is_ok());
    assert!(parse(&"é".repeat(1_024)).is_ok());
    let mistakes = parse(&"é".repeat(1_025)).unwrap_err();
    assert_eq!(mistakes[0].message, "the search is longer than 1024 characters");
    assert_eq!(parse(" ").unwrap_err()[0].message, "there is nothing to search for");
}

proptest! {
    #[test]
    fn any_pieces_are_read_or_refused(
        pieces in prop::collection::vec(
            prop::sample::select(&[
                "{", "}", ",", "AWS/EC2", "InstanceId", "\"", "\"a b\"", "'x'", "\\", "=", "(", ")",
                " AND ", " OR ", " NOT ", "NOT", " ", "MetricName=", ":aws.AccountId=", "é", "-", "a",
                "\"AND\"=", "{ns}",
            ][..]),
            0..14,
        )
    ) {
        let text = pieces.concat();
        match parse(&text) {
            Ok(search) => {
                let printed = search.to_string();
                let again = parse(&printed);
                prop_assert_eq!(again.map(plain), Ok(plain(search)), "{}", printed);
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                mistakes.iter().for_each(|m| drop(m.render(&text)));
            }
        }
    }
}
