//! Tests are texts: runs fixture files and compares golden ones.
//!
//! A fixture file opens with a paragraph that says the behaviour. Then come cases, with a blank line
//! between them: the input, a line `----`, and the expected output. With `UPDATE=1` in the
//! environment the expectations are rewritten instead of compared; the diff is reviewed like code.
//!
//! ```text
//! A selector needs a matcher that does not match the empty string.
//!
//! {a=""}
//! ----
//! error 1:1: parse error: ...
//! ```
//!
//! A dev-dependency only: nothing here is shipped.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const RULE: &str = "----";

/// Runs every `*.txt` of a directory, in order of their names.
///
/// `run` takes the input of a case and returns its output; a blank line in an output would end the
/// case, so it must not hold one.
///
/// # Panics
/// When an output differs from the expected one, naming file, line and the command that accepts
/// the change; when the directory holds no fixture; when a file is not of the form.
pub fn run_fixtures(dir: impl AsRef<Path>, run: impl Fn(&str) -> String) {
    let dir = dir.as_ref();
    let files = fixture_files(dir);
    assert!(!files.is_empty(), "no fixtures in {}", dir.display());
    let mut failures = String::new();
    for file in files {
        let text = read(&file);
        let fixture = Fixture::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let outputs: Vec<String> =
            fixture.cases.iter().map(|case| run(case.input).trim_end().to_owned()).collect();
        if update() {
            overwrite(&file, &fixture.with_outputs(&outputs));
            continue;
        }
        for (case, output) in fixture.cases.iter().zip(&outputs) {
            if case.expected != output {
                let _ = write!(
                    failures,
                    "\n{}:{}\n{}\n---- expected\n{}\n---- got\n{output}\n",
                    file.display(),
                    case.line,
                    case.input,
                    case.expected
                );
            }
        }
    }
    assert!(failures.is_empty(), "{failures}\nUPDATE=1 and the same command accepts the change");
}

/// Compares a text with the content of a file, or writes the file with `UPDATE=1`.
///
/// # Panics
/// When they differ, with the first line that does.
pub fn assert_golden(file: impl AsRef<Path>, actual: &str) {
    let file = file.as_ref();
    if update() {
        overwrite(file, actual);
        return;
    }
    let expected = read(file);
    if expected == actual {
        return;
    }
    let same = expected.lines().zip(actual.lines()).take_while(|(a, b)| a == b).count();
    panic!(
        "{}:{}\n---- expected\n{}\n---- got\n{}\nUPDATE=1 and the same command accepts the change",
        file.display(),
        same + 1,
        expected.lines().nth(same).unwrap_or("(end of file)"),
        actual.lines().nth(same).unwrap_or("(end of text)"),
    );
}

fn update() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

fn fixture_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("directory can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    files
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

#[expect(clippy::disallowed_methods, reason = "expectations are source files, not stored data")]
fn overwrite(file: &Path, text: &str) {
    fs::write(file, text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
}

struct Fixture<'a> {
    behaviour: &'a str,
    cases: Vec<Case<'a>>,
}

struct Case<'a> {
    line: usize,
    input: &'a str,
    expected: &'a str,
}

impl<'a> Fixture<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let Some((behaviour, mut rest)) = text.split_once("\n\n") else {
            return Err("a fixture opens with a paragraph that says the behaviour".into());
        };
        if behaviour.lines().any(|line| line == RULE) {
            return Err("the first paragraph must say the behaviour, not be a case".into());
        }
        let mut cases = Vec::new();
        loop {
            let trimmed = rest.trim_start_matches('\n');
            if trimmed.is_empty() {
                return Ok(Self { behaviour, cases });
            }
            let line = text[..text.len() - trimmed.len()].matches('\n').count() + 1;
            // The input may hold blank lines: only the rule ends it.
            let Some((input, after)) = trimmed.split_once("\n----\n") else {
                return Err(format!("line {line}: a case without the line {RULE}"));
            };
            // An expectation that is not written yet is an empty one.
            let expected = if after.starts_with('\n') {
                ""
            } else {
                after.split_once("\n\n").map_or(after.trim_end(), |(expected, _)| expected)
            };
            cases.push(Case { line, input, expected });
            rest = &after[expected.len()..];
        }
    }

    fn with_outputs(&self, outputs: &[String]) -> String {
        let mut text = format!("{}\n", self.behaviour);
        for (case, output) in self.cases.iter().zip(outputs) {
            assert!(!output.contains("\n\n"), "output has a blank line: {output}");
            let _ = write!(text, "\n{}\n{RULE}\n{output}\n", case.input);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_a_fixture_undoes_reading_it() {
        let text = "Says it.\n\na\n\nb\n----\n1\n2\n\nc\n----\n3\n";
        let fixture = Fixture::parse(text).unwrap();
        let lines: Vec<usize> = fixture.cases.iter().map(|c| c.line).collect();
        assert_eq!(lines, [3, 10]);
        assert_eq!((fixture.cases[0].input, fixture.cases[0].expected), ("a\n\nb", "1\n2"));
        let outputs: Vec<String> = fixture.cases.iter().map(|c| c.expected.to_owned()).collect();
        assert_eq!(fixture.with_outputs(&outputs), text);
    }

    #[test]
    fn a_case_may_wait_for_its_expectation() {
        let fixture = Fixture::parse("Says it.\n\na\n----\n\nb\n----\n").unwrap();
        assert_eq!(fixture.cases.len(), 2);
        assert!(fixture.cases.iter().all(|c| c.expected.is_empty()));
    }

    #[test]
    fn what_is_no_fixture_is_refused() {
        for bad in ["", "a\n----\nb\n", "Says it.\n\na\n"] {
            assert!(Fixture::parse(bad).is_err(), "{bad:?}");
        }
    }
}
