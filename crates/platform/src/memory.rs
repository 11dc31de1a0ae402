//! How the server's memory is shared out.

use metric_store::{SeriesLimits, Share};

/// A series with its labels, its place in the index and the first of its points takes about this
/// many bytes while its registry is renewed, which holds it twice.
const SERIES_BYTES: u64 = 1_024;
/// Of what all may have: what one account may, so that none takes everything ...
const TENANT_SHARE: (u64, u64) = (3, 4);
/// ... and of what one account may have: what one of its namespaces may.
const NAMESPACE_SHARE: (u64, u64) = (3, 4);
/// Less than this makes no server.
const TOTAL_MIN: u64 = 64 << 20;

/// Bytes of memory for each use. They add up to less than the whole: what they do not count
/// (buffers of connections, merges, the catalog) lives in the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Everything.
    pub total: u64,
    /// Points in no part yet, and the index of the series that are alive.
    pub store: u64,
    /// What questions find and decode.
    pub questions: u64,
    /// Blocks of parts that questions unpacked lately.
    pub blocks: u64,
    /// Bodies of requests on their way in.
    pub bodies: u64,
    /// Answers on their way out.
    pub answers: u64,
}

impl MemoryPlan {
    /// Shares out `total` bytes, and at least 64 MiB.
    pub fn of(total: u64) -> Self {
        let total = total.max(TOTAL_MIN);
        Self {
            total,
            store: total / 2,
            questions: total / 4,
            blocks: total / 32,
            bodies: total / 16,
            answers: total / 16,
        }
    }

    /// Returns how many series there may be when nobody says.
    pub fn series_limits(&self) -> SeriesLimits {
        let part = |of: u64, (share, all): (u64, u64)| of / all * share;
        // The other half of the store's memory is for points.
        let bytes = self.store / 2;
        let share = |bytes: u64| Share {
            series: usize::try_from(bytes * 2 / SERIES_BYTES).unwrap_or(usize::MAX),
            bytes,
        };
        let tenant = part(bytes, TENANT_SHARE);
        SeriesLimits {
            store: share(bytes),
            tenant: share(tenant),
            namespace: share(part(tenant, NAMESPACE_SHARE)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fit_into_the_whole() {
        for total in [1, 64 << 20, 1 << 30, 14 << 30, u64::MAX / 2] {
            let plan = MemoryPlan::of(total);
            assert!(
                plan.store + plan.questions + plan.blocks + plan.bodies + plan.answers
                    <= plan.total
            );
            let limits = plan.series_limits();
            assert!(limits.namespace.series < limits.tenant.series);
            assert!(limits.tenant.series < limits.store.series);
            assert!(limits.store.bytes * 2 <= plan.store);
        }
        // 14.4 GB, six tenths of a machine of 24 GB, are for seven million series.
        assert_eq!(MemoryPlan::of(14_400_000_000).series_limits().store.series, 7_031_250);
    }
}
