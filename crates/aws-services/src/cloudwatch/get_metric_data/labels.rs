//! What results are called.

use super::told;
use crate::caller::Caller;
use crate::cloudwatch::shown_namespace;
use aws_shapes::cloudwatch::{
    get_metric_data_input as input, label_options, metric_data_query as field,
};
use aws_wire::{ServiceError, Struct};
use lang::labels::{Label, Piece, parse_zone};
use platform::labels::{LabelFacts, MetricFacts, render};
use platform::{DataQuery, DataSource, Line, LineMetric, LineSource, MetricData, Plan};

/// Names the lines of a request's results.
pub(super) struct Labels<'c> {
    caller: &'c Caller,
    now_ms: i64,
    /// Minutes that times in labels are ahead of UTC.
    zone_minutes: i32,
    /// What each query wants its result to be called.
    wanted: Vec<Option<Label>>,
    /// Metrics of the request differ in their statistic, or in their period: names tell it.
    stats_differ: bool,
    periods_differ: bool,
}

impl<'c> Labels<'c> {
    pub(super) fn read(
        asked: &Struct<'_>,
        plan: &Plan,
        caller: &'c Caller,
        now_ms: i64,
    ) -> Result<Self, ServiceError> {
        let mut wanted = Vec::with_capacity(plan.queries().len());
        for (at, query) in (1..).zip(asked.structs(input::METRIC_DATA_QUERIES)) {
            let text = query.str(field::LABEL).filter(|label| !label.is_empty());
            let label = text.map(|text| Label::parse(text).map_err(|mistakes| (text, mistakes)));
            wanted.push(label.transpose().map_err(|(text, mistakes)| {
                let mistakes: Vec<String> = mistakes.iter().map(|m| told(m, text)).collect();
                ServiceError::validation(format!(
                    "The value {text} for parameter MetricDataQueries.member.{at}.Label is \
                     invalid: {}",
                    mistakes.join("; ")
                ))
            })?);
        }
        let metrics = || {
            plan.queries().iter().filter_map(|query| match &query.source {
                DataSource::Metric(data) => Some(data),
                DataSource::Insights { .. } | DataSource::Math { .. } => None,
            })
        };
        let first = metrics().next();
        let differ = |differs: fn(&MetricData, &MetricData) -> bool| {
            metrics().any(|data| first.is_some_and(|first| differs(first, data)))
        };
        Ok(Self {
            caller,
            now_ms,
            zone_minutes: zone_minutes(asked)?,
            wanted,
            stats_differ: differ(|one, other| one.stat != other.stat),
            periods_differ: differ(|one, other| one.period_s != other.period_s),
        })
    }

