//! How long points are kept: rules by namespace and labels, kept in the catalog.
//!
//! The first rule that takes a series decides; those that no rule takes are kept as the server's options
//! say. A rule belongs to an account and region, and counts for theirs alone.

use crate::Platform;
use crate::access::{AccessError, Verb};
use catalog::{Catalog, CatalogError, Change};
use metric_store::{HeldForms, Keep, MetricStore, Retention, RetentionRule, StoreError};
use model::{AccountId, Principal, Scope, TenantId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

const TABLE: &str = "retention";
/// Each series that is read is held against each rule.
const RULES_MAX: usize = 200;
const NAME_BYTES_MAX: usize = 100;

/// A rule as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRule {
    /// Where it stands among all: lower ones are asked first.
    pub place: i64,
    /// Whose series.
    pub account: String,
    /// In which region.
    pub region: String,
    /// Which of them: a PromQL selector.
    #[serde(rename = "match")]
    pub selector: String,
    /// How long raw points are kept, in milliseconds.
    pub raw_ms: i64,
    /// How long roll-ups of five minutes are.
    pub five_minutes_ms: i64,
    /// How long those of an hour are.
    pub hour_ms: i64,
}

impl KeptRule {
    fn scope(&self) -> Option<Scope> {
        let account: AccountId = self.account.parse().ok()?;
        Some(Scope { account, region: self.region.clone() })
    }

    fn keep(&self) -> Keep {
        let Self { raw_ms, five_minutes_ms, hour_ms, .. } = *self;
        Keep { raw_ms, five_minutes_ms, hour_ms }
    }
}

/// A rule that somebody wants.
#[derive(Debug, Clone)]
pub struct WantedRule {
    /// What it is called; one of the same name is replaced and keeps its place.
    pub name: String,
    /// Whose series.
    pub scope: Scope,
    /// Which of them: a PromQL selector.
    pub selector: String,
    /// How long they are kept.
    pub keep: Keep,
    /// Is asked before all others.
    pub first: bool,
}

/// A rule, or the default without a name, and what it keeps.
#[derive(Debug, Clone)]
pub struct RuleShown {
    /// The rule; `None` for series that no rule takes.
    pub rule: Option<(String, KeptRule)>,
    /// How long they are kept.
    pub keep: Keep,
    /// What that takes.
    pub held: HeldForms,
}

/// Why rules were not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// Whoever asked may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The rule cannot be used; the text says why.
    #[error("{0}")]
    Bad(String),
    /// There is no such rule.
    #[error("there is no rule {0:?}")]
    Unknown(String),
    /// Points would be gone; say that this is meant.
    #[error("points that are kept now would be gone")]
    WouldExpire(HeldForms),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules could not be kept; those before are in force.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// How a change of rules is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeMode {
    /// Says what would be gone, and changes nothing.
    DryRun,
    /// Changes nothing if anything would be gone.
    Careful,
    /// Whatever would be gone.
    Confirmed,
}

/// One change at a time.
#[derive(Debug, Default)]
pub(crate) struct Changing(Mutex<()>);

fn load(catalog: &dyn Catalog) -> Result<Vec<(String, KeptRule)>, CatalogError> {
    let mut rules: Vec<(String, KeptRule)> = Vec::new();
    for (name, value) in catalog.scan(TABLE, "")? {
        match serde_json::from_slice(&value) {
            Ok(rule) => rules.push((name, rule)),
            Err(error) => tracing::error!(name, %error, "retention rule cannot be read; left out"),
        }
    }
    rules.sort_by(|a, b| (a.1.place, &a.0).cmp(&(b.1.place, &b.0)));
    Ok(rules)
}

fn to_rule(
    name: &str,
    kept: &KeptRule,
    tenant: impl Fn(&Scope) -> Option<TenantId>,
) -> Result<RetentionRule, String> {
    let scope = kept.scope().ok_or_else(|| format!("account {:?} is none", kept.account))?;
    let tenant = tenant(&scope).ok_or_else(|| format!("account {} is not known", kept.account))?;
    let texts = [kept.selector.as_str()];
    let selectors =
        lang::promql::parse_series_selectors(texts).map_err(|errors| format!("match: {errors}"))?;
    let selector = selectors.first().ok_or("match: no selector is given")?;
    if selector.iter().any(|m| m.name == query::STAT) {
        return Err(format!("{} chooses a view of a series, not a series", query::STAT));
    }
    let matchers = query::store_matchers(selector);
    Ok(RetentionRule { name: name.to_owned(), tenant, matchers, keep: kept.keep() })
}

/// Puts the rules of the catalog in force when the server starts.
pub(crate) fn start(
    catalog: &dyn Catalog,
    metrics: &MetricStore,
    tenant: impl Fn(&Scope) -> Option<TenantId>,
) -> Result<(), crate::OpenError> {
    let default = metrics.retention().default;
    let mut rules = Vec::new();
    for (name, kept) in load(catalog)? {
        // Leaving one out could expire what it keeps: nothing is shown then, and nothing is lost.
        let rule = to_rule(&name, &kept, &tenant).map_err(|what| {
            let table = format!("retention rule {name:?}");
            CatalogError::Storage { what: "cannot be used", why: format!("{table}: {what}") }
        })?;
        rules.push(rule);
    }
    Ok(metrics.set_retention(Retention { rules, default })?)
}

