//! What results are called: in answers of `GetMetricData`, and in the legends of pictures.

use eval::labels::{LabelFacts, MetricFacts, render};
use lang::labels::{Label, Piece};
use query::metric_data::{DataQuery, DataSource, Line, LineMetric, LineSource, MetricData, Plan};

/// Stands for series without a namespace, such as those that came by Prometheus' remote write. No
/// client can write to it: CloudWatch forbids namespaces that begin with a colon.
pub const NO_NAMESPACE: &str = ":prometheus";

/// Returns a stored namespace as a reader sees it.
pub fn shown_namespace(stored: &str) -> &str {
    if stored.is_empty() { NO_NAMESPACE } else { stored }
}

/// Names the lines of a plan's results.
#[derive(Debug)]
pub struct Naming<'a> {
    /// Who asks.
    account: &'a str,
    /// Where.
    region: &'a str,
    now_ms: i64,
    /// Minutes that times in labels are ahead of UTC.
    zone_minutes: i32,
    /// What each query wants its result to be called.
    wanted: Vec<Option<Label>>,
    /// Metrics of the request differ in their statistic, or in their period: names tell it.
    stats_differ: bool,
    periods_differ: bool,
}

/// Who asks, when, and in which zone times are told.
#[derive(Debug, Clone, Copy)]
pub struct NamingFor<'a> {
    /// The account.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The present time in milliseconds.
    pub now_ms: i64,
    /// Minutes that times are ahead of UTC.
    pub zone_minutes: i32,
}

impl<'a> Naming<'a> {
    /// Names the results of a plan, by the labels that its queries want: one for each.
    pub fn new(plan: &Plan, wanted: Vec<Option<Label>>, asker: NamingFor<'a>) -> Self {
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
        Self {
            account: asker.account,
            region: asker.region,
            now_ms: asker.now_ms,
            zone_minutes: asker.zone_minutes,
            wanted,
            stats_differ: differ(|one, other| one.stat != other.stat),
            periods_differ: differ(|one, other| one.period_s != other.period_s),
        }
    }

    /// Returns the labels of a query's lines, one for each; one, where there are no lines.
    ///
    /// An element of an array is called by what tells its metric from the others'; a label without
    /// tokens that the query wants stands in front of it. Source: CloudWatch user guide, "Using
    /// search expressions".
    pub fn of(&self, plan: &Plan, query: usize, lines: Option<&[Line]>) -> Vec<String> {
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
        let sources: Vec<_> = lines.iter().map(|line| line.source.as_ref()).collect();
        let mut names = names_apart(&sources, own);
        for (line, name) in lines.iter().zip(&mut names) {
            let query = line.source.as_ref().and_then(metric_of).and_then(|metric| metric.query);
            if let Some(wanted) = query.and_then(|query| self.wanted[query].as_ref()) {
                *name = self.rendered(wanted, name, Some(line));
            }
        }
        names
    }

    fn rendered(&self, label: &Label, name: &str, line: Option<&Line>) -> String {
        let source = line.and_then(|line| line.source.as_ref()).and_then(metric_of);
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
            account: self.account,
            account_label: None,
            region: self.region,
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

fn metric_of(source: &LineSource) -> Option<&LineMetric> {
    match source {
        LineSource::Metric(metric) => Some(metric),
        LineSource::Group(_) => None,
    }
}

/// Names lines by what differs between their metrics: namespace, values of dimensions, name,
/// statistic; by the name alone when nothing does. `own` names what is of no metric.
pub(crate) fn names_apart(lines: &[Option<&LineSource>], own: &str) -> Vec<String> {
    let sources: Vec<&LineMetric> =
        lines.iter().filter_map(|source| source.and_then(metric_of)).collect();
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
    let name = |source: &Option<&LineSource>| {
        let source = match source {
            Some(LineSource::Metric(source)) => source,
            Some(LineSource::Group(group)) => return group.label.clone(),
            None => return own.to_owned(),
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
