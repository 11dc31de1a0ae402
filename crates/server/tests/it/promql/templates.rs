//! Templates to questions.

use std::collections::{BTreeSet, HashMap};

/// An expression that is asked, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    pub(super) text: String,
    /// Not as a range query.
    pub(super) instant_only: bool,
}

/// Returns every question that a table of templates stands for, each once, in the table's order.
pub(super) fn expand(table: &str) -> Vec<Question> {
    let mut sets: HashMap<&str, Vec<&str>> = HashMap::new();
    let (mut known, mut questions) = (BTreeSet::new(), Vec::new());
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((name, items)) = line.strip_prefix("set ").and_then(|l| l.split_once(" = ")) {
            sets.insert(name, items.split(" ; ").map(str::trim).collect());
            continue;
        }
        let (instant_only, template) = match line.strip_prefix("instant ") {
            Some(template) => (true, template),
            None => (false, line),
        };
        for text in filled(template, &sets) {
            if known.insert(text.clone()) {
                questions.push(Question { text, instant_only });
            }
        }
    }
    questions
}

fn filled(template: &str, sets: &HashMap<&str, Vec<&str>>) -> Vec<String> {
    let Some((before, inside, after)) = first_brackets(template) else {
        return vec![template.to_owned()];
    };
    let alternatives = match sets.get(inside) {
        Some(set) => set.clone(),
        None => {
            assert!(inside.contains(';'), "no set is named {inside:?}: {template}");
            inside.split(';').map(str::trim).collect()
        }
    };
    let rests = filled(after, sets);
    let combine = |one: &str| -> Vec<String> {
        rests.iter().map(|rest| format!("{before}{one}{rest}")).collect()
    };
    alternatives.into_iter().flat_map(combine).collect()
}

/// Finds the first double brackets; brackets inside them come in pairs.
fn first_brackets(template: &str) -> Option<(&str, &str, &str)> {
    let bytes = template.as_bytes();
    let start = (0..bytes.len())
        .find(|&at| bytes[at..].starts_with(b"[[") && bytes.get(at + 2) != Some(&b'['))?;
    let (mut at, mut open) = (start + 2, 0);
    loop {
        match bytes.get(at)? {
            b'[' => open += 1,
            b']' if open > 0 => open -= 1,
            b']' if bytes.get(at + 1) == Some(&b']') => break,
            _ => {}
        }
        at += 1;
    }
    Some((&template[..start], &template[start + 2..at], &template[at + 2..]))
}

#[test]
fn templates_stand_for_all_combinations() {
    let table = "# comment\nset r = 1m ; 5m\nf(x[[[r]]])\ninstant [[a ; b[1m]]] + [[1 ; ]]\nx\nx\n";
    let texts: Vec<String> = expand(table).into_iter().map(|q| q.text).collect();
    assert_eq!(texts, ["f(x[1m])", "f(x[5m])", "a + 1", "a + ", "b[1m] + 1", "b[1m] + ", "x"]);
}
