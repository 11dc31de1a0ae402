//! Series of a search and of a Metrics Insights statement, found through the index.
//!
//! CloudWatch's texts are translated into the store's conditions here. Series without a namespace
//! stand under [`NO_NAMESPACE`], as its API shows them.

use crate::QueryError;
use eval::insights::Group;
use eval::search::{Pattern, is_account};
use lang::insights::{Filter, Query};
use lang::search::{Condition, Place, Search, Term, Text};
use metric_store::{
    Grid, GridSeries, GroupsRead, Matcher, MetricStore, ReadBudget, Selection, Selector, Test,
};
use model::{TenantId, TimeRange, VIRTUAL_NAMES};
use std::sync::Arc;

/// The namespace of series that have none.
pub const NO_NAMESPACE: &str = ":prometheus";

/// Finds the series of a search that have points in the periods of a grid, sorted; they are read by
/// [`GridSeries::periods`], by several threads where there are many.
///
/// # Errors
/// [`QueryError`] when a limit was hit or the disk failed.
pub fn find_search(
    store: &MetricStore,
    tenant: TenantId,
    search: &Search,
    account: &str,
    grid: &Grid,
    budget: &ReadBudget,
) -> Result<Vec<GridSeries>, QueryError> {
    Ok(store.select_where_on(tenant, &search_selector(search, account), grid, budget)?)
}

/// Finds the groups of a statement; their series are read a few groups at a time.
///
/// # Errors
/// [`QueryError`] when a limit was hit or the disk failed.
pub fn find_insights<'s>(
    store: &'s MetricStore,
    tenant: TenantId,
    query: &Query,
    range: TimeRange,
    budget: &ReadBudget,
) -> Result<FoundGroups<'s>, QueryError> {
    let selector = insights_selector(query);
    let selection = store.select_groups(tenant, selector, &query.group_by, range, budget)?;
    let groups = selection.groups().iter().map(|values| {
        // No dimension has a virtual name; one that asks for it groups by nothing.
        let own = values.iter().zip(&query.group_by);
        Group(own.map(|(value, name)| value.clone().filter(|_| !is_virtual(name))).collect())
    });
    Ok(FoundGroups { groups: groups.collect(), selection })
}

/// Groups of series whose points are not read yet. Shared between threads, each reads other groups.
#[derive(Debug)]
pub struct FoundGroups<'s> {
    selection: Selection<'s>,
    groups: Vec<Group>,
}

impl FoundGroups<'_> {
    /// Returns the groups, in no order that means anything.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Returns how many series a group has at most.
    pub fn series_max(&self, group: usize) -> usize {
        self.selection.series_max(group)
    }

    /// Puts groups together so that each batch has about `series` series, or is one group: reading
    /// many small ones apart would unpack the same blocks again and again.
    pub fn batches(&self, series: usize) -> Vec<Vec<usize>> {
        let mut batches = Vec::new();
        let (mut batch, mut in_batch) = (Vec::new(), 0);
        for group in 0..self.groups.len() {
            let more = self.series_max(group);
            if !batch.is_empty() && in_batch + more > series {
                batches.push(std::mem::take(&mut batch));
                in_batch = 0;
            }
            batch.push(group);
            in_batch += more;
        }
        if !batch.is_empty() {
            batches.push(batch);
        }
        batches
    }

    /// Reads the series of some groups.
    ///
    /// # Errors
    /// As [`find_insights`].
    pub fn read<'b>(
        &self,
        groups: &[usize],
        budget: &'b ReadBudget,
    ) -> Result<GroupsRead<'b>, QueryError> {
        Ok(self.selection.read(groups, budget)?)
    }
}

fn is_virtual(label: &str) -> bool {
    VIRTUAL_NAMES.contains(&label)
}

fn nothing() -> Selector {
    Selector::Any(Vec::new())
}

/// Translates a search.
pub fn search_selector(search: &Search, account: &str) -> Selector {
    let mut all = Vec::new();
    if let Some(schema) = &search.schema {
        all.push(in_namespace(&schema.namespace));
        all.push(has_labels(&schema.dimensions));
    }
    all.extend(search.condition.as_ref().map(|condition| of_condition(condition, account)));
    Selector::All(all)
}

fn in_namespace(namespace: &str) -> Selector {
    let kept = if namespace == NO_NAMESPACE { "" } else { namespace };
    // The empty name is none that a client can have put.
    if namespace.is_empty() {
        return nothing();
    }
    Selector::Is(Matcher::equal("__namespace__", kept))
}

fn has_labels(names: &[String]) -> Selector {
    if names.iter().any(|name| is_virtual(name)) {
        return nothing();
    }
    Selector::Labels(names.to_vec())
}

