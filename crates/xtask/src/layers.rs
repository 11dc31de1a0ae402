//! The rows of the workspace as a table, and the test that holds the manifests against it.
//!
//! A crate uses rows below its own, and of those only what the table allows. The same table prints
//! the picture in ARCHITECTURE.md, so that it cannot go stale.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// A crate, its row, what it may use, and what it promises not to know.
struct Layer {
    name: &'static str,
    row: u8,
    uses: &'static [&'static str],
    not_knowing: &'static str,
}

const fn layer(
    name: &'static str,
    row: u8,
    uses: &'static [&'static str],
    not_knowing: &'static str,
) -> Layer {
    Layer { name, row, uses, not_knowing }
}

/// The product's crates, lowest row first.
const LAYERS: &[Layer] = &[
    layer("stdx", 0, &[], "monitoring"),
    layer("model", 1, &["stdx"], "wires, files and queries"),
    layer("storage", 1, &["stdx"], "what the bytes mean"),
    layer("aws-wire", 1, &["stdx"], "CloudWatch and the platform"),
    layer("formats", 2, &["model", "stdx"], "sockets"),
    layer("lang", 2, &["model", "stdx"], "data and stores"),
    layer("aws-shapes", 2, &["aws-wire"], "handlers"),
    layer("metric-store", 3, &["storage", "model", "stdx"], "query languages"),
    layer("catalog", 3, &["storage", "model", "stdx"], "what definitions do"),
    layer("eval", 3, &["lang", "model", "stdx"], "where data comes from"),
    layer("chart", 3, &["lang", "model", "stdx"], "stores, queries and HTTP"),
    layer("query", 4, &["eval", "lang", "metric-store", "model", "stdx"], "HTTP and alarms"),
    layer("alarm", 4, &["eval", "lang", "model", "stdx"], "a store, a socket or a clock"),
    layer("bus", 4, &["lang", "aws-wire", "model", "stdx"], "stores, and who wrote a notice"),
    layer("agent", 4, &["formats", "aws-wire", "model", "stdx"], "our stores"),
    layer(
        "platform",
        5,
        &[
            "query",
            "alarm",
            "bus",
            "chart",
            "catalog",
            "metric-store",
            "storage",
            "eval",
            "lang",
            "model",
            "stdx",
        ],
        "bytes on a wire",
    ),
    layer(
        "aws-services",
        6,
        &["aws-shapes", "aws-wire", "platform", "lang", "model", "stdx"],
        "sockets",
    ),
    layer("doors", 6, &["formats", "platform", "model", "stdx"], "AWS"),
    layer("console", 6, &["stdx"], "any inner type: its pages call the public APIs"),
    layer(
        "server",
        7,
        &[
            "aws-services",
            "doors",
            "console",
            "platform",
            "agent",
            "bus",
            "aws-wire",
            "formats",
            "model",
            "stdx",
        ],
        "how anything works",
    ),
    layer(
        "cli",
        8,
        &["server", "agent", "formats", "lang", "model", "stdx"],
        "anything but its subcommands",
    ),
];

/// Beside the stack, never shipped: they may use anything, and nothing may use them but tests.
const BESIDE: &[&str] = &["testkit", "conformance", "fuzz", "xtask", "bench-peers", "bench-backup"];

const BEGIN: &str = "<!-- layers: made by `cargo run -p xtask -- layers`; a test compares -->";
const END: &str = "<!-- end of layers -->";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the name of each crate with its uses of other crates of ours, tests left out.
fn manifests() -> Result<BTreeMap<String, Vec<String>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join("crates"))? {
        let path = entry?.path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let (name, uses) = read_manifest(&text).with_context(|| format!("{}", path.display()))?;
        found.insert(name, uses);
    }
    Ok(found)
}

fn read_manifest(text: &str) -> Result<(String, Vec<String>)> {
    let (mut section, mut name, mut uses) = (String::new(), None, Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').to_owned();
        } else if section == "package" && name.is_none() {
            let value = line.strip_prefix("name").and_then(|l| l.trim_start().strip_prefix('='));
            name = value.map(|v| v.trim().trim_matches('"').to_owned());
        } else if section.ends_with("dependencies") && !section.contains("dev-") {
            let word: String = line
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
                .collect();
            uses.extend((!word.is_empty()).then_some(word));
        }
    }
    Ok((name.context("the manifest names no package")?, uses))
}

