//! What a record means: the definition that the engine evaluates, with every default filled in.

use super::{
    AlarmRecord, CompositeRecord, ConditionRecord, MetricRecord, MetricsRecord, MuteRecord,
    PromqlRecord, QueryRecord, StatRecord, WatchRecord, WindowRecord,
};
use alarm::definition::{
    Actions, AlarmKey, Comparison, CompositeAlarm, CompositeSpec, Definition, EvaluationWindow,
    Invalid, LowSamples, MathQuery, MathSpec, Metric, MetricAlarm, MetricSpec, MuteRule, MuteSpec,
    Part, PromqlAlarm, PromqlSpec, SourceSpec, SuppressorSpec, Watch, Zone,
};
use alarm::missing::TreatMissing;
use eval::{Bounds, Statistic};
use model::{Scope, TenantId, Unit};

/// Returns the ARN of an alarm.
pub fn alarm_arn(scope: &Scope, name: &str) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", scope.region, scope.account)
}

/// Returns the ARN of a mute rule.
pub fn mute_rule_arn(scope: &Scope, name: &str) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm-mute-rule:{name}", scope.region, scope.account)
}

impl AlarmRecord {
    /// Returns what the engine evaluates.
    ///
    /// # Errors
    /// Every field that cannot be, by its name in the API.
    pub fn definition(&self, tenant: TenantId, scope: &Scope) -> Result<Definition, Vec<Invalid>> {
        let watch = match &self.watch {
            WatchRecord::Metric(metric) => Watch::Metric(metric.alarm()?),
            WatchRecord::Metrics(metrics) => Watch::Metric(metrics.alarm(scope)?),
            WatchRecord::Promql(promql) => Watch::Promql(promql.alarm()?),
            WatchRecord::Composite(composite) => Watch::Composite(composite.alarm()?),
        };
        let actions = Actions {
            enabled: self.actions_enabled,
            ok: self.ok_actions.clone(),
            alarm: self.alarm_actions.clone(),
            insufficient_data: self.insufficient_data_actions.clone(),
        };
        let key = AlarmKey { tenant, name: self.name.clone() };
        Definition::new(key, alarm_arn(scope, &self.name), actions, watch)
    }
}

impl AlarmRecord {
    /// Checks what is refused of an alarm that is put, beside what no definition may be: alarms that were
    /// taken before stay.
    ///
    /// # Errors
    /// Every field that cannot be, by its name in the API.
    pub fn check_put(&self) -> Result<(), Vec<Invalid>> {
        let WatchRecord::Metric(metric) = &self.watch else { return Ok(()) };
        let text = metric.extended_statistic.as_deref().unwrap_or_default();
        let problem = match text.parse::<Statistic>() {
            Ok(statistic) if statistic.is_basic() => format!("{text} is a value of Statistic"),
            Ok(Statistic::Within(_, Bounds::Percents(low, high)))
                if low.into_iter().chain(high).any(|x| !TRIMMED_PERCENTS.contains(&x)) =>
            {
                format!("percents of {text} are from 10 to 90 in an alarm")
            }
            // What is none at all is found out with the definition.
            _ => return Ok(()),
        };
        Err(vec![invalid("ExtendedStatistic", problem)])
    }
}

/// Source: CloudWatch API reference, `PutMetricAlarm`, `ExtendedStatistic`: of `TM`, `TC`, `TS` and `WM`.
const TRIMMED_PERCENTS: std::ops::RangeInclusive<f64> = 10.0..=90.0;

impl MuteRecord {
    /// Returns what the engine goes by.
    ///
    /// # Errors
    /// Every field that cannot be, by its name in the API.
    pub fn rule(&self) -> Result<MuteRule, Vec<Invalid>> {
        MuteRule::new(MuteSpec {
            name: self.name.clone(),
            targets: self.targets.clone().unwrap_or_default(),
            expression: self.expression.clone(),
            duration: self.duration.clone(),
            zone: self.timezone.clone(),
            start_ms: self.start_ms,
            expire_ms: self.expire_ms,
        })
    }
}

fn invalid(field: &'static str, problem: impl Into<String>) -> Invalid {
    Invalid { field, problem: problem.into() }
}

