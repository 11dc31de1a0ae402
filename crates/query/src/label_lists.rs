//! Labels, and their values, of the series that selectors take.

use crate::view::KeyLabels;
use metric_store::{MetricStore, ReadBudget, ReadError, Texts};
use model::{TenantId, TimeRange};
use std::collections::{BTreeMap, HashSet};

/// What a value takes beside its text, while there are lists of them.
const VALUE_BYTES: u64 = 80;

/// Returns the labels of series that any of the selectors takes and that have points in `range`, each
/// with its values where `wanted` asks for them.
///
/// # Errors
/// As [`MetricStore::select`].
pub fn labels_of_series(
    store: &MetricStore,
    tenant: TenantId,
    selectors: &[Vec<metric_store::Matcher>],
    range: TimeRange,
    wanted: impl Fn(&str) -> bool,
    budget: &ReadBudget,
) -> Result<BTreeMap<String, Texts>, ReadError> {
    let mut labels: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    let mut add = |key: &[u8]| {
        for (name, value) in KeyLabels::of(key).into_iter().flat_map(KeyLabels::pairs) {
            let values = match labels.get_mut(name) {
                Some(values) => values,
                None => {
                    budget.take(VALUE_BYTES + name.len() as u64)?;
                    labels.entry(name.to_owned()).or_default()
                }
            };
            if wanted(name) && !values.contains(value) {
                budget.take(VALUE_BYTES + 3 * value.len() as u64)?;
                values.insert(value.to_owned());
            }
        }
        Ok(())
    };
    for matchers in selectors {
        store.each_key(tenant, matchers, range, budget, &mut add)?;
    }
    let texts = |values: HashSet<String>| values.iter().map(String::as_str).collect::<Texts>();
    Ok(labels.into_iter().map(|(name, values)| (name, texts(values))).collect())
}
