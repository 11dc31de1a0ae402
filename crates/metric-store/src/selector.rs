//! Which series: matchers under AND, OR and NOT, found through the index.

use crate::matcher::{self, LabelIndex, Matcher, Test};
use crate::postings::{intersect, sorted, subtract};
use std::fmt;

/// A condition on a series' labels. Languages translate into this; the store knows none of them.
#[derive(Clone)]
pub enum Selector {
    /// Each of them; all series when there is none.
    All(Vec<Selector>),
    /// One of them; no series when there is none.
    Any(Vec<Selector>),
    /// Not that.
    Not(Box<Selector>),
    /// One label's value passes.
    Is(Matcher),
    /// The namespace, the name, or the name or value of any label but virtual ones passes.
    Anywhere(Test),
    /// The series has exactly these labels, virtual ones not counted.
    Labels(Vec<String>),
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(all) => f.debug_tuple("All").field(all).finish(),
            Self::Any(all) => f.debug_tuple("Any").field(all).finish(),
            Self::Not(inner) => f.debug_tuple("Not").field(inner).finish(),
            Self::Is(matcher) => matcher.fmt(f),
            Self::Anywhere(_) => f.write_str("anywhere~…"),
            Self::Labels(names) => write!(f, "labels={names:?}"),
        }
    }
}

/// What trying a value of a label takes, in nanoseconds: unpacking, the test, reading its series.
pub(crate) const VALUE_COST: u64 = 60;
/// What a series in a list of all that have a label takes: reading, marking, comparing.
pub(crate) const LISTED_COST: u64 = 10;
/// Looking a value up unpacks the block that it stands in: as dear as walking so many.
const LOOKED_UP_VALUES: usize = 256;

fn is_virtual(label: &str) -> bool {
    model::VIRTUAL_NAMES.contains(&label)
}

impl Selector {
    /// Says whether a series with these labels, virtual ones included, is meant.
    pub(crate) fn holds(&self, labels: &[(&str, &str)]) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(labels)),
            Self::Any(all) => all.iter().any(|one| one.holds(labels)),
            Self::Not(inner) => !inner.holds(labels),
            Self::Is(matcher) => {
                let found = labels.iter().find(|(name, _)| *name == matcher.label);
                matcher.matches(found.map_or("", |(_, value)| value))
            }
            Self::Anywhere(test) => labels.iter().any(|(name, value)| match *name {
                "__unit__" => false,
                name => test.passes(value) || (!is_virtual(name) && test.passes(name)),
            }),
            Self::Labels(names) => {
                let own = labels.iter().filter(|(name, _)| !is_virtual(name));
                own.clone().count() == names.len()
                    && own.clone().all(|(name, _)| names.iter().any(|wanted| wanted == name))
            }
        }
    }

    /// Roughly how dear it is to find through the index: within an `All` the cheap come first, so
    /// that the dear ones have few series left to look at.
    fn rank(&self) -> u8 {
        match self {
            Self::Is(matcher) if matcher.matches_absent() => 4,
            Self::Is(Matcher { test: Test::Equal(_), negated: false, .. }) => 0,
            Self::Is(Matcher { test: Test::AnyOf(_), negated: false, .. }) => 1,
            Self::Is(_) => 3,
            Self::All(all) => all.iter().map(Self::rank).min().unwrap_or(4),
            Self::Any(all) => all.iter().map(Self::rank).max().unwrap_or(0).max(2),
            Self::Labels(_) => 5,
            Self::Anywhere(_) => 6,
            // What is taken away is looked for among what is left.
            Self::Not(_) => 7,
        }
    }
}

/// Returns the numbers that are meant, sorted, without touching data.
pub(crate) fn select<I: LabelIndex>(index: &I, selector: &Selector) -> Result<Vec<u32>, I::Error> {
    let search = Search { index, sizes: index.label_sizes()? };
    search.find(selector, None)
}

struct Search<'a, I> {
    index: &'a I,
    sizes: Vec<(String, usize)>,
}

