//! Alarms on a metric, an expression over metrics, or a Metrics Insights query.

use super::math::{Math, MathSpec};
use super::{Invalid, Zone};
use crate::missing::{OutOf, TreatMissing};
use eval::Statistic;
use model::Unit;

/// What an alarm compares with its threshold, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricAlarm {
    source: Source,
    period: Period,
    comparison: Comparison,
    threshold: f64,
    out_of: OutOf,
    /// Whether M was said, which the reason shows.
    says_datapoints: bool,
    missing: TreatMissing,
    low_samples: LowSamples,
    window: EvaluationWindow,
    warm_up: Option<WarmUp>,
}

/// A [`MetricAlarm`] as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSpec {
    /// What is compared.
    pub source: SourceSpec,
    /// `Period`, in seconds; of a metric-math alarm, that of its metrics.
    pub period_s: u32,
    /// `ComparisonOperator`.
    pub comparison: Comparison,
    /// `Threshold`.
    pub threshold: f64,
    /// `EvaluationPeriods`.
    pub periods: u32,
    /// `DatapointsToAlarm`; all of them, if not said.
    pub datapoints: Option<u32>,
    /// `TreatMissingData`.
    pub missing: TreatMissing,
    /// `EvaluateLowSampleCountPercentile`.
    pub low_samples: LowSamples,
    /// `EvaluationWindow`.
    pub window: EvaluationWindow,
    /// `WarmUpConfiguration`: minutes, and whether they last even if all data are there.
    pub warm_up: Option<(u32, bool)>,
}

/// Where the values come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A statistic of one metric.
    Metric(Metric, Statistic),
    /// An expression over metrics.
    Math(Math),
    /// A Metrics Insights statement; each of its series is a contributor.
    Insights {
        /// The statement.
        statement: String,
        /// Says whether it has `GROUP BY`, and so several series.
        grouped: bool,
    },
}

/// A [`Source`] as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceSpec {
    /// `MetricName`, `Namespace`, `Dimensions`, `Unit`, and `Statistic` or `ExtendedStatistic`.
    Metric(Metric, Statistic),
    /// `Metrics`.
    Math(MathSpec),
    /// A single expression of `Metrics` that begins with SELECT.
    Insights(String),
}

impl Source {
    /// Returns the metric, of an alarm on one metric.
    pub fn metric(&self) -> Option<&Metric> {
        match self {
            Self::Metric(metric, _) => Some(metric),
            _ => None,
        }
    }
}

/// A metric of CloudWatch: exactly these dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Metric {
    /// The namespace; empty for series that have none.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Names and values, sorted, each name once.
    pub dimensions: Vec<(String, String)>,
    /// Only data of this unit; none takes all units together.
    pub unit: Option<Unit>,
}

/// How a value is compared with the threshold to be beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum Comparison {
    GreaterThan,
    GreaterThanOrEqual,
    LessThan,
    LessThanOrEqual,
}

impl Comparison {
    /// All, with the names of the API.
    pub const ALL: [(&'static str, Self); 4] = [
        ("GreaterThanThreshold", Self::GreaterThan),
        ("GreaterThanOrEqualToThreshold", Self::GreaterThanOrEqual),
        ("LessThanThreshold", Self::LessThan),
        ("LessThanOrEqualToThreshold", Self::LessThanOrEqual),
    ];

    /// Returns the comparison of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, comparison)| comparison)
    }

    /// Says whether a value is beyond the threshold.
    #[inline]
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThan => value > threshold,
            Self::GreaterThanOrEqual => value >= threshold,
            Self::LessThan => value < threshold,
            Self::LessThanOrEqual => value <= threshold,
        }
    }

    /// Returns the words of the service's reasons.
    pub fn words(self) -> &'static str {
        match self {
            Self::GreaterThan => "greater than",
            Self::GreaterThanOrEqual => "greater than or equal to",
            Self::LessThan => "less than",
            Self::LessThanOrEqual => "less than or equal to",
        }
    }
}

/// A period: 10, 20 or 30 seconds, or a multiple of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(u32);

impl Period {
    /// Returns the period of so many seconds, if there is one.
    pub fn of_seconds(seconds: u32) -> Option<Self> {
        let known = matches!(seconds, 10 | 20 | 30) || seconds > 0 && seconds.is_multiple_of(60);
        known.then_some(Self(seconds))
    }

