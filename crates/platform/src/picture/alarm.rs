//! The picture of an alarm: what it watches, and its threshold.

use crate::alarms::{AlarmRecord, ConditionRecord, MetricRecord, QueryRecord, WatchRecord};
use alarm::definition::Comparison;
use chart::Widget;
use chart::widget::{Horizontal, HorizontalFill, Metric, Row, RowKind, Side};

/// Puts the rows and the threshold of an alarm into a widget; `None` for alarms that watch no metrics.
pub(super) fn show(alarm: &AlarmRecord, widget: &mut Widget) -> Option<()> {
    let (rows, name, period_s, condition) = match &alarm.watch {
        WatchRecord::Metric(metric) => {
            let row = of_metric(metric);
            (vec![row], metric.name.as_str(), metric.period_s, &metric.condition)
        }
        WatchRecord::Metrics(metrics) => {
            let rows: Vec<Row> = metrics.queries.iter().map(of_query).collect();
            let returned = metrics.queries.iter().find(|q| q.return_data != Some(false))?;
            let name = returned.label.as_deref().unwrap_or(&returned.id);
            let periods = metrics.queries.iter();
            let mut periods =
                periods.filter_map(|q| q.stat.as_ref().map(|s| s.period_s).or(q.period_s));
            (rows, name, periods.next().unwrap_or(60), &metrics.condition)
        }
        WatchRecord::Promql(_) | WatchRecord::Composite(_) => return None,
    };
    let label = threshold_label(name, period_s, condition);
    widget.annotations.horizontal.push(Horizontal::threshold(
        condition.threshold,
        label,
        fill(condition),
    ));
    widget.metrics = rows;
    widget.period_s = period_s;
    Some(())
}

/// The side that breaches.
fn fill(condition: &ConditionRecord) -> HorizontalFill {
    match Comparison::named(&condition.comparison) {
        Some(Comparison::GreaterThan | Comparison::GreaterThanOrEqual) => HorizontalFill::Above,
        Some(Comparison::LessThan | Comparison::LessThanOrEqual) => HorizontalFill::Below,
        None => HorizontalFill::None,
    }
}

/// `CPUUtilization > 80 for 3 datapoints within 15 minutes`, as the service's console says it.
fn threshold_label(name: &str, period_s: u32, condition: &ConditionRecord) -> String {
    let sign = match Comparison::named(&condition.comparison) {
        Some(Comparison::GreaterThan) => ">",
        Some(Comparison::GreaterThanOrEqual) => ">=",
        Some(Comparison::LessThan) => "<",
        Some(Comparison::LessThanOrEqual) => "<=",
        None => "?",
    };
    let datapoints = condition.datapoints.unwrap_or(condition.periods);
    let plural = |many: u64| if many == 1 { "" } else { "s" };
    let span_s = u64::from(period_s) * u64::from(condition.periods);
    let within = match span_s {
        s if s > 0 && s.is_multiple_of(86_400) => {
            format!("{} day{}", s / 86_400, plural(s / 86_400))
        }
        s if s > 0 && s.is_multiple_of(3_600) => format!("{} hour{}", s / 3_600, plural(s / 3_600)),
        s if s > 0 && s.is_multiple_of(60) => format!("{} minute{}", s / 60, plural(s / 60)),
        s => format!("{s} seconds"),
    };
    format!(
        "{name} {sign} {} for {datapoints} datapoint{} within {within}",
        condition.threshold,
        plural(u64::from(datapoints)),
    )
}

fn row(kind: RowKind) -> Row {
    Row {
        kind,
        id: None,
        label: None,
        stat: None,
        period_s: None,
        axis: Side::Left,
        color: None,
        visible: true,
        region: None,
        account_id: None,
    }
}

fn of_metric(metric: &MetricRecord) -> Row {
    let shown = Metric {
        namespace: metric.namespace.clone(),
        name: metric.name.clone(),
        dimensions: metric.dimensions.clone(),
    };
    let stat = metric.statistic.clone().or_else(|| metric.extended_statistic.clone());
    Row { stat, period_s: Some(metric.period_s), ..row(RowKind::Metric(shown)) }
}

fn of_query(query: &QueryRecord) -> Row {
    let kind = match (&query.stat, &query.expression) {
        (Some(stat), _) => RowKind::Metric(Metric {
            namespace: stat.namespace.clone(),
            name: stat.name.clone(),
            dimensions: stat.dimensions.clone(),
        }),
        (None, text) => RowKind::Expression(text.clone().unwrap_or_default()),
    };
    Row {
        id: Some(query.id.clone()),
        label: query.label.clone(),
        stat: query.stat.as_ref().map(|stat| stat.stat.clone()),
        period_s: query.stat.as_ref().map(|stat| stat.period_s).or(query.period_s),
        visible: query.return_data != Some(false),
        ..row(kind)
    }
}