impl<I: LabelIndex> Search<'_, I> {
    /// Returns what is meant of `within`, or of all.
    fn find(&self, selector: &Selector, within: Option<&[u32]>) -> Result<Vec<u32>, I::Error> {
        if within.is_some_and(<[u32]>::is_empty) {
            return Ok(Vec::new());
        }
        if let Some(within) = within
            && self.index.show_cost(within) < self.walk_cost(selector)
        {
            return self.filter(selector, within);
        }
        match selector {
            Selector::All(all) => self.find_all(all, within),
            Selector::Any(all) => {
                let mut found = Vec::new();
                for one in all {
                    found.append(&mut self.find(one, within)?);
                }
                Ok(sorted(found))
            }
            Selector::Not(inner) => {
                let base = self.base(within)?;
                let out = self.find(inner, Some(&base))?;
                Ok(subtract(&base, &out))
            }
            Selector::Is(one) => {
                if one.matches_absent()
                    && let Some(within) = within
                {
                    let out = self.index.with_any(&one.label, &mut |value| !one.matches(value))?;
                    return Ok(subtract(within, &out));
                }
                let found = matcher::select(self.index, std::slice::from_ref(one))?;
                Ok(cut(found, within))
            }
            Selector::Anywhere(test) => Ok(cut(self.anywhere(test)?, within)),
            Selector::Labels(names) => {
                let mut found = self.base(within)?;
                for name in names {
                    let having = self.index.with_any(name, &mut |_| true)?;
                    found = intersect(&found, &having);
                }
                for (other, _) in &self.sizes {
                    if found.is_empty() || is_virtual(other) || names.contains(other) {
                        continue;
                    }
                    found = subtract(&found, &self.index.with_any(other, &mut |_| true)?);
                }
                Ok(found)
            }
        }
    }

    fn find_all(&self, all: &[Selector], within: Option<&[u32]>) -> Result<Vec<u32>, I::Error> {
        let (equal, mut others): (Vec<&Selector>, Vec<&Selector>) =
            all.iter().partition(|one| one.rank() == 0 && matches!(one, Selector::Is(_)));
        others.sort_by_key(|one| one.rank());
        let mut found: Option<Vec<u32>> = within.map(<[u32]>::to_vec);
        // The shortest list first: all of a namespace may be most of what there is.
        let lists: Result<Vec<_>, _> = equal.iter().map(|one| self.find(one, None)).collect();
        let mut lists = lists?;
        lists.sort_by_key(Vec::len);
        for list in lists {
            found = Some(cut(list, found.as_deref()));
        }
        for one in others {
            found = Some(self.find(one, found.as_deref())?);
        }
        match found {
            Some(found) => Ok(found),
            None => self.index.all(),
        }
    }

    fn base(&self, within: Option<&[u32]>) -> Result<Vec<u32>, I::Error> {
        within.map_or_else(|| self.index.all(), |within| Ok(within.to_vec()))
    }

    /// Looks at the labels of each series.
    fn filter(&self, selector: &Selector, within: &[u32]) -> Result<Vec<u32>, I::Error> {
        let mut found = Vec::new();
        self.index.show_labels(within, &mut |number, labels| {
            if selector.holds(labels) {
                found.push(number);
            }
        })?;
        Ok(found)
    }

    fn anywhere(&self, test: &Test) -> Result<Vec<u32>, I::Error> {
        let mut found = Vec::new();
        for (name, _) in self.sizes.iter().filter(|(name, _)| name != "__unit__") {
            if !is_virtual(name) && test.passes(name) {
                self.index.with_values(name, &mut |_, _| true, &mut found)?;
                continue;
            }
            match test {
                // Looked up, not walked.
                Test::Equal(value) => found.append(&mut self.index.with_value(name, value)?),
                Test::AnyOf(values) => {
                    for value in values {
                        found.append(&mut self.index.with_value(name, value)?);
                    }
                }
                Test::Passes(test) => {
                    self.index.with_values(name, &mut |value, _| test(value), &mut found)?;
                }
            }
        }
        Ok(sorted(found))
    }

    /// What walking the values takes, in nanoseconds.
    fn walk_cost(&self, selector: &Selector) -> u64 {
        let values = match selector {
            Selector::All(all) | Selector::Any(all) => {
                return all.iter().map(|one| self.walk_cost(one)).sum();
            }
            Selector::Not(inner) => return self.walk_cost(inner),
            Selector::Is(Matcher { test: Test::Equal(_), .. }) => LOOKED_UP_VALUES,
            Selector::Is(Matcher { test: Test::AnyOf(values), .. }) => {
                values.len() * LOOKED_UP_VALUES
            }
            Selector::Is(one) => self.size(&one.label),
            Selector::Anywhere(Test::Equal(_)) => self.sizes.len() * LOOKED_UP_VALUES,
            Selector::Anywhere(Test::AnyOf(values)) => {
                self.sizes.len() * LOOKED_UP_VALUES * values.len()
            }
            Selector::Anywhere(Test::Passes(_)) => self.sizes.iter().map(|(_, size)| size).sum(),
            Selector::Labels(names) => {
                let values: usize = self.sizes.iter().map(|(_, size)| size).sum();
                let listed = names.len() * self.index.series_len();
                return values as u64 * VALUE_COST + listed as u64 * LISTED_COST;
            }
        };
        values as u64 * VALUE_COST
    }

    fn size(&self, label: &str) -> usize {
        self.sizes.iter().find(|(name, _)| name == label).map_or(0, |(_, size)| *size)
    }
}

