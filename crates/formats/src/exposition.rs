//! The Prometheus text format 0.0.4, written.
//!
//! ```
//! use formats::exposition::{Exposition, MetricKind};
//! let mut text = Exposition::new();
//! let mut family = text.family("sightline_points_total", MetricKind::Counter, "Points taken in.");
//! family.sample(&[("door", "remote_write")], 12.0);
//! let lines: Vec<String> = text.finish().lines().map(str::to_owned).collect();
//! assert_eq!(lines[1], "# TYPE sightline_points_total counter");
//! assert_eq!(lines[2], r#"sightline_points_total{door="remote_write"} 12"#);
//! ```

use crate::numbers::push_value;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family of samples is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by bucket: samples with the suffixes `_bucket`, `_sum` and `_count`.
    Histogram,
    /// Quantiles: plain samples and the suffixes `_sum` and `_count`.
    Summary,
    /// Not said.
    Untyped,
}

impl MetricKind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Untyped => "untyped",
        }
    }
}

/// A page of the text format under construction.
#[derive(Debug, Default)]
pub struct Exposition {
    out: Vec<u8>,
    names: Vec<String>,
}

impl Exposition {
    /// Starts an empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a family; its samples follow.
    ///
    /// # Panics
    /// When the name is no metric name of the format, or came before: a family must be in one piece.
    pub fn family(&mut self, name: &str, kind: MetricKind, help: &str) -> Family<'_> {
        assert!(is_metric_name(name), "{name:?} is no metric name");
        assert!(!self.names.iter().any(|n| n == name), "family {name} in two pieces");
        self.names.push(name.to_owned());
        self.push("# HELP ");
        self.push(name);
        self.push(" ");
        self.push_escaped(help, false);
        self.push("\n# TYPE ");
        self.push(name);
        self.push(" ");
        self.push(kind.name());
        self.push("\n");
        Family { page: self, name: name.to_owned() }
    }

    /// Returns the page.
    pub fn finish(self) -> String {
        String::from_utf8(self.out).expect("only text is ever pushed")
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn push_escaped(&mut self, text: &str, quotes: bool) {
        for byte in text.bytes() {
            match byte {
                b'\\' => self.push("\\\\"),
                b'\n' => self.push("\\n"),
                b'"' if quotes => self.push("\\\""),
                _ => self.out.push(byte),
            }
        }
    }
}

/// A family that takes samples.
#[derive(Debug)]
pub struct Family<'a> {
    page: &'a mut Exposition,
    name: String,
}

impl Family<'_> {
    /// Writes a sample under the family's own name.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.sample_of("", labels, value)
    }

    /// Writes a sample under the family's name and a suffix such as `_bucket`.
    ///
    /// # Panics
    /// When a label's name is no label name of the format.
    pub fn sample_of(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) -> &mut Self {
        let page = &mut *self.page;
        page.push(&self.name);
        page.push(suffix);
        for (n, (name, value)) in labels.iter().enumerate() {
            assert!(is_metric_name(name) && !name.contains(':'), "{name:?} is no label name");
            page.push(if n == 0 { "{" } else { "," });
            page.push(name);
            page.push("=\"");
            page.push_escaped(value, true);
            page.push("\"");
        }
        page.push(if labels.is_empty() { " " } else { "} " });
        push_value(&mut page.out, value);
        page.push("\n");
        self
    }
}

fn is_metric_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    !name.is_empty() && name.bytes().all(inner) && !name.as_bytes()[0].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_where_they_stand() {
        let mut page = Exposition::new();
        page.family("a", MetricKind::Gauge, "says \"x\" \\ and\nmore")
            .sample(&[("l", "\"q\" \\ \n é"), ("m", "")], f64::INFINITY);
        assert_eq!(
            page.finish(),
            "# HELP a says \"x\" \\\\ and\\nmore\n# TYPE a gauge\n\
             a{l=\"\\\"q\\\" \\\\ \\n é\",m=\"\"} +Inf\n"
        );
    }

    #[test]
    fn a_histogram_has_suffixes() {
        let mut page = Exposition::new();
        page.family("d", MetricKind::Histogram, "")
            .sample_of("_bucket", &[("le", "+Inf")], 3.0)
            .sample_of("_sum", &[], 0.5)
            .sample_of("_count", &[], 3.0);
        assert_eq!(
            page.finish(),
            "# HELP d \n# TYPE d histogram\nd_bucket{le=\"+Inf\"} 3\nd_sum 0.5\nd_count 3\n"
        );
    }

    #[test]
    #[should_panic(expected = "in two pieces")]
    fn a_family_stays_in_one_piece() {
        let mut page = Exposition::new();
        page.family("a", MetricKind::Gauge, "");
        page.family("a", MetricKind::Gauge, "");
    }
}
