//! `/api/v1/query_exemplars`: the exemplars of the series that an expression reads.
//!
//! Source: Prometheus documentation, HTTP API, "Querying exemplars".

use super::Asked;
use super::answer::{Data, Failure, push_map};
use super::query::{opened, time};
use super::result::{Paid, check_size};
use formats::numbers::{push_timestamp, push_value};
use model::TimeRange;
use platform::Exemplar;
use platform::promql::{Expr, ExprKind, Matcher};

/// Answers `/api/v1/query_exemplars`.
pub(super) fn exemplars(asked: &Asked<'_>) -> Result<Data, Failure> {
    let (start, end) = (time(asked, "start")?, time(asked, "end")?);
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        return Err(Failure::bad_data("end timestamp must not be before start timestamp"));
    }
    let range = TimeRange {
        start_ms: start.unwrap_or(i64::MIN),
        end_ms: end.map_or(i64::MAX, |end| end.saturating_add(1)),
    };
    let (open, expr) = opened(asked, |errors| Failure::bad_data(errors.to_string()))?;
    let mut selectors = Vec::new();
    selectors_of(&expr, &mut selectors);
    let found = open.exemplars(&selectors, range)?;
    let mut all: Vec<_> =
        found.iter().map(|of| (platform::labels_of(&of.key), &of.exemplars)).collect();
    all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut data = Data::new();
    let mut paid = Paid::default();
    data.json.push(b'[');
    for (n, (labels, exemplars)) in all.iter().enumerate() {
        if n > 0 {
            data.json.push(b',');
        }
        data.json.extend_from_slice(br#"{"seriesLabels":"#);
        push_map(&mut data.json, labels.iter().copied());
        data.json.extend_from_slice(br#","exemplars":["#);
        for (n, exemplar) in exemplars.iter().enumerate() {
            if n > 0 {
                data.json.push(b',');
            }
            push_exemplar(&mut data.json, exemplar);
        }
        data.json.extend_from_slice(b"]}");
        check_size(asked, &data.json)?;
        paid.more(&found, &data.json)?;
    }
    data.json.push(b']');
    Ok(data)
}

/// Gathers what each selector of an expression, wherever it stands, must match.
fn selectors_of(expr: &Expr, into: &mut Vec<Vec<Matcher>>) {
    match &expr.kind {
        ExprKind::Vector(vector) => into.push(vector.matchers.clone()),
        ExprKind::Matrix(matrix) => into.push(matrix.vector.matchers.clone()),
        _ => expr.children().into_iter().for_each(|child| selectors_of(child, into)),
    }
}

fn push_exemplar(json: &mut Vec<u8>, exemplar: &Exemplar) {
    json.extend_from_slice(br#"{"labels":"#);
    push_map(json, exemplar.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    json.extend_from_slice(br#","value":""#);
    push_value(json, exemplar.value);
    json.extend_from_slice(br#"","timestamp":"#);
    push_timestamp(json, exemplar.at_ms);
    json.push(b'}');
}