    /// Returns the labels of a query's lines, one for each; one, where there are no lines.
    ///
    /// An element of an array is called by what tells its metric from the others'; a label without
    /// tokens that the query wants stands in front of it. Source: CloudWatch user guide, "Using
    /// search expressions".
    pub(super) fn of(&self, plan: &Plan, query: usize, lines: Option<&[Line]>) -> Vec<String> {
        let own = self.own(&plan.queries()[query]);
        let lines = lines.unwrap_or_default();
        let elements = lines.iter().any(|line| line.is_element);
        let names = if elements { self.of_elements(lines, &own) } else { vec![own] };
        let Some(wanted) = &self.wanted[query] else { return names };
        let is_plain = wanted.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)));
        let lines = lines.iter().map(Some).chain(std::iter::repeat(None));
        let named = names.iter().zip(lines).map(|(name, line)| {
            let text = self.rendered(wanted, name, line);
            if elements && is_plain { format!("{text} {name}") } else { text }
        });
        named.collect()
    }

    /// Names elements by the labels that the queries of their metrics want, else by what tells their
    /// metrics apart.
    fn of_elements(&self, lines: &[Line], own: &str) -> Vec<String> {
        let mut names = names_apart(lines, own);
        for (line, name) in lines.iter().zip(&mut names) {
            let query = metric_of(line).and_then(|metric| metric.query);
            if let Some(wanted) = query.and_then(|query| self.wanted[query].as_ref()) {
                *name = self.rendered(wanted, name, Some(line));
            }
        }
        names
    }

    fn rendered(&self, label: &Label, name: &str, line: Option<&Line>) -> String {
        let source = line.and_then(metric_of);
        let facts = LabelFacts {
            label: name,
            values: line.map(|line| &line.points[..]).unwrap_or_default(),
            metric: source.map(|source| MetricFacts {
                namespace: shown_namespace(&source.metric.namespace),
                name: &source.metric.name,
                dimensions: &source.metric.dimensions,
                statistic: &source.stat,
                period_s: i64::from(source.period_s),
            }),
            account: self.caller.scope.account.as_str(),
            account_label: None,
            region: self.caller.scope.region.as_str(),
            now_ms: self.now_ms,
            zone_minutes: self.zone_minutes,
        };
        render(label, &facts)
    }

    /// What a query that wants no name is called: a metric as it is, an expression by its id.
    fn own(&self, query: &DataQuery) -> String {
        match &query.source {
            DataSource::Metric(data) => self.of_metric(data),
            DataSource::Insights { .. } | DataSource::Math { .. } => query.id.clone(),
        }
    }

    /// The metric's name, and what tells the queries of the request apart: the statistic, then the
    /// period.
    fn of_metric(&self, source: &MetricData) -> String {
        let mut label = source.metric.name.clone();
        if self.stats_differ {
            label.push(' ');
            label.push_str(&source.stat);
        }
        if self.periods_differ {
            label.push_str(&format!(" {}", source.period_s));
        }
        label
    }
}

fn metric_of(line: &Line) -> Option<&LineMetric> {
    match &line.source {
        Some(LineSource::Metric(metric)) => Some(metric),
        Some(LineSource::Group(_)) | None => None,
    }
}

/// Names elements by what differs between their metrics: namespace, values of dimensions, name,
/// statistic; by the name alone when nothing does.
fn names_apart(lines: &[Line], id: &str) -> Vec<String> {
    let sources: Vec<&LineMetric> = lines.iter().filter_map(metric_of).collect();
    let differ = |part: fn(&LineMetric) -> &str| {
        sources.windows(2).any(|pair| part(pair[0]) != part(pair[1]))
    };
    let namespaces_differ = differ(|source| &source.metric.namespace);
    let names_differ = differ(|source| &source.metric.name);
    let stats_differ = differ(|source| &source.stat);
    // What all have; looked at once, as there may be very many.
    let mut common: Vec<&(String, String)> =
        sources.first().map(|source| source.metric.dimensions.iter().collect()).unwrap_or_default();
    for source in &sources {
        common.retain(|dimension| source.metric.dimensions.contains(dimension));
    }
    let name = |line: &Line| {
        let source = match &line.source {
            Some(LineSource::Metric(source)) => source,
            Some(LineSource::Group(label)) => return label.clone(),
            None => return id.to_owned(),
        };
        let metric = &source.metric;
        let mut parts: Vec<&str> = Vec::new();
        if namespaces_differ {
            parts.push(shown_namespace(&metric.namespace));
        }
        let own = metric.dimensions.iter().filter(|dimension| !common.contains(dimension));
        parts.extend(own.map(|(_, value)| value.as_str()));
        if names_differ || parts.is_empty() {
            parts.push(&metric.name);
        }
        if stats_differ {
            parts.push(&source.stat);
        }
        parts.join(" ")
    };
    lines.iter().map(name).collect()
}

/// Reads the time zone of times in labels: minutes ahead of UTC.
///
/// Source: CloudWatch API reference, `LabelOptions`.
fn zone_minutes(asked: &Struct<'_>) -> Result<i32, ServiceError> {
    let zone = asked.nested(input::LABEL_OPTIONS).and_then(|o| o.str(label_options::TIMEZONE));
    let Some(zone) = zone else { return Ok(0) };
    parse_zone(zone).ok_or_else(|| {
        ServiceError::validation(format!(
            "The value {zone} for parameter LabelOptions.Timezone is invalid; it must be of the \
             form +HHMM or -HHMM."
        ))
    })
}
