//! The state of all machines as bytes, so that a restart goes on where the last checkpoint ends.
//!
//! Definitions are not in it, they are in the catalog; windows are not either, they are rebuilt.
//!
//! Layout, numbers as varints (times in zigzag form), texts with their length in front: version (1
//! byte), time, position, classes (cadence, newest evaluation), excluded ranges, then each alarm, sorted
//! by tenant and name: key, state, reason, reason data, eight times, number, flags, muted number,
//! suppression, contributors.

use super::entry::{Entry, EvaluationState, Plan};
use super::{AlarmEngine, NEVER, Options};
use crate::contributor::{Contributor, Contributors};
use crate::definition::{AlarmKey, Definition, MuteRule};
use crate::effect::Effect;
use crate::suppress::Suppression;
use lang::alarm_rule::AlarmState;
use model::{TenantId, TimeRange};
use std::collections::BTreeMap;
use stdx::varint::{Reader, put_bytes, put_i64, put_u64};

const VERSION: u8 = 1;

/// Why a checkpoint was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It was written by a later version.
    #[error("the checkpoint has version {0}, known is {VERSION}")]
    Version(u8),
    /// It is cut off or damaged.
    #[error("the checkpoint is damaged")]
    Damaged,
}

/// An alarm as a checkpoint has it.
struct Saved {
    state: AlarmState,
    reason: Option<Box<str>>,
    reason_data: Option<Box<str>>,
    since_ms: i64,
    updated_ms: i64,
    made_ms: i64,
    put_ms: i64,
    warm_until_ms: i64,
    evaluated_ms: i64,
    not_before_ms: i64,
    repeated_ms: i64,
    number: u64,
    forced: bool,
    fresh: bool,
    evaluation: Option<EvaluationState>,
    muted: Option<u64>,
    suppression: Suppression,
    contributors: Option<Contributors>,
}

struct Checkpoint {
    now_ms: i64,
    position: u64,
    classes: BTreeMap<i64, i64>,
    excluded: Vec<TimeRange>,
    alarms: BTreeMap<AlarmKey, Saved>,
}

impl AlarmEngine {
    /// Makes the engine again after a restart.
    ///
    /// Each definition comes with the time of its newest change, as it was given to
    /// [`put`](AlarmEngine::put). `now_ms` is the present; the time since the checkpoint is downtime,
    /// if it is longer than a pause may be. Points go on behind [`position`](AlarmEngine::position).
    /// The effects ask for the windows; nothing else has happened.
    ///
    /// # Errors
    /// When the checkpoint cannot be read. Without one all alarms begin anew.
    pub fn load(
        options: Options,
        definitions: impl IntoIterator<Item = (Definition, i64)>,
        mutes: impl IntoIterator<Item = (TenantId, MuteRule)>,
        checkpoint: Option<&[u8]>,
        now_ms: i64,
    ) -> Result<(Self, Vec<Effect>), CheckpointError> {
        let mut saved = checkpoint.map(Checkpoint::read).transpose()?;
        let mut engine = Self::new(options);
        // Windows are asked for as far back as they reach from now.
        engine.now_ms = now_ms;
        for (tenant, rule) in mutes {
            engine.put_mute(tenant, rule);
        }
        for (definition, put_ms) in definitions {
            let key = definition.key.clone();
            let id = engine.insert(definition, put_ms);
            let Some(saved) = &mut saved else { continue };
            if let Some(alarm) = saved.alarms.remove(&key) {
                engine.restore(id, alarm);
            }
        }
        if let Some(saved) = saved {
            engine.position = saved.position;
            engine.excluded = saved.excluded;
            for (cadence_ms, evaluated_ms) in saved.classes {
                if let Some(class) = engine.classes.get_mut(&cadence_ms) {
                    class.evaluated_ms = evaluated_ms;
                }
            }
            engine.now_ms = saved.now_ms;
            if saved.now_ms != NEVER {
                engine.follow_clock(now_ms);
            }
            engine.now_ms = engine.now_ms.max(now_ms);
        }
        let effects = std::mem::take(&mut engine.effects);
        Ok((engine, effects))
    }

