//! Operators between two vectors.
//!
//! Series find each other once, by their labels; what then happens at each step is a loop over two
//! columns. Only where several series of one side share the labels that are matched is it decided
//! step by step which of them is there.
//!
//! Source: Prometheus documentation, "Vector matching".

use super::ledger::Ledger;
use super::math::Combine;
use super::native::{Cell, Remarks, operate};
use super::{ABSENT, Column, EvalError, Grouping, Labels, is_absent, merge};
use lang::promql::{BinaryOp, Cardinality, Matching};
use std::collections::HashMap;

/// Two vectors and how their series find each other.
pub(super) struct Sides<'a> {
    pub(super) left: Vec<Column>,
    pub(super) right: Vec<Column>,
    pub(super) matching: &'a Matching,
    pub(super) steps: usize,
    pub(super) ledger: &'a Ledger<'a>,
}

/// What a match takes beside its labels: its places in lists and maps.
const MATCH_BYTES: usize = 160;

/// The columns of both sides that share the labels matched on.
struct Match {
    labels: Labels,
    left: Vec<usize>,
    right: Vec<usize>,
}

impl Sides<'_> {
    fn grouping(&self) -> Grouping {
        if self.matching.on {
            Grouping::by(&self.matching.labels)
        } else {
            Grouping::without(&self.matching.labels)
        }
    }

    /// Returns the matches in the order of the left side, then the right.
    fn matches(&self) -> Result<Vec<Match>, EvalError> {
        let grouping = self.grouping();
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut matches: Vec<Match> = Vec::new();
        let mut key = String::new();
        let sides = self.left.iter().enumerate().map(|(at, column)| (true, at, column));
        let sides = sides.chain(self.right.iter().enumerate().map(|(at, c)| (false, at, c)));
        for (left, at, column) in sides {
            grouping.key_of(&column.labels, &mut key);
            let place = match places.get(key.as_str()) {
                Some(place) => *place,
                None => {
                    self.ledger.take(MATCH_BYTES + key.len())?;
                    let labels = Grouping::labels_of(&key);
                    places.insert(labels.clone(), matches.len());
                    matches.push(Match { labels, left: Vec::new(), right: Vec::new() });
                    matches.len() - 1
                }
            };
            let side = if left { &mut matches[place].left } else { &mut matches[place].right };
            side.push(at);
        }
        Ok(matches)
    }

    /// Says at which steps any of some columns has a value.
    fn present(&self, columns: &[Column], members: &[usize]) -> Result<Vec<bool>, EvalError> {
        let mut present = vec![false; self.steps];
        for at in members {
            self.ledger.visit(self.steps)?;
            let cells = columns[*at].cells();
            for (step, present) in present.iter_mut().enumerate() {
                *present |= cells.is_there(step);
            }
        }
        Ok(present)
    }

    /// `and`: what is left where the right side has a match.
    pub(super) fn and(self) -> Result<Vec<Column>, EvalError> {
        self.kept_where(true)
    }

    /// `unless`: what is left where the right side has none.
    pub(super) fn unless(self) -> Result<Vec<Column>, EvalError> {
        self.kept_where(false)
    }

    fn kept_where(mut self, wanted: bool) -> Result<Vec<Column>, EvalError> {
        for found in self.matches()? {
            let present = self.present(&self.right, &found.right)?;
            for at in found.left {
                self.ledger.visit(self.steps)?;
                self.left[at].keep(|step| present[step] == wanted);
            }
        }
        self.left.retain(Column::has_values);
        Ok(self.left)
    }

    /// `or`: all of the left side, and of the right what has no match there.
    pub(super) fn or(mut self) -> Result<Vec<Column>, EvalError> {
        for found in self.matches()? {
            if found.left.is_empty() {
                continue;
            }
            let present = self.present(&self.left, &found.left)?;
            for at in found.right {
                self.ledger.visit(self.steps)?;
                self.right[at].keep(|step| !present[step]);
            }
        }
        self.right.retain(Column::has_values);
        self.left.append(&mut self.right);
        merge::merge_equal(self.left)
    }

    /// Arithmetic and comparisons.
    pub(super) fn combine(
        self,
        op: BinaryOp,
        returns_bool: bool,
        remarks: &mut Remarks,
    ) -> Result<Vec<Column>, EvalError> {
        let combine = Combine::of(op, returns_bool);
        let swapped = self.matching.cardinality == Cardinality::OneToMany;
        let (many, one) =
            if swapped { (&self.right, &self.left) } else { (&self.left, &self.right) };
        let fills = [self.matching.fill_left, self.matching.fill_right];
        let [fill_many, fill_one] = if swapped { [fills[1], fills[0]] } else { fills };
        let operator = (op, returns_bool);
        let sides = &self;
        let fills = (fill_many, fill_one);
        let pairing = Pairing { sides, combine, operator, swapped, many, one, fills };
        let mut results = Vec::new();
        for found in self.matches()? {
            let (many, one) =
                if swapped { (found.right, found.left) } else { (found.left, found.right) };
            pairing.of_match(&found.labels, &many, &one, remarks, &mut results)?;
        }
        results.retain(Column::has_values);
        let ambiguous = || EvalError::execution(pairing.ambiguous());
        merge::merge_with(results, ambiguous)
    }
}

