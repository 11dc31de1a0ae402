//! What the server may use: memory, series, questions.

use crate::config::{FileOptions, usage};
use clap::Args;
use server::{MemoryPlan, QuestionLimits, ReadLimits, SeriesLimits, Share, StoreOptions};
use std::time::Duration;

/// Limits of the server. Each may also stand in the file (without dashes) and in the environment.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArguments {
    /// Memory to live within: bytes (4GiB, 512MiB) or a share of what the machine, or the
    /// control group, has (60%) [default: 60%]
    #[arg(long, value_name = "SIZE", env = "SIGHTLINE_MEMORY")]
    memory: Option<String>,
    /// Series in memory at most; new ones beyond are refused [default: by memory]
    #[arg(long, value_name = "N", env = "SIGHTLINE_SERIES_MAX")]
    series_max: Option<u64>,
    /// Series of one account, all its regions together, at most [default: three quarters of --series-max]
    #[arg(long, value_name = "N", env = "SIGHTLINE_SERIES_PER_ACCOUNT_MAX")]
    series_per_account_max: Option<u64>,
    /// Series of one namespace of an account at most; series without a namespace count as one
    /// [default: three quarters of --series-per-account-max]
    #[arg(long, value_name = "N", env = "SIGHTLINE_SERIES_PER_NAMESPACE_MAX")]
    series_per_namespace_max: Option<u64>,
    /// Exemplars of one account and region that are kept, the newest; 0 keeps none [default: 100000]
    #[arg(long, value_name = "N", env = "SIGHTLINE_EXEMPLARS_MAX")]
    exemplars_max: Option<u64>,
    /// Series that one question may read [default: 1000000]
    #[arg(long, value_name = "N", env = "SIGHTLINE_QUERY_SERIES_MAX")]
    query_series_max: Option<u64>,
    /// Points that one question may read [default: 500000000]
    #[arg(long, value_name = "N", env = "SIGHTLINE_QUERY_POINTS_MAX")]
    query_points_max: Option<u64>,
    /// How long one question may take, such as 30s or 5m [default: 2m]
    #[arg(long, value_name = "TIME", env = "SIGHTLINE_QUERY_TIME_MAX")]
    query_time_max: Option<String>,
    /// Answer CloudWatch's questions with the service's caps for cost: 500 metrics a search, 10,000
    /// metrics and 500 results a Metrics Insights query and one such query a request, 100,800
    /// datapoints of what is computed
    #[arg(long, env = "SIGHTLINE_AWS_CAPS")]
    aws_caps: bool,
}

/// Limits that are put together and checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LimitOptions {
    pub(crate) memory: MemoryPlan,
    pub(crate) series: SeriesLimits,
    pub(crate) exemplars_max: usize,
    pub(crate) questions: QuestionLimits,
}

const MEMORY_DEFAULT: &str = "60%";
/// Assumed where neither machine nor control group tell.
const MACHINE_DEFAULT: u64 = 4 << 30;
/// Of all memory for questions, what one may take.
const QUESTION_SHARE: u64 = 2;

pub(crate) fn options(
    arguments: &LimitArguments,
    file: &FileOptions,
) -> anyhow::Result<LimitOptions> {
    let memory = arguments.memory.as_deref().or(file.memory.as_deref()).unwrap_or(MEMORY_DEFAULT);
    let machine = stdx::machine::memory_bytes().unwrap_or(MACHINE_DEFAULT);
    let memory = MemoryPlan::of(size(memory, machine).ok_or_else(|| {
        usage(format!("--memory {memory:?} must be a size of 64MiB or more, such as 4GiB, or a share, such as 60%"))
    })?);
    let defaults = memory.series_limits();
    let count = |flag: Option<u64>, file: Option<u64>, name: &str| match flag.or(file) {
        Some(0) => Err(usage(format!("--{name} must be 1 or more"))),
        other => Ok(other.map(|n| usize::try_from(n).unwrap_or(usize::MAX))),
    };
    let all = count(arguments.series_max, file.series_max, "series-max")?;
    let tenant = count(
        arguments.series_per_account_max,
        file.series_per_account_max,
        "series-per-account-max",
    )?;
    let namespace = count(
        arguments.series_per_namespace_max,
        file.series_per_namespace_max,
        "series-per-namespace-max",
    )?;
    let three_quarters = |n: usize| (n / 4 * 3).max(1);
    let all = all.unwrap_or(defaults.store.series);
    let tenant = tenant.unwrap_or(three_quarters(all));
    let namespace = namespace.unwrap_or(three_quarters(tenant.min(all)));
    let series = SeriesLimits {
        store: Share { series: all, ..defaults.store },
        tenant: Share { series: tenant, ..defaults.tenant },
        namespace: Share { series: namespace, ..defaults.namespace },
    };
    let exemplars_max = match arguments.exemplars_max.or(file.exemplars_max) {
        None => StoreOptions::default().exemplars_max,
        Some(max) => usize::try_from(max).unwrap_or(usize::MAX),
    };
    let time_max = match arguments.query_time_max.as_deref().or(file.query_time_max.as_deref()) {
        None => QuestionLimits::default().time_max,
        Some(text) => duration(text).ok_or_else(|| {
            usage(format!("--query-time-max {text:?} must be a time, such as 30s or 5m"))
        })?,
    };
    let series_max = count(arguments.query_series_max, file.query_series_max, "query-series-max")?;
    let points_max = count(arguments.query_points_max, file.query_points_max, "query-points-max")?;
    let read = ReadLimits::default();
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let questions = QuestionLimits {
        read: ReadLimits {
            series_max: series_max.unwrap_or(read.series_max),
            points_max: points_max.map_or(read.points_max, |n| n as u64),
            bytes_max: memory.questions / QUESTION_SHARE,
        },
        memory_bytes_max: memory.questions,
        time_max,
        // Enough to keep the processors busy while some wait for the disk, and half of it for any
        // one account.
        running_max: (4 * processors).max(8),
        running_per_tenant_max: (2 * processors).max(4),
        aws_caps: arguments.aws_caps || file.aws_caps.unwrap_or(false),
        ..QuestionLimits::default()
    };
    Ok(LimitOptions { memory, series, exemplars_max, questions })
}

