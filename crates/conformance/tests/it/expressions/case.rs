//! Reads a case: a request as text.

use crate::bench::{CLOCK_START, HOUR, MINUTE};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The minute of the first sample, ten minutes before the clock's start: 11:50.
pub(super) const FIRST: i64 = CLOCK_START - 10 * MINUTE;
const RANGE: (i64, i64) = (FIRST, FIRST + 5 * MINUTE);
const NAMESPACE: &str = "Shop";

/// A case of a fixture file, before anything of it is understood.
pub(super) struct Case<'a> {
    pub(super) file: &'a str,
    pub(super) line: usize,
    pub(super) input: &'a str,
    pub(super) expected: &'a str,
}

pub(super) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Reads the `*.txt` of a directory, in order of their names: name from the repository's root, text.
pub(super) fn files(directory: &str) -> Vec<(String, String)> {
    let path = fixtures().join(directory);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.expect("directory can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = std::fs::read_to_string(&path);
            let text = text.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            (format!("crates/conformance/fixtures/{directory}/{name}"), text)
        })
        .collect();
    assert!(!files.is_empty(), "no fixtures in {}", path.display());
    files.sort();
    files
}

/// Splits a file: a paragraph that says the behaviour, then input, `----`, output, with blank lines between.
pub(super) fn cases<'a>(file: &'a str, text: &'a str) -> Vec<Case<'a>> {
    let mut line = 1;
    let mut cases = Vec::new();
    for (i, paragraph) in text.split("\n\n").enumerate() {
        let body = paragraph.trim_start_matches('\n');
        let at = line + (paragraph.len() - body.len());
        line += paragraph.matches('\n').count() + 2;
        match body.trim_end().split_once("\n----\n") {
            Some((input, expected)) => cases.push(Case { file, line: at, input, expected }),
            None if i == 0 || body.trim().is_empty() => {}
            None => panic!("{file}:{at}: neither the behaviour nor a case"),
        }
    }
    assert!(!cases.is_empty(), "{file}: no cases");
    cases
}

/// What a case asks of GetMetricData.
#[derive(Default)]
pub(super) struct Request {
    pub(super) queries: Vec<Value>,
    pub(super) start: i64,
    pub(super) end: i64,
    /// Seconds between the points of a result, by Id.
    pub(super) grids: HashMap<String, i64>,
    pub(super) any_order: bool,
    pub(super) ascending: bool,
    timezone: Option<String>,
}

impl Request {
    pub(super) fn parse(text: &str) -> Result<Request, String> {
        let mut request = Request { start: RANGE.0, end: RANGE.1, ..Request::default() };
        for line in text.lines() {
            let read = match line.strip_prefix("  ") {
                Some(attribute) => request.attribute(attribute),
                None => request.line(line),
            };
            read.ok_or_else(|| format!("a line of the case that cannot be read\n{line}"))?;
        }
        Ok(request)
    }

    pub(super) fn input(&self) -> Value {
        let mut input = json!({
            "MetricDataQueries": self.queries,
            "StartTime": self.start,
            "EndTime": self.end,
        });
        if self.ascending {
            input["ScanBy"] = json!("TimestampAscending");
        }
        if let Some(timezone) = &self.timezone {
            input["LabelOptions"] = json!({"Timezone": timezone});
        }
        input
    }

    fn line(&mut self, line: &str) -> Option<()> {
        if let Some(names) = line.strip_prefix("with ") {
            for name in names.split(' ') {
                self.metric(name, &format!("{name} Sum 60"))?;
                self.queries.last_mut()?["ReturnData"] = json!(false);
            }
            return Some(());
        }
        if let Some(range) = line.strip_prefix("range ") {
            let (start, end) = range.split_once(' ')?;
            (self.start, self.end) = (clock(start)?, clock(end)?);
            return Some(());
        }
        if let Some(timezone) = line.strip_prefix("timezone ") {
            self.timezone = Some(timezone.to_owned());
            return Some(());
        }
        match line {
            "any order" => self.any_order = true,
            "oldest first" => self.ascending = true,
            query => match (query.find(": "), query.find(" = ")) {
                (Some(colon), equals) if equals.is_none_or(|equals| colon < equals) => {
                    self.metric(&query[..colon], &query[colon + 2..])?;
                }
                (_, Some(equals)) => {
                    let (id, expression) = (&query[..equals], &query[equals + 3..]);
                    self.queries.push(json!({"Id": id, "Expression": expression}));
                }
                _ => return None,
            },
        }
        Some(())
    }

    /// Reads `namespace|name{dimension=value,...} statistic period unit=...`.
    fn metric(&mut self, id: &str, text: &str) -> Option<()> {
        let (text, unit) = match text.rsplit_once(" unit=") {
            Some((text, unit)) => (text, Some(unit)),
            None => (text, None),
        };
        let (text, period) = text.rsplit_once(' ')?;
        // A statistic may hold a space, where that is the mistake; so may a namespace and a dimension.
        let end = text.find("} ").map(|brace| brace + 1).or(text.find(' '))?;
        let (metric, statistic) = (&text[..end], &text[end + 1..]);
        let period: i64 = period.parse().ok()?;
        let mut stat = json!({"Metric": identity(metric), "Period": period, "Stat": statistic});
        if let Some(unit) = unit {
            stat["Unit"] = json!(unit);
        }
        self.grids.insert(id.to_owned(), period);
        self.queries.push(json!({"Id": id, "MetricStat": stat}));
        Some(())
    }

    /// Reads what is said about the query before.
    fn attribute(&mut self, text: &str) -> Option<()> {
        let query = self.queries.last_mut()?;
        let id = query["Id"].as_str()?.to_owned();
        match text.split_once(' ').unwrap_or((text, "")) {
            ("hidden", "") => query["ReturnData"] = json!(false),
            ("label", label) => query["Label"] = json!(label),
            ("period", period) => {
                let period: i64 = period.parse().ok()?;
                query["Period"] = json!(period);
                self.grids.insert(id, period);
            }
            ("every", seconds) => {
                self.grids.insert(id, seconds.parse().ok()?);
            }
            _ => return None,
        }
        Some(())
    }
}

/// Reads `namespace|name{dimension=value,...}`; `Shop` needs no mention.
pub(super) fn identity(text: &str) -> Value {
    let (namespace, rest) = text.split_once('|').unwrap_or((NAMESPACE, text));
    let (name, dimensions) = match rest.strip_suffix('}').and_then(|r| r.split_once('{')) {
        Some((name, dimensions)) => (name, dimensions),
        None => (rest, ""),
    };
    let dimensions: Vec<Value> = dimensions
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| json!({"Name": name, "Value": value}))
        .collect();
    json!({"Namespace": namespace, "MetricName": name, "Dimensions": dimensions})
}

/// Reads a time of the day on which the clock starts, at noon: `11:50`.
fn clock(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    Some(CLOCK_START + (hour - 12) * HOUR + minute * MINUTE)
}
