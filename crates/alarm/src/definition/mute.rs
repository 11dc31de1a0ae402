//! Mute rules: windows of time in which actions of some alarms are held back.

use super::{Invalid, Zone, check_name};
use crate::cron::Cron;
use jiff::civil::DateTime;

/// A mute rule.
#[derive(Debug, Clone, PartialEq)]
pub struct MuteRule {
    name: String,
    targets: Vec<String>,
    schedule: Schedule,
    duration_ms: i64,
    zone: Zone,
    start_ms: Option<i64>,
    expire_ms: Option<i64>,
}

/// A [`MuteRule`] as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct MuteSpec {
    /// `Name`.
    pub name: String,
    /// `MuteTargets`: names of alarms.
    pub targets: Vec<String>,
    /// `Expression`: `cron(minutes hours day-of-month month day-of-week)` or `at(yyyy-mm-ddThh:mm)`.
    pub expression: String,
    /// `Duration`: ISO 8601, from `PT1M` to `P15D`.
    pub duration: String,
    /// `Timezone`; UTC, if not said.
    pub zone: Option<String>,
    /// `StartDate`, milliseconds since 1970.
    pub start_ms: Option<i64>,
    /// `ExpireDate`, milliseconds since 1970.
    pub expire_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq)]
enum Schedule {
    Cron(Cron),
    At(DateTime),
}

/// Source: CloudWatch API reference, `PutAlarmMuteRule`.
const TARGETS_MAX: usize = 100;
const DURATION_MS_MAX: i64 = 15 * 86_400_000;
const DURATION_MS_MIN: i64 = 60_000;

impl MuteRule {
    /// Returns the rule that is asked for.
    ///
    /// # Errors
    /// Every field that cannot be.
    pub fn new(spec: MuteSpec) -> Result<Self, Vec<Invalid>> {
        let mut wrong = Vec::new();
        check_name("Name", &spec.name, &mut wrong);
        if spec.targets.len() > TARGETS_MAX {
            let problem = format!("are {}, {TARGETS_MAX} are allowed", spec.targets.len());
            wrong.push(Invalid::new("MuteTargets", problem));
        }
        let schedule = schedule(&spec.expression)
            .map_err(|problem| wrong.push(Invalid::new("Expression", problem)));
        let duration = duration_ms(&spec.duration)
            .filter(|ms| (DURATION_MS_MIN..=DURATION_MS_MAX).contains(ms));
        if duration.is_none() {
            let problem = format!("{} is no ISO 8601 duration from PT1M to P15D", spec.duration);
            wrong.push(Invalid::new("Duration", problem));
        }
        let zone = match spec.zone.as_deref() {
            None => Ok(Zone::utc()),
            Some(text) => Zone::parse("Timezone", text).map_err(|invalid| wrong.push(invalid)),
        };
        if let (Some(start), Some(expire)) = (spec.start_ms, spec.expire_ms)
            && expire <= start
        {
            wrong.push(Invalid::new("ExpireDate", "is not behind StartDate"));
        }
        match (schedule, duration, zone) {
            (Ok(schedule), Some(duration_ms), Ok(zone)) if wrong.is_empty() => Ok(Self {
                name: spec.name,
                targets: spec.targets,
                schedule,
                duration_ms,
                zone,
                start_ms: spec.start_ms,
                expire_ms: spec.expire_ms,
            }),
            _ => Err(wrong),
        }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the names of the alarms.
    pub fn targets(&self) -> &[String] {
        &self.targets
    }

    /// Returns the end of the window that a moment lies in; none when actions are not muted then.
    ///
    /// A window belongs to the rule if it begins within `StartDate` and `ExpireDate`, and ends at
    /// `ExpireDate` at the latest.
    pub fn muted_until(&self, now_ms: i64) -> Option<i64> {
        let expire_ms = self.expire_ms.unwrap_or(i64::MAX);
        let from_ms = self.start_ms.unwrap_or(i64::MIN);
        if now_ms >= expire_ms || now_ms < from_ms {
            return None;
        }
        let begins_ms = match &self.schedule {
            Schedule::At(at) => self.zone.moment(at.date(), at.hour(), at.minute()),
            Schedule::Cron(cron) => cron.newest_at(now_ms, now_ms - self.duration_ms, &self.zone),
        }?;
        let end_ms = (begins_ms + self.duration_ms).min(expire_ms);
        (from_ms <= begins_ms && begins_ms <= now_ms && now_ms < end_ms).then_some(end_ms)
    }

    /// Says whether the rule will never mute again.
    pub fn is_expired(&self, now_ms: i64) -> bool {
        let last_ms = match &self.schedule {
            Schedule::At(at) => self
                .zone
                .moment(at.date(), at.hour(), at.minute())
                .map_or(i64::MIN, |begins_ms| begins_ms + self.duration_ms),
            Schedule::Cron(_) => i64::MAX,
        };
        now_ms >= last_ms.min(self.expire_ms.unwrap_or(i64::MAX))
    }
}

fn schedule(text: &str) -> Result<Schedule, String> {
    let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(fields) = inner("cron") {
        return Cron::parse(fields).map(Schedule::Cron);
    }
    let at = inner("at").ok_or("is neither cron(...) nor at(...)")?;
    let formed = at.len() >= 16 && at.as_bytes()[10] == b'T';
    let at = at.parse::<DateTime>().ok().filter(|_| formed);
    at.map(Schedule::At).ok_or_else(|| format!("{text} is not of the form at(yyyy-mm-ddThh:mm)"))
}

/// Reads weeks, days, hours, minutes and seconds: lengths that no calendar changes.
fn duration_ms(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) => (days, Some(time)),
        None => (rest, None),
    };
    let weeks = parts(days, &[('W', 7 * 86_400_000), ('D', 86_400_000)])?;
    let clock = match time {
        Some(time) => parts(time, &[('H', 3_600_000), ('M', 60_000), ('S', 1_000)])
            .filter(|_| !time.is_empty())?,
        None => 0,
    };
    let some = !days.is_empty() || time.is_some();
    weeks.checked_add(clock).filter(|_| some)
}

/// Adds numbers up, each with one of the units, in their order.
fn parts(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let (mut rest, mut total) = (text, 0i64);
    let mut units = units.iter();
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let (_, unit_ms) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(*unit_ms)?)?;
        rest = &rest[digits + 1..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_iso_8601() {
        let known = [
            ("PT1M", 60_000),
            ("P15D", 1_296_000_000),
            ("PT4H", 14_400_000),
            ("P1DT2H30M", 95_400_000),
            ("P1W", 604_800_000),
            ("PT90S", 90_000),
        ];
        for (text, ms) in known {
            assert_eq!(duration_ms(text), Some(ms), "{text}");
        }
        for text in ["", "P", "PT", "1M", "PT1M1H", "P1M", "P1Y", "PT-1M", "PT1.5M", "PT1é"] {
            assert_eq!(duration_ms(text), None, "{text}");
        }
    }
}
