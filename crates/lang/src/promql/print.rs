//! Trees back to text, on one line. The text reads back to the same tree.

use super::duration::{DurationExpr, DurationKind, DurationOp};
use super::lexer::duration_text;
use super::text::Quoted;
use super::words::{is_bare_label, is_bare_metric};
use super::{
    Aggregate, At, Binary, Call, Cardinality, Ends, Expr, ExprKind, Function, MatchOp, Matcher,
    Matching, MatrixSelector, Number, Subquery, Unary, VectorSelector,
};
use std::fmt::{self, Display};

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => number.fmt(f),
            ExprKind::String(text) => Quoted(text).fmt(f),
            ExprKind::Vector(vector) => vector.fmt(f),
            ExprKind::Matrix(matrix) => matrix.fmt(f),
            ExprKind::Subquery(subquery) => subquery.fmt(f),
            ExprKind::Paren(inner) => write!(f, "({inner})"),
            ExprKind::Unary(unary) => unary.fmt(f),
            ExprKind::Binary(binary) => {
                write!(f, "{} {} {}", binary.left, binary.operator(), binary.right)
            }
            ExprKind::Aggregate(aggregate) => aggregate.fmt(f),
            ExprKind::Call(call) => call.fmt(f),
        }
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole_ms = super::duration::seconds_to_ms(self.value);
        match whole_ms {
            Some(ms) if self.duration => f.write_str(&duration_text(ms)),
            _ => float(self.value, f),
        }
    }
}

fn float(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if value.is_nan() {
        f.write_str("NaN")
    } else if value.is_infinite() {
        f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        write!(f, "{value}")
    }
}

impl Display for Unary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negative { "-" } else { "+" }, self.expr)
    }
}

impl Binary {
    /// Returns the operator with everything that modifies it.
    pub(super) fn operator(&self) -> String {
        let returns_bool = if self.returns_bool { " bool" } else { "" };
        let matching = self.matching.as_ref().map(Matching::to_string).unwrap_or_default();
        format!("{}{returns_bool}{matching}", self.op.symbol())
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.on || !self.labels.is_empty() {
            let word = if self.on { "on" } else { "ignoring" };
            write!(f, " {word} ({})", Labels(&self.labels))?;
        }
        match self.cardinality {
            Cardinality::ManyToOne => write!(f, " group_left ({})", Labels(&self.include))?,
            Cardinality::OneToMany => write!(f, " group_right ({})", Labels(&self.include))?,
            Cardinality::OneToOne | Cardinality::ManyToMany => {}
        }
        let fill = |f: &mut fmt::Formatter<'_>, word, value| {
            write!(f, " {word} (")?;
            float(value, f)?;
            f.write_str(")")
        };
        match (self.fill_left, self.fill_right) {
            (Some(left), Some(right)) if left.to_bits() == right.to_bits() => fill(f, "fill", left),
            (left, right) => {
                left.map_or(Ok(()), |left| fill(f, "fill_left", left))?;
                right.map_or(Ok(()), |right| fill(f, "fill_right", right))
            }
        }
    }
}

struct Labels<'a>(&'a [String]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, label) in self.0.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { ", " })?;
            label_name(label, f)?;
        }
        Ok(())
    }
}

fn label_name(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if is_bare_label(name) { f.write_str(name) } else { Quoted(name).fmt(f) }
}

impl Aggregate {
    /// Returns the name with its grouping, up to the opening parenthesis.
    pub(super) fn head(&self) -> String {
        let name = self.op.name();
        if self.without {
            format!("{name} without ({}) ", Labels(&self.labels))
        } else if self.labels.is_empty() {
            name.to_owned()
        } else {
            format!("{name} by ({}) ", Labels(&self.labels))
        }
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.head())?;
        if let Some(param) = &self.param {
            write!(f, "{param}, ")?;
        }
        write!(f, "{})", self.expr)
    }
}

