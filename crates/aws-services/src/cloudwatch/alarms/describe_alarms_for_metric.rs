//! `DescribeAlarmsForMetric`: the alarms on exactly one metric.

use super::errors::of_alarm;
use super::read::text;
use super::shown;
use crate::caller::Caller;
use crate::cloudwatch::{allow_no_namespace, sorted_dimensions, stored_namespace};
use crate::{Answer, Services, fault};
use aws_shapes::cloudwatch::{
    DESCRIBE_ALARMS_FOR_METRIC_OUTPUT, describe_alarms_for_metric_input as input,
    describe_alarms_for_metric_output as output,
};
use aws_wire::{Request, ServiceError, Struct, validate};
use platform::{MetricRecord, WatchRecord};

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let mut asked = request.decode()?;
    allow_no_namespace(&mut asked, input::NAMESPACE);
    validate::check(&asked).map_err(ServiceError::validation)?;
    let wanted = Wanted::read(&asked)?;
    let alarms = services.platform.alarms_on_metric(
        &caller.who,
        &caller.scope,
        &wanted.namespace,
        &wanted.name,
        &wanted.dimensions,
    );
    let alarms = alarms.map_err(|error| of_alarm(&error))?.into_iter();
    let alarms = alarms.filter(|alarm| match &alarm.record.watch {
        WatchRecord::Metric(metric) => wanted.fits(metric),
        _ => false,
    });
    let shown: Vec<Struct<'static>> = alarms.map(shown::metric_alarm).collect();
    Ok(Some(Struct::new(&DESCRIBE_ALARMS_FOR_METRIC_OUTPUT).with(output::METRIC_ALARMS, shown)))
}

/// What an alarm must be on; what was not said fits all.
struct Wanted {
    namespace: String,
    name: String,
    dimensions: Vec<(String, String)>,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    period_s: Option<i64>,
    unit: Option<String>,
}

impl Wanted {
    fn read(asked: &Struct<'_>) -> Result<Self, ServiceError> {
        let dimensions = sorted_dimensions(asked.list(input::DIMENSIONS));
        let twice = |name| {
            fault::invalid_value(format!("The parameter Dimensions names {name} more than once."))
        };
        Ok(Self {
            namespace: stored_namespace(asked.str(input::NAMESPACE).unwrap_or_default()),
            name: text(asked, input::METRIC_NAME).unwrap_or_default(),
            dimensions: dimensions.map_err(twice)?,
            statistic: text(asked, input::STATISTIC),
            extended_statistic: text(asked, input::EXTENDED_STATISTIC),
            period_s: asked.i64(input::PERIOD),
            unit: text(asked, input::UNIT),
        })
    }

    fn fits(&self, metric: &MetricRecord) -> bool {
        let said = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        said(&self.statistic, &metric.statistic)
            && said(&self.extended_statistic, &metric.extended_statistic)
            && said(&self.unit, &metric.unit)
            && self.period_s.is_none_or(|period_s| period_s == i64::from(metric.period_s))
    }
}
