//! Series told apart by the values of some labels, through the index.

use crate::matcher::LabelIndex;
use crate::selector::{LISTED_COST, VALUE_COST};
use std::collections::{BTreeMap, HashMap};

/// The values of the labels that tell groups apart; `None` where a series has none.
pub(crate) type Values = Vec<Option<String>>;

/// What copying the values of a series and finding their group takes, in nanoseconds.
const VALUES_COST: u64 = 200;

/// Numbers of one source, group by group.
#[derive(Debug, Default)]
pub(crate) struct Grouped {
    /// Where the numbers of each group start in `numbers`, and where the last ones end.
    starts: Vec<usize>,
    /// Sorted within a group.
    numbers: Vec<u32>,
    groups: BTreeMap<Values, usize>,
}

impl Grouped {
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Values> {
        self.groups.keys()
    }

    /// Returns the numbers of a group, sorted.
    pub(crate) fn numbers(&self, group: &Values) -> &[u32] {
        match self.groups.get(group) {
            Some(&at) => &self.numbers[self.starts[at]..self.starts[at + 1]],
            None => &[],
        }
    }

    /// Returns how many series there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Returns about how many bytes it takes.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let texts = |values: &Values| values.iter().flatten().map(String::len).sum::<usize>();
        let keys: usize = self.groups.keys().map(|values| 64 + texts(values)).sum();
        (self.numbers.len() * 4 + self.starts.len() * 8 + keys) as u64
    }

    /// Puts numbers together that have the same number of a group.
    fn of(numbers: &[u32], of_number: &[u32], values: Vec<Values>) -> Self {
        let mut starts = vec![0usize; values.len() + 1];
        of_number.iter().for_each(|&group| starts[group as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut sorted = vec![0u32; numbers.len()];
        for (&number, &group) in numbers.iter().zip(of_number) {
            sorted[next[group as usize]] = number;
            next[group as usize] += 1;
        }
        let groups = values.into_iter().zip(0..).collect();
        Self { starts, numbers: sorted, groups }
    }
}

/// Which group each of some series is in.
#[derive(Debug, Default)]
pub(crate) struct Numbered {
    /// For each series the number of its group.
    pub(crate) of: Vec<u32>,
    /// The groups.
    pub(crate) values: Vec<Values>,
}

/// Groups `numbers`, which must be sorted.
pub(crate) fn group<I: LabelIndex>(
    index: &I,
    numbers: &[u32],
    labels: &[String],
) -> Result<Grouped, I::Error> {
    let Numbered { of, values } = number(index, numbers, labels)?;
    Ok(Grouped::of(numbers, &of, values))
}

/// Says in which group each of `numbers` is, which must be sorted.
pub(crate) fn number<I: LabelIndex>(
    index: &I,
    numbers: &[u32],
    labels: &[String],
) -> Result<Numbered, I::Error> {
    let sizes = index.label_sizes()?;
    let size = |label: &String| sizes.iter().find(|(name, _)| name == label).map_or(0, |s| s.1);
    let listed = (labels.len() * index.series_len()) as u64 * LISTED_COST;
    let walk_cost = labels.iter().map(size).sum::<usize>() as u64 * VALUE_COST + listed;
    if index.show_cost(numbers) + numbers.len() as u64 * VALUES_COST < walk_cost {
        by_series(index, numbers, labels)
    } else {
        by_values(index, numbers, labels)
    }
}

/// Looks at the labels of each series.
fn by_series<I: LabelIndex>(
    index: &I,
    numbers: &[u32],
    labels: &[String],
) -> Result<Numbered, I::Error> {
    let mut known: HashMap<Values, u32> = HashMap::new();
    let mut of_number = Vec::with_capacity(numbers.len());
    index.show_labels(numbers, &mut |_, own| {
        let value = |label: &String| {
            let found = own.iter().find(|(name, _)| name == label);
            found.map(|(_, value)| (*value).to_owned())
        };
        let next = known.len() as u32;
        of_number.push(*known.entry(labels.iter().map(value).collect()).or_insert(next));
    })?;
    let mut values = vec![Values::new(); known.len()];
    known.into_iter().for_each(|(of_group, at)| values[at as usize] = of_group);
    Ok(Numbered { of: of_number, values })
}

/// Walks the values of each label once; what a series has so far is a number.
fn by_values<I: LabelIndex>(
    index: &I,
    numbers: &[u32],
    labels: &[String],
) -> Result<Numbered, I::Error> {
    const NOT_WANTED: u32 = u32::MAX;
    let mut places = vec![NOT_WANTED; numbers.last().map_or(0, |&last| last as usize + 1)];
    (0..).zip(numbers).for_each(|(place, &number)| places[number as usize] = place);
    let mut of_number = vec![0u32; numbers.len()];
    let mut values: Vec<Values> = vec![Values::new()];
    for label in labels {
        // (what it had, value) to what it has now; zero stands for no value.
        let mut known: HashMap<(u32, u32), u32> = HashMap::new();
        let mut next: Vec<Values> = Vec::new();
        let mut number_of = |before: u32, value: u32, text: Option<&str>| {
            *known.entry((before, value)).or_insert_with(|| {
                let mut longer = values[before as usize].clone();
                longer.push(text.map(str::to_owned));
                next.push(longer);
                next.len() as u32 - 1
            })
        };
        let mut now = vec![NOT_WANTED; numbers.len()];
        let (mut texts, mut all) = (Vec::new(), Vec::new());
        index.with_values(
            label,
            &mut |value, start| {
                texts.push((value.to_owned(), start));
                true
            },
            &mut all,
        )?;
        let ends = texts.iter().skip(1).map(|(_, start)| *start).chain([all.len()]);
        for ((value, (text, start)), end) in (1..).zip(&texts).zip(ends) {
            // Neighbours mostly had the same before: one look-up for a run of them.
            let mut last = None;
            for &number in &all[*start..end] {
                let place = places.get(number as usize).copied().unwrap_or(NOT_WANTED);
                if place == NOT_WANTED {
                    continue;
                }
                let before = of_number[place as usize];
                let group = match last {
                    Some((of, group)) if of == before => group,
                    _ => number_of(before, value, Some(text)),
                };
                last = Some((before, group));
                now[place as usize] = group;
            }
        }
        for (place, group) in now.iter_mut().enumerate() {
            if *group == NOT_WANTED {
                *group = number_of(of_number[place], 0, None);
            }
        }
        (values, of_number) = (next, now);
    }
    if numbers.is_empty() {
        values.clear();
    }
    Ok(Numbered { of: of_number, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::tests::listed;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn groups_are_told_apart_either_way(
            index in listed(),
            skipped in 0u32..3,
            labels in prop::sample::subsequence(vec!["a", "b", "none"], 0..=3),
        ) {
            let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
            let numbers: Vec<u32> = (skipped..index.series.len() as u32).collect();
            let mut expected: BTreeMap<Values, Vec<u32>> = BTreeMap::new();
            for &number in &numbers {
                let own: HashMap<String, String> =
                    index.series[number as usize].iter().cloned().collect();
                let values = labels.iter().map(|label| own.get(label).cloned()).collect();
                expected.entry(values).or_default().push(number);
            }
            let Ok(found) = group(&index, &numbers, &labels);
            let found: BTreeMap<Values, Vec<u32>> =
                found.groups().map(|of| (of.clone(), found.numbers(of).to_vec())).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
