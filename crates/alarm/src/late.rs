//! Late arrivals: what a step of a window held before points came that an evaluation had not seen.
//!
//! A window shows what there is; an evaluation of the past saw less. So when points come for a step that
//! was looked at, what the step held until then is noted with the time. What it held at any moment is
//! then what stands in the first note behind that moment, or what is stored now if there is none. Points
//! that are older than the window are only counted: if those that came late are all there are, the step
//! was empty. That does not hold of samples that may stand for others: of these nobody knows.
//!
//! The notes of a window are bounded; the oldest go first, and that some are gone is known.

use crate::window::Observed;
use model::Delta;
use std::collections::VecDeque;
use stdx::varint::{Reader, put_i64, put_u64};

/// The notes of one window, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LateLog {
    notes: VecDeque<Note>,
    /// What all notes take, in those of the smallest kind.
    weight: usize,
    gone: Option<Gone>,
}

/// Points came for some steps, all at once.
#[derive(Debug, Clone, PartialEq)]
struct Note {
    start_ms: i64,
    /// Steps side by side of which the same is to be said.
    steps: u32,
    /// When they were seen.
    seen_ms: i64,
    before: Before,
}

/// What a step held before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Before {
    /// No sample.
    Nothing,
    /// These.
    Held(Box<Delta>),
    /// It is older than the window. So many samples came late, each beside those that were there.
    Older(f64),
    /// Nobody knows: it is older than the window, and a sample may have stood for one that was there.
    Unknown,
}

/// Notes that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gone {
    /// Of steps from here
    start_ms: i64,
    /// to here,
    end_ms: i64,
    /// seen up to this moment.
    seen_ms: i64,
}

/// What a step held at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Held<'l> {
    /// What is stored now.
    Same,
    /// No sample.
    Nothing,
    /// These.
    These(&'l Delta),
    /// Nobody knows.
    Unknown,
}

/// Points that came after an evaluation that looked at their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LateArrival {
    /// Their time lies between here, milliseconds since 1970,
    pub start_ms: i64,
    /// and here.
    pub end_ms: i64,
    /// When they were seen.
    pub seen_ms: i64,
}

/// Notes that are kept of a window, if there are few windows that have any.
pub(crate) const NOTES_MAX: usize = 128;
/// And if there are many.
const NOTES_MIN: usize = 8;
/// Notes of all windows, about.
const ALL_NOTES: usize = 2_000_000;
/// They are kept for this long, as the service keeps its history.
pub const LATE_KEPT_MS: i64 = 14 * 86_400_000;
/// Points of one batch may come in any order: so many notes are looked at for an earlier one of theirs.
const SAME_BATCH: usize = 8;
const VERSION: u8 = 1;

/// Returns how many notes each of so many windows may keep.
pub(crate) fn notes_max(windows: usize) -> usize {
    (ALL_NOTES / windows.max(1)).clamp(NOTES_MIN, NOTES_MAX)
}

impl Note {
    fn end_ms(&self, step_ms: i64) -> i64 {
        self.start_ms.saturating_add(step_ms.saturating_mul(i64::from(self.steps)))
    }

    fn is_of(&self, start_ms: i64, step_ms: i64) -> bool {
        self.start_ms <= start_ms && start_ms < self.end_ms(step_ms)
    }

    fn weight(&self) -> usize {
        match &self.before {
            Before::Held(delta) => 2 + (delta.values.len() + delta.buckets.len()) / 2,
            Before::Nothing | Before::Older(_) | Before::Unknown => 1,
        }
    }
}