/// Returns each use that the table does not allow, as a sentence.
fn violations(manifests: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let ours = |name: &str| LAYERS.iter().any(|l| l.name == name) || BESIDE.contains(&name);
    let mut wrong = Vec::new();
    for (name, uses) in manifests {
        if BESIDE.contains(&name.as_str()) {
            continue;
        }
        let Some(layer) = LAYERS.iter().find(|l| l.name == name) else {
            wrong.push(format!("`{name}` has no row: add it to the table in xtask's layers.rs"));
            continue;
        };
        for used in uses.iter().filter(|u| ours(u)) {
            if layer.uses.contains(&used.as_str()) {
                continue;
            }
            let row = LAYERS.iter().find(|l| l.name == used).map(|l| l.row);
            let why = match row {
                None => "it is beside the stack and never shipped".to_owned(),
                Some(row) if row >= layer.row => {
                    format!("row {row} is not below row {}", layer.row)
                }
                Some(_) => format!("{name} promises not to know {}", layer.not_knowing),
            };
            wrong.push(format!("`{name}` (row {}) uses `{used}`: {why}", layer.row));
        }
    }
    wrong
}

/// Draws the rows, highest first, with what each crate does not know.
fn picture() -> String {
    let mut text = String::from("```\n");
    let top = LAYERS.iter().map(|l| l.row).max().unwrap_or(0);
    for row in (0..=top).rev() {
        let members: Vec<&str> = LAYERS.iter().filter(|l| l.row == row).map(|l| l.name).collect();
        let _ = writeln!(text, "{row}  {}", members.join("  |  "));
    }
    text.push_str("```\n\n| crate | row | may use | does not know |\n| --- | --- | --- | --- |\n");
    for layer in LAYERS.iter().rev() {
        let uses = if layer.uses.is_empty() { "-".to_owned() } else { layer.uses.join(", ") };
        let _ =
            writeln!(text, "| `{}` | {} | {uses} | {} |", layer.name, layer.row, layer.not_knowing);
    }
    text
}

fn with_picture(page: &str) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).context("ARCHITECTURE.md has lost its marker")?;
    let (_, after) = rest.split_once(END).context("ARCHITECTURE.md has lost its end marker")?;
    Ok(format!("{before}{BEGIN}\n\n{}\n{END}{after}", picture()))
}

/// Writes the picture into ARCHITECTURE.md.
pub(crate) fn run() -> Result<()> {
    let wrong = violations(&manifests()?);
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    let path = root().join("ARCHITECTURE.md");
    let page = fs::read_to_string(&path)?;
    #[expect(clippy::disallowed_methods, reason = "a page of the repository, not a store")]
    fs::write(&path, with_picture(&page)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_use_only_what_the_table_allows() {
        let wrong = violations(&manifests().unwrap());
        assert!(wrong.is_empty(), "layers:\n{}", wrong.join("\n"));
    }

    #[test]
    fn a_use_that_points_up_or_is_not_allowed_is_found() {
        let uses = |name: &str, used: &str| {
            violations(&BTreeMap::from([(name.to_owned(), vec![used.to_owned()])]))
        };
        assert!(uses("model", "platform")[0].contains("row 5 is not below row 1"));
        assert!(uses("eval", "storage")[0].contains("where data comes from"));
        assert!(uses("model", "testkit")[0].contains("never shipped"));
        assert!(uses("newcomer", "stdx")[0].contains("no row"));
        assert!(uses("model", "serde").is_empty());
    }

    #[test]
    fn the_table_itself_points_down() {
        for layer in LAYERS {
            for used in layer.uses {
                let below = LAYERS.iter().find(|l| l.name == *used).expect("a crate of the table");
                assert!(below.row < layer.row, "{} uses {used}", layer.name);
            }
        }
    }

    #[test]
    fn the_picture_in_the_architecture_is_the_table() {
        let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
        let drawn = with_picture(&page).unwrap();
        assert_eq!(page, drawn, "run `cargo run -p xtask -- layers`");
    }
}
