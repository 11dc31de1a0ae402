//! Results of a range, and of one period.

use super::{Cell, Group};
use lang::insights::{Function, Query};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What AWS caps for cost; nothing is capped by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Metrics that are looked at: the first ones found. For who selects them.
    pub metrics_max: Option<usize>,
    /// Results that are given: the first ones in their order.
    pub series_max: Option<usize>,
}

/// A result: a value for each period, `None` where nothing was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Whose it is.
    pub group: Group,
    /// Oldest first.
    pub values: Vec<Option<f64>>,
}

/// Groups of a range, filled metric by metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    periods: usize,
    groups: BTreeMap<Group, Vec<Cell>>,
}

impl Batch {
    /// A range of so many periods.
    pub fn new(periods: usize) -> Self {
        Self { periods, groups: BTreeMap::new() }
    }

    /// Adds observations of a metric: the number of a period, counted from the oldest, and what was
    /// observed. What lies outside of the range is left out.
    pub fn add(&mut self, group: &Group, cells: impl IntoIterator<Item = (usize, Cell)>) {
        if !self.groups.contains_key(group) {
            self.groups.insert(group.clone(), vec![Cell::default(); self.periods]);
        }
        let Some(row) = self.groups.get_mut(group) else { return };
        for (period, cell) in cells {
            if let Some(sum) = row.get_mut(period) {
                sum.add(&cell);
            }
        }
    }

    /// Adds what another worker put together over the same periods.
    pub fn merge(&mut self, other: Self) {
        for (group, row) in other.groups {
            match self.groups.entry(group) {
                Entry::Vacant(free) => {
                    free.insert(row);
                }
                Entry::Occupied(mut taken) => {
                    taken.get_mut().iter_mut().zip(&row).for_each(|(sum, cell)| sum.add(cell));
                }
            }
        }
    }

    /// Returns the results in their order, as many as there may be.
    pub fn finish(mut self, query: &Query, limits: Limits) -> Vec<Line> {
        if query.group_by.is_empty() {
            self.add(&Group::default(), []);
        }
        let mut lines: Vec<Line> = self
            .groups
            .into_iter()
            .map(|(group, row)| {
                let values = row.iter().map(|cell| cell.value(query.function)).collect();
                Line { group, values }
            })
            .filter(|line| query.group_by.is_empty() || line.values.iter().any(Option::is_some))
            .collect();
        if let Some(order) = query.order_by {
            // Sorting keeps the order of groups among equal ones.
            let key = |line: &Line| over(order.function, &line.values);
            lines.sort_by_cached_key(|line| {
                let key = sortable(key(line));
                if order.descending { !key } else { key }
            });
        }
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        lines.truncate(limit.min(limits.series_max.unwrap_or(usize::MAX)));
        lines
    }
}

/// Returns what a function tells of the values of a result.
fn over(function: Function, values: &[Option<f64>]) -> f64 {
    let mut all = Cell::default();
    values.iter().flatten().for_each(|&value| all.add(&Cell::of_value(value)));
    all.value(function).unwrap_or_default()
}

/// Returns a number that orders as the values do.
fn sortable(value: f64) -> u64 {
    // Zeros are equal; negative ones order by their bits turned round, in front of all others.
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// One period, filled metric by metric: the step form.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Step {
    groups: BTreeMap<Group, Cell>,
}

impl Step {
    /// Adds what was observed of a metric.
    pub fn add(&mut self, group: &Group, cell: &Cell) {
        match self.groups.get_mut(group) {
            Some(sum) => sum.add(cell),
            None => {
                self.groups.insert(group.clone(), *cell);
            }
        }
    }

    /// Returns the value of each group in which something was observed, in the order of groups.
    pub fn finish(self, query: &Query) -> Vec<(Group, f64)> {
        let values = self.groups.into_iter();
        values.filter_map(|(group, cell)| Some((group, cell.value(query.function)?))).collect()
    }
}
