//! Why an alarm was in its state at a moment: what it looked at, what that counted as, and which rule
//! decided.
//!
//! The evaluation of then is made again: by an engine of that time, over what is stored now without what
//! came later, as the log of late arrivals knows it.

mod words;

use super::AlarmError;
use super::history::{self, HistoryFilter, HistoryShown, HistoryType};
use super::nearest::Nearest;
use super::record::{WatchRecord, alarm_arn};
use super::replay::Replay;
use crate::Platform;
use crate::access::Verb;
use alarm::definition::{AlarmKey, Definition, MetricAlarm, Watch};
use alarm::{Answer, Explanation, LATE_KEPT_MS, LateArrival, Options, ScheduledQuery, Seen};
use lang::alarm_rule::{AlarmState, Rule};
use model::{Principal, Scope, TenantId};
use serde::Serialize;
use words::{kept_back, late_words, name_of, rule_of, shown, words_of};

/// An explanation, for people and for programs.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// The alarm.
    pub alarm: String,
    /// Its ARN.
    pub arn: String,
    /// The moment that is asked about, milliseconds since 1970.
    pub at_ms: i64,
    /// The state that the alarm was in then, as its history has it; none if it was not there yet.
    pub state: Option<&'static str>,
    /// Since when.
    pub since_ms: Option<i64>,
    /// Why, in the words of then.
    pub reason: Option<String>,
    /// The evaluation that was the newest then; none for composites.
    pub evaluation: Option<ExplainedEvaluation>,
    /// The alarms that a composite looks at, with their states then.
    pub children: Vec<ExplainedChild>,
    /// All of it in sentences.
    pub words: Vec<String>,
}

/// An evaluation.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedEvaluation {
    /// The end of its newest period, milliseconds since 1970.
    pub end_ms: i64,
    /// When it was due.
    pub due_ms: i64,
    /// Its periods, newest first.
    pub periods: Vec<ExplainedPeriod>,
    /// The series that a query returned, of alarms on PromQL.
    pub series: Vec<Vec<(String, String)>>,
    /// The step of the rule that decided.
    pub rule: Option<&'static str>,
    /// The state that it decides; none keeps the one there was.
    pub decides: Option<&'static str>,
    /// The decision did not count.
    pub is_kept_back: bool,
    /// What came for its periods after evaluations that looked at them, by time; of alarms that are
    /// evaluated as points arrive.
    pub late: Vec<ExplainedLate>,
    /// Values are those that it saw; otherwise some that came later may be among them.
    pub is_as_seen: bool,
    /// The state that all that is stored now decides, where that is known.
    pub decides_now: Option<&'static str>,
}

/// Data that came late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedLate {
    /// They are of a time from here, milliseconds since 1970,
    pub start_ms: i64,
    /// to here.
    pub end_ms: i64,
    /// When they came.
    pub arrived_ms: i64,
    /// How long that was after the evaluation was due; negative if it was before.
    pub behind_ms: i64,
    /// Says whether the evaluation saw them.
    pub was_seen: bool,
}

/// A period of an evaluation.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedPeriod {
    /// Its start, milliseconds since 1970.
    pub start_ms: i64,
    /// The value that was seen; none without data.
    pub value: Option<f64>,
    /// The value that it has now.
    pub value_now: Option<f64>,
    /// How many samples it is of, where that has a meaning.
    pub samples: Option<f64>,
    /// `breaching`, `ok` or `missing`.
    pub counts_as: &'static str,
}

/// An alarm that a composite looks at.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedChild {
    /// Its name.
    pub alarm: String,
    /// Its state then; none if it was not there.
    pub state: Option<&'static str>,
}

/// A state of the history.
struct Then {
    state: AlarmState,
    since_ms: i64,
    reason: String,
}

