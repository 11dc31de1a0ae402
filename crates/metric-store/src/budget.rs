//! How many series there may be, and who has how many.
//!
//! A series costs memory for as long as it lives, so new ones have a budget: of the store, of each
//! tenant, and of each namespace in it. Series that are known always go on; a stranger's explosion
//! of labels takes what its own namespace may have and no more.

use model::TenantId;
use std::fmt;
use std::sync::Arc;

/// How much series may take, as their number and as bytes of the index in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Series at most.
    pub series: usize,
    /// Bytes at most of labels and index, roughly.
    pub bytes: u64,
}

impl Share {
    /// No bound at all.
    pub const UNBOUNDED: Self = Self { series: usize::MAX, bytes: u64::MAX };
}

/// What new series may take before further ones are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesLimits {
    /// All tenants together.
    pub store: Share,
    /// Each account: tenants that were grouped share it.
    pub tenant: Share,
    /// Each namespace of a tenant; series without one count as one namespace.
    pub namespace: Share,
}

impl SeriesLimits {
    /// No bounds; for tests and tools.
    pub const UNBOUNDED: Self =
        Self { store: Share::UNBOUNDED, tenant: Share::UNBOUNDED, namespace: Share::UNBOUNDED };
}

impl Default for SeriesLimits {
    fn default() -> Self {
        Self::UNBOUNDED
    }
}

/// Whose budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetOf {
    /// The namespace's.
    Namespace,
    /// The account's: all its tenants together.
    Tenant,
    /// The account has as many namespaces as it may.
    Namespaces,
    /// The whole store's.
    Store,
}

/// What series take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Use {
    pub(crate) series: usize,
    pub(crate) bytes: u64,
}

impl Use {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.series += 1;
        self.bytes += bytes;
    }

    /// Says whether one more series is too much.
    pub(crate) fn fills(&self, share: Share) -> bool {
        self.series >= share.series || self.bytes >= share.bytes
    }
}

/// The label that makes the most series of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culprit {
    /// Its name.
    pub label: String,
    /// How many values it has among the series that were looked at.
    pub values: usize,
    /// How many series were looked at: the newest.
    pub series: usize,
}

/// A new series was refused because the budget of somebody is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverBudget {
    /// Whose budget.
    pub of: BudgetOf,
    /// The namespace of the refused series; empty for none.
    pub namespace: String,
    /// Series that there are.
    pub series: usize,
    /// What there may be.
    pub share: Share,
    /// The label that is to blame, where one stands out.
    pub culprit: Option<Arc<Culprit>>,
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { series, share, .. } = self;
        match self.of {
            BudgetOf::Namespaces => {
                return write!(
                    f,
                    "the account has {series} namespaces in memory and may have no more; {:?} would \
                     be a new one",
                    self.namespace
                );
            }
            BudgetOf::Namespace if self.namespace.is_empty() => {
                f.write_str("series without a namespace have")?;
            }
            BudgetOf::Namespace => write!(f, "namespace {:?} has", self.namespace)?,
            BudgetOf::Tenant => f.write_str("the account has")?,
            BudgetOf::Store => f.write_str("the server has")?,
        }
        write!(f, " {series} series in memory")?;
        if *series >= share.series {
            write!(f, " and may have {}", share.series)?;
        } else {
            write!(f, ", whose labels take the {} bytes that they may", share.bytes)?;
        }
        if let Some(culprit) = &self.culprit {
            write!(
                f,
                "; label {:?} makes most of them: {} values in the newest {} series",
                culprit.label, culprit.values, culprit.series
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for OverBudget {}

/// What one namespace of one tenant has in memory, and what it was refused.
#[derive(Debug, Clone)]
pub struct NamespaceUse {
    /// The tenant.
    pub tenant: TenantId,
    /// The namespace; empty for series without one.
    pub namespace: String,
    /// Series in memory.
    pub series: usize,
    /// Bytes of their labels and index, roughly.
    pub bytes: u64,
    /// New series that were refused since the start; one that is sent again counts again.
    pub refused: u64,
    /// The label to blame, where something was refused and one stands out.
    pub culprit: Option<Arc<Culprit>>,
}