impl MetricRecord {
    fn alarm(&self) -> Result<MetricAlarm, Vec<Invalid>> {
        let mut wrong = Vec::new();
        let (field, text) = match (&self.statistic, &self.extended_statistic) {
            (Some(text), None) => ("Statistic", text),
            (None, Some(text)) => ("ExtendedStatistic", text),
            _ => {
                let problem = "either Statistic or ExtendedStatistic must be given, and not both";
                return Err(vec![invalid("Statistic", problem)]);
            }
        };
        let statistic = statistic(field, text, &mut wrong);
        let unit = unit("Unit", self.unit.as_deref(), &mut wrong);
        let metric = Metric {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            dimensions: self.dimensions.clone(),
            unit,
        };
        let source = statistic.map(|statistic| SourceSpec::Metric(metric, statistic));
        self.condition.alarm(source, self.period_s, wrong)
    }
}

impl ConditionRecord {
    /// Puts an alarm together of its source and this; `wrong` is what was found wrong before.
    fn alarm(
        &self,
        source: Option<SourceSpec>,
        period_s: u32,
        mut wrong: Vec<Invalid>,
    ) -> Result<MetricAlarm, Vec<Invalid>> {
        let comparison = Comparison::named(&self.comparison);
        if comparison.is_none() {
            let problem = format!("{} is for anomaly detection only", self.comparison);
            wrong.push(invalid("ComparisonOperator", problem));
        }
        let missing = match self.missing.as_deref() {
            None => Some(TreatMissing::default()),
            Some(name) => TreatMissing::named(name),
        };
        if missing.is_none() {
            let problem = "is none of breaching, notBreaching, ignore and missing";
            wrong.push(invalid("TreatMissingData", problem));
        }
        let low_samples = match self.low_samples.as_deref() {
            None | Some("evaluate") => Some(LowSamples::Evaluate),
            Some("ignore") => Some(LowSamples::Ignore),
            Some(_) => None,
        };
        if low_samples.is_none() {
            let problem = "is neither evaluate nor ignore";
            wrong.push(invalid("EvaluateLowSampleCountPercentile", problem));
        }
        let window = match &self.window {
            None | Some(WindowRecord::Sliding) => EvaluationWindow::Sliding,
            Some(WindowRecord::WallClock(None)) => EvaluationWindow::WallClock(Zone::utc()),
            Some(WindowRecord::WallClock(Some(zone))) => match Zone::parse("Timezone", zone) {
                Ok(zone) => EvaluationWindow::WallClock(zone),
                Err(problem) => {
                    wrong.push(problem);
                    EvaluationWindow::Sliding
                }
            },
        };
        let (Some(source), Some(comparison), Some(missing), Some(low_samples)) =
            (source, comparison, missing, low_samples)
        else {
            return Err(wrong);
        };
        let alarm = MetricAlarm::new(MetricSpec {
            source,
            period_s,
            comparison,
            threshold: self.threshold,
            periods: self.periods,
            datapoints: self.datapoints,
            missing,
            low_samples,
            window,
            warm_up: self.warm_up.as_ref().map(|w| (w.minutes, w.whole.unwrap_or(false))),
        });
        match alarm {
            Ok(alarm) if wrong.is_empty() => Ok(alarm),
            Ok(_) => Err(wrong),
            Err(more) => {
                wrong.extend(more);
                Err(wrong)
            }
        }
    }
}

