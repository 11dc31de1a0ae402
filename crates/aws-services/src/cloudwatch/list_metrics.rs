//! `ListMetrics`: which metrics there are, five hundred at a time.

use super::{DAY_MS, HOUR_MS, MetricId, allow_no_namespace, listed_since, shown, stored_namespace};
use crate::caller::Caller;
use crate::{Answer, Services, fault, spent};
use aws_shapes::cloudwatch::{
    LIST_METRICS_OUTPUT, dimension_filter, list_metrics_input as input,
    list_metrics_output as output,
};
use aws_wire::token::Bound;
use aws_wire::{Request, ServiceError, Struct, validate};
use model::VIRTUAL_NAMES;
use platform::{ListedMetric, MetricFilter};
use stdx::varint::{self, Reader};

/// Source: CloudWatch API reference, `ListMetrics`.
const PAGE: usize = 500;
/// A position longer than this would make a token that is longer than we take back.
const IDENTITY_BYTES_MAX: usize = 4_096;

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let mut asked = request.decode()?;
    allow_no_namespace(&mut asked, input::NAMESPACE);
    validate::check(&asked).map_err(ServiceError::validation)?;

    let scope = caller.scope_text();
    let bound = Bound {
        operation: "ListMetrics",
        scope: &scope,
        request: &asked,
        token: input::NEXT_TOKEN,
    };
    let bad_token = || fault::invalid_value("Request parameter NextToken is invalid");
    let token = services.tokens.position(&bound).map_err(|_| bad_token())?;
    let position = match &token {
        Some(bytes) => {
            let position = services.spent.check(bytes).and_then(Position::decode);
            Some(position.ok_or_else(bad_token)?)
        }
        None => None,
    };

    // Held until the page is cut, and with it the question's turn.
    let answered = if is_elsewhere(&asked, caller) {
        None
    } else {
        let now_ms = services.platform.clock().now_ms();
        let recently = asked.str(input::RECENTLY_ACTIVE).is_some();
        let back_ms = if recently { 3 * HOUR_MS } else { 14 * DAY_MS };
        let range = listed_since(now_ms, back_ms);
        let listed =
            services.platform.list_metrics(&caller.who, &caller.scope, &filter_of(&asked), range);
        Some(listed.map_err(|error| fault::of_ask(&error))?)
    };
    let metrics = answered.as_deref().map(Vec::as_slice).unwrap_or_default();
    let from = position.map_or(0, |position| position.index_in(metrics));
    let until = metrics.len().min(from + PAGE);
    let next = (until < metrics.len())
        .then(|| Position::behind(metrics, until - 1))
        .map(|position| services.tokens.seal(&bound, &spent::numbered(&position.encode())));
    if let Some(token) = token {
        services.spent.spend(&token);
    }
    let page: Vec<_> = metrics[from.min(until)..until].iter().cloned().map(shown).collect();
    drop(answered);

    let mut listed = Struct::new(&LIST_METRICS_OUTPUT);
    if asked.bool(input::INCLUDE_LINKED_ACCOUNTS) == Some(true) {
        // One for each metric; there are no other accounts to look into yet.
        let owners = vec![caller.scope.account.as_str().to_owned(); page.len()];
        listed.set(output::OWNING_ACCOUNTS, owners);
    }
    listed.set(output::METRICS, page);
    listed.set(output::NEXT_TOKEN, next);
    Ok(Some(listed))
}

fn filter_of(asked: &Struct<'_>) -> MetricFilter {
    MetricFilter {
        namespace: asked.str(input::NAMESPACE).map(stored_namespace),
        name: asked.str(input::METRIC_NAME).map(str::to_owned),
        dimensions: asked
            .structs(input::DIMENSIONS)
            .map(|filter| {
                let text = |field| filter.str(field).map(str::to_owned);
                (text(dimension_filter::NAME).unwrap_or_default(), text(dimension_filter::VALUE))
            })
            .collect(),
    }
}

/// Says whether a request looks where nothing of ours can be: into another account, or for a
/// dimension that stands for another part of the identity and that no metric has.
fn is_elsewhere(asked: &Struct<'_>, caller: &Caller) -> bool {
    let other = asked
        .str(input::OWNING_ACCOUNT)
        .is_some_and(|owner| owner != caller.scope.account.as_str());
    let is_virtual = |filter: &Struct<'_>| {
        filter.str(dimension_filter::NAME).is_some_and(|name| VIRTUAL_NAMES.contains(&name))
    };
    other || asked.structs(input::DIMENSIONS).any(is_virtual)
}

/// The order in which the platform lists metrics.
fn order(metric: &MetricId) -> (&str, &str, &[(String, String)]) {
    (&metric.namespace, &metric.name, &metric.dimensions)
}

/// Where a page begins: behind this metric, wherever it stands by now. Its place in the list is a
/// second best, for identities that are too long for a token.
#[derive(Debug)]
struct Position {
    index: usize,
    last: Option<MetricId>,
}

impl Position {
    fn behind(metrics: &[ListedMetric], index: usize) -> Self {
        let last = &metrics[index];
        let texts = last.dimensions.iter().map(|(name, value)| name.len() + value.len() + 6);
        let bytes = last.namespace.len() + last.name.len() + texts.sum::<usize>();
        let last = (bytes <= IDENTITY_BYTES_MAX).then(|| last.clone());
        Self { index: index + 1, last }
    }

    fn index_in(&self, metrics: &[ListedMetric]) -> usize {
        match &self.last {
            Some(last) => metrics.partition_point(|metric| order(metric) <= order(last)),
            None => self.index.min(metrics.len()),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        varint::put_u64(&mut bytes, self.index as u64);
        if let Some(last) = &self.last {
            let dimensions = last.dimensions.iter().flat_map(|(name, value)| [name, value]);
            for text in [&last.namespace, &last.name].into_iter().chain(dimensions) {
                varint::put_bytes(&mut bytes, text.as_bytes());
            }
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let index = reader.usize()?;
        if reader.is_empty() {
            return Some(Self { index, last: None });
        }
        let mut last = MetricId {
            namespace: reader.str()?.to_owned(),
            name: reader.str()?.to_owned(),
            dimensions: Vec::new(),
        };
        while !reader.is_empty() {
            last.dimensions.push((reader.str()?.to_owned(), reader.str()?.to_owned()));
        }
        Some(Self { index, last: Some(last) })
    }
}
