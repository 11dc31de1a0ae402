//! Configuration in layers: file, then environment, then flag; the later wins.

use anyhow::Context;
use serde::Deserialize;
use std::fmt;
use std::path::Path;

/// Something that whoever typed it has to mend.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// A usage error as the error of a command.
pub(crate) fn usage(text: impl Into<String>) -> anyhow::Error {
    UsageError(text.into()).into()
}

/// What a configuration file may say: the flags of `serve`, without their dashes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FileOptions {
    pub(crate) listen: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) sync: Option<String>,
    pub(crate) auth: Option<String>,
    pub(crate) key_file: Option<String>,
    pub(crate) tls_cert: Option<String>,
    pub(crate) tls_key: Option<String>,
    pub(crate) tls_client_ca: Option<String>,
    pub(crate) clock: Option<String>,
    pub(crate) clock_start: Option<String>,
    pub(crate) test_bench: Option<bool>,
    pub(crate) collect_host: Option<bool>,
    pub(crate) host_name: Option<String>,
    pub(crate) retention: Option<String>,
    #[serde(rename = "retention-5m")]
    pub(crate) retention_5m: Option<String>,
    #[serde(rename = "retention-1h")]
    pub(crate) retention_1h: Option<String>,
    pub(crate) memory: Option<String>,
    pub(crate) series_max: Option<u64>,
    pub(crate) series_per_account_max: Option<u64>,
    pub(crate) series_per_namespace_max: Option<u64>,
    pub(crate) exemplars_max: Option<u64>,
    pub(crate) query_series_max: Option<u64>,
    pub(crate) query_points_max: Option<u64>,
    pub(crate) query_time_max: Option<String>,
    pub(crate) aws_caps: Option<bool>,
    pub(crate) admin_api: Option<bool>,
    pub(crate) handlers: Option<String>,
    pub(crate) external_url: Option<String>,
    pub(crate) smtp_url: Option<String>,
    pub(crate) smtp_ca: Option<String>,
    pub(crate) mail_from: Option<String>,
    pub(crate) sqs_url: Option<String>,
}

/// Reads a configuration file; a mistake is shown with its line.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<FileOptions> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("configuration file {} cannot be read", path.display()))?;
    toml::from_str(&text).map_err(|e| usage(format!("configuration file {}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_options_are_refused_by_name() {
        let options: FileOptions =
            toml::from_str("listen = '127.0.0.1:1'\ntest-bench = true").unwrap();
        assert_eq!(
            (options.listen.as_deref(), options.test_bench),
            (Some("127.0.0.1:1"), Some(true))
        );
        let error = toml::from_str::<FileOptions>("lisen = 'x'").unwrap_err().to_string();
        assert!(error.contains("lisen"), "{error}");
    }
}