    /// Returns its seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// Returns its milliseconds.
    pub fn ms(self) -> i64 {
        i64::from(self.0) * 1_000
    }
}

/// What percentiles over few samples do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LowSamples {
    /// They count as any.
    #[default]
    Evaluate,
    /// The alarm stays as it is.
    Ignore,
}

/// Where periods begin.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum EvaluationWindow {
    /// They end where the evaluation is.
    #[default]
    Sliding,
    /// They follow the clock of a zone; only whole ones are looked at.
    WallClock(Zone),
}

/// How long a new or changed alarm waits for its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmUp {
    minutes: u32,
    whole: bool,
}

impl WarmUp {
    /// Returns the time, in milliseconds.
    pub fn ms(self) -> i64 {
        i64::from(self.minutes) * 60_000
    }

    /// Says whether it lasts even if all data are there.
    pub fn is_whole(self) -> bool {
        self.whole
    }
}

/// Seconds of all periods together. Source: CloudWatch API reference, `PutMetricAlarm`, `Period`.
const SPAN_S_MAX: u64 = 86_400;
const LONG_SPAN_S_MAX: u64 = 604_800;
const LONG_PERIOD_S: u32 = 3_600;
/// Source: the same, `WarmUpPeriodDurationInMinutes`.
const WARM_UP_MINUTES_MAX: u32 = 2_880;
/// Source: the same, `EvaluationWindow`.
const WALL_CLOCK_PERIODS_S: [u32; 5] = [60, 300, 3_600, 86_400, 604_800];
/// Source: CloudWatch API reference, `Dimension`.
const DIMENSIONS_MAX: usize = 30;

impl MetricAlarm {
    /// Returns the alarm that is asked for.
    ///
    /// # Errors
    /// Every field that cannot be.
    pub fn new(spec: MetricSpec) -> Result<Self, Vec<Invalid>> {
        let mut wrong = Vec::new();
        let period = Period::of_seconds(spec.period_s);
        if period.is_none() {
            let problem = format!("{} s is none of 10, 20, 30 and multiples of 60", spec.period_s);
            wrong.push(Invalid::new("Period", problem));
        }
        let out_of = OutOf::new(spec.datapoints.unwrap_or(spec.periods), spec.periods);
        check_counts(&spec, &mut wrong);
        check_span(&spec, &mut wrong);
        if !spec.threshold.is_finite() {
            wrong.push(Invalid::new("Threshold", "is no number"));
        }
        let warm_up = spec.warm_up.map(|(minutes, whole)| WarmUp { minutes, whole });
        if warm_up.is_some_and(|w| w.minutes == 0 || w.minutes > WARM_UP_MINUTES_MAX) {
            let problem = format!("is not between 1 and {WARM_UP_MINUTES_MAX}");
            wrong.push(Invalid::new("WarmUpPeriodDurationInMinutes", problem));
        }
        check_window(&spec, &mut wrong);
        let source = source(spec.source, spec.period_s, spec.low_samples, &mut wrong);
        match (source, period, out_of) {
            (Some(source), Some(period), Some(out_of)) if wrong.is_empty() => Ok(Self {
                source,
                period,
                comparison: spec.comparison,
                threshold: spec.threshold,
                out_of,
                says_datapoints: spec.datapoints.is_some(),
                missing: spec.missing,
                low_samples: spec.low_samples,
                window: spec.window,
                warm_up,
            }),
            _ => Err(wrong),
        }
    }

    /// Returns what is compared.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the period of a datapoint.
    pub fn period(&self) -> Period {
        self.period
    }

    /// Returns how values are compared.
    pub fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// Returns what they are compared with.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Returns M out of N.
    pub fn out_of(&self) -> OutOf {
        self.out_of
    }

    /// Says whether M was said by the client, which the reasons of the service show.
    pub fn says_datapoints(&self) -> bool {
        self.says_datapoints
    }

    /// Returns how gaps count.
    pub fn missing(&self) -> TreatMissing {
        self.missing
    }

    /// Returns what percentiles over few samples do.
    pub fn low_samples(&self) -> LowSamples {
        self.low_samples
    }

    /// Returns where periods begin.
    pub fn window(&self) -> &EvaluationWindow {
        &self.window
    }

    /// Returns how long it waits for its data.
    pub fn warm_up(&self) -> Option<WarmUp> {
        self.warm_up
    }