fn of_condition(condition: &Condition, account: &str) -> Selector {
    let of_all = |all: &[Condition]| all.iter().map(|one| of_condition(one, account)).collect();
    match condition {
        Condition::All(all) => Selector::All(of_all(all)),
        Condition::Any(all) => Selector::Any(of_all(all)),
        Condition::Not(inner) => Selector::Not(Box::new(of_condition(inner, account))),
        Condition::Term(term) => of_term(term, account),
    }
}

fn of_term(term: &Term, account: &str) -> Selector {
    if matches!(&term.text, Text::Exact(text) if text.is_empty()) {
        return nothing();
    }
    match &term.place {
        Place::Account if is_account(&term.text, account) => Selector::All(Vec::new()),
        Place::Account => nothing(),
        Place::MetricName => is("__name__", test_of(&term.text)),
        Place::Dimension(name) if is_virtual(name) => nothing(),
        Place::Dimension(name) => is(name, test_of(&term.text)),
        Place::Namespace => of_namespace(&term.text, is("__namespace__", test_of(&term.text))),
        Place::Anywhere => of_namespace(&term.text, Selector::Anywhere(test_of(&term.text))),
    }
}

fn is(label: &str, test: Test) -> Selector {
    Selector::Is(Matcher { label: label.to_owned(), test, negated: false })
}

/// Adds the series without a namespace where the text is found in what stands for it.
fn of_namespace(text: &Text, found: Selector) -> Selector {
    if !Pattern::new(text).matches(NO_NAMESPACE) {
        return found;
    }
    Selector::Any(vec![found, Selector::Is(Matcher::equal("__namespace__", ""))])
}

fn test_of(text: &Text) -> Test {
    match text {
        Text::Exact(text) => Test::Equal(text.clone()),
        Text::Partial(_) => {
            let pattern = Pattern::new(text);
            Test::Passes(Arc::new(move |value| pattern.matches(value)))
        }
    }
}

/// Translates what a statement takes.
pub fn insights_selector(query: &Query) -> Selector {
    let mut all = vec![
        in_namespace(&query.namespace),
        Selector::Is(Matcher::equal("__name__", &query.metric)),
    ];
    all.extend(query.schema.as_ref().map(|names| has_labels(names)));
    all.extend(query.filter.as_ref().map(of_filter));
    Selector::All(all)
}