/// Reads `4GiB`, `4GB`, `1048576` or, as a share of `all`, `60%`.
fn size(text: &str, all: u64) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let bytes = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => number,
        "%" if (1..=100).contains(&number) => all / 100 * number,
        "k" | "kib" => number.checked_mul(1 << 10)?,
        "m" | "mib" => number.checked_mul(1 << 20)?,
        "g" | "gib" => number.checked_mul(1 << 30)?,
        "t" | "tib" => number.checked_mul(1 << 40)?,
        "kb" => number.checked_mul(1_000)?,
        "mb" => number.checked_mul(1_000_000)?,
        "gb" => number.checked_mul(1_000_000_000)?,
        "tb" => number.checked_mul(1_000_000_000_000)?,
        _ => return None,
    };
    (bytes >= 64 << 20).then_some(bytes)
}

fn duration(text: &str) -> Option<Duration> {
    let time: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(time).ok().filter(|time| !time.is_zero())
}

impl LimitOptions {
    /// Shows the limits as `config check` does.
    pub(crate) fn describe(&self) -> String {
        let Self { memory, series, exemplars_max, questions } = self;
        let mib = |bytes: u64| bytes >> 20;
        format!(
            "memory        {} MiB: store {}, questions {}, bodies {}, answers {}\n\
             series        {} in all, {} an account, {} a namespace\n\
             exemplars     {} an account\n\
             questions     {} series, {} points, {} MiB, {:?} each; {} at once, {} of an account\n\
             aws caps      {}\n",
            mib(memory.total),
            mib(memory.store),
            mib(memory.questions),
            mib(memory.bodies),
            mib(memory.answers),
            series.store.series,
            series.tenant.series,
            series.namespace.series,
            exemplars_max,
            questions.read.series_max,
            questions.read.points_max,
            mib(questions.read.bytes_max),
            questions.time_max,
            questions.running_max,
            questions.running_per_tenant_max,
            if questions.aws_caps { "on: the service's caps for cost" } else { "off" },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        limits: LimitArguments,
    }

    fn of(flags: &[&str], file: &FileOptions) -> anyhow::Result<LimitOptions> {
        options(&Only::try_parse_from([&["serve"], flags].concat())?.limits, file)
    }

    #[test]
    fn sizes_are_bytes_or_shares() {
        assert_eq!(size("4GiB", 0), Some(4 << 30));
        assert_eq!(size("512 mib", 0), Some(512 << 20));
        assert_eq!(size("1GB", 0), Some(1_000_000_000));
        assert_eq!(size("60%", 10_000_000_000), Some(6_000_000_000));
        for bad in
            ["", "x", "1MiB", "0%", "101%", "-1GiB", "4XiB", "99999999999999999TiB", "1.5GiB"]
        {
            assert_eq!(size(bad, 10_000_000_000), None, "{bad}");
        }
    }

    #[test]
    fn limits_follow_from_memory_unless_told() {
        let none = FileOptions::default();
        let limits = of(&["--memory", "4GiB"], &none).unwrap();
        assert_eq!(limits.memory.total, 4 << 30);
        assert_eq!(limits.series.store.series, 2 << 20);
        assert_eq!(limits.series.tenant.series, (2 << 20) / 4 * 3);
        assert_eq!(limits.questions.memory_bytes_max, 1 << 30);
        let told = of(&["--series-max=1000", "--series-per-namespace-max", "10"], &none).unwrap();
        let series = [told.series.store, told.series.tenant, told.series.namespace];
        assert_eq!(series.map(|s| s.series), [1_000, 750, 10]);
        let file = FileOptions {
            series_per_account_max: Some(7),
            exemplars_max: Some(0),
            query_time_max: Some("90s".into()),
            ..FileOptions::default()
        };
        let of_file = of(&[], &file).unwrap();
        assert_eq!(of_file.series.tenant.series, 7);
        assert_eq!((of_file.exemplars_max, told.exemplars_max), (0, 100_000));
        assert_eq!(of_file.questions.time_max, Duration::from_secs(90));
        for bad in [
            &["--memory", "lots"][..],
            &["--series-max", "0"],
            &["--query-time-max", "soon"],
            &["--query-time-max", "0s"],
        ] {
            let error = of(bad, &none).unwrap_err().to_string();
            assert!(error.contains(bad[0]), "{error}");
        }
    }
}