    /// Returns the time between two evaluations, in milliseconds.
    ///
    /// Source: CloudWatch user guide, "Alarm evaluation": every ten seconds for periods below a
    /// minute, hourly when the datapoints span more than a day, else each minute.
    pub fn cadence_ms(&self) -> i64 {
        let span_s = u64::from(self.period.0) * self.out_of.periods() as u64;
        match self.period.0 {
            0..60 => 10_000,
            _ if span_s > SPAN_S_MAX => 3_600_000,
            _ => 60_000,
        }
    }
}

fn check_counts(spec: &MetricSpec, wrong: &mut Vec<Invalid>) {
    if spec.periods == 0 {
        wrong.push(Invalid::new("EvaluationPeriods", "is not at least 1"));
    }
    match spec.datapoints {
        Some(0) => wrong.push(Invalid::new("DatapointsToAlarm", "is not at least 1")),
        Some(datapoints) if datapoints > spec.periods => {
            let problem = format!("{datapoints} is more than EvaluationPeriods, {}", spec.periods);
            wrong.push(Invalid::new("DatapointsToAlarm", problem));
        }
        _ => {}
    }
}

fn check_span(spec: &MetricSpec, wrong: &mut Vec<Invalid>) {
    let span_s = u64::from(spec.period_s) * u64::from(spec.periods);
    let max = if spec.period_s >= LONG_PERIOD_S { LONG_SPAN_S_MAX } else { SPAN_S_MAX };
    if span_s > max {
        let problem = format!("times Period is {span_s} s, {max} s are allowed for this period");
        wrong.push(Invalid::new("EvaluationPeriods", problem));
    }
}

fn check_window(spec: &MetricSpec, wrong: &mut Vec<Invalid>) {
    let on_clock = matches!(spec.window, EvaluationWindow::WallClock(_));
    if on_clock && !WALL_CLOCK_PERIODS_S.contains(&spec.period_s) {
        let problem = "a wall-clock window needs a period of 60, 300, 3600, 86400 or 604800 s";
        wrong.push(Invalid::new("EvaluationWindow", problem));
    }
}

/// Checks a metric, for alarms on one and for those of an expression.
pub(super) fn check_metric(metric: &mut Metric, wrong: &mut Vec<Invalid>) {
    let bounds = [("MetricName", &metric.name), ("Namespace", &metric.namespace)];
    for (field, text) in bounds {
        let chars = text.chars().count();
        // An empty namespace is how series without one are known inside.
        if chars > 255 || chars == 0 && field == "MetricName" {
            wrong
                .push(Invalid::new(field, format!("has {chars} characters, 1 to 255 are allowed")));
        }
    }
    if metric.dimensions.len() > DIMENSIONS_MAX {
        let problem = format!("are {}, {DIMENSIONS_MAX} are allowed", metric.dimensions.len());
        wrong.push(Invalid::new("Dimensions", problem));
    }
    metric.dimensions.sort();
    if let Some(pair) = metric.dimensions.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        wrong.push(Invalid::new("Dimensions", format!("name {} twice", pair[0].0)));
    }
}

fn source(
    spec: SourceSpec,
    period_s: u32,
    low_samples: LowSamples,
    wrong: &mut Vec<Invalid>,
) -> Option<Source> {
    if low_samples == LowSamples::Ignore
        && !matches!(&spec, SourceSpec::Metric(_, Statistic::Percentile(_)))
    {
        let problem = "is for alarms on a percentile of one metric";
        wrong.push(Invalid::new("EvaluateLowSampleCountPercentile", problem));
    }
    match spec {
        SourceSpec::Metric(mut metric, statistic) => {
            check_metric(&mut metric, wrong);
            Some(Source::Metric(metric, statistic))
        }
        SourceSpec::Math(spec) => Math::new(spec, wrong).map(Source::Math),
        SourceSpec::Insights(statement) => {
            if period_s < 60 {
                let problem = "of a Metrics Insights alarm is at least 60 s";
                wrong.push(Invalid::new("Period", problem));
            }
            match lang::insights::parse(&statement) {
                Ok(query) => {
                    let grouped = !query.group_by.is_empty();
                    Some(Source::Insights { statement, grouped })
                }
                Err(mistakes) => {
                    let shown: Vec<String> =
                        mistakes.iter().map(|m| m.render(&statement)).collect();
                    wrong.push(Invalid::new("Expression", shown.join("\n")));
                    None
                }
            }
        }
    }
}
