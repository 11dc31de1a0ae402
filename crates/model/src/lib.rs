//! The product's nouns as plain values: who ([`Principal`], [`Scope`]), what ([`SeriesKey`],
//! [`Unit`]) and how much ([`Delta`]). Knows no wire, no file and no query.
//!
//! Where AWS and Prometheus have different words, the platform's are: *series* for what CloudWatch
//! calls a metric (a name with its dimensions and unit) and Prometheus a time series; *label* for
//! dimension; *namespace* as CloudWatch has it (empty for Prometheus).

mod audit;
mod delta;
mod duration;
mod histogram;
mod histogram_bytes;
mod principal;
mod scope;
mod series;
mod unit;

pub use audit::{AuditRecord, UserIdentity};
pub use delta::{Delta, VALUES_MAX, bucket_bounds, bucket_of};
pub use duration::{DURATION_UNITS, duration_of_units};
pub use histogram::{
    BUCKETS_MAX, Bucket, BucketRange, CUSTOM_SCHEMA, Histogram, ResetHint, SCHEMAS,
};
pub use histogram_bytes::{put_number, read_number, whole};
pub use principal::{Principal, PrincipalKind, Role, RoleError};
pub use scope::{AccountId, AccountIdError, Scope};
pub use series::{Kind, SeriesKey, TenantId, VIRTUAL_NAMES};
pub use unit::Unit;

/// The bits of the NaN that ends a Prometheus series (stale marker). It must be kept bit for bit.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Says whether `value` is the stale marker, which no comparison of floats can tell.
#[inline]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// A half-open range of time, milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// First moment inside.
    pub start_ms: i64,
    /// First moment outside.
    pub end_ms: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { start_ms: i64::MIN, end_ms: i64::MAX };

    /// Says whether `at_ms` lies inside.
    #[inline]
    pub fn contains(&self, at_ms: i64) -> bool {
        self.start_ms <= at_ms && at_ms < self.end_ms
    }

    /// Says whether any moment of the closed interval `min_ms..=max_ms` lies inside.
    #[inline]
    pub fn overlaps(&self, min_ms: i64, max_ms: i64) -> bool {
        min_ms < self.end_ms && max_ms >= self.start_ms
    }
}
