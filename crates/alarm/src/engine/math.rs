//! Metric math over the windows of its metrics.

use eval::Statistic;
use eval::metric_math::{Slots, StepInputs, Stepper};
use std::collections::HashMap;

use crate::definition::Math;

/// Expressions as steppers, one behind the other: each one's results are inputs of later ones.
#[derive(Debug)]
pub(super) struct MathPlan {
    /// The window and statistic of each metric, in their order.
    pub(super) metrics: Vec<(u32, Statistic)>,
    steppers: Vec<Stepper>,
    /// Which of all points is compared.
    result: usize,
    points: usize,
}

/// Instructions of one expression.
const INSTRUCTIONS_MAX: usize = 1_000;

/// Where points of ids stand: metrics first, then what each expression made.
struct Known {
    slots: HashMap<String, Slots>,
    metrics: Vec<String>,
    period_s: u32,
}

impl StepInputs for Known {
    fn slots(&self, id: &str) -> Option<Slots> {
        self.slots.get(id).cloned()
    }

    fn metrics(&self, containing: Option<&str>) -> Vec<usize> {
        let wanted = |id: &String| containing.is_none_or(|part| id.contains(part));
        self.metrics.iter().enumerate().filter(|(_, id)| wanted(id)).map(|(n, _)| n).collect()
    }

    fn period_s(&self, id: &str) -> Option<u32> {
        self.metrics.iter().any(|known| known == id).then_some(self.period_s)
    }
}

impl MathPlan {
    /// Makes a plan; none if an expression cannot be stepped. The windows are filled in by the caller,
    /// in the order of the metrics.
    pub(super) fn new(math: &Math, period_s: u32) -> Option<Self> {
        let metrics: Vec<String> = math.metrics().iter().map(|(id, ..)| id.clone()).collect();
        let slots = metrics.iter().cloned().zip((0..).map(Slots::Series)).collect();
        let mut points = metrics.len();
        let mut known = Known { slots, metrics, period_s };
        let mut steppers = Vec::new();
        for (id, expr) in math.expressions() {
            let stepper = Stepper::new(expr, &known, INSTRUCTIONS_MAX).ok()?;
            // How many series it makes is known by trying.
            let made = stepper.clone().step(0, &vec![f64::NAN; points]).len();
            let slots = match made {
                1 => Slots::Series(points),
                made => Slots::Array((points..points + made).collect()),
            };
            known.slots.insert(id.clone(), slots);
            points += made;
            steppers.push(stepper);
        }
        let Slots::Series(result) = known.slots.get(math.returns())? else { return None };
        Some(Self { metrics: Vec::new(), steppers, result: *result, points })
    }

    /// Returns the value of each period, in the order given: oldest first. `inputs` gives the points of
    /// the metrics in a period, NaN for none.
    ///
    /// Each evaluation begins anew at its oldest period, as a query over its range does.
    pub(super) fn values(
        &self,
        periods: impl Iterator<Item = (i64, i64)>,
        mut inputs: impl FnMut(i64, i64, &mut Vec<f64>),
    ) -> Vec<f64> {
        let mut steppers = self.steppers.clone();
        let mut points = Vec::with_capacity(self.points);
        periods
            .map(|(start_ms, end_ms)| {
                points.clear();
                inputs(start_ms, end_ms, &mut points);
                for stepper in &mut steppers {
                    let made = stepper.step(start_ms, &points).to_vec();
                    points.extend(made);
                }
                points[self.result]
            })
            .collect()
    }
}
