use lang::insights::{Filter, parse};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/insights");
    testkit::run_fixtures(dir, |input| match parse(input) {
        Ok(query) => {
            let printed = query.to_string();
            assert_eq!(parse(&printed).unwrap(), query, "{printed}");
            let mut out = String::new();
            let _ = writeln!(
                out,
                "{:?} of {:?} in {:?}",
                query.function, query.metric, query.namespace
            );
            if let Some(names) = &query.schema {
                let _ = writeln!(out, "schema {names:?}");
            }
            if let Some(filter) = &query.filter {
                describe(filter, 0, &mut out);
            }
            if !query.group_by.is_empty() {
                let _ = writeln!(out, "by {:?}", query.group_by);
            }
            if let Some(order) = query.order_by {
                let way = if order.descending { "down" } else { "up" };
                let _ = writeln!(out, "order {:?} {way}", order.function);
            }
            if let Some(limit) = query.limit {
                let _ = writeln!(out, "limit {limit}");
            }
            out + &printed
        }
        Err(mistakes) => {
            let shown: Vec<String> = mistakes.iter().map(|m| m.render(input)).collect();
            shown.join("\n")
        }
    });
}

fn describe(filter: &Filter, depth: usize, out: &mut String) {
    out.push_str(&"  ".repeat(depth));
    let mut inner: &[Filter] = &[];
    let _ = match filter {
        Filter::All(all) => {
            inner = all;
            writeln!(out, "all")
        }
        Filter::Any(all) => {
            inner = all;
            writeln!(out, "any")
        }
        Filter::Is { label, values, negated } => {
            writeln!(out, "{label:?} {}in {values:?}", if *negated { "not " } else { "" })
        }
    };
    inner.iter().for_each(|one| describe(one, depth + 1, out));
}

#[test]
fn nesting_and_length_are_bounded() {
    let front = "SELECT AVG(a) FROM b WHERE ";
    assert!(parse(&format!("{front}{}", "(".repeat(30_000))).is_err());
    let deep = format!("{front}{}c = 'd'{}", "(".repeat(60), ")".repeat(60));
    assert!(parse(&deep).is_ok());
    let long = format!("{front} c = '{}'", "é".repeat(40_000));
    assert_eq!(parse(&long).unwrap_err()[0].message, "the statement is longer than 65536 bytes");
    assert!(parse("").unwrap_err()[0].message.contains("expected SELECT"));
}

proptest! {
    #[test]
    fn any_pieces_are_read_or_refused(
        front in prop::bool::ANY,
        pieces in prop::collection::vec(
            prop::sample::select(&[
                "SELECT", "AVG", "(", ")", "cpu", "FROM", "\"AWS/EC2\"", "SCHEMA", ",", "WHERE", "a",
                "=", "!=", "'x'", "'it\\'s'", "NOT", "IN", "AND", "or", "group", "BY", "ORDER", "max",
                "desc", "LIMIT", "10", ".", "tag", "\"", "é", "\\",
            ][..]),
            0..16,
        )
    ) {
        let mut text = pieces.join(" ");
        if front {
            text = format!("SELECT AVG(a) FROM b WHERE {text}");
        }
        match parse(&text) {
            Ok(query) => {
                let printed = query.to_string();
                prop_assert_eq!(parse(&printed), Ok(query), "{}", printed);
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                mistakes.iter().for_each(|m| drop(m.render(&text)));
            }
        }
    }
}
