//! The functions, by what they do.

/// A function of one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// One number of many: over time for a series, over the series at each time for an array.
    Aggregate(Aggregate),
    /// Each point by itself.
    Elementwise(Elementwise),
    /// Each point with those before it.
    Running(Running),
    /// A part of each time, UTC.
    Calendar(Calendar),
    /// `METRIC_COUNT`: how many series an array has.
    MetricCount,
    /// `REMOVE_EMPTY`: an array without the series that have no points.
    RemoveEmpty,
    /// `FIRST` of an array.
    First,
    /// `LAST` of an array.
    Last,
    /// `TIME_SERIES`: a scalar at each time.
    TimeSeries,
}

/// Functions that make one number of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// `AVG`
    Avg,
    /// `MIN`
    Min,
    /// `MAX`
    Max,
    /// `SUM`
    Sum,
    /// `STDDEV`
    StdDev,
    /// `DATAPOINT_COUNT`
    DatapointCount,
}

/// Functions of a point by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Elementwise {
    /// `ABS`
    Abs,
    /// `CEIL`
    Ceil,
    /// `FLOOR`
    Floor,
    /// `LOG`, natural
    Log,
    /// `LOG10`
    Log10,
}

/// Functions of a point and those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Running {
    /// `DIFF`
    Diff,
    /// `DIFF_TIME`
    DiffTime,
    /// `RATE`
    Rate,
    /// `RUNNING_SUM`
    RunningSum,
}

/// Parts of a time, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calendar {
    /// `MINUTE`, 0 to 59
    Minute,
    /// `HOUR`, 0 to 23
    Hour,
    /// `DAY` of the week, 1 (Monday) to 7
    Day,
    /// `DATE`: day of the month, from 1
    Date,
    /// `MONTH`, from 1
    Month,
    /// `YEAR`
    Year,
    /// `EPOCH`: seconds since 1970
    Epoch,
}

impl Function {
    /// Every function of one argument, and its name.
    pub const ALL: [(&'static str, Self); 27] = [
        ("ABS", Self::Elementwise(Elementwise::Abs)),
        ("AVG", Self::Aggregate(Aggregate::Avg)),
        ("CEIL", Self::Elementwise(Elementwise::Ceil)),
        ("DATAPOINT_COUNT", Self::Aggregate(Aggregate::DatapointCount)),
        ("DATE", Self::Calendar(Calendar::Date)),
        ("DAY", Self::Calendar(Calendar::Day)),
        ("DIFF", Self::Running(Running::Diff)),
        ("DIFF_TIME", Self::Running(Running::DiffTime)),
        ("EPOCH", Self::Calendar(Calendar::Epoch)),
        ("FIRST", Self::First),
        ("FLOOR", Self::Elementwise(Elementwise::Floor)),
        ("HOUR", Self::Calendar(Calendar::Hour)),
        ("LAST", Self::Last),
        ("LOG", Self::Elementwise(Elementwise::Log)),
        ("LOG10", Self::Elementwise(Elementwise::Log10)),
        ("MAX", Self::Aggregate(Aggregate::Max)),
        ("METRIC_COUNT", Self::MetricCount),
        ("MIN", Self::Aggregate(Aggregate::Min)),
        ("MINUTE", Self::Calendar(Calendar::Minute)),
        ("MONTH", Self::Calendar(Calendar::Month)),
        ("RATE", Self::Running(Running::Rate)),
        ("REMOVE_EMPTY", Self::RemoveEmpty),
        ("RUNNING_SUM", Self::Running(Running::RunningSum)),
        ("STDDEV", Self::Aggregate(Aggregate::StdDev)),
        ("SUM", Self::Aggregate(Aggregate::Sum)),
        ("TIME_SERIES", Self::TimeSeries),
        ("YEAR", Self::Calendar(Calendar::Year)),
    ];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, function)| *function == self);
        found.expect("every function has a name").0
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }
}

impl Aggregate {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        Function::Aggregate(self).name()
    }
}

/// Functions with more than one argument, or with words and texts as arguments.
pub(super) const SPECIAL: [&str; 7] =
    ["FILL", "IF", "METRICS", "PERIOD", "SEARCH", "SLICE", "SORT"];

/// Functions of the service that are not served yet.
pub(super) const NOT_SERVED: [&str; 5] = [
    "ANOMALY_DETECTION_BAND",
    "DB_PERF_INSIGHTS",
    "INSIGHT_RULE_METRIC",
    "LAMBDA",
    "SERVICE_QUOTA",
];

/// Words in capitals that are no functions.
pub(super) const KEYWORDS: [&str; 6] = ["AND", "OR", "ASC", "DESC", "LINEAR", "REPEAT"];

/// Returns every name that may stand before a parenthesis.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let simple = Function::ALL.iter().map(|(name, _)| *name);
    simple.chain(SPECIAL).chain(NOT_SERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_lead_back() {
        assert!(Function::ALL.is_sorted_by_key(|(name, _)| *name));
        for (name, function) in Function::ALL {
            assert_eq!(Function::named(name), Some(function));
            assert_eq!(function.name(), name);
        }
    }
}
