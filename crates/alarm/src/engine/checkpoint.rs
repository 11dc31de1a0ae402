//! The state of all machines as bytes, so that a restart goes on where the last checkpoint ends.
//!
//! A checkpoint is a head, which is small and changes with every tick, and a row for each alarm, which
//! changes when the alarm does: so keeping up with a million alarms costs what changes. Definitions are
//! not in it, they are in the catalog; windows are not either, they are rebuilt.
//!
//! Layout, numbers as varints (times in zigzag form), texts with their length in front. Head: version (1
//! byte), time, position, classes (cadence, newest evaluation), excluded ranges; in the middle of a tick also the
//! cadences of the classes that are being evaluated. Row: version, state, the
//! state before, reason, reason data, eight times, number, flags, muted number, suppression, contributors;
//! in version 2 of a row, since when the alarm matches no series: others have version 1.

use super::entry::{Entry, EvaluationState, Plan};
use super::{AlarmEngine, NEVER, Options};
use crate::contributor::{Contributor, Contributors};
use crate::definition::{AlarmKey, Definition, MuteRule};
use crate::effect::Effect;
use crate::suppress::Suppression;
use lang::alarm_rule::AlarmState;
use model::{TenantId, TimeRange};
use std::collections::{BTreeMap, BTreeSet};
use stdx::varint::{Reader, put_bytes, put_i64, put_u64};

const VERSION: u8 = 1;
/// Of rows of alarms that match no series.
const UNMATCHED_VERSION: u8 = 2;

/// Why a checkpoint was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It was written by a later version.
    #[error("the checkpoint has version {0}, known is {UNMATCHED_VERSION} at most")]
    Version(u8),
    /// It is cut off or damaged.
    #[error("the checkpoint is damaged")]
    Damaged,
}

/// An alarm as a checkpoint has it.
struct Saved {
    state: AlarmState,
    before: AlarmState,
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
    unmatched_ms: Option<i64>,
}

struct Head {
    now_ms: i64,
    position: u64,
    classes: BTreeMap<i64, i64>,
    excluded: Vec<TimeRange>,
    /// Cadences of classes of which a tick evaluated some alarms.
    underway: BTreeSet<i64>,
}

/// A definition as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The definition.
    pub definition: Definition,
    /// When it was given to [`AlarmEngine::put`], milliseconds since 1970.
    pub put_ms: i64,
    /// The alarm's row of the checkpoint, if there is one: without it the alarm begins anew.
    pub row: Option<Vec<u8>>,
}

/// What became of an alarm since the last look ([`AlarmEngine::changed_rows`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedRow {
    /// The alarm.
    pub alarm: AlarmKey,
    /// Its row now; none if the alarm is gone.
    pub row: Option<Vec<u8>>,
}

/// An engine after a restart.
#[derive(Debug)]
pub struct Loaded {
    /// The engine.
    pub engine: AlarmEngine,
    /// Asks for the windows; nothing else has happened.
    pub effects: Vec<Effect>,
    /// Alarms whose rows cannot be read, and why: they begin anew.
    pub unreadable: Vec<(AlarmKey, CheckpointError)>,
}

impl AlarmEngine {
    /// Makes the engine again after a restart.
    ///
    /// `now_ms` is the present; the time since the checkpoint is downtime, if it is longer than a pause
    /// may be. Points go on behind [`position`](AlarmEngine::position).
    ///
    /// # Errors
    /// When the head of the checkpoint cannot be read. Without one all alarms are as their rows say, and
    /// nothing is known of a downtime.
    pub fn load(
        options: Options,
        alarms: impl IntoIterator<Item = Kept>,
        mutes: impl IntoIterator<Item = (TenantId, MuteRule)>,
        head: Option<&[u8]>,
        now_ms: i64,
    ) -> Result<Loaded, CheckpointError> {
        let head = head.map(Head::read).transpose()?;
        let mut engine = Self::new(options);
        // Windows are asked for as far back as they reach from now.
        engine.now_ms = now_ms;
        for (tenant, rule) in mutes {
            engine.put_mute(tenant, rule);
        }
        let mut unreadable = Vec::new();
        for Kept { definition, put_ms, row } in alarms {
            let key = definition.key.clone();
            let id = engine.insert(definition, put_ms);
            match row.as_deref().map(Saved::of_row) {
                None => {}
                Some(Ok(saved)) => {
                    let class = engine.entry(id).class.and_then(|(cadence_ms, _)| {
                        let head = head.as_ref()?;
                        let evaluated_ms = head.classes.get(&cadence_ms).copied()?;
                        Some((evaluated_ms, head.underway.contains(&cadence_ms)))
                    });
                    engine.restore(id, saved, class.unwrap_or((NEVER, false)));
                    engine.entry_mut(id).is_touched = false;
                }
                Some(Err(error)) => unreadable.push((key, error)),
            }
        }
        // Rows that are as they were kept need not be written again.
        let touched = std::mem::take(&mut engine.touched);
        engine.touched = touched.into_iter().filter(|id| engine.entry(*id).is_touched).collect();
        if let Some(head) = head {
            engine.position = head.position;
            engine.excluded = head.excluded;
            for (cadence_ms, evaluated_ms) in head.classes {
                if let Some(class) = engine.classes.get_mut(&cadence_ms) {
                    class.evaluated_ms = evaluated_ms;
                }
            }
            engine.now_ms = head.now_ms;
            if head.now_ms != NEVER {
                engine.follow_clock(now_ms);
            }
            engine.now_ms = engine.now_ms.max(now_ms);
        }
        let effects = std::mem::take(&mut engine.effects);
        Ok(Loaded { engine, effects, unreadable })
    }

