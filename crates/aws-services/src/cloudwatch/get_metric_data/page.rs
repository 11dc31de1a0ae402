//! One page of results: datapoints in request order until the page is full.

use aws_shapes::cloudwatch::{
    MESSAGE_DATA, METRIC_DATA_RESULT, message_data, metric_data_result as field,
};
use aws_wire::{Struct, Value};
use model::Unit;
use platform::Line;
use stdx::varint::{self, Reader};

/// Where a page begins: at this query, behind this datapoint of it. A time and no number, so that
/// data which come between two pages move nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    pub(super) index: usize,
    pub(super) behind_ms: Option<i64>,
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

/// Cuts results into pages.
pub(super) struct Pager {
    pub(super) is_ascending: bool,
    /// Where this page begins.
    pub(super) from: Position,
    /// Datapoints that still fit.
    pub(super) left: usize,
    /// Where the next page begins, once this one is full.
    pub(super) next: Option<Position>,
}

impl Pager {
    /// Returns what this page shows of a query: a result for each of its lines, which have a label
    /// each. Every page has a result for every query, also an empty one, so that a client finds
    /// them by their place. A query without lines was not reached, or has none.
    pub(super) fn results(
        &mut self,
        index: usize,
        id: &str,
        labels: Vec<String>,
        lines: Option<Vec<Line>>,
    ) -> Vec<Struct<'static>> {
        match lines {
            None => {
                let is_done = index < self.from.index;
                if !is_done {
                    self.next.get_or_insert(Position { index, behind_ms: None });
                }
                let label = labels.into_iter().next().unwrap_or_else(|| id.to_owned());
                vec![result(id, label, Vec::new(), is_done)]
            }
            Some(lines) => {
                let lines = lines.into_iter().zip(labels);
                lines.map(|(line, label)| self.line(index, id, label, line)).collect()
            }
        }
    }

    fn line(&mut self, index: usize, id: &str, label: String, line: Line) -> Struct<'static> {
        let message = (line.units.len() > 1).then(|| several_units(&line.units));
        let mut points = line.points;
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
        let mut result = result(id, label, points, is_complete);
        if let Some(message) = message {
            result.set(field::MESSAGES, vec![message]);
        }
        result
    }
}

fn result(id: &str, label: String, points: Vec<(i64, f64)>, is_complete: bool) -> Struct<'static> {
    let (times, values): (Vec<Value<'static>>, Vec<f64>) =
        points.into_iter().map(|(at_ms, value)| (Value::Timestamp(at_ms), value)).unzip();
    Struct::new(&METRIC_DATA_RESULT)
        .with(field::ID, id.to_owned())
        .with(field::LABEL, label)
        .with(field::TIMESTAMPS, times)
        .with(field::VALUES, values)
        .with(field::STATUS_CODE, if is_complete { "Complete" } else { "PartialData" })
}

/// Data of several units cannot be one line; the first by name is shown.
fn several_units(units: &[Unit]) -> Struct<'static> {
    let names: Vec<_> = units.iter().map(|unit| unit.name()).collect();
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
