//! Expressions that stand more than once in a text: evaluated once.

use super::Grid;
use super::evaluate::Data;
use lang::promql::{Expr, ExprKind};
use std::collections::HashMap;

/// Larger expressions are not searched: writing each part of a deep tree is quadratic.
const NODES_MAX: usize = 400;

/// Nor are longer ones, whose parts would be written as often.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// What was evaluated of the expressions that occur again.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// How often each is still to come.
    wanted: HashMap<String, usize>,
    known: HashMap<(String, Grid), Data>,
}

impl Shared {
    /// Looks for parts of an expression that occur more than once.
    pub(super) fn of(expr: &Expr) -> Self {
        let mut wanted = HashMap::new();
        if count_nodes(expr) <= NODES_MAX && expr.to_string().len() <= TEXT_BYTES_MAX {
            count(expr, &mut wanted);
            wanted.retain(|_, times| *times > 1);
        }
        Self { wanted, known: HashMap::new() }
    }

    /// Says whether an expression's value is worth to be held as a whole.
    pub(super) fn wants(&self, expr: &Expr) -> bool {
        !self.wanted.is_empty() && is_costly(expr) && self.wanted.contains_key(&expr.to_string())
    }

    pub(super) fn find(&self, expr: &Expr, grid: Grid) -> Option<&Data> {
        if self.known.is_empty() || !is_costly(expr) {
            return None;
        }
        self.known.get(&(expr.to_string(), grid))
    }

    /// Keeps the value of an expression that occurs again.
    pub(super) fn keep(&mut self, expr: &Expr, grid: Grid, data: &Data) {
        self.known.insert((expr.to_string(), grid), data.clone());
    }
}

/// What reads samples.
fn is_costly(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Vector(_) | ExprKind::Aggregate(_) => true,
        ExprKind::Call(call) => !call.args.is_empty(),
        _ => false,
    }
}

fn count_nodes(expr: &Expr) -> usize {
    1 + expr.children().into_iter().map(count_nodes).sum::<usize>()
}

fn count(expr: &Expr, wanted: &mut HashMap<String, usize>) {
    let expr = expr.inner();
    if is_costly(expr) {
        let times = wanted.entry(expr.to_string()).or_insert(0);
        *times += 1;
        // What stands inside of it is not evaluated again.
        if *times > 1 {
            return;
        }
    }
    expr.children().into_iter().for_each(|child| count(child, wanted));
}
