//! `GetMetricStatistics`: statistics of one metric, a datapoint for each period and unit.

use super::window::{is_period, to_second};
use super::{allow_no_namespace, metric_id, unit_of};
use crate::caller::Caller;
use crate::{Answer, Services, fault};
use aws_shapes::cloudwatch::{
    DATAPOINT, GET_METRIC_STATISTICS_OUTPUT, datapoint, get_metric_statistics_input as input,
    get_metric_statistics_output as output,
};
use aws_wire::schema::Field;
use aws_wire::{Request, ServiceError, Struct, Value, validate};
use model::{Delta, TimeRange};
use platform::{Detail, Statistic, StatisticError, StatisticsQuestion, rounded_start};
use std::borrow::Cow;

/// Source: CloudWatch API reference, `GetMetricStatistics`.
const DATAPOINTS_MAX: i64 = 1_440;

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let mut asked = request.decode()?;
    allow_no_namespace(&mut asked, input::NAMESPACE);
    validate::check(&asked).map_err(ServiceError::validation)?;

    let period_s = period(&asked)?;
    let (start_ms, end_ms) = times(&asked, period_s)?;
    let wanted = Wanted::of(&asked)?;
    let name = asked.str(input::METRIC_NAME).unwrap_or_default();
    let metric = metric_id(
        asked.str(input::NAMESPACE).unwrap_or_default(),
        name,
        asked.list(input::DIMENSIONS),
    )
    .map_err(|twice| {
        fault::invalid_value(format!("The parameter Dimensions names {twice} more than once."))
    })?;
    let now_ms = services.platform.clock().now_ms();
    let question = StatisticsQuestion {
        metric: &metric,
        unit: asked.str(input::UNIT).map(unit_of),
        period_ms: period_s * 1_000,
        range: TimeRange { start_ms: rounded_start(start_ms, period_s, now_ms), end_ms },
        detail: wanted.detail(),
    };
    let units = services
        .platform
        .statistics(&caller.who, &caller.scope, &question)
        .map_err(|error| fault::of_ask(&error))?;

    let mut datapoints = Vec::new();
    for of_unit in units.iter() {
        for (at_ms, happened) in &of_unit.periods {
            if let Some(point) = wanted.datapoint(happened) {
                let point = point
                    .with(datapoint::TIMESTAMP, Value::Timestamp(*at_ms))
                    .with(datapoint::UNIT, of_unit.unit.name());
                datapoints.push((*at_ms, of_unit.unit.name(), point));
            }
        }
    }
    // CloudWatch promises no order; one that is always the same is kinder.
    datapoints.sort_by_key(|(at_ms, unit, _)| (*at_ms, *unit));
    let datapoints: Vec<_> = datapoints.into_iter().map(|(_, _, point)| point).collect();
    let statistics = Struct::new(&GET_METRIC_STATISTICS_OUTPUT)
        .with(output::LABEL, name.to_owned())
        .with(output::DATAPOINTS, datapoints);
    Ok(Some(statistics))
}

fn period(asked: &Struct<'_>) -> Result<i64, ServiceError> {
    let period_s = asked.i64(input::PERIOD).unwrap_or_default();
    if is_period(period_s) {
        return Ok(period_s);
    }
    Err(fault::invalid_value("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60."))
}

/// Returns start and end in whole seconds.
fn times(asked: &Struct<'_>, period_s: i64) -> Result<(i64, i64), ServiceError> {
    let time = |field: Field| to_second(asked.timestamp_ms(field).unwrap_or_default());
    let (start_ms, end_ms) = (time(input::START_TIME), time(input::END_TIME));
    if start_ms >= end_ms {
        return Err(fault::invalid_value(
            "The parameter StartTime must be less than the parameter EndTime.",
        ));
    }
    let requested = end_ms.saturating_sub(start_ms) / (period_s * 1_000);
    if requested > DATAPOINTS_MAX {
        return Err(fault::invalid_combination(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {}. You may reduce \
             the datapoints requested by increasing Period, or decreasing the time range.",
            grouped(requested),
            grouped(DATAPOINTS_MAX),
        )));
    }
    Ok((start_ms, end_ms))
}

/// Writes a count as `2,880`.
fn grouped(count: i64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The statistics that were asked for.
struct Wanted {
    basic: Vec<(Field, Statistic)>,
    /// Under the text that asked for it.
    extended: Vec<(String, Statistic)>,
}

impl Wanted {
    /// Both kinds may be asked for at once: the documentation says otherwise, and exporters that
    /// always send both (Prometheus' CloudWatch exporter) work against the service.
    fn of(asked: &Struct<'_>) -> Result<Self, ServiceError> {
        let basic: Vec<_> = asked
            .strs(input::STATISTICS)
            .filter_map(|text| Some((field_of(text)?, text.parse().ok()?)))
            .collect();
        let mut extended = Vec::new();
        for (at, text) in (1..).zip(asked.strs(input::EXTENDED_STATISTICS)) {
            let place = format!("ExtendedStatistics.member.{at}");
            let statistic = match text.parse() {
                Ok(statistic) if !Statistic::is_basic(&statistic) => statistic,
                Err(error @ StatisticError::NotServed(_)) => {
                    return Err(fault::invalid_value(format!(
                        "The value {text} for parameter {place} cannot be used: {error}."
                    )));
                }
                Ok(_) | Err(StatisticError::Unknown(_)) => {
                    return Err(fault::invalid_value(format!(
                        "The value {text} for parameter {place} is invalid."
                    )));
                }
            };
            extended.push((text.to_owned(), statistic));
        }
        if basic.is_empty() && extended.is_empty() {
            return Err(fault::invalid_combination(
                "Must specify either Statistics or ExtendedStatistics",
            ));
        }
        Ok(Self { basic, extended })
    }

    /// Returns how much of a period they need.
    fn detail(&self) -> Detail {
        if self.extended.is_empty() { Detail::Statistics } else { Detail::Distribution }
    }

    /// Returns a datapoint without its time; `None` when none of its statistics can be told.
    fn datapoint(&self, happened: &Delta) -> Option<Struct<'static>> {
        let mut point = Struct::new(&DATAPOINT);
        let mut is_told = false;
        for (field, statistic) in &self.basic {
            if let Some(value) = statistic.of(happened) {
                point.set(*field, value);
                is_told = true;
            }
        }
        let percentiles: Vec<_> = self
            .extended
            .iter()
            .filter_map(|(text, statistic)| {
                Some((Cow::Owned(text.clone()), Value::Double(statistic.of(happened)?)))
            })
            .collect();
        if !percentiles.is_empty() {
            point.set(datapoint::EXTENDED_STATISTICS, Value::Map(percentiles));
            is_told = true;
        }
        is_told.then_some(point)
    }
}

fn field_of(statistic: &str) -> Option<Field> {
    Some(match statistic {
        "SampleCount" => datapoint::SAMPLE_COUNT,
        "Average" => datapoint::AVERAGE,
        "Sum" => datapoint::SUM,
        "Minimum" => datapoint::MINIMUM,
        "Maximum" => datapoint::MAXIMUM,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (count, text) in [(0, "0"), (999, "999"), (1_440, "1,440"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
    }
}