fn cut(found: Vec<u32>, within: Option<&[u32]>) -> Vec<u32> {
    match within {
        Some(within) => intersect(&found, within),
        None => found,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::matcher::ShowLabels;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::convert::Infallible;
    use std::sync::Arc;

    /// Series by their labels; what looking at them costs is told, so that either way is taken.
    #[derive(Debug)]
    pub(crate) struct Listed {
        pub(crate) series: Vec<Vec<(String, String)>>,
        pub(crate) show_cost: u64,
    }

    impl Listed {
        fn values(&self) -> BTreeMap<&str, BTreeMap<&str, Vec<u32>>> {
            let mut all: BTreeMap<&str, BTreeMap<&str, Vec<u32>>> = BTreeMap::new();
            for (number, labels) in (0..).zip(&self.series) {
                for (name, value) in labels {
                    all.entry(name).or_default().entry(value).or_default().push(number);
                }
            }
            all
        }
    }

    impl LabelIndex for Listed {
        type Error = Infallible;

        fn all(&self) -> Result<Vec<u32>, Infallible> {
            Ok((0..self.series.len() as u32).collect())
        }

        fn with_value(&self, label: &str, value: &str) -> Result<Vec<u32>, Infallible> {
            let values = self.values();
            Ok(values.get(label).and_then(|of| of.get(value)).cloned().unwrap_or_default())
        }

        fn with_values(
            &self,
            label: &str,
            wanted: &mut dyn FnMut(&str, usize) -> bool,
            out: &mut Vec<u32>,
        ) -> Result<(), Infallible> {
            for (value, numbers) in self.values().get(label).into_iter().flatten() {
                if wanted(value, out.len()) {
                    out.extend(numbers);
                }
            }
            Ok(())
        }

        fn label_sizes(&self) -> Result<Vec<(String, usize)>, Infallible> {
            let values = self.values();
            Ok(values.iter().map(|(name, of)| ((*name).to_owned(), of.len())).collect())
        }

        fn show_labels(
            &self,
            numbers: &[u32],
            show: &mut ShowLabels<'_>,
        ) -> Result<(), Infallible> {
            for &number in numbers {
                let labels = &self.series[number as usize];
                let labels: Vec<(&str, &str)> =
                    labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                show(number, &labels);
            }
            Ok(())
        }

        fn show_cost(&self, numbers: &[u32]) -> u64 {
            numbers.len() as u64 * self.show_cost
        }

        fn series_len(&self) -> usize {
            self.series.len()
        }
    }

    pub(crate) fn listed() -> impl Strategy<Value = Listed> {
        let label = prop::sample::select(&["__name__", "__namespace__", "__unit__", "a", "b"][..]);
        let value = prop::sample::select(&["a", "x", "y"][..]);
        let labels = prop::collection::btree_map(label, value, 0..5);
        let owned = labels.prop_map(|labels| {
            labels.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
        });
        let cost = prop::sample::select(vec![0, 60, u64::from(u32::MAX)]);
        (prop::collection::vec(owned, 0..20), cost)
            .prop_map(|(series, show_cost)| Listed { series, show_cost })
    }

    fn selectors() -> impl Strategy<Value = Selector> {
        let label = prop::sample::select(&["__name__", "__namespace__", "a", "b", "none"][..]);
        let texts = prop::collection::vec(prop::sample::select(&["", "a", "x", "z"][..]), 0..3);
        let is =
            (label, texts, prop::bool::ANY, 0..3u8).prop_map(|(label, texts, negated, kind)| {
                let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
                let test = match kind {
                    0 => Test::Equal(texts.first().cloned().unwrap_or_default()),
                    1 => Test::AnyOf(texts),
                    _ => {
                        Test::Passes(Arc::new(move |value| texts.iter().any(|text| text == value)))
                    }
                };
                Selector::Is(Matcher { label: label.to_owned(), test, negated })
            });
        let anywhere = prop::sample::select(&["a", "x", "none"][..])
            .prop_map(|wanted| Selector::Anywhere(Test::Equal(wanted.to_owned())));
        let part = prop::sample::select(&["a", "x", "none", "o"][..]).prop_map(|wanted| {
            Selector::Anywhere(Test::Passes(Arc::new(move |text| text.contains(wanted))))
        });
        let labels = prop::sample::subsequence(vec!["a", "b", "c"], 0..=3)
            .prop_map(|names| Selector::Labels(names.into_iter().map(str::to_owned).collect()));
        prop_oneof![3 => is, 1 => anywhere, 1 => part, 1 => labels].prop_recursive(
            3,
            12,
            3,
            |inner| {
                let many = || prop::collection::vec(inner.clone(), 0..3);
                prop_oneof![
                    many().prop_map(Selector::All),
                    many().prop_map(Selector::Any),
                    inner.prop_map(|one| Selector::Not(Box::new(one))),
                ]
            },
        )
    }

    /// The meaning, said once more in the plainest way.
    fn is_meant(selector: &Selector, labels: &[(String, String)]) -> bool {
        let value = |name: &str| {
            labels.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
        };
        let own: BTreeSet<&str> =
            labels.iter().map(|(n, _)| n.as_str()).filter(|n| !n.starts_with("__")).collect();
        match selector {
            Selector::All(all) => all.iter().all(|one| is_meant(one, labels)),
            Selector::Any(all) => all.iter().any(|one| is_meant(one, labels)),
            Selector::Not(inner) => !is_meant(inner, labels),
            Selector::Is(Matcher { label, test, negated }) => {
                let passes = match test {
                    Test::Equal(wanted) => wanted == value(label),
                    Test::AnyOf(wanted) => wanted.iter().any(|one| one == value(label)),
                    Test::Passes(test) => test(value(label)),
                };
                passes != *negated
            }
            Selector::Anywhere(test) => {
                let named = ["__name__", "__namespace__"].into_iter().map(value);
                let texts = own.iter().flat_map(|name| [*name, value(name)]);
                named.chain(texts).any(|text| !text.is_empty() && test.passes(text))
            }
            Selector::Labels(names) => own == names.iter().map(String::as_str).collect(),
        }
    }

    proptest! {
        #[test]
        fn what_is_meant_is_found_either_way(index in listed(), selector in selectors()) {
            let Ok(found) = select(&index, &selector);
            let meant = (0..).zip(&index.series).filter(|(_, labels)| is_meant(&selector, labels));
            let meant: Vec<u32> = meant.map(|(number, _)| number).collect();
            prop_assert_eq!(found, meant, "{:?}", selector);
        }
    }
}
