//! One page of results: datapoints in request order until the page is full.

use super::queries::Query;
use crate::caller::Caller;
use crate::cloudwatch::window::rounded_start;
use crate::{Services, fault};
use aws_shapes::cloudwatch::{
    MESSAGE_DATA, METRIC_DATA_RESULT, message_data, metric_data_result as field,
};
use aws_wire::{ServiceError, Struct, Value};
use model::TimeRange;
use platform::{Answered, PeriodsOfUnit, StatisticsQuestion};
use stdx::varint::{self, Reader};

/// Where a page begins: at this query, behind this datapoint of it. A time and no number, so that
/// data which come between two pages move nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    index: usize,
    behind_ms: Option<i64>,
}

impl Position {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        varint::put_u64(&mut bytes, self.index as u64);
        if let Some(behind_ms) = self.behind_ms {
            varint::put_i64(&mut bytes, behind_ms);
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let index = reader.usize()?;
        let behind_ms = if reader.is_empty() { None } else { Some(reader.i64()?) };
        reader.is_empty().then_some(Self { index, behind_ms })
    }
}

pub(super) struct Pager<'s> {
    pub(super) services: &'s Services,
    pub(super) caller: &'s Caller,
    pub(super) range: TimeRange,
    pub(super) is_ascending: bool,
    /// Where this page begins.
    pub(super) from: Position,
    /// Datapoints that still fit.
    pub(super) left: usize,
    /// Where the next page begins, once this one is full.
    pub(super) next: Option<Position>,
}

impl Pager<'_> {
    /// Returns what this page shows of a query. Every page has a result for every query, also an
    /// empty one, so that a client finds them by their place.
    pub(super) fn result(
        &mut self,
        index: usize,
        query: &Query,
    ) -> Result<Struct<'static>, ServiceError> {
        let result = Struct::new(&METRIC_DATA_RESULT)
            .with(field::ID, query.id.clone())
            .with(field::LABEL, query.label.clone());
        let shown = |times: Vec<Value<'static>>, values: Vec<f64>, status: &'static str| {
            result
                .with(field::TIMESTAMPS, times)
                .with(field::VALUES, values)
                .with(field::STATUS_CODE, status)
        };
        if index < self.from.index {
            return Ok(shown(Vec::new(), Vec::new(), "Complete"));
        }
        if self.left == 0 {
            self.next.get_or_insert(Position { index, behind_ms: None });
            return Ok(shown(Vec::new(), Vec::new(), "PartialData"));
        }
        let mut units = self.periods(query)?;
        units.sort_by_key(|of_unit| of_unit.unit.name());
        let message = (units.len() > 1).then(|| several_units(&units));
        let mut points: Vec<(i64, f64)> = units
            .first()
            .into_iter()
            .flat_map(|of_unit| &of_unit.periods)
            .filter_map(|(at_ms, happened)| Some((*at_ms, query.statistic.of(happened)?)))
            .collect();
        if !self.is_ascending {
            points.reverse();
        }
        if let Some(behind_ms) = self.from.behind_ms.filter(|_| index == self.from.index) {
            points.retain(|(at_ms, _)| match self.is_ascending {
                true => *at_ms > behind_ms,
                false => *at_ms < behind_ms,
            });
        }
        let is_complete = points.len() <= self.left;
        points.truncate(self.left);
        self.left -= points.len();
        if !is_complete {
            let behind_ms = points.last().map(|(at_ms, _)| *at_ms);
            self.next.get_or_insert(Position { index, behind_ms });
        }
        let (times, values) =
            points.into_iter().map(|(at_ms, value)| (Value::Timestamp(at_ms), value)).unzip();
        let mut result = shown(times, values, if is_complete { "Complete" } else { "PartialData" });
        if let Some(message) = message {
            result.set(field::MESSAGES, vec![message]);
        }
        Ok(result)
    }

    fn periods(&self, query: &Query) -> Result<Vec<PeriodsOfUnit>, ServiceError> {
        let platform = &self.services.platform;
        let now_ms = platform.clock().now_ms();
        let start_ms = rounded_start(self.range.start_ms, query.period_s, now_ms);
        let question = StatisticsQuestion {
            metric: &query.metric,
            unit: query.unit,
            period_ms: query.period_s * 1_000,
            range: TimeRange { start_ms, end_ms: self.range.end_ms },
        };
        platform
            .statistics(&self.caller.who, &self.caller.scope, &question)
            // Few enough: a page has 100,800 of them at most.
            .map(Answered::into_inner)
            .map_err(|error| fault::of_ask(&error))
    }
}

/// Data of several units cannot be one line; the first by name is shown.
fn several_units(units: &[PeriodsOfUnit]) -> Struct<'static> {
    let names: Vec<_> = units.iter().map(|of_unit| of_unit.unit.name()).collect();
    Struct::new(&MESSAGE_DATA)
        .with(message_data::CODE, "MultipleUnits")
        .with(message_data::VALUE, format!("Multiple units returned: '[{}]'", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn decoding_a_position_undoes_encoding() {
        for behind_ms in [None, Some(0), Some(-1), Some(1_700_000_000_000)] {
            let position = Position { index: 7, behind_ms };
            assert_eq!(Position::decode(&position.encode()), Some(position));
        }
        assert_eq!(Position::decode(&[]), None);
    }
}