fn of_filter(filter: &Filter) -> Selector {
    match filter {
        Filter::All(all) => Selector::All(all.iter().map(of_filter).collect()),
        Filter::Any(all) => Selector::Any(all.iter().map(of_filter).collect()),
        Filter::Is { label, values, negated } => {
            // Nothing has an empty value, and a dimension that is not there is equal to nothing.
            let values: Vec<String> = values.iter().filter(|v| !v.is_empty()).cloned().collect();
            let found = if is_virtual(label) { nothing() } else { is(label, Test::AnyOf(values)) };
            if *negated { Selector::Not(Box::new(found)) } else { found }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use eval::search::Metric;
    use metric_store::{Detail, FileStore, StoreOptions};
    use model::{Kind, SeriesKey, Unit};
    use std::path::Path;
    use stdx::Rng;

    const TENANT: TenantId = TenantId(1);
    const ACCOUNT: &str = "123456789012";

    pub(crate) fn store() -> MetricStore {
        let disk = Arc::new(stdx::SimDisk::new(1, stdx::CrashPlan::default()));
        let options = StoreOptions::default();
        FileStore::open(disk, Path::new("/d"), Default::default(), options).expect("opens")
    }

    pub(crate) fn put(
        store: &MetricStore,
        namespace: &str,
        name: &str,
        labels: &[(&str, &str)],
        at_ms: i64,
        value: f64,
    ) -> SeriesKey {
        let mut key = SeriesKey {
            tenant: TENANT,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            unit: Unit::Count,
            labels: labels.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
        };
        key.canonicalise().expect("no label twice");
        let mut batch = store.batch();
        let series = batch.register(None, &key, Kind::Delta).expect("the store has room");
        batch.single(series, at_ms, value);
        store.write(batch).expect("kept");
        key
    }

    /// Many series in two parts and the head, some in several of them.
    fn filled() -> (MetricStore, Vec<SeriesKey>) {
        let store = store();
        let mut rng = Rng::from_seed(7);
        let mut keys = Vec::new();
        for round in 0..3 {
            for _ in 0..60 {
                let mut one = |of: &[&'static str]| of[rng.below(of.len() as u64) as usize];
                let namespace = one(&["AWS/EC2", "AWS/EBS", "Shop", ""]);
                let name = one(&["CPUUtilization", "ReadOps", "CustomCount1", "up"]);
                let labels = [
                    ("InstanceId", one(&["", "i-1", "i-2", "i-3"])),
                    ("InstanceType", one(&["", "t2.micro", "m5.large"])),
                    ("count", one(&["", "", "Other"])),
                ];
                let labels: Vec<(&str, &str)> =
                    labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
                keys.push(put(&store, namespace, name, &labels, 60_000, 1.0));
            }
            if round < 2 {
                store.flush().expect("flushed");
            }
        }
        keys.sort();
        keys.dedup();
        (store, keys)
    }

    fn shown_namespace(key: &SeriesKey) -> &str {
        if key.namespace.is_empty() { NO_NAMESPACE } else { &key.namespace }
    }

    #[test]
    fn a_search_finds_what_the_predicate_takes() {
        let (store, keys) = filled();
        let mut found_any = 0;
        for text in [
            "{AWS/EC2,InstanceId}",
            "{AWS/EC2,InstanceType,InstanceId} cpu",
            "{Shop}",
            "{:prometheus} up",
            "{AWS/EC2,__unit__}",
            "cpu",
            "count",
            "Count",
            "prometheus",
            "AWS",
            "ops NOT EBS",
            "\"CPUUtilization\"",
            "\"count\"",
            "\"AWS/EC2\" OR \":prometheus\"",
            "\"\"",
            "Count NOT \"Count\"",
            "MetricName=ReadOps",
            "MetricName=\"ReadOps\" InstanceType=micro",
            "InstanceId=(\"i-1\" OR \"i-2\") NOT InstanceType=\"t2.micro\"",
            "NOT InstanceId=i-1",
            "NOT Namespace=AWS",
            "Namespace=prometheus",
            "Namespace=\"Shop\" OR (micro AND NOT Other)",
            "__unit__=Count",
            ":aws.AccountId=\"LOCAL\" up",
            ":aws.AccountId=\"999999999999\" up",
            "NOT (cpu OR ops OR up)",
            "nothing",
        ] {
            let search = lang::search::parse(text).expect("a search");
            let budget = ReadBudget::default();
            let (range, detail) = (TimeRange::ALL, Detail::Statistics);
            let grid = Grid { period_ms: 60_000, range, detail };
            let found = find_search(&store, TENANT, &search, ACCOUNT, &grid, &budget);
            let found: Vec<SeriesKey> =
                found.expect("an answer").into_iter().map(|series| series.key().clone()).collect();
            let taken = keys.iter().filter(|key| {
                let metric = Metric {
                    account: ACCOUNT,
                    namespace: shown_namespace(key),
                    name: &key.name,
                    dimensions: &key.labels,
                };
                eval::search::matches(&search, &metric)
            });
            let taken: Vec<SeriesKey> = taken.cloned().collect();
            found_any += usize::from(!found.is_empty());
            assert_eq!(found, taken, "{text}");
        }
        assert!(found_any > 18, "searches that find nothing tell nothing");
    }

    #[test]
    fn a_statement_finds_what_the_predicate_takes_in_its_groups() {
        let (store, keys) = filled();
        for text in [
            "SELECT AVG(CPUUtilization) FROM \"AWS/EC2\"",
            "SELECT AVG(CPUUtilization) FROM \"AWS/EC2\" GROUP BY InstanceId",
            "SELECT AVG(CPUUtilization) FROM \"AWS/EC2\" GROUP BY InstanceType, InstanceId",
            "SELECT AVG(up) FROM \":prometheus\" GROUP BY \"count\", InstanceId",
            "SELECT AVG(up) FROM SCHEMA(Shop, InstanceId) WHERE InstanceId != 'i-1' GROUP BY InstanceId",
            "SELECT AVG(up) FROM SCHEMA(Shop)",
            "SELECT AVG(up) FROM Shop WHERE InstanceId = '' OR InstanceType IN ('m5.large', 'x')",
            "SELECT AVG(up) FROM Shop WHERE InstanceId NOT IN ('i-1', 'i-2') AND \"count\" = 'Other'",
            "SELECT AVG(up) FROM Shop WHERE __unit__ = 'Count'",
            "SELECT AVG(up) FROM Shop WHERE __unit__ != 'Count' GROUP BY __unit__",
            "SELECT AVG(up) FROM Shop GROUP BY nothing",
        ] {
            let query = lang::insights::parse(text).expect("a statement");
            let budget = ReadBudget::default();
            let found = find_insights(&store, TENANT, &query, TimeRange::ALL, &budget);
            let found = found.expect("an answer");
            let mut read: Vec<(Group, SeriesKey)> = Vec::new();
            for batch in found.batches(3) {
                let series = found.read(&batch, &budget).expect("an answer").series;
                for one in &series {
                    let group = Group::of(&query, &one.key.labels);
                    assert!(batch.iter().any(|&at| found.groups()[at] == group), "{text}");
                    read.push((group, one.key.clone()));
                }
            }
            read.sort();
            let taken = keys.iter().filter(|key| {
                eval::insights::matches(&query, shown_namespace(key), &key.name, &key.labels)
            });
            let mut taken: Vec<(Group, SeriesKey)> =
                taken.map(|key| (Group::of(&query, &key.labels), key.clone())).collect();
            taken.sort();
            assert_eq!(read, taken, "{text}");
        }
    }
}