impl Platform {
    /// Explains an alarm at a moment.
    ///
    /// Values are those that the evaluation saw, as far as that is known; of alarms that are asked for as a
    /// whole, those that are stored now.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn explain_alarm(
        &self,
        who: &Principal,
        scope: &Scope,
        name: &str,
        at_ms: i64,
    ) -> Result<Explained, AlarmError> {
        self.check(who, scope, Verb::Read)?;
        let unknown = || AlarmError::NotFound(name.to_owned());
        let tenant = self.tenants.find(scope).ok_or_else(unknown)?;
        let key = AlarmKey { tenant, name: name.to_owned() };
        let known = self.alarms.known(&key).ok_or_else(unknown)?;
        let definition = known.record.definition(tenant, scope).map_err(AlarmError::Invalid)?;
        let then = self.state_then(tenant, name, at_ms)?;
        let mut explained = Explained {
            alarm: name.to_owned(),
            arn: alarm_arn(scope, name),
            at_ms,
            state: then.as_ref().map(|then| then.state.name()),
            since_ms: then.as_ref().map(|then| then.since_ms),
            reason: then.as_ref().map(|then| then.reason.clone()),
            evaluation: None,
            children: Vec::new(),
            words: Vec::new(),
        };
        explained.words.push(match &then {
            Some(then) => format!(
                "At {} it was in {} since {}: {}",
                shown(at_ms),
                then.state,
                shown(then.since_ms),
                then.reason
            ),
            None => format!("At {} nothing was known of it: it was made later.", shown(at_ms)),
        });
        if known.record.configured_ms > at_ms {
            explained.words.push(format!(
                "Its definition was changed at {}; what follows is what the present one makes of it.",
                shown(known.record.configured_ms)
            ));
        }
        match &definition.watch {
            Watch::Metric(metric) => {
                self.explain_metric(&definition, metric, then.as_ref(), &mut explained)?;
            }
            Watch::Promql(promql) => {
                let end_ms = newest_end(at_ms, promql.interval_ms());
                let query = ScheduledQuery { alarm: key, at_ms: end_ms, periods: Vec::new() };
                self.explain_vector(&definition, &query, promql.query(), &mut explained)?;
            }
            Watch::Composite(_) => {
                if let WatchRecord::Composite(composite) = &known.record.watch {
                    self.explain_rule(tenant, &composite.rule, at_ms, &mut explained)?;
                }
            }
        }
        if !definition.actions.enabled {
            explained.words.push("Its actions are turned off: nobody is told.".into());
        }
        let muted = self.mute_rules(who, scope)?.into_iter().find(|rule| {
            let targets = rule.record.targets.as_deref().unwrap_or_default();
            let until = rule.record.rule().ok().and_then(|rule| rule.muted_until(at_ms));
            targets.iter().any(|target| target == name) && until.is_some()
        });
        if let Some(rule) = muted {
            let name = &rule.record.name;
            explained.words.push(format!("The mute rule {name:?} held its actions back then."));
        }
        Ok(explained)
    }

    /// The newest change of an alarm's state up to a moment, or that it was made.
    fn state_then(
        &self,
        tenant: TenantId,
        name: &str,
        at_ms: i64,
    ) -> Result<Option<Then>, AlarmError> {
        let mut filter = HistoryFilter {
            alarm: Some(name.to_owned()),
            end_ms: Some(at_ms),
            // The newest mostly answers.
            limit: Some(100),
            ..HistoryFilter::default()
        };
        loop {
            let page = history::page(&*self.catalog, tenant, &filter)?;
            let found = page.items.iter().find_map(|item| self.then_of(tenant, name, item));
            if found.is_some() || page.next.is_none() {
                return Ok(found);
            }
            filter.behind = page.next;
        }
    }

    /// The state that an item of the history says an alarm came to.
    fn then_of(&self, tenant: TenantId, name: &str, item: &HistoryShown) -> Option<Then> {
        let data: serde_json::Value = serde_json::from_str(&item.data).unwrap_or_default();
        let since_ms = item.at_ms;
        match item.what {
            HistoryType::StateUpdate => {
                let new = &data["newState"];
                let state = new["stateValue"].as_str().unwrap_or_default();
                let state = AlarmState::ALL.into_iter().find(|s| s.name() == state)?;
                let reason = new["stateReason"].as_str().unwrap_or_default().to_owned();
                Some(Then { state, since_ms, reason })
            }
            HistoryType::ConfigurationUpdate if data["type"] == "Create" => {
                let key = AlarmKey { tenant, name: name.to_owned() };
                let known = self.alarms.known(&key);
                let promql =
                    known.is_some_and(|k| matches!(k.record.watch, WatchRecord::Promql(_)));
                let state = if promql { AlarmState::Ok } else { AlarmState::InsufficientData };
                let reason = "Unchecked: Initial alarm creation".to_owned();
                Some(Then { state, since_ms, reason })
            }
            _ => None,
        }
    }

    fn explain_metric(
        &self,
        definition: &Definition,
        metric: &MetricAlarm,
        then: Option<&Then>,
        explained: &mut Explained,
    ) -> Result<(), AlarmError> {
        let (key, at_ms) = (&definition.key, explained.at_ms);
        let end_ms = newest_end(at_ms, metric.cadence_ms());
        let account = self.tenants.first_of(key.tenant);
        let turn = self.questions.begin(account, None)?;
        let mut replay = Replay::new(self, key.tenant, &turn.budget, at_ms);
        replay.put(definition.clone())?;
        let Some(now) = replay.engine.explain(key, end_ms) else {
            // Asked for as a whole, as the engine does.
            replay.run(at_ms + metric.cadence_ms()).map_err(AlarmError::Query)?;
            let last = replay.transitions.last();
            let says = last.map_or_else(
                || "the state stays as it is".to_owned(),
                |t| format!("{}: {}", t.to, t.reason),
            );
            explained.words.push(format!("Asked for as a whole, its data say now: {says}."));
            return Ok(());
        };
        let late = self.alarms.running.lock().engine.late_of(key);
        let mut seen = replay.engine.see_as(key, &late, end_ms, at_ms);
        seen.is_partial |= at_ms < self.clock.now_ms() - LATE_KEPT_MS;
        let explanation = replay.engine.explain(key, end_ms).unwrap_or_else(|| now.clone());
        if explanation.periods.iter().all(|(datapoint, _)| datapoint.value.is_none()) {
            self.explain_nothing(key, metric, &mut explained.words);
        }
        explained.words.extend(words_of(metric, end_ms, &explanation));
        if explanation.is_kept_back {
            explained.words.push(kept_back(metric).into());
        }
        let evaluation = evaluation_of(end_ms, at_ms, &explanation, &now, &seen);
        explained.words.extend(late_words(&evaluation, explained.at_ms));
        if let Some(then) = then
            && !explanation.is_kept_back
            && explanation.decision.state.is_some_and(|state| state != then.state)
        {
            explained.words.push(
                match seen.is_partial {
                    true => {
                        "That is not the state of then: points came later than the evaluation, or somebody \
                         set the state by hand."
                    }
                    false => {
                        "That is not the state of then: somebody set the state by hand, the definition was \
                         another, or the server did not run shortly before."
                    }
                }
                .into(),
            );
        }
        explained.evaluation = Some(evaluation);
        Ok(())
    }

    /// Says that no series matches, and which ones are called nearly so.
    fn explain_nothing(&self, key: &AlarmKey, metric: &MetricAlarm, words: &mut Vec<String>) {
        let status = self.alarms.status(key);
        let Some(since_ms) = status.and_then(|status| status.matches_nothing_since_ms) else {
            return;
        };
        words.push(format!("It matches no series since {}.", shown(since_ms)));
        let Some(of) = metric.source().metric() else { return };
        let near = Nearest::new(self, key.tenant).to(of);
        if !near.is_empty() {
            words.push(format!("Nearest are: {}.", near.join("; ")));
        }
    }

    fn explain_vector(
        &self,
        definition: &Definition,
        query: &ScheduledQuery,
        text: &str,
        explained: &mut Explained,
    ) -> Result<(), AlarmError> {
        let answer = self.ask_for(definition, query).map_err(AlarmError::Query)?;
        let series = match answer {
            Answer::Found { series, .. } => series,
            Answer::Error | Answer::Failure => Vec::new(),
        };
        explained.words.push(format!(
            "`{text}` returned {} series at {}; each breaches while it is returned.",
            series.len(),
            shown(query.at_ms)
        ));
        explained.evaluation = Some(ExplainedEvaluation {
            end_ms: query.at_ms,
            due_ms: query.at_ms + Options::default().lateness_ms,
            periods: Vec::new(),
            series: series.into_iter().map(|one| one.attributes).collect(),
            rule: None,
            decides: None,
            is_kept_back: false,
            late: Vec::new(),
            is_as_seen: false,
            decides_now: None,
        });
        Ok(())
    }

    fn explain_rule(
        &self,
        tenant: TenantId,
        text: &str,
        at_ms: i64,
        explained: &mut Explained,
    ) -> Result<(), AlarmError> {
        explained.words.push(format!("Its rule is {text}"));
        let rule = lang::alarm_rule::parse(text).ok();
        let names = rule.as_ref().map(Rule::children).unwrap_or_default();
        for child in names {
            let name = child.name().to_owned();
            let state = self.state_then(tenant, &name, at_ms)?.map(|then| then.state.name());
            explained.words.push(match state {
                Some(state) => format!("{name} was in {state}"),
                None => format!("{name} was not there, which counts as INSUFFICIENT_DATA"),
            });
            explained.children.push(ExplainedChild { alarm: name, state });
        }
        Ok(())
    }
}