impl Platform {
    /// Returns the rules of the accounts that somebody manages, in the order in which they are asked,
    /// and what each keeps; the default stands last, for those who manage the server's own account.
    ///
    /// # Errors
    /// [`RetentionError`].
    pub fn retention_rules(&self, who: &Principal) -> Result<Vec<RuleShown>, RetentionError> {
        let own = Scope { account: who.account, region: self.default_scope.region.clone() };
        self.check(who, &own, Verb::Manage)?;
        let kept = load(&*self.catalog)?;
        let costs = self.metrics.retention_costs()?;
        let mut shown = Vec::new();
        for ((name, rule), held) in kept.into_iter().zip(&costs) {
            let may = rule.scope().is_some_and(|s| self.check(who, &s, Verb::Manage).is_ok());
            if may {
                let (keep, held) = (rule.keep(), *held);
                shown.push(RuleShown { rule: Some((name, rule)), keep, held });
            }
        }
        if self.check(who, &self.default_scope, Verb::Manage).is_ok()
            && let Some(held) = costs.last()
        {
            let keep = self.metrics.retention().default;
            shown.push(RuleShown { rule: None, keep, held: *held });
        }
        Ok(shown)
    }

    /// Returns how long series are kept that no rule takes.
    pub fn retention_default(&self) -> Keep {
        self.metrics.retention().default
    }

    /// Makes or replaces a rule; it counts when this returns. Returns what is gone by it, or would be.
    ///
    /// # Errors
    /// [`RetentionError`].
    pub fn set_retention_rule(
        &self,
        who: &Principal,
        wanted: &WantedRule,
        mode: ChangeMode,
    ) -> Result<HeldForms, RetentionError> {
        self.check(who, &wanted.scope, Verb::Manage)?;
        let Keep { raw_ms, five_minutes_ms, hour_ms } = wanted.keep;
        if raw_ms <= 0 || raw_ms > five_minutes_ms || five_minutes_ms > hour_ms {
            return Err(RetentionError::Bad(
                "a coarser form is kept as long as a finer one or longer: raw, then 5m, then 1h"
                    .into(),
            ));
        }
        if wanted.name.is_empty() || wanted.name.len() > NAME_BYTES_MAX {
            return Err(RetentionError::Bad(format!("a name has 1 to {NAME_BYTES_MAX} bytes")));
        }
        let _changing = self.retention_changing.0.lock();
        let mut rules = load(&*self.catalog)?;
        let present = rules.iter().position(|(name, _)| *name == wanted.name);
        if let Some(scope) = present.and_then(|at| rules[at].1.scope()) {
            // Of another account, it is not theirs to replace.
            self.check(who, &scope, Verb::Manage)?;
        }
        if present.is_none() && rules.len() >= RULES_MAX {
            return Err(RetentionError::Bad(format!("there are {RULES_MAX} rules already")));
        }
        let places = || rules.iter().map(|(_, rule)| rule.place);
        let place = match (wanted.first, present) {
            (true, _) => places().min().unwrap_or(1) - 1,
            (false, Some(at)) => rules[at].1.place,
            (false, None) => places().max().unwrap_or(0) + 1,
        };
        let kept = KeptRule {
            place,
            account: wanted.scope.account.to_string(),
            region: wanted.scope.region.clone(),
            selector: wanted.selector.clone(),
            raw_ms,
            five_minutes_ms,
            hour_ms,
        };
        if let Some(at) = present {
            rules.remove(at);
        }
        rules.push((wanted.name.clone(), kept.clone()));
        rules.sort_by(|a, b| (a.1.place, &a.0).cmp(&(b.1.place, &b.0)));
        let value = serde_json::to_vec(&kept).map_err(|e| RetentionError::Bad(e.to_string()))?;
        self.change_rules(&rules, Change::put(TABLE, wanted.name.as_str(), value), mode)
    }

    /// Removes a rule; what it kept is kept as the next rule says. Returns what is gone by it, or would
    /// be.
    ///
    /// # Errors
    /// [`RetentionError`].
    pub fn remove_retention_rule(
        &self,
        who: &Principal,
        name: &str,
        mode: ChangeMode,
    ) -> Result<HeldForms, RetentionError> {
        let _changing = self.retention_changing.0.lock();
        let mut rules = load(&*self.catalog)?;
        let at = rules.iter().position(|(n, _)| n == name);
        let own = Scope { account: who.account, region: self.default_scope.region.clone() };
        let scope = at.and_then(|at| rules[at].1.scope()).unwrap_or(own);
        self.check(who, &scope, Verb::Manage)?;
        let Some(at) = at else { return Err(RetentionError::Unknown(name.to_owned())) };
        rules.remove(at);
        self.change_rules(&rules, Change::remove(TABLE, name), mode)
    }

    fn change_rules(
        &self,
        rules: &[(String, KeptRule)],
        change: Change,
        mode: ChangeMode,
    ) -> Result<HeldForms, RetentionError> {
        let born = |scope: &Scope| {
            let share = |tenant, first| self.metrics.share_budget(tenant, first);
            self.tenants.find_or_create(scope, share).ok()
        };
        let rules: Result<Vec<RetentionRule>, String> =
            rules.iter().map(|(name, kept)| to_rule(name, kept, born)).collect();
        let default = self.metrics.retention().default;
        let new = Retention { rules: rules.map_err(RetentionError::Bad)?, default };
        let gone = self.metrics.would_expire(&new)?;
        let any = gone.iter().any(|held| held.points > 0);
        match mode {
            ChangeMode::DryRun => return Ok(gone),
            ChangeMode::Careful if any => return Err(RetentionError::WouldExpire(gone)),
            ChangeMode::Careful | ChangeMode::Confirmed => {}
        }
        // First what outlives a restart: a rule that counts must not be forgotten.
        self.catalog.write(vec![change])?;
        self.metrics.set_retention(new)?;
        Ok(gone)
    }
}