/// The "many" and the "one" side of an operator; in one-to-one matches the left side is the many.
struct Pairing<'a> {
    sides: &'a Sides<'a>,
    combine: Combine,
    /// The operator, and whether it says 0 or 1.
    operator: (BinaryOp, bool),
    /// The right side is the many.
    swapped: bool,
    many: &'a [Column],
    one: &'a [Column],
    /// What stands for a missing sample of the "many" and of the "one" side.
    fills: (Option<f64>, Option<f64>),
}

/// No column of the "one" side.
const NOBODY: usize = usize::MAX;

impl Pairing<'_> {
    fn of_match(
        &self,
        labels: &Labels,
        many: &[usize],
        one: &[usize],
        remarks: &mut Remarks,
        results: &mut Vec<Column>,
    ) -> Result<(), EvalError> {
        let steps = self.sides.steps;
        let owners = self.owners(labels, one)?;
        if one.is_empty() && self.fills.1.is_none() {
            return Ok(());
        }
        let of_histograms = matches!(self.combine, Combine::Nothing)
            || many.iter().any(|at| !self.many[*at].histograms.is_empty())
            || one.iter().any(|at| !self.one[*at].histograms.is_empty());
        if of_histograms {
            return self.cell_by_cell(labels, many, one, &owners, remarks, results);
        }
        let value_of = |owner: usize, step: usize| match owner {
            NOBODY => self.fills.1.unwrap_or(ABSENT),
            owner => self.one[owner].values[step],
        };
        let single = match one {
            [only] if self.fills.1.is_none() => Some(&self.one[*only].values),
            _ => None,
        };
        let merged: Vec<f64> = match single {
            Some(_) => Vec::new(),
            None => (0..steps).map(|step| value_of(owners[step], step)).collect(),
        };
        let values = single.unwrap_or(&merged);
        if self.sides.matching.cardinality == Cardinality::OneToOne {
            self.check_one_to_one(many, |step| !is_absent(values[step]))?;
        }
        for at in many {
            self.sides.ledger.visit(steps)?;
            let many = &self.many[*at];
            let mut result: Vec<f64> = many.values.clone();
            self.combine_columns(&mut result, values);
            let result = Column::new(Labels::empty(), result);
            self.push(&many.labels, result, one, &owners, results)?;
        }
        if let Some(fill) = self.fills.0 {
            let present = self.sides.present(self.many, many)?;
            let alone = |(step, owner): (usize, &usize)| match (present[step], *owner) {
                (false, owner) if owner != NOBODY => {
                    self.of_pair(fill, self.one[owner].values[step])
                }
                _ => ABSENT,
            };
            let result = owners.iter().enumerate().map(alone).collect();
            let result = Column::new(Labels::empty(), result);
            self.push(labels, result, one, &owners, results)?;
        }
        Ok(())
    }

    /// As [`Pairing::of_match`] goes on, for samples of any kind.
    fn cell_by_cell(
        &self,
        labels: &Labels,
        many: &[usize],
        one: &[usize],
        owners: &[usize],
        remarks: &mut Remarks,
        results: &mut Vec<Column>,
    ) -> Result<(), EvalError> {
        let cell_of_one = |step: usize| match owners[step] {
            NOBODY => self.fills.1.map(Cell::Float),
            owner => Cell::of(self.one[owner].cells(), step),
        };
        if self.sides.matching.cardinality == Cardinality::OneToOne {
            self.check_one_to_one(many, |step| cell_of_one(step).is_some())?;
        }
        let (op, returns_bool) = self.operator;
        let mut meet = |result: &mut Column, step: usize, many: &Cell, one: &Cell| {
            let (left, right) = if self.swapped { (one, many) } else { (many, one) };
            match operate(op, returns_bool, left, right, remarks) {
                None => {}
                Some(Cell::Float(value)) => result.values[step] = value,
                Some(Cell::Native(histogram)) => result.set_histogram(step, Some(histogram)),
            }
        };
        for at in many {
            self.sides.ledger.visit(self.sides.steps)?;
            let column = &self.many[*at];
            let mut result = Column::new(Labels::empty(), merge::nothing(self.sides.steps));
            for step in 0..self.sides.steps {
                if let (Some(many), Some(one)) = (Cell::of(column.cells(), step), cell_of_one(step))
                {
                    meet(&mut result, step, &many, &one);
                }
            }
            self.push(&column.labels, result, one, owners, results)?;
        }
        if let Some(fill) = self.fills.0 {
            let present = self.sides.present(self.many, many)?;
            let mut result = Column::new(Labels::empty(), merge::nothing(self.sides.steps));
            for step in (0..self.sides.steps).filter(|step| !present[*step]) {
                if let (true, Some(one)) = (owners[step] != NOBODY, cell_of_one(step)) {
                    meet(&mut result, step, &Cell::Float(fill), &one);
                }
            }
            self.push(labels, result, one, owners, results)?;
        }
        Ok(())
    }

    /// Returns which column of the "one" side is there at each step.
    fn owners(&self, labels: &Labels, one: &[usize]) -> Result<Vec<usize>, EvalError> {
        let mut owners = vec![NOBODY; self.sides.steps];
        for at in one {
            self.sides.ledger.visit(self.sides.steps)?;
            let cells = self.one[*at].cells();
            for (step, owner) in owners.iter_mut().enumerate() {
                if !cells.is_there(step) {
                    continue;
                }
                if *owner != NOBODY {
                    return Err(self.duplicate(labels, *owner, *at));
                }
                *owner = *at;
            }
        }
        Ok(owners)
    }

    fn duplicate(&self, labels: &Labels, first: usize, second: usize) -> EvalError {
        let side = if self.swapped { "left" } else { "right" };
        EvalError::execution(format!(
            "found duplicate series for the match group {labels} on the {side} hand-side of the \
             operation: [{}, {}];many-to-many matching not allowed: matching labels must be \
             unique on one side",
            self.one[second].labels, self.one[first].labels
        ))
    }

    /// At no step may two columns of the left side meet the same one of the right.
    fn check_one_to_one(
        &self,
        many: &[usize],
        met: impl Fn(usize) -> bool,
    ) -> Result<(), EvalError> {
        if many.len() < 2 {
            return Ok(());
        }
        let mut taken = vec![false; self.sides.steps];
        for at in many {
            self.sides.ledger.visit(self.sides.steps)?;
            let cells = self.many[*at].cells();
            for (step, taken) in taken.iter_mut().enumerate() {
                if !cells.is_there(step) || !met(step) {
                    continue;
                }
                if *taken {
                    return Err(EvalError::execution(self.ambiguous()));
                }
                *taken = true;
            }
        }
        Ok(())
    }

    fn ambiguous(&self) -> &'static str {
        match self.sides.matching.cardinality {
            Cardinality::OneToOne => {
                "multiple matches for labels: many-to-one matching must be explicit \
                 (group_left/group_right)"
            }
            _ => "multiple matches for labels: grouping labels must ensure unique matches",
        }
    }

    /// Replaces values of the "many" side by what they give with those of the "one".
    fn combine_columns(&self, many: &mut [f64], one: &[f64]) {
        // The usual case apart: one kind of operator, no choice within the loop.
        if let (Combine::Arithmetic(compute), false) = (self.combine, self.swapped) {
            for (many, one) in many.iter_mut().zip(one) {
                let absent = is_absent(*many) || is_absent(*one);
                *many = if absent { ABSENT } else { compute(*many, *one) };
            }
            return;
        }
        for (many, one) in many.iter_mut().zip(one) {
            let absent = is_absent(*many) || is_absent(*one);
            *many = if absent { ABSENT } else { self.of_pair(*many, *one) };
        }
    }

    fn of_pair(&self, many: f64, one: f64) -> f64 {
        if self.swapped { self.combine.of_pair(one, many) } else { self.combine.of_pair(many, one) }
    }

    /// Adds a result under the labels that it has; with labels of the "one" side it becomes as
    /// many columns as series of that side took part.
    fn push(
        &self,
        many: &Labels,
        mut result: Column,
        one: &[usize],
        owners: &[usize],
        results: &mut Vec<Column>,
    ) -> Result<(), EvalError> {
        if self.sides.matching.include.is_empty() {
            result.labels = self.labels(many, None);
            self.sides.ledger.take_cells(&result.labels, result.cells())?;
            results.push(result);
            return Ok(());
        }
        if let ([only], None) = (one, self.fills.1) {
            result.labels = self.labels(many, Some(&self.one[*only].labels));
            self.sides.ledger.take_cells(&result.labels, result.cells())?;
            results.push(result);
            return Ok(());
        }
        let mut by_owner: HashMap<usize, usize> = HashMap::new();
        for step in (0..self.sides.steps).filter(|step| result.cells().is_there(*step)) {
            let place = match by_owner.get(&owners[step]) {
                Some(place) => *place,
                None => {
                    let one = self.one.get(owners[step]).map(|column| &column.labels);
                    let labels = self.labels(many, one);
                    self.sides.ledger.take(labels.bytes())?;
                    self.sides.ledger.take_columns(1, self.sides.steps)?;
                    results.push(Column::new(labels, merge::nothing(self.sides.steps)));
                    by_owner.insert(owners[step], results.len() - 1);
                    results.len() - 1
                }
            };
            results[place].values[step] = result.values[step];
            results[place].set_histogram(step, result.cells().histogram(step).cloned());
        }
        Ok(())
    }

    fn labels(&self, many: &Labels, one: Option<&Labels>) -> Labels {
        let matching = self.sides.matching;
        let one_to_one = matching.cardinality == Cardinality::OneToOne;
        let drops_name = self.combine.drops_name();
        let named = |label: &str| matching.labels.iter().any(|l| l == label);
        let keeps = |label: &str| {
            let keeps_name = !drops_name || !super::labels::is_name(label);
            keeps_name && (!one_to_one || named(label) == matching.on)
        };
        if matching.include.is_empty() {
            return many.filtered(keeps);
        }
        let mut labels = many.to_builder();
        labels.retain(keeps);
        for label in &matching.include {
            labels.set(label, one.map_or("", |one| one.get(label)));
        }
        labels.build()
    }
}