impl LateLog {
    /// Says whether there is nothing to keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.notes.is_empty() && self.gone.is_none()
    }

    /// Notes that points came for a step; `before` is looked up only if that is worth a note.
    pub(crate) fn note(
        &mut self,
        (start_ms, step_ms): (i64, i64),
        seen_ms: i64,
        before: impl FnOnce() -> Before,
        max: usize,
    ) {
        let same_batch = self.notes.iter().rev().take(SAME_BATCH);
        let mut same_batch = same_batch.take_while(|note| note.seen_ms == seen_ms);
        let is_known =
            |note: &Note| !matches!(note.before, Before::Older(_)) && note.is_of(start_ms, step_ms);
        // What there was before the first of them is noted.
        if same_batch.any(is_known) {
            return;
        }
        let before = before();
        if let (Some(last), Before::Older(more)) = (self.notes.back_mut(), &before)
            && let Before::Older(samples) = &mut last.before
            && (last.steps, last.start_ms, last.seen_ms) == (1, start_ms, seen_ms)
        {
            *samples += more;
            return;
        }
        let note = Note { start_ms, steps: 1, seen_ms, before };
        self.weight += note.weight();
        self.notes.push_back(note);
        self.join(step_ms);
        self.bound(step_ms, max);
    }

    /// Makes one note of steps side by side. The newest is left as it is if it only counts: more may come.
    fn join(&mut self, step_ms: i64) {
        let newest = self.notes.len() - 1;
        let counts = matches!(self.notes[newest].before, Before::Older(_));
        let Some(second) = newest.checked_sub(usize::from(counts)) else { return };
        let Some(first) = second.checked_sub(1) else { return };
        let (one, next) = (&self.notes[first], &self.notes[second]);
        let is_same = match (&one.before, &next.before) {
            (Before::Nothing, Before::Nothing) | (Before::Unknown, Before::Unknown) => true,
            (Before::Older(a), Before::Older(b)) => a == b,
            _ => false,
        };
        let is_beside = one.end_ms(step_ms) == next.start_ms && one.seen_ms == next.seen_ms;
        if is_same
            && is_beside
            && let Some(steps) = one.steps.checked_add(next.steps)
        {
            self.notes[first].steps = steps;
            self.notes.remove(second);
            self.weight -= 1;
        }
    }

    fn bound(&mut self, step_ms: i64, max: usize) {
        while self.weight > max && self.notes.len() > 1 {
            let Some(oldest) = self.notes.pop_front() else { return };
            self.weight -= oldest.weight();
            let (start_ms, end_ms) = (oldest.start_ms, oldest.end_ms(step_ms));
            let gone = self.gone.get_or_insert(Gone { start_ms, end_ms, seen_ms: oldest.seen_ms });
            gone.start_ms = gone.start_ms.min(start_ms);
            gone.end_ms = gone.end_ms.max(end_ms);
            gone.seen_ms = gone.seen_ms.max(oldest.seen_ms);
        }
    }

    /// Forgets what was seen before a moment; says whether there was anything.
    pub(crate) fn forget(&mut self, before_ms: i64) -> bool {
        let many = self.notes.len();
        self.notes.retain(|note| note.seen_ms >= before_ms);
        self.weight = self.notes.iter().map(Note::weight).sum();
        let is_old = self.gone.is_some_and(|gone| gone.seen_ms < before_ms);
        if is_old {
            self.gone = None;
        }
        is_old || self.notes.len() < many
    }

    /// Returns what a step held at a moment; it holds so many samples now.
    pub(crate) fn held(&self, start_ms: i64, step_ms: i64, at_ms: i64, samples: f64) -> Held<'_> {
        let later = self.notes.iter().filter(|note| note.seen_ms > at_ms);
        let mut counted = 0.0;
        for note in later.filter(|note| note.is_of(start_ms, step_ms)) {
            match &note.before {
                // Those that were counted came before this was noted.
                Before::Held(delta) if counted > 0.0 => return came_late(counted, delta.count),
                Before::Held(delta) => return Held::These(delta),
                Before::Nothing => return Held::Nothing,
                Before::Older(more) => counted += more,
                Before::Unknown => return Held::Unknown,
            }
        }
        if counted > 0.0 { came_late(counted, samples) } else { Held::Same }
    }

    /// Returns the arrivals for times of a range.
    pub(crate) fn arrivals(
        &self,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> impl Iterator<Item = LateArrival> {
        self.notes.iter().filter_map(move |note| {
            let (from_ms, to_ms) = (note.start_ms.max(start_ms), note.end_ms(step_ms).min(end_ms));
            let arrival = LateArrival { start_ms: from_ms, end_ms: to_ms, seen_ms: note.seen_ms };
            (from_ms < to_ms).then_some(arrival)
        })
    }

    /// Says whether nothing is gone that tells what times of a range held at a moment.
    pub(crate) fn knows(&self, start_ms: i64, end_ms: i64, at_ms: i64) -> bool {
        self.gone.is_none_or(|gone| {
            gone.seen_ms <= at_ms || gone.end_ms <= start_ms || end_ms <= gone.start_ms
        })
    }

    /// Appends it. Layout, numbers as varints, times in zigzag form: version (1 byte), whether notes are
    /// gone and then their range and time, number of notes; each: start, steps, when seen (both times
    /// from those of the note before), what there was: 0 nothing, 1 samples (a delta), 2 a count, 3 nobody
    /// knows.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.push(u8::from(self.gone.is_some()));
        if let Some(Gone { start_ms, end_ms, seen_ms }) = self.gone {
            [start_ms, end_ms, seen_ms].into_iter().for_each(|at_ms| put_i64(out, at_ms));
        }
        put_u64(out, self.notes.len() as u64);
        let (mut start_ms, mut seen_ms) = (0i64, 0i64);
        for note in &self.notes {
            put_i64(out, note.start_ms.wrapping_sub(start_ms));
            put_u64(out, u64::from(note.steps));
            put_i64(out, note.seen_ms.wrapping_sub(seen_ms));
            (start_ms, seen_ms) = (note.start_ms, note.seen_ms);
            match &note.before {
                Before::Nothing => out.push(0),
                Before::Held(delta) => {
                    out.push(1);
                    put_delta(out, delta);
                }
                Before::Older(samples) => {
                    out.push(2);
                    put_f64(out, *samples);
                }
                Before::Unknown => out.push(3),
            }
        }
    }

    /// Reads what [`LateLog::put`] wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.u8()? != VERSION {
            return None;
        }
        let gone = match reader.u8()? {
            0 => None,
            1 => Some(Gone {
                start_ms: reader.i64()?,
                end_ms: reader.i64()?,
                seen_ms: reader.i64()?,
            }),
            _ => return None,
        };
        let mut log = Self { gone, ..Self::default() };
        let (mut start_ms, mut seen_ms) = (0i64, 0i64);
        for _ in 0..reader.u64()? {
            start_ms = start_ms.wrapping_add(reader.i64()?);
            let steps = reader.u32()?;
            seen_ms = seen_ms.wrapping_add(reader.i64()?);
            let before = match reader.u8()? {
                0 => Before::Nothing,
                1 => Before::Held(Box::new(read_delta(reader)?)),
                2 => Before::Older(reader.f64()?),
                3 => Before::Unknown,
                _ => return None,
            };
            let note = Note { start_ms, steps, seen_ms, before };
            log.weight += note.weight();
            log.notes.push_back(note);
        }
        Some(log)
    }
}

