//! Searches by their fixtures: which of some metrics they find.

use eval::search::{Metric, matches, words};
use lang::search::parse;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;

/// Namespace, name and dimensions.
type Owned = (String, String, Vec<(String, String)>);

/// A case: metrics (`namespace name dimension=value ...`, one a line), then `find` with a search, or
/// `words` with a text. A search is answered with the numbers of the metrics, counted from 1, or `-`.
#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/search");
    testkit::run_fixtures(dir, |input| {
        let mut metrics: Vec<Owned> = Vec::new();
        let mut out = String::new();
        for line in input.lines() {
            let _ = match line.split_once(' ').unwrap_or((line, "")) {
                ("words", text) => {
                    let all: Vec<&str> = words(text).collect();
                    writeln!(out, "{text}: [{}]", all.join("] ["))
                }
                ("find", text) => {
                    let search = parse(text).unwrap_or_else(|m| panic!("{}", m[0].render(text)));
                    let mut found = Vec::new();
                    for (n, (namespace, name, dimensions)) in metrics.iter().enumerate() {
                        let account = "123456789012";
                        let metric = Metric { account, namespace, name, dimensions };
                        if matches(&search, &metric) {
                            found.push((n + 1).to_string());
                        }
                    }
                    let found = if found.is_empty() { "-".to_owned() } else { found.join(" ") };
                    writeln!(out, "{text}: {found}")
                }
                (namespace, rest) => {
                    let (name, dimensions) = rest.split_once(' ').unwrap_or((rest, ""));
                    let pairs = dimensions.split(' ').filter_map(|pair| pair.split_once('='));
                    let dimensions: Vec<(String, String)> =
                        pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                    metrics.push((namespace.to_owned(), name.to_owned(), dimensions));
                    Ok(())
                }
            };
        }
        out
    });
}

proptest! {
    #[test]
    fn words_are_what_is_left_without_the_marks(text in "[a-zA-ZéÉ0-9 /_.-]{0,30}") {
        let all: String = words(&text).collect();
        let letters: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
        prop_assert_eq!(all, letters);
        prop_assert!(words(&text).all(|word| !word.is_empty()));
    }

    #[test]
    fn a_text_is_found_by_itself_and_by_each_of_its_words(text in "[a-zA-Z0-9 /_.-]{1,20}") {
        let name = text.clone();
        let metric = Metric { account: "", namespace: "x", name: &name, dimensions: &[] };
        let quoted = parse(&format!("\"{text}\"")).unwrap();
        prop_assert!(matches(&quoted, &metric));
        for word in words(&text) {
            let Ok(search) = parse(word) else { continue };
            prop_assert!(matches(&search, &metric), "{word}");
        }
    }
}
