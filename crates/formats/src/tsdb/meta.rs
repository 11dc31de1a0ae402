//! `meta.json` of a block: which times it covers.

use serde_json::Value;

/// What is needed of a block's `meta.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockMeta {
    /// Time of its first sample, or before.
    pub min_ms: i64,
    /// Time behind its last sample.
    pub max_ms: i64,
    /// Series in it, as far as it tells.
    pub series: u64,
}

/// Reads a whole `meta.json`.
///
/// # Errors
/// What is wrong with it, to be shown behind the file's name.
pub fn read_meta(text: &[u8]) -> Result<BlockMeta, String> {
    let meta: Value = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    match &meta["version"] {
        Value::Null => return Err("it has no version".into()),
        version if version.as_i64() == Some(1) => {}
        _ => return Err("it has a version other than 1".into()),
    }
    let time = |name| meta[name].as_i64().ok_or_else(|| format!("it has no {name}"));
    let (min_ms, max_ms) = (time("minTime")?, time("maxTime")?);
    if min_ms > max_ms {
        return Err(format!("its minTime {min_ms} is behind its maxTime {max_ms}"));
    }
    let series = meta["stats"]["numSeries"].as_u64().unwrap_or(0);
    Ok(BlockMeta { min_ms, max_ms, series })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_read_or_what_is_missing_is_named() {
        let text = br#"{"ulid":"01","minTime":-5,"maxTime":7,"stats":{"numSeries":3},"version":1}"#;
        assert_eq!(read_meta(text), Ok(BlockMeta { min_ms: -5, max_ms: 7, series: 3 }));
        for (text, why) in [
            ("", "EOF"),
            ("[]", "version"),
            (r#"{"version":2,"minTime":0,"maxTime":1}"#, "other than 1"),
            (r#"{"version":1,"maxTime":1}"#, "minTime"),
            (r#"{"version":1,"minTime":0,"maxTime":1.5}"#, "maxTime"),
            (r#"{"version":1,"minTime":2,"maxTime":1}"#, "behind"),
        ] {
            let told = read_meta(text.as_bytes()).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