    fn restore(&mut self, id: u32, saved: Saved) {
        let entry = self.entry_mut(id);
        let changed_since = entry.put_ms != saved.put_ms;
        entry.state = saved.state;
        entry.reason = saved.reason;
        entry.reason_data = saved.reason_data;
        (entry.since_ms, entry.updated_ms) = (saved.since_ms, saved.updated_ms);
        (entry.made_ms, entry.number) = (saved.made_ms, saved.number);
        (entry.forced, entry.muted) = (saved.forced, saved.muted);
        if let Some(contributors) = saved.contributors {
            entry.contributors = Some(Box::new(contributors));
        }
        if entry.muted.is_some() {
            self.mute_ends.insert((NEVER, id));
        }
        let entry = self.entry_mut(id);
        if changed_since {
            return;
        }
        entry.evaluation = saved.evaluation;
        entry.warm_until_ms = saved.warm_until_ms;
        entry.evaluated_ms = saved.evaluated_ms;
        entry.not_before_ms = saved.not_before_ms;
        entry.repeated_ms = saved.repeated_ms;
        let slots: Vec<u32> = match &entry.plan {
            Plan::Slot(slot, _) => vec![*slot],
            Plan::Math(math) => math.metrics.iter().map(|(slot, _)| *slot).collect(),
            Plan::Scheduled | Plan::Composite(..) => Vec::new(),
        };
        match &mut entry.plan {
            // A late point may have arrived that nobody looked at yet.
            Plan::Slot(..) | Plan::Math(_) if !saved.forced => entry.owed_ms = saved.evaluated_ms,
            Plan::Composite(_, suppression) => {
                *suppression = saved.suppression;
                let until_ms = suppression.until_ms();
                self.waits.extend(until_ms.map(|until_ms| (until_ms, id)));
                if !saved.fresh {
                    self.fresh.remove(&id);
                }
            }
            _ => {}
        }
        slots.into_iter().for_each(|slot| self.was_looked_at(slot, saved.evaluated_ms));
    }

    /// Appends the state of all alarms.
    pub fn checkpoint(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        put_i64(out, self.now_ms);
        put_u64(out, self.position);
        put_u64(out, self.classes.len() as u64);
        for (cadence_ms, class) in &self.classes {
            put_i64(out, *cadence_ms);
            put_i64(out, class.evaluated_ms);
        }
        put_u64(out, self.excluded.len() as u64);
        for range in &self.excluded {
            put_i64(out, range.start_ms);
            put_i64(out, range.end_ms);
        }
        let mut ids: Vec<u32> =
            self.by_name.values().flat_map(|names| names.values().copied()).collect();
        ids.sort_unstable_by(|a, b| {
            self.entry(*a).definition.key.cmp(&self.entry(*b).definition.key)
        });
        put_u64(out, ids.len() as u64);
        for id in ids {
            put_entry(out, self.entry(id), self.fresh.contains(&id));
        }
    }
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry, fresh: bool) {
    put_u64(out, u64::from(entry.definition.key.tenant.0));
    put_bytes(out, entry.definition.key.name.as_bytes());
    out.push(entry.state as u8);
    for text in [&entry.reason, &entry.reason_data] {
        put_option(out, text.as_deref(), |out, text| put_bytes(out, text.as_bytes()));
    }
    let times = [
        entry.since_ms,
        entry.updated_ms,
        entry.made_ms,
        entry.put_ms,
        entry.warm_until_ms,
        entry.evaluated_ms,
        entry.not_before_ms,
        entry.repeated_ms,
    ];
    times.into_iter().for_each(|at_ms| put_i64(out, at_ms));
    put_u64(out, entry.number);
    out.push(u8::from(entry.forced));
    out.push(u8::from(fresh));
    put_option(out, entry.evaluation, |out, state| out.push(state as u8));
    put_option(out, entry.muted, put_u64);
    let suppression = match entry.plan {
        Plan::Composite(_, suppression) => suppression,
        _ => Suppression::None,
    };
    let (tag, until_ms) = match suppression {
        Suppression::None => (0, None),
        Suppression::Waiting(until_ms) => (1, Some(until_ms)),
        Suppression::Extending(until_ms) => (2, Some(until_ms)),
        Suppression::ByAlarm => (3, None),
    };
    out.push(tag);
    until_ms.into_iter().for_each(|until_ms| put_i64(out, until_ms));
    put_option(out, entry.contributors.as_deref(), |out, contributors| {
        put_u64(out, contributors.all.len() as u64);
        for (attributes, contributor) in &contributors.all {
            put_u64(out, attributes.len() as u64);
            for (name, value) in attributes {
                put_bytes(out, name.as_bytes());
                put_bytes(out, value.as_bytes());
            }
            out.push(contributor.state as u8);
            put_i64(out, contributor.since_ms);
            put_option(out, contributor.breaching_ms, put_i64);
            put_option(out, contributor.absent_ms, put_i64);
        }
    });
}

