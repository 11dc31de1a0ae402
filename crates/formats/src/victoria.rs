//! VictoriaMetrics' export: a line of JSON for each series, or a piece of one.
//!
//! ```text
//! {"metric":{"__name__":"up","job":"x"},"values":[1,null],"timestamps":[1549891472010,1549891487724]}
//! ```
//!
//! Source: VictoriaMetrics documentation, "How to export data in JSON line format". Values that JSON
//! cannot say come as `null` (not a number, stale markers among them), `"Infinity"` and `"-Infinity"`.

use crate::remote_write::Sample;
use serde_json::Value;

/// A line of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportLine {
    /// Labels, as they came, the metric's name among them as `__name__`.
    pub labels: Vec<(String, String)>,
    /// Samples, in the order in which they came.
    pub samples: Vec<Sample>,
    /// Values that were `null`, left out.
    pub nulls: usize,
}

/// Reads a line.
///
/// # Errors
/// What is wrong with it, to be shown behind the number of the line.
pub fn read_line(line: &[u8]) -> Result<ExportLine, String> {
    let parsed: Value = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let metric = parsed["metric"].as_object().ok_or("\"metric\" is no object")?;
    let mut labels = Vec::with_capacity(metric.len());
    for (name, value) in metric {
        let value = value.as_str().ok_or_else(|| format!("label {name:?} is no text"))?;
        labels.push((name.clone(), value.to_owned()));
    }
    let list = |name: &str| parsed[name].as_array().ok_or(format!("{name:?} is no list"));
    let (values, times) = (list("values")?, list("timestamps")?);
    if values.len() != times.len() {
        return Err(format!("{} values have {} timestamps", values.len(), times.len()));
    }
    let mut samples = Vec::with_capacity(values.len());
    let mut nulls = 0;
    for (value, at) in values.iter().zip(times) {
        let at_ms = at.as_i64().ok_or_else(|| format!("timestamp {at} is no whole number"))?;
        let value = match value {
            Value::Null => {
                nulls += 1;
                continue;
            }
            Value::String(text) => match text.as_str() {
                "Infinity" | "+Infinity" | "Inf" | "+Inf" => f64::INFINITY,
                "-Infinity" | "-Inf" => f64::NEG_INFINITY,
                other => return Err(format!("value {other:?} is no number")),
            },
            other => other.as_f64().ok_or_else(|| format!("value {other} is no number"))?,
        };
        samples.push(Sample { at_ms, value });
    }
    Ok(ExportLine { labels, samples, nulls })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_or_refused() {
        let line = br#"{"metric":{"__name__":"up","job":"x"},"values":[1,null,"Infinity",-2.5e3],
            "timestamps":[10,20,30,40]}"#;
        let read = read_line(line).unwrap();
        assert_eq!(read.labels[0], ("__name__".to_owned(), "up".to_owned()));
        let values: Vec<(i64, f64)> = read.samples.iter().map(|s| (s.at_ms, s.value)).collect();
        assert_eq!(values, [(10, 1.0), (30, f64::INFINITY), (40, -2500.0)]);
        assert_eq!(read.nulls, 1);
        for bad in [
            "",
            "{}",
            r#"{"metric":{"a":1},"values":[],"timestamps":[]}"#,
            r#"{"metric":{},"values":[1],"timestamps":[]}"#,
            r#"{"metric":{},"values":["x"],"timestamps":[1]}"#,
            r#"{"metric":{},"values":[1],"timestamps":[1.5]}"#,
        ] {
            assert!(read_line(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