impl Call {
    /// Returns the argument that must stay in braces, also if it is a name alone: the second one of
    /// `info()`.
    pub(super) fn labels_to_add(&self, n: usize) -> Option<&VectorSelector> {
        match &self.args.get(n)?.kind {
            ExprKind::Vector(vector) if self.function == Function::Info && n == 1 => Some(vector),
            _ => None,
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.name())?;
        for (n, arg) in self.args.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { ", " })?;
            match self.labels_to_add(n) {
                Some(labels) => labels.fmt_in_braces(f)?,
                None => arg.fmt(f)?,
            }
        }
        f.write_str(")")
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_with_range(f, "")
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = duration(self.range_ms, self.range_expr.as_deref());
        self.vector.fmt_with_range(f, &format!("[{range}]"))
    }
}

impl Subquery {
    /// Returns what hangs behind the expression.
    pub(super) fn suffix(&self) -> String {
        let range = duration(self.range_ms, self.range_expr.as_deref());
        let step = match (&self.step_expr, self.step_ms) {
            (None, None) => String::new(),
            (expr, ms) => duration(ms.unwrap_or(0), expr.as_deref()),
        };
        let moved = moved(self.at, self.offset_ms, self.offset_expr.as_deref());
        format!("[{range}:{step}]{moved}")
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.expr, self.suffix())
    }
}

impl VectorSelector {
    fn fmt_in_braces(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matchers: Vec<String> = self.matchers.iter().map(Matcher::to_string).collect();
        write!(f, "{{{}}}", matchers.join(","))
    }

    fn fmt_with_range(&self, f: &mut fmt::Formatter<'_>, range: &str) -> fmt::Result {
        let (name, matchers) = match self.matchers.split_first() {
            Some((first, rest)) if first.names_metric() => (Some(first.value.as_str()), rest),
            _ => (None, self.matchers.as_slice()),
        };
        let mut parts: Vec<String> = matchers.iter().map(Matcher::to_string).collect();
        match name {
            // A second matcher of the name could not be read back beside a bare or quoted one.
            Some(_) if matchers.iter().any(|m| m.name == "__name__") => {
                parts.insert(0, self.matchers[0].to_string());
            }
            Some(name) if is_bare_metric(name) => f.write_str(name)?,
            Some(name) => parts.insert(0, Quoted(name).to_string()),
            None => {}
        }
        if !parts.is_empty() || name.is_none() {
            write!(f, "{{{}}}", parts.join(","))?;
        }
        f.write_str(range)?;
        f.write_str(match self.ends {
            Ends::Plain => "",
            Ends::Anchored => " anchored",
            Ends::Smoothed => " smoothed",
        })?;
        f.write_str(&moved(self.at, self.offset_ms, self.offset_expr.as_deref()))
    }
}

fn moved(at: Option<At>, offset_ms: i64, offset_expr: Option<&DurationExpr>) -> String {
    let mut text = match at {
        Some(At::Time(ms)) => {
            let sign = if ms < 0 { "-" } else { "" };
            let ms = ms.unsigned_abs();
            format!(" @ {sign}{}.{:03}", ms / 1_000, ms % 1_000)
        }
        Some(At::Start) => " @ start()".to_owned(),
        Some(At::End) => " @ end()".to_owned(),
        None => String::new(),
    };
    match offset_expr {
        Some(expr) => text.push_str(&format!(" offset {expr}")),
        None if offset_ms != 0 => text.push_str(&format!(" offset {}", duration_text(offset_ms))),
        None => {}
    }
    text
}

fn duration(ms: i64, expr: Option<&DurationExpr>) -> String {
    expr.map_or_else(|| duration_text(ms), DurationExpr::to_string)
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationKind::Number(value, duration) => {
                Number { value: *value, duration: *duration }.fmt(f)
            }
            DurationKind::Step => f.write_str("step()"),
            DurationKind::Range => f.write_str("range()"),
            DurationKind::Negated(inner) => write!(f, "-{inner}"),
            DurationKind::Paren(inner) => write!(f, "({inner})"),
            DurationKind::Binary(op, left, right) => match op {
                DurationOp::Min => write!(f, "min({left}, {right})"),
                DurationOp::Max => write!(f, "max({left}, {right})"),
                op => write!(f, "{left} {} {right}", op.symbol()),
            },
        }
    }
}

impl Matcher {
    pub(super) fn names_metric(&self) -> bool {
        self.name == "__name__" && self.op == MatchOp::Eq && !self.value.is_empty()
    }
}

impl Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        label_name(&self.name, f)?;
        write!(f, "{}{}", self.op.symbol(), Quoted(&self.value))
    }
}