fn put_option<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

impl Checkpoint {
    fn read(bytes: &[u8]) -> Result<Self, CheckpointError> {
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) if version > VERSION => return Err(CheckpointError::Version(version)),
            _ => return Err(CheckpointError::Damaged),
        }
        let mut reader = Reader::new(&bytes[1..]);
        let read = Self::read_body(&mut reader).filter(|_| reader.is_empty());
        read.ok_or(CheckpointError::Damaged)
    }

    fn read_body(reader: &mut Reader<'_>) -> Option<Self> {
        let (now_ms, position) = (reader.i64()?, reader.u64()?);
        let mut classes = BTreeMap::new();
        for _ in 0..reader.usize()? {
            classes.insert(reader.i64()?, reader.i64()?);
        }
        let mut excluded = Vec::new();
        for _ in 0..reader.usize()? {
            excluded.push(TimeRange { start_ms: reader.i64()?, end_ms: reader.i64()? });
        }
        let mut alarms = BTreeMap::new();
        for _ in 0..reader.usize()? {
            let tenant = TenantId(reader.u32()?);
            let key = AlarmKey { tenant, name: reader.str()?.to_owned() };
            alarms.insert(key, Saved::read(reader)?);
        }
        Some(Self { now_ms, position, classes, excluded, alarms })
    }
}

impl Saved {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let state = *AlarmState::ALL.get(usize::from(reader.u8()?))?;
        let text = |reader: &mut Reader<'_>| reader.str().map(Box::from);
        let (reason, reason_data) = (option(reader, text)?, option(reader, text)?);
        let mut times = [0i64; 8];
        for at_ms in &mut times {
            *at_ms = reader.i64()?;
        }
        let [
            since_ms,
            updated_ms,
            made_ms,
            put_ms,
            warm_until_ms,
            evaluated_ms,
            not_before_ms,
            repeated_ms,
        ] = times;
        let number = reader.u64()?;
        let (forced, fresh) = (flag(reader)?, flag(reader)?);
        let evaluation =
            option(reader, |reader| EvaluationState::ALL.get(usize::from(reader.u8()?)).copied())?;
        let muted = option(reader, Reader::u64)?;
        let suppression = match reader.u8()? {
            0 => Suppression::None,
            1 => Suppression::Waiting(reader.i64()?),
            2 => Suppression::Extending(reader.i64()?),
            3 => Suppression::ByAlarm,
            _ => return None,
        };
        let contributors = option(reader, |reader| {
            let mut all = BTreeMap::new();
            for _ in 0..reader.usize()? {
                let mut attributes = Vec::new();
                for _ in 0..reader.usize()? {
                    attributes.push((reader.str()?.to_owned(), reader.str()?.to_owned()));
                }
                let contributor = Contributor {
                    state: *AlarmState::ALL.get(usize::from(reader.u8()?))?,
                    since_ms: reader.i64()?,
                    breaching_ms: option(reader, Reader::i64)?,
                    absent_ms: option(reader, Reader::i64)?,
                };
                all.insert(attributes, contributor);
            }
            Some(Contributors { all })
        })?;
        Some(Self {
            state,
            reason,
            reason_data,
            since_ms,
            updated_ms,
            made_ms,
            put_ms,
            warm_until_ms,
            evaluated_ms,
            not_before_ms,
            repeated_ms,
            number,
            forced,
            fresh,
            evaluation,
            muted,
            suppression,
            contributors,
        })
    }
}

fn flag(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.u8()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// Reads what may be there: the outer `None` is a mistake.
fn option<'a, T>(
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
) -> Option<Option<T>> {
    if flag(reader)? { read(reader).map(Some) } else { Some(None) }
}