impl MetricsRecord {
    fn alarm(&self, scope: &Scope) -> Result<MetricAlarm, Vec<Invalid>> {
        let mut wrong = Vec::new();
        for query in &self.queries {
            if let Some(other) = query.account_id.as_deref()
                && other != scope.account.as_str()
            {
                let problem = format!("{other} is another account, whose metrics are not served");
                wrong.push(invalid("AccountId", problem));
            }
        }
        // Said or not, true is what it is without a word.
        let mut returned = self.queries.iter().filter(|query| query.return_data != Some(false));
        let (Some(returned), None) = (returned.next(), returned.next()) else {
            wrong.push(invalid(
                "Metrics",
                "Exactly one element of the metrics list should return data.",
            ));
            return Err(wrong);
        };
        if let ([only], Some(statement)) = (&self.queries[..], &returned.expression)
            && is_statement(statement)
        {
            if only.period_s.is_none() {
                wrong.push(invalid("Period", "is required of a Metrics Insights query"));
            }
            let source = SourceSpec::Insights(statement.clone());
            return self.condition.alarm(Some(source), only.period_s.unwrap_or(60), wrong);
        }
        let period_s = self.period_s(&mut wrong);
        let queries: Vec<MathQuery> =
            self.queries.iter().filter_map(|query| query.read(&mut wrong)).collect();
        let whole = queries.len() == self.queries.len();
        let math = MathSpec { queries, returns: returned.id.clone() };
        let source = whole.then_some(SourceSpec::Math(math));
        self.condition.alarm(source, period_s, wrong)
    }

    /// Returns the period of all metrics; they must have one.
    fn period_s(&self, wrong: &mut Vec<Invalid>) -> u32 {
        let mut periods: Vec<u32> =
            self.queries.iter().filter_map(|q| q.stat.as_ref()).map(|s| s.period_s).collect();
        periods.dedup();
        match periods[..] {
            // An alarm without a metric is refused for that.
            [] => 60,
            [period_s] => period_s,
            _ => {
                let problem = "all metrics of an alarm must have the same period";
                wrong.push(invalid("Period", problem));
                periods[0]
            }
        }
    }
}

/// Says whether an expression is a Metrics Insights query; an id may begin with the same letters.
fn is_statement(expression: &str) -> bool {
    let first = expression.split_whitespace().next();
    first.is_some_and(|word| word.eq_ignore_ascii_case("SELECT"))
}

impl QueryRecord {
    fn read(&self, wrong: &mut Vec<Invalid>) -> Option<MathQuery> {
        let part = match (&self.stat, &self.expression) {
            (Some(stat), None) => stat.part(wrong)?,
            (None, Some(expression)) if is_statement(expression) => {
                let problem =
                    "a Metrics Insights query must be the only query of an alarm to be served";
                wrong.push(invalid("Expression", problem));
                return None;
            }
            (None, Some(expression)) => Part::Expression(expression.clone()),
            _ => {
                let problem =
                    format!("{} must have either MetricStat or Expression, and not both", self.id);
                wrong.push(invalid("Metrics", problem));
                return None;
            }
        };
        Some(MathQuery { id: self.id.clone(), part })
    }
}

impl StatRecord {
    fn part(&self, wrong: &mut Vec<Invalid>) -> Option<Part> {
        let metric = Metric {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            dimensions: self.dimensions.clone(),
            unit: unit("Unit", self.unit.as_deref(), wrong),
        };
        statistic("Stat", &self.stat, wrong).map(|statistic| Part::Metric(metric, statistic))
    }
}

fn statistic(field: &'static str, text: &str, wrong: &mut Vec<Invalid>) -> Option<Statistic> {
    text.parse().map_err(|e: eval::StatisticError| wrong.push(invalid(field, e.to_string()))).ok()
}

fn unit(field: &'static str, text: Option<&str>, wrong: &mut Vec<Invalid>) -> Option<Unit> {
    let text = text?;
    let read: Result<Unit, ()> = text.parse();
    read.map_err(|()| wrong.push(invalid(field, format!("{text} is no unit")))).ok()
}

impl PromqlRecord {
    fn alarm(&self) -> Result<PromqlAlarm, Vec<Invalid>> {
        PromqlAlarm::new(PromqlSpec {
            query: self.query.clone(),
            interval_s: self.interval_s,
            pending_s: self.pending_s.unwrap_or(0),
            recovery_s: self.recovery_s.unwrap_or(0),
        })
    }
}

impl CompositeRecord {
    fn alarm(&self) -> Result<CompositeAlarm, Vec<Invalid>> {
        let suppressor = self.suppressor.clone().map(|alarm| SuppressorSpec {
            alarm,
            wait_s: self.wait_s,
            extension_s: self.extension_s,
        });
        CompositeAlarm::new(CompositeSpec { rule: self.rule.clone(), suppressor })
    }
}
