//! `/api/v1/format_query` and `/api/v1/parse_query`: expressions as texts and as trees.
//!
//! Source: Prometheus documentation, "HTTP API", formatting and parsing query expressions.

use super::Asked;
use super::answer::{Data, Failure, push_text};
use super::query::opened;
use platform::OpenQuestion;
use platform::promql::{
    Aggregate, At, Binary, Call, Cardinality, Expr, ExprKind, Matching, Number, ValueType,
    VectorSelector,
};
use serde_json::{Value, json};

/// Longer expressions are split over lines, as Prometheus does.
const WIDTH: usize = 100;

/// Reads the expression of a question.
fn parsed<'a>(asked: &Asked<'a>) -> Result<(OpenQuestion<'a>, Expr), Failure> {
    opened(asked, |errors| Failure::parameter("query", errors))
}

/// Answers `/api/v1/format_query`.
pub(super) fn format_query(asked: &Asked<'_>) -> Result<Data, Failure> {
    let mut data = Data::new();
    let (_turn, expr) = parsed(asked)?;
    push_text(&mut data.json, &expr.pretty(WIDTH));
    Ok(data)
}

/// Answers `/api/v1/parse_query`.
pub(super) fn parse_query(asked: &Asked<'_>) -> Result<Data, Failure> {
    let text = asked.params.get("query").unwrap_or_default();
    let (_turn, expr) = parsed(asked)?;
    Ok(Data::of(&tree(&expr, text)))
}

/// `text` is what the expression was read from.
fn tree(expr: &Expr, text: &str) -> Value {
    let tree = |expr: &Expr| tree(expr, text);
    match &expr.kind {
        ExprKind::Number(number) => {
            let number = Number { duration: false, ..*number };
            json!({"type": "numberLiteral", "val": number.to_string()})
        }
        ExprKind::String(text) => json!({"type": "stringLiteral", "val": text}),
        ExprKind::Vector(vector) => selector(vector, "vectorSelector", expr.span.of(text)),
        ExprKind::Matrix(matrix) => {
            let mut node = selector(&matrix.vector, "matrixSelector", expr.span.of(text));
            node["range"] = json!(matrix.range_ms);
            node
        }
        ExprKind::Subquery(subquery) => json!({
            "type": "subquery",
            "expr": tree(&subquery.expr),
            "range": subquery.range_ms,
            "offset": subquery.offset_ms,
            "step": subquery.step_ms.unwrap_or(0),
            "timestamp": timestamp(subquery.at),
            "startOrEnd": start_or_end(subquery.at),
        }),
        ExprKind::Paren(inner) => json!({"type": "parenExpr", "expr": tree(inner)}),
        ExprKind::Unary(unary) => json!({
            "type": "unaryExpr",
            "op": if unary.negative { "-" } else { "+" },
            "expr": tree(&unary.expr),
        }),
        ExprKind::Binary(binary) => operator(binary, tree),
        ExprKind::Aggregate(aggregate) => aggregation(aggregate, tree),
        ExprKind::Call(call) => function(call, tree),
    }
}

fn selector(vector: &VectorSelector, kind: &str, text: &str) -> Value {
    let mut matchers: Vec<Value> = vector
        .matchers
        .iter()
        .map(|m| json!({"name": m.name, "type": m.op.symbol(), "value": m.value}))
        .collect();
    // A name in front of the braces is told apart, and as the last matcher.
    let mut name = "";
    if !text.starts_with('{') && !matchers.is_empty() {
        name = &vector.matchers[0].value;
        matchers.rotate_left(1);
    }
    json!({
        "type": kind,
        "name": name,
        "matchers": matchers,
        "offset": vector.offset_ms,
        "timestamp": timestamp(vector.at),
        "startOrEnd": start_or_end(vector.at),
    })
}

fn timestamp(at: Option<At>) -> Option<i64> {
    match at {
        Some(At::Time(at_ms)) => Some(at_ms),
        _ => None,
    }
}

fn start_or_end(at: Option<At>) -> Option<&'static str> {
    match at {
        Some(At::Start) => Some("start"),
        Some(At::End) => Some("end"),
        _ => None,
    }
}

fn operator(binary: &Binary, tree: impl Fn(&Expr) -> Value) -> Value {
    json!({
        "type": "binaryExpr",
        "op": binary.op.symbol(),
        "lhs": tree(&binary.left),
        "rhs": tree(&binary.right),
        "matching": binary.matching.as_ref().map(matching),
        "bool": binary.returns_bool,
    })
}

fn matching(matching: &Matching) -> Value {
    let cardinality = match matching.cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    let mut node = json!({
        "card": cardinality,
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
    });
    if matching.fill_left.is_some() || matching.fill_right.is_some() {
        node["fillValues"] = json!({"lhs": matching.fill_left, "rhs": matching.fill_right});
    }
    node
}

fn aggregation(aggregate: &Aggregate, tree: impl Fn(&Expr) -> Value) -> Value {
    json!({
        "type": "aggregation",
        "op": aggregate.op.name(),
        "expr": tree(&aggregate.expr),
        "param": aggregate.param.as_deref().map(tree),
        "grouping": aggregate.labels,
        "without": aggregate.without,
    })
}

fn function(call: &Call, tree: impl Fn(&Expr) -> Value) -> Value {
    let signature = call.function.signature();
    // How many of the arguments may be absent, or -1 where any number may follow.
    let variadic = match signature.args_max {
        Some(max) => i64::try_from(max - signature.args_min).unwrap_or(i64::MAX),
        None => -1,
    };
    json!({
        "type": "call",
        "args": call.args.iter().map(tree).collect::<Vec<_>>(),
        "func": {
            "name": call.function.name(),
            "argTypes": signature.args.iter().map(|t| type_name(*t)).collect::<Vec<_>>(),
            "variadic": variadic,
            "returnType": type_name(signature.returns),
        },
    })
}

pub(super) fn type_name(of: ValueType) -> &'static str {
    match of {
        ValueType::Scalar => "scalar",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
        ValueType::String => "string",
    }
}