/// The end of the newest period that an evaluation before a moment looked at.
fn newest_end(at_ms: i64, cadence_ms: i64) -> i64 {
    (at_ms - Options::default().lateness_ms).div_euclid(cadence_ms) * cadence_ms
}

/// What an evaluation was: as it saw its periods, and as they are now.
fn evaluation_of(
    end_ms: i64,
    at_ms: i64,
    then: &Explanation,
    now: &Explanation,
    seen: &Seen,
) -> ExplainedEvaluation {
    let due_ms = end_ms + Options::default().lateness_ms;
    let periods = then.periods.iter().zip(&now.periods).map(|((datapoint, cell), (now, _))| {
        ExplainedPeriod {
            start_ms: datapoint.start_ms,
            value: datapoint.value,
            value_now: now.value,
            samples: datapoint.samples,
            counts_as: name_of(*cell),
        }
    });
    let late =
        seen.arrivals.iter().map(|LateArrival { start_ms, end_ms, seen_ms }| ExplainedLate {
            start_ms: *start_ms,
            end_ms: *end_ms,
            arrived_ms: *seen_ms,
            behind_ms: seen_ms - due_ms,
            was_seen: *seen_ms <= at_ms,
        });
    ExplainedEvaluation {
        end_ms,
        due_ms,
        periods: periods.collect(),
        series: Vec::new(),
        rule: Some(rule_of(then.decision.step)),
        decides: then.decision.state.map(AlarmState::name),
        is_kept_back: then.is_kept_back,
        late: late.collect(),
        is_as_seen: !seen.is_partial,
        decides_now: now.decision.state.map(AlarmState::name),
    }
}
