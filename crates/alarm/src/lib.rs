//! Alarms on the stream: definitions, points and time in, effects out.
//!
//! An [`AlarmEngine`] keeps, for every alarm, a window over what it watches and a state machine. Each
//! input - a point, a tick, a definition - returns the [`Effect`]s that others carry out. So a month of
//! an alarm is a test of a few milliseconds, and any decision can be replayed. Windows are a cache of
//! the store: whenever one is in doubt, the engine asks for it again.
//!
//! Nothing here knows a store, a socket or a clock.
//!
//! ```
//! use alarm::definition::{
//!     Actions, AlarmKey, Comparison, Definition, EvaluationWindow, LowSamples, Metric, MetricAlarm,
//!     MetricSpec, SourceSpec, Watch,
//! };
//! use alarm::{AlarmEngine, AlarmState, Batch, Effect, History, Observed, Options, Point};
//! use alarm::missing::TreatMissing;
//! use model::{Delta, Kind, SeriesKey, TenantId, Unit};
//!
//! let key = AlarmKey { tenant: TenantId(1), name: "cpu-high".into() };
//! let metric = Metric {
//!     namespace: "AWS/EC2".into(), name: "CPUUtilization".into(), dimensions: vec![], unit: None,
//! };
//! let watch = Watch::Metric(MetricAlarm::new(MetricSpec {
//!     source: SourceSpec::Metric(metric, eval::Statistic::Average),
//!     period_s: 60,
//!     comparison: Comparison::GreaterThan,
//!     threshold: 80.0,
//!     periods: 1,
//!     datapoints: None,
//!     missing: TreatMissing::Missing,
//!     low_samples: LowSamples::Evaluate,
//!     window: EvaluationWindow::Sliding,
//!     warm_up: None,
//! }).unwrap());
//! let actions = Actions { enabled: true, ..Actions::default() };
//! let cpu = Definition::new(key.clone(), "arn:...".into(), actions, watch).unwrap();
//!
//! let mut engine = AlarmEngine::new(Options::default());
//! let effects = engine.put(cpu, 0).unwrap();
//! // The past of the metric is asked for; there is none.
//! let Effect::Rebuild(rebuild) = &effects[1] else { panic!() };
//! let none = History { position: 0, series: &[], points: &[], newest_float_ms: None };
//! engine.on_rebuilt(rebuild.slot, &none, 0);
//!
//! let series = SeriesKey {
//!     tenant: TenantId(1), namespace: "AWS/EC2".into(), name: "CPUUtilization".into(),
//!     unit: Unit::Percent, labels: vec![],
//! };
//! engine.on_series(7, Kind::Delta, &series);
//! let delta = Delta::of_value(95.0);
//! let point = Point { series: 7, at_ms: 10_000, observed: Observed::Delta(&delta) };
//! engine.on_points(&Batch { position: 1, arrived_ms: 11_000, points: &[point] });
//!
//! let effects = engine.on_tick(62_000, 62_000);
//! let Effect::StateChanged(change) = &effects[0] else { panic!() };
//! assert_eq!(change.to.state, AlarmState::Alarm);
//! assert_eq!(
//!     change.to.reason,
//!     "Threshold Crossed: 1 datapoint [95.0 (01/01/70 00:00:00)] was greater than the threshold (80.0)."
//! );
//! ```

mod contributor;
mod cron;
pub mod definition;
mod effect;
mod engine;
mod interest;
mod late;
pub mod missing;
mod number;
pub mod reason;
mod suppress;
mod window;

pub use effect::{
    ActionDue, ActionsFate, ContributorChange, Effect, HistoryItem, HistoryKind, Rebuild,
    ScheduledQuery, SlotId, StateChange, Told,
};
pub use engine::{
    AlarmEngine, Answer, AnswerSeries, Batch, ChangedRow, CheckpointError, Contribution,
    EvaluationState, Explanation, History, Kept, LateOf, LateRow, Loaded, Options, Point, PutError,
    Seen, Status, check_head, check_late_row, check_row,
};
pub use lang::alarm_rule::AlarmState;
pub use late::{LATE_KEPT_MS, LateArrival};
pub use suppress::SuppressedBy;
pub use window::Observed;
