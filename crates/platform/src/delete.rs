//! Deleting series and namespaces.

use crate::Platform;
use crate::access::{AccessError, Verb};
use alarm::definition::Metric;
use catalog::CatalogError;
use lang::promql::Matcher;
use metric_store::{Deleted, Deletion, StoreError};
use model::{Principal, Scope, TimeRange};

/// Why nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// Whoever asked may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The selection cannot be used.
    #[error("{0}")]
    Bad(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The series are deleted; what is known of them beside their points is not.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<metric_store::DeleteError> for DeleteError {
    fn from(error: metric_store::DeleteError) -> Self {
        match error {
            metric_store::DeleteError::Store(error) => Self::Store(error),
            wide @ metric_store::DeleteError::TooWide { .. } => Self::Bad(wide.to_string()),
        }
    }
}

/// Says whether series of a metric may be meant; of one that is not, windows are read for nothing.
fn may_mean(matcher: &Matcher, metric: &Metric) -> bool {
    matcher.matches(match matcher.name.as_str() {
        "__name__" => &metric.name,
        "__namespace__" => &metric.namespace,
        // An alarm may be on all units.
        "__unit__" => return true,
        label => metric.dimensions.iter().find(|(name, _)| name == label).map_or("", |(_, v)| v),
    })
}

impl Platform {
    /// Deletes the points in `range` of the series that any of the selectors takes: those that were
    /// acknowledged before this call. With `dry_run` it counts them and deletes nothing.
    ///
    /// # Errors
    /// [`DeleteError`].
    pub fn delete_series(
        &self,
        who: &Principal,
        scope: &Scope,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        dry_run: bool,
    ) -> Result<Deleted, DeleteError> {
        self.check(who, scope, Verb::Manage)?;
        if selectors.iter().flatten().any(|m| m.name == query::STAT) {
            let why = format!(
                "{} chooses a view of a series and deletes nothing of it; leave it out",
                query::STAT
            );
            return Err(DeleteError::Bad(why));
        }
        let Some(tenant) = self.tenants.find(scope) else { return Ok(Deleted::default()) };
        let deletions: Vec<Deletion> = selectors
            .iter()
            .map(|s| Deletion { tenant, matchers: query::store_matchers(s), range })
            .collect();
        if dry_run {
            return Ok(self.metrics.would_delete(&deletions)?);
        }
        let deleted = self.metrics.delete(&deletions)?;
        self.alarms_see_deletion(tenant, range, |metric| {
            selectors.iter().any(|selector| selector.iter().all(|m| may_mean(m, metric)))
        });
        if range == TimeRange::ALL {
            let group = self.tenants.first_of(tenant);
            self.described.forget_entities(&*self.catalog, (tenant, group), |entity| {
                selectors.iter().any(|selector| {
                    selector.iter().all(|m| {
                        m.matches(match m.name.as_str() {
                            "__name__" => &entity.name,
                            "__namespace__" => &entity.namespace,
                            label => entity.dimension(label),
                        })
                    })
                })
            })?;
        }
        Ok(deleted)
    }

    /// Rewrites the parts that deleted series still stand in, of all tenants; returns how many.
    ///
    /// # Errors
    /// [`DeleteError`].
    pub fn clean_tombstones(&self, who: &Principal, scope: &Scope) -> Result<usize, DeleteError> {
        self.check(who, scope, Verb::Control)?;
        Ok(self.metrics.clean_tombstones()?)
    }
}