    /// `class_ms` is when all alarms that are evaluated as often were evaluated last: a row is older
    /// where nothing changed since. A tick that was not over begins again and looks at newer periods.
    fn restore(&mut self, id: u32, saved: Saved, (class_ms, is_underway): (i64, bool)) {
        let entry = self.entry_mut(id);
        let changed_since = entry.put_ms != saved.put_ms;
        (entry.state, entry.before) = (saved.state, saved.before);
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
        if let (Some(since_ms), Plan::Slot(..) | Plan::Math(_)) =
            (saved.unmatched_ms, &self.entry(id).plan)
        {
            let key = self.entry(id).definition.key.clone();
            self.unmatched.insert(key, since_ms);
        }
        let entry = self.entry_mut(id);
        if changed_since {
            return;
        }
        entry.evaluation = saved.evaluation;
        entry.warm_until_ms = saved.warm_until_ms;
        let evaluated_ms = saved.evaluated_ms.max(class_ms);
        entry.evaluated_ms = evaluated_ms;
        entry.not_before_ms = saved.not_before_ms;
        entry.repeated_ms = saved.repeated_ms;
        let slots: Vec<u32> = match &entry.plan {
            Plan::Slot(slot, _) => vec![*slot],
            Plan::Math(math) => math.metrics.iter().map(|(slot, _)| *slot).collect(),
            Plan::Scheduled | Plan::Composite(..) => Vec::new(),
        };
        match &mut entry.plan {
            // A late point may have arrived that nobody looked at yet.
            Plan::Slot(..) | Plan::Math(_) if !saved.forced && !is_underway => {
                entry.owed_ms = evaluated_ms;
            }
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
        slots.into_iter().for_each(|slot| self.was_looked_at(slot, evaluated_ms));
    }

    /// Appends the head of the checkpoint.
    pub fn head(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        put_i64(out, self.now_ms);
        put_u64(out, self.position);
        put_u64(out, self.classes.len() as u64);
        for (cadence_ms, class) in &self.classes {
            put_i64(out, *cadence_ms);
            put_i64(out, self.evaluated_wholly_ms(*cadence_ms, class));
        }
        put_u64(out, self.excluded.len() as u64);
        for range in &self.excluded {
            put_i64(out, range.start_ms);
            put_i64(out, range.end_ms);
        }
        if let Some(underway) = &self.underway {
            underway.before.keys().for_each(|cadence_ms| put_i64(out, *cadence_ms));
        }
    }

    /// Returns the rows that changed since the last call, those of deleted alarms first. They belong to
    /// the effects that came since, and to the head as it is now.
    pub fn changed_rows(&mut self) -> Vec<ChangedRow> {
        let gone = std::mem::take(&mut self.gone);
        let mut rows: Vec<ChangedRow> =
            gone.into_iter().map(|alarm| ChangedRow { alarm, row: None }).collect();
        for id in std::mem::take(&mut self.touched) {
            let Some(entry) = self.alarms[id as usize].as_mut() else { continue };
            if !std::mem::take(&mut entry.is_touched) {
                continue;
            }
            let alarm = entry.definition.key.clone();
            let unmatched_ms = self.unmatched.get(&alarm).copied();
            let version = unmatched_ms.map_or(VERSION, |_| UNMATCHED_VERSION);
            let mut row = vec![version];
            put_entry(&mut row, self.entry(id), self.fresh.contains(&id));
            unmatched_ms.into_iter().for_each(|since_ms| put_i64(&mut row, since_ms));
            rows.push(ChangedRow { alarm, row: Some(row) });
        }
        rows
    }

    /// Says that the row of an alarm is another.
    pub(super) fn touch(&mut self, id: u32) {
        if let Some(entry) = self.alarms[id as usize].as_mut()
            && !std::mem::replace(&mut entry.is_touched, true)
        {
            self.touched.push(id);
        }
    }
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry, fresh: bool) {
    out.push(entry.state as u8);
    out.push(entry.before as u8);
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

/// Says whether the head of a checkpoint can be read.
///
/// # Errors
/// As [`AlarmEngine::load`].
pub fn check_head(bytes: &[u8]) -> Result<(), CheckpointError> {
    Head::read(bytes).map(drop)
}

/// Says whether a row of a checkpoint can be read.
///
/// # Errors
/// As [`AlarmEngine::load`] says it of an alarm.
pub fn check_row(bytes: &[u8]) -> Result<(), CheckpointError> {
    Saved::of_row(bytes).map(drop)
}

/// Returns the version and what stands behind it.
fn body(bytes: &[u8], newest: u8) -> Result<(u8, Reader<'_>), CheckpointError> {
    match bytes.first() {
        Some(&version) if version > newest => Err(CheckpointError::Version(version)),
        Some(&version) if version >= VERSION => Ok((version, Reader::new(&bytes[1..]))),
        _ => Err(CheckpointError::Damaged),
    }
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (_, mut reader) = body(bytes, VERSION)?;
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
        let mut underway = BTreeSet::new();
        while !reader.is_empty() {
            underway.insert(reader.i64()?);
        }
        Some(Self { now_ms, position, classes, excluded, underway })
    }
}

impl Saved {
    fn of_row(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (version, mut reader) = body(bytes, UNMATCHED_VERSION)?;
        let read =
            Self::read(&mut reader, version == UNMATCHED_VERSION).filter(|_| reader.is_empty());
        read.ok_or(CheckpointError::Damaged)
    }

    fn read(reader: &mut Reader<'_>, is_unmatched: bool) -> Option<Self> {
        let state = *AlarmState::ALL.get(usize::from(reader.u8()?))?;
        let before = *AlarmState::ALL.get(usize::from(reader.u8()?))?;
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
        let unmatched_ms = if is_unmatched { Some(reader.i64()?) } else { None };
        Some(Self {
            state,
            before,
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
            unmatched_ms,
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