/// So many samples came late, and there were so many with them.
fn came_late(late: f64, all: f64) -> Held<'static> {
    if late >= all { Held::Nothing } else { Held::Unknown }
}

/// Returns how many samples an observation is of.
pub(crate) fn samples_of(observed: Observed<'_>) -> f64 {
    match observed {
        Observed::Float(_) => 1.0,
        Observed::Delta(delta) => delta.count,
    }
}

fn put_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_delta(out: &mut Vec<u8>, delta: &Delta) {
    let Delta { count, sum, min, max, values, buckets, opaque } = delta;
    [count, sum, min, max, opaque].into_iter().for_each(|value| put_f64(out, *value));
    put_u64(out, values.len() as u64);
    for (value, count) in values {
        put_f64(out, *value);
        put_f64(out, *count);
    }
    put_u64(out, buckets.len() as u64);
    for (number, count) in buckets {
        put_i64(out, i64::from(*number));
        put_f64(out, *count);
    }
}

fn read_delta(reader: &mut Reader<'_>) -> Option<Delta> {
    let [mut count, mut sum, mut min, mut max, mut opaque] = [0.0; 5];
    for value in [&mut count, &mut sum, &mut min, &mut max, &mut opaque] {
        *value = reader.f64()?;
    }
    let mut delta = Delta { count, sum, min, max, opaque, ..Delta::default() };
    for _ in 0..reader.u64()? {
        delta.values.push((reader.f64()?, reader.f64()?));
    }
    for _ in 0..reader.u64()? {
        delta.buckets.push((i32::try_from(reader.i64()?).ok()?, reader.f64()?));
    }
    Some(delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: i64 = 60_000;

    fn note(log: &mut LateLog, step: i64, seen_ms: i64, before: Before) {
        log.note((step * STEP, STEP), seen_ms, || before, NOTES_MAX);
    }

    fn held(value: f64) -> Before {
        Before::Held(Box::new(Delta::of_value(value)))
    }

    #[test]
    fn a_step_held_what_the_next_note_says() {
        let mut log = LateLog::default();
        note(&mut log, 3, 1_000, Before::Nothing);
        note(&mut log, 3, 2_000, held(5.0));
        note(&mut log, 4, 2_500, Before::Nothing);
        let of_three = |at_ms| log.held(3 * STEP, STEP, at_ms, 9.0);
        assert_eq!(
            [999, 1_000, 1_999].map(of_three)[..2],
            [Held::Nothing, Held::These(&Delta::of_value(5.0))]
        );
        assert_eq!(of_three(1_999), Held::These(&Delta::of_value(5.0)));
        assert_eq!(of_three(2_000), Held::Same);
        assert_eq!(log.held(5 * STEP, STEP, 0, 9.0), Held::Same);
        let arrivals: Vec<LateArrival> = log.arrivals(4 * STEP, 9 * STEP, STEP).collect();
        let of_four = LateArrival { start_ms: 4 * STEP, end_ms: 5 * STEP, seen_ms: 2_500 };
        assert_eq!(arrivals, [of_four]);
    }

    #[test]
    fn of_steps_older_than_the_window_it_is_known_whether_all_came_late() {
        let mut log = LateLog::default();
        note(&mut log, 3, 1_000, Before::Older(1.0));
        note(&mut log, 3, 1_000, Before::Older(1.0));
        note(&mut log, 3, 2_000, Before::Older(3.0));
        let at = |at_ms, samples| log.held(3 * STEP, STEP, at_ms, samples);
        assert_eq!(at(0, 5.0), Held::Nothing);
        assert_eq!(at(0, 6.0), Held::Unknown);
        assert_eq!(at(1_500, 5.0), Held::Unknown, "two had come by then");
        assert_eq!(at(2_000, 5.0), Held::Same);
        note(&mut log, 3, 3_000, Before::Unknown);
        assert_eq!(log.held(3 * STEP, STEP, 2_000, 5.0), Held::Unknown);
    }

    #[test]
    fn what_comes_at_once_is_one_note() {
        let mut log = LateLog::default();
        for step in 0..5_000 {
            for _ in 0..2 {
                note(&mut log, step, 1_000, Before::Older(1.0));
            }
        }
        assert!(log.notes.len() <= 2, "{}", log.notes.len());
        for step in 0..1_000 {
            note(&mut log, step, 2_000, Before::Nothing);
            note(&mut log, step, 2_000, held(1.0));
        }
        assert!(log.notes.len() <= 3, "{}", log.notes.len());
        assert_eq!(log.weight, log.notes.len());
        assert_eq!(log.held(4_999 * STEP, STEP, 0, 2.0), Held::Nothing);
    }

    #[test]
    fn the_oldest_notes_go_and_that_is_known() {
        let mut log = LateLog::default();
        for step in 0..1_000 {
            note(&mut log, 2 * step, step, Before::Nothing);
        }
        assert_eq!((log.notes.len(), log.weight), (NOTES_MAX, NOTES_MAX));
        let first = 1_000 - NOTES_MAX as i64;
        assert!(log.knows(0, i64::MAX, first));
        assert!(!log.knows(0, STEP, first - 2));
        assert!(log.knows(2 * first * STEP, i64::MAX, 0), "of these steps nothing is gone");
        assert!(log.forget(995));
        assert_eq!((log.notes.len(), log.gone), (5, None));
        assert!(!log.forget(995));
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let mut log = LateLog::default();
        let mut wide = Delta::of_value(2.0);
        (0..40).for_each(|n| wide.add_sample(f64::from(n)));
        for (step, before) in
            [(9, Before::Nothing), (3, held(-1.5)), (5, Before::Older(4.0)), (7, Before::Unknown)]
        {
            note(&mut log, step, 1_000 + step, before);
        }
        note(&mut log, 4, 7_000, Before::Held(Box::new(wide)));
        for max in [NOTES_MAX, 3] {
            log.bound(STEP, max);
            let mut bytes = Vec::new();
            log.put(&mut bytes);
            assert_eq!(LateLog::read(&mut Reader::new(&bytes)).as_ref(), Some(&log));
            for end in 0..bytes.len() {
                assert_eq!(LateLog::read(&mut Reader::new(&bytes[..end])), None);
            }
        }
        assert!(log.gone.is_some());
    }

    #[test]
    fn many_windows_keep_few_notes_each() {
        assert_eq!([0, 1, 15_000, 100_000, 1_000_000].map(notes_max), [128, 128, 128, 20, 8]);
    }
}
