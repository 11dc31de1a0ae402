//! Functions: names and signatures.
//!
//! Source: Prometheus documentation, "Query functions".

use super::ValueType;

/// What a function takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// Types of the arguments. Further ones than these are of the last one's type.
    pub args: &'static [ValueType],
    /// Arguments at least ...
    pub args_min: usize,
    /// ... and at most; `None` for any number.
    pub args_max: Option<usize>,
    /// Type of the value.
    pub returns: ValueType,
    /// Prometheus serves it only when its experimental functions are enabled.
    pub experimental: bool,
}

const S: ValueType = ValueType::Scalar;
const V: ValueType = ValueType::Vector;
const M: ValueType = ValueType::Matrix;
const T: ValueType = ValueType::String;

macro_rules! functions {
    ($($(#[doc = $doc:literal])? $variant:ident $name:literal [$($arg:ident),*] $min:literal $max:tt $returns:ident $experimental:literal;)*) => {
        /// The functions of PromQL, in the order of their names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Function {
            $(#[doc = concat!("`", $name, "`", $($doc)?)] $variant,)*
        }

        impl Function {
            /// All of them.
            pub const ALL: &'static [Function] = &[$(Self::$variant),*];

            /// Returns the name as it is written.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns what it takes and gives.
            pub fn signature(self) -> &'static Signature {
                match self {
                    $(Self::$variant => &Signature {
                        args: &[$($arg),*],
                        args_min: $min,
                        args_max: functions!(@max $max),
                        returns: $returns,
                        experimental: $experimental,
                    },)*
                }
            }
        }
    };
    (@max any) => { None };
    (@max $max:literal) => { Some($max) };
}

functions! {
    Abs "abs" [V] 1 1 V false;
    Absent "absent" [V] 1 1 V false;
    AbsentOverTime "absent_over_time" [M] 1 1 V false;
    Acos "acos" [V] 1 1 V false;
    Acosh "acosh" [V] 1 1 V false;
    Asin "asin" [V] 1 1 V false;
    Asinh "asinh" [V] 1 1 V false;
    Atan "atan" [V] 1 1 V false;
    Atanh "atanh" [V] 1 1 V false;
    AvgOverTime "avg_over_time" [M] 1 1 V false;
    Ceil "ceil" [V] 1 1 V false;
    Changes "changes" [M] 1 1 V false;
    Clamp "clamp" [V, S, S] 3 3 V false;
    ClampMax "clamp_max" [V, S] 2 2 V false;
    ClampMin "clamp_min" [V, S] 2 2 V false;
    Cos "cos" [V] 1 1 V false;
    Cosh "cosh" [V] 1 1 V false;
    CountOverTime "count_over_time" [M] 1 1 V false;
    DayOfMonth "day_of_month" [V] 0 1 V false;
    DayOfWeek "day_of_week" [V] 0 1 V false;
    DayOfYear "day_of_year" [V] 0 1 V false;
    DaysInMonth "days_in_month" [V] 0 1 V false;
    Deg "deg" [V] 1 1 V false;
    Delta "delta" [M] 1 1 V false;
    Deriv "deriv" [M] 1 1 V false;
    DoubleExponentialSmoothing "double_exponential_smoothing" [M, S, S] 3 3 V true;
    End "end" [] 0 0 S true;
    Exp "exp" [V] 1 1 V false;
    FirstOverTime "first_over_time" [M] 1 1 V true;
    Floor "floor" [V] 1 1 V false;
    HistogramAvg "histogram_avg" [V] 1 1 V false;
    HistogramCount "histogram_count" [V] 1 1 V false;
    HistogramFraction "histogram_fraction" [S, S, V] 3 3 V false;
    HistogramQuantile "histogram_quantile" [S, V] 2 2 V false;
    HistogramQuantiles "histogram_quantiles" [V, T, S] 3 12 V true;
    HistogramStddev "histogram_stddev" [V] 1 1 V false;
    HistogramStdvar "histogram_stdvar" [V] 1 1 V false;
    HistogramSum "histogram_sum" [V] 1 1 V false;
    Hour "hour" [V] 0 1 V false;
    Idelta "idelta" [M] 1 1 V false;
    Increase "increase" [M] 1 1 V false;
    #[doc = ": the second argument is a selector of labels, not a vector."]
    Info "info" [V, V] 1 2 V true;
    Irate "irate" [M] 1 1 V false;
    LabelJoin "label_join" [V, T, T, T] 3 any V false;
    LabelReplace "label_replace" [V, T, T, T, T] 5 5 V false;
    LastOverTime "last_over_time" [M] 1 1 V false;
    Ln "ln" [V] 1 1 V false;
    Log10 "log10" [V] 1 1 V false;
    Log2 "log2" [V] 1 1 V false;
    MadOverTime "mad_over_time" [M] 1 1 V true;
    MaxOf "max_of" [S, S] 2 2 S true;
    MaxOverTime "max_over_time" [M] 1 1 V false;
    MinOf "min_of" [S, S] 2 2 S true;
    MinOverTime "min_over_time" [M] 1 1 V false;
    Minute "minute" [V] 0 1 V false;
    Month "month" [V] 0 1 V false;
    Pi "pi" [] 0 0 S false;
    PredictLinear "predict_linear" [M, S] 2 2 V false;
    PresentOverTime "present_over_time" [M] 1 1 V false;
    QuantileOverTime "quantile_over_time" [S, M] 2 2 V false;
    Rad "rad" [V] 1 1 V false;
    Range "range" [] 0 0 S true;
    Rate "rate" [M] 1 1 V false;
    Resets "resets" [M] 1 1 V false;
    Round "round" [V, S] 1 2 V false;
    Scalar "scalar" [V] 1 1 S false;
    Sgn "sgn" [V] 1 1 V false;
    Sin "sin" [V] 1 1 V false;
    Sinh "sinh" [V] 1 1 V false;
    Sort "sort" [V] 1 1 V false;
    SortByLabel "sort_by_label" [V, T] 1 any V true;
    SortByLabelDesc "sort_by_label_desc" [V, T] 1 any V true;
    SortDesc "sort_desc" [V] 1 1 V false;
    Sqrt "sqrt" [V] 1 1 V false;
    Start "start" [] 0 0 S true;
    StddevOverTime "stddev_over_time" [M] 1 1 V false;
    StdvarOverTime "stdvar_over_time" [M] 1 1 V false;
    Step "step" [] 0 0 S true;
    SumOverTime "sum_over_time" [M] 1 1 V false;
    Tan "tan" [V] 1 1 V false;
    Tanh "tanh" [V] 1 1 V false;
    Time "time" [] 0 0 S false;
    Timestamp "timestamp" [V] 1 1 V false;
    TsOfFirstOverTime "ts_of_first_over_time" [M] 1 1 V true;
    TsOfLastOverTime "ts_of_last_over_time" [M] 1 1 V true;
    TsOfMaxOverTime "ts_of_max_over_time" [M] 1 1 V true;
    TsOfMinOverTime "ts_of_min_over_time" [M] 1 1 V true;
    Vector "vector" [S] 1 1 V false;
    Year "year" [V] 0 1 V false;
}

impl Function {
    /// Finds a function. Names are written in lower case only.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.binary_search_by(|f| f.name().cmp(name)).ok().map(|at| Self::ALL[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_name() {
        for function in Function::ALL {
            assert_eq!(Function::named(function.name()), Some(*function));
            let signature = function.signature();
            assert!(signature.args_max.is_none_or(|max| max >= signature.args_min));
            assert!(signature.args.is_empty() == (signature.args_max == Some(0)));
        }
        assert_eq!(Function::named("Rate"), None);
        assert_eq!(Function::named("holt_winters"), None, "gone since 3.0");
    }
}
