//! Alarms of several series: each series is a contributor that is OK or in ALARM.
//!
//! A series of a PromQL alarm breaches while it is returned: in ALARM when that has lasted for the
//! pending period, OK again when it was absent for the recovery period. A series of a Metrics Insights
//! alarm is compared as a metric is. The alarm is in ALARM while one of its contributors is.

use lang::alarm_rule::AlarmState;
use std::collections::BTreeMap;

/// What tells a series: its labels, sorted.
pub(crate) type Attributes = Vec<(String, String)>;

/// What is known of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contributor {
    pub(crate) state: AlarmState,
    /// When it came to this state.
    pub(crate) since_ms: i64,
    /// Since when it breaches without a break; none while it does not.
    pub(crate) breaching_ms: Option<i64>,
    /// Since when it is absent; none while it is there.
    pub(crate) absent_ms: Option<i64>,
}

/// The contributors of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Contributors {
    pub(crate) all: BTreeMap<Attributes, Contributor>,
}

/// A contributor's new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turned {
    pub(crate) attributes: Attributes,
    pub(crate) to: AlarmState,
}

impl Contributors {
    /// Returns how many are in ALARM.
    pub(crate) fn alarming(&self) -> usize {
        self.all.values().filter(|c| c.state == AlarmState::Alarm).count()
    }

    /// Takes the series that a query returned at a moment; all of them breach.
    pub(crate) fn on_returned(
        &mut self,
        returned: Vec<Attributes>,
        at_ms: i64,
        pending_ms: i64,
        recovery_ms: i64,
    ) -> Vec<Turned> {
        let mut turned = Vec::new();
        let present: std::collections::BTreeSet<Attributes> = returned.into_iter().collect();
        for attributes in &present {
            let contributor = self.all.entry(attributes.clone()).or_insert(Contributor {
                state: AlarmState::Ok,
                since_ms: at_ms,
                breaching_ms: None,
                absent_ms: None,
            });
            contributor.absent_ms = None;
            let since_ms = *contributor.breaching_ms.get_or_insert(at_ms);
            if contributor.state == AlarmState::Ok && at_ms - since_ms >= pending_ms {
                (contributor.state, contributor.since_ms) = (AlarmState::Alarm, at_ms);
                turned.push(Turned { attributes: attributes.clone(), to: AlarmState::Alarm });
            }
        }
        self.all.retain(|attributes, contributor| {
            if present.contains(attributes) {
                return true;
            }
            contributor.breaching_ms = None;
            let since_ms = *contributor.absent_ms.get_or_insert(at_ms);
            if contributor.state == AlarmState::Ok {
                return false;
            }
            let over = at_ms - since_ms >= recovery_ms;
            if over {
                turned.push(Turned { attributes: attributes.clone(), to: AlarmState::Ok });
            }
            !over
        });
        turned
    }

    /// Takes what was decided for each series; none keeps its state, and a series that is not named is
    /// no contributor any more.
    pub(crate) fn on_decided(
        &mut self,
        decided: Vec<(Attributes, Option<AlarmState>)>,
        at_ms: i64,
    ) -> Vec<Turned> {
        let (mut turned, mut all) = (Vec::new(), BTreeMap::new());
        for (attributes, state) in decided {
            let before = self.all.remove(&attributes);
            let was = before.map_or(AlarmState::Ok, |c| c.state);
            // Contributors are OK or in ALARM: one that nothing is known of is not in ALARM.
            let to = match state {
                Some(AlarmState::Alarm) => AlarmState::Alarm,
                Some(_) => AlarmState::Ok,
                None => was,
            };
            if to != was {
                turned.push(Turned { attributes: attributes.clone(), to });
            }
            let since_ms = before.filter(|_| to == was).map_or(at_ms, |c| c.since_ms);
            let contributor =
                Contributor { state: to, since_ms, breaching_ms: None, absent_ms: None };
            all.insert(attributes, contributor);
        }
        for (attributes, gone) in std::mem::replace(&mut self.all, all) {
            if gone.state == AlarmState::Alarm {
                turned.push(Turned { attributes, to: AlarmState::Ok });
            }
        }
        turned
    }
}
