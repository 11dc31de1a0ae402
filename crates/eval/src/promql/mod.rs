//! What PromQL means: [`evaluate`] over a whole range of steps, [`Stepper`] one step at a time.
//!
//! A series is a column: one value for each step, with a mark where there is none. Columns are made
//! at the leaves (a cursor over the samples, [`window`]), flow into running aggregates without being
//! held together, and meet in operators by labels that are compared once, not at each step.
//!
//! ```
//! use eval::promql::{evaluate, Grid, Labels, Options, Range, Samples, Unlimited, Value};
//! # use eval::promql::{EvalError, Selection, SeriesReader, SeriesSet, Source};
//! # struct OneSeries;
//! # impl Source for OneSeries {
//! #     fn select<'s>(&'s self, _: &Selection<'_>) -> Result<Box<dyn SeriesSet + 's>, EvalError> {
//! #         Ok(Box::new(OneSeries))
//! #     }
//! # }
//! # impl SeriesSet for OneSeries {
//! #     fn len(&self) -> usize { 1 }
//! #     fn reader(&self) -> Box<dyn SeriesReader + '_> { Box::new(self) }
//! # }
//! # impl SeriesReader for &OneSeries {
//! #     fn labels(&mut self, _: usize) -> Result<Labels, EvalError> {
//! #         Ok(Labels::new([("__name__", "requests_total")]))
//! #     }
//! #     fn read(&mut self, _: usize, into: &mut Samples) -> Result<(), EvalError> {
//! #         *into = (1..=4).map(|n| (n * 15_000, n as f64 * 30.0)).collect();
//! #         Ok(())
//! #     }
//! # }
//! # let source = OneSeries;
//! let expr = lang::promql::parse("requests_total * 2").unwrap();
//! let at = Range::instant(60_000);
//! let (value, _) = evaluate(&expr, &source, at, &Options::default(), &Unlimited)?;
//! let Value::Vector(series) = value else { panic!() };
//! assert_eq!(series[0].points, [(60_000, 240.0)]);
//! # Ok::<(), EvalError>(())
//! ```
//!
//! Source: Prometheus documentation, "Querying". Beyond it, `__namespace__` and `__unit__` go where
//! `__name__` goes.

mod absent;
mod aggregate;
mod binary;
mod calendar;
mod call;
mod classic;
pub mod column;
mod error;
mod evaluate;
mod info;
mod kahan;
mod labels;
mod ledger;
mod math;
mod merge;
mod name;
mod native;
mod note;
mod pointwise;
mod rank;
mod relabel;
mod select;
mod shape;
mod shared;
mod source;
mod spread;
mod step;
mod text;
mod value;
pub mod window;
mod window_notes;

pub use column::{ABSENT, Cells, Column, Grid, Native, Samples, is_absent};
pub use error::EvalError;
pub use evaluate::evaluate;
pub use labels::{Grouping, Labels, LabelsBuilder, NAME};
pub use note::Annotations;
pub use source::{Limits, Selection, SeriesReader, SeriesSet, SetGroups, Source, Unlimited};
pub use step::{Feed, NotSteppable, Sample, Stepper};
pub use value::{Options, Range, Series, Value};
