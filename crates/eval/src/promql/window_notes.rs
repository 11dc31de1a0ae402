//! What is to be said of functions of ranges: metrics that they were not meant for, ranges that mix
//! floats and histograms, quantiles that are none.

use super::evaluate::Evaluator;
use super::name::Name;
use super::window::{Params, WindowFn};
use super::{EvalError, Labels, is_absent, native};
use lang::promql::{Call, Expr};

/// Names of metrics that a function was not meant for.
pub(super) struct Names {
    function: WindowFn,
    suspicious: Vec<String>,
    any_value: bool,
    mixtures: Vec<(String, native::Mixture)>,
}

impl Names {
    pub(super) fn new(function: WindowFn) -> Self {
        Self { function, suspicious: Vec::new(), any_value: false, mixtures: Vec::new() }
    }

    /// Looks at a series; says whether it had a value.
    pub(super) fn see(&mut self, name: Name<'_>, values: &[f64]) -> Result<bool, EvalError> {
        let counts = matches!(self.function, WindowFn::Rate | WindowFn::Increase);
        if values.iter().all(|v| is_absent(*v)) {
            return Ok(false);
        }
        self.any_value = true;
        if !counts {
            return Ok(true);
        }
        let labels = name.labels()?;
        let name = labels.name();
        let counts = ["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end));
        let known = || self.suspicious.iter().any(|known| known == name);
        if !counts && !name.is_empty() && self.suspicious.len() < 100 && !known() {
            self.suspicious.push(name.to_owned());
        }
        Ok(true)
    }

    pub(super) fn see_mixture(&mut self, labels: &Labels, mixture: native::Mixture) {
        if mixture != native::Mixture::default() && self.mixtures.len() < 100 {
            self.mixtures.push((labels.name().to_owned(), mixture));
        }
    }

    pub(super) fn note(
        self,
        evaluator: &mut Evaluator<'_>,
        call: &Call,
        range: &Expr,
        params: Params<'_>,
    ) {
        for name in self.suspicious {
            evaluator.notes.inform(range.span, format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
            ));
        }
        let notes = &mut evaluator.notes;
        for (name, mixture) in self.mixtures {
            if mixture.dropped {
                let what = "encountered a mix of histograms and floats for metric name";
                notes.warn(range.span, format!("{what} {name:?}"));
            }
            if mixture.ignored {
                let what = "ignored histograms in a range containing both floats and histograms \
                            for metric name";
                // Prometheus names the first argument, also where that is a scalar.
                notes.inform(call.args[0].span, format!("{what} {name:?}"));
            }
            if mixture.layouts {
                let what = "vector contains a mix of histograms with exponential and custom \
                            buckets schemas for metric name";
                notes.warn(range.span, format!("{what} {name:?}"));
            }
            if mixture.not_counter {
                let what = "this native histogram metric is not a counter:";
                notes.warn(range.span, format!("{what} {name:?}"));
            }
            if mixture.not_gauge {
                let what = "this native histogram metric is not a gauge:";
                notes.warn(range.span, format!("{what} {name:?}"));
            }
        }
        if self.function == WindowFn::QuantileOverTime && self.any_value {
            evaluator.note_quantiles(call.args[0].span, params.first);
        }
    }
}

impl Evaluator<'_> {
    /// Warns of quantiles that are none.
    pub(super) fn note_quantiles(&mut self, span: lang::Span, quantiles: &[f64]) {
        let mut last = None;
        for bad in quantiles.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            if self.notes.is_full() {
                return;
            }
            if last.replace(bad.to_bits()) != Some(bad.to_bits()) {
                let text = super::text::of_number(*bad);
                let text = format!("quantile value should be between 0 and 1, got {text}");
                self.notes.warn(span, text);
            }
        }
    }
}
