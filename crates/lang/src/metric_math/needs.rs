//! What an expression asks for.

use super::{Expr, ExprKind, Fill, Search};
use crate::Span;

/// What an expression asks for, each in the order of the text, as often as it stands there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Needs<'e> {
    /// Ids whose values are used.
    pub ids: Vec<IdUse<'e>>,
    /// Ids whose period is asked for: they must be metrics.
    pub periods: Vec<IdUse<'e>>,
    /// Calls of `METRICS`.
    pub metrics: Vec<MetricsUse<'e>>,
    /// Calls of `SEARCH`; each stands at its own [`Search::index`].
    pub searches: Vec<&'e Search>,
}

/// An id and where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdUse<'e> {
    /// The id.
    pub name: &'e str,
    /// Where it stands.
    pub span: Span,
}

/// A call of `METRICS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsUse<'e> {
    /// What the ids must contain; none takes all metrics.
    pub containing: Option<&'e str>,
    /// Where the call stands.
    pub span: Span,
}

impl Expr {
    /// Returns what the expression asks for.
    pub fn needs(&self) -> Needs<'_> {
        let mut needs = Needs::default();
        self.visit(&mut |expr| match &expr.kind {
            ExprKind::Id(name) => needs.ids.push(IdUse { name, span: expr.span }),
            ExprKind::Period { id, id_span } => {
                needs.periods.push(IdUse { name: id, span: *id_span });
            }
            ExprKind::Metrics(containing) => {
                let containing = containing.as_deref();
                needs.metrics.push(MetricsUse { containing, span: expr.span });
            }
            ExprKind::Search(search) => needs.searches.push(search),
            _ => {}
        });
        needs
    }

    /// Shows every expression of the tree, those to the left first. The parser bounds the depth.
    fn visit<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        see(self);
        match &self.kind {
            ExprKind::Number(_)
            | ExprKind::Id(_)
            | ExprKind::Period { .. }
            | ExprKind::Metrics(_)
            | ExprKind::Search(_) => {}
            ExprKind::Negate(inner) | ExprKind::Call(_, inner) => inner.visit(see),
            ExprKind::Chain { first, rest } => {
                first.visit(see);
                rest.iter().for_each(|link| link.right.visit(see));
            }
            ExprKind::List(elements) => elements.iter().for_each(|element| element.visit(see)),
            ExprKind::If { condition, then, otherwise } => {
                condition.visit(see);
                then.visit(see);
                otherwise.iter().for_each(|otherwise| otherwise.visit(see));
            }
            ExprKind::Fill { series, with } => {
                series.visit(see);
                if let Fill::With(with) = with {
                    with.visit(see);
                }
            }
            ExprKind::Slice { array, start, end } => {
                array.visit(see);
                start.visit(see);
                end.iter().for_each(|end| end.visit(see));
            }
            ExprKind::Sort { array, limit, .. } => {
                array.visit(see);
                limit.iter().for_each(|limit| limit.visit(see));
            }
        }
    }
}
