//! One step of delivering: take what came back, find out who gets what is new, begin what is due.

use super::counters::add;
use super::lanes::Lanes;
use super::letters::Letters;
use super::records::{
    DEAD, DELIVERIES, DeadLetter, Delivery, KEYS, KeySeen, OUTBOX, TOLD, delivery_key, number_of,
    number_text,
};
use super::{Aside, FailingReceiver, Finished, Machine, Made, Outbox, Receiver, Telling, key_of};
use crate::Platform;
use bus::{Notice, Outcome, RetryPolicy, is_topic};
use catalog::{CatalogError, Change};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use stdx::{Call, CallError, Net, Reply, Rng, Stopwatch};

/// New notices that are looked at in one transaction.
const FAN_OUT: usize = 128;
/// Calls under way together. One receiver has one at most, so this many must be slow at the same time
/// before anybody else waits.
const IN_FLIGHT_MAX: usize = 1_024;
/// Changes of one transaction, about.
const CHANGES_MAX: usize = 2_000;
/// So many changes are worth a transaction of their own; fewer wait for others that are under way ...
const CHANGES_WORTH: usize = 256;
/// ... for so long (of real time). What is repeated after a crash is what was delivered in this time.
const CHANGES_WAIT: Duration = Duration::from_millis(20);
/// Lanes that are begun, or swept, before what came back is looked at again.
const STARTS_MAX: usize = 512;
/// What an answer says is kept of this length.
const WHY_BYTES_MAX: usize = 300;

/// When the next step should be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// At once: there is more to do.
    Now,
    /// In some milliseconds, or when something happens: answers are about to come.
    Soon,
    /// When the clock shows this, or something happens.
    At(i64),
    /// When something happens.
    Woken,
}

/// What becomes of new notices: changes of one transaction, and what they mean for what is in memory.
#[derive(Default)]
struct Routed {
    changes: Vec<Change>,
    /// Lane and number of the notice.
    deliveries: Vec<(String, u64)>,
    /// What was given up at once, and the number of the dead letter.
    letters: Vec<(Notice, u64)>,
}

/// What an answer means.
enum Verdict {
    Delivered,
    Again(String),
    Never(String),
}

impl Platform {
    /// Does what is due of deliveries and returns when to come again. It waits for the disk, never for
    /// a receiver. One thread calls it.
    pub fn delivery_step(&self) -> NextStep {
        let Some(telling) = self.outbox.telling.get() else { return NextStep::Woken };
        let asked = self.outbox.signal.asked();
        let mut machine = self.outbox.machine.lock();
        let next = match self.step(telling, &mut machine) {
            Ok(next) => {
                self.outbox.trouble.lock().stuck = None;
                next
            }
            Err(error) => {
                tracing::error!(%error, "deliveries wait: the outbox could not be read or written");
                let stuck = &mut self.outbox.trouble.lock().stuck;
                let since = stuck.take().map_or_else(Stopwatch::start, |(_, since)| since);
                *stuck = Some((error.to_string(), since));
                return NextStep::At(self.clock.now_ms() + 1_000);
            }
        };
        let is_quiet = machine.in_flight == 0
            && machine.pending.is_empty()
            && self.outbox.finished.lock().is_empty();
        if next != NextStep::Now && is_quiet {
            self.outbox.signal.answer(asked);
        }
        next
    }

    fn step(
        &self,
        telling: &Arc<Telling>,
        machine: &mut Machine,
    ) -> Result<NextStep, CatalogError> {
        let now_ms = self.clock.now_ms();
        if machine.lanes.is_none() {
            machine.lanes = Some(Lanes::load(&*self.outbox.catalog)?);
        }
        if machine.letters.is_none() {
            machine.letters = Some(Letters::load(&*self.outbox.catalog)?);
        }
        self.take_finished(telling, machine, now_ms)?;
        let more_notices = self.fan_out(telling, machine, now_ms)?;
        let more_lanes = self.start_due(telling, machine, now_ms)?;
        if self.is_worth_writing(machine) {
            self.write_pending(machine)?;
        }
        self.sweep(machine, now_ms)?;
        self.store_topic_metrics_if_due(machine);
        self.outbox.show_trouble(machine);
        let lanes = machine.lanes.get_or_insert_default();
        let counters = &self.outbox.counters;
        counters.waiting.store(lanes.waiting, Ordering::Relaxed);
        counters.in_flight.store(machine.in_flight as u64, Ordering::Relaxed);
        let due = lanes.next_due_ms();
        let oldest = due.and_then(|due| u64::try_from(due).ok()).unwrap_or(0);
        counters.oldest_due_ms.store(oldest, Ordering::Relaxed);
        Ok(match due {
            _ if more_notices || more_lanes => NextStep::Now,
            Some(due) if due <= now_ms && machine.in_flight < IN_FLIGHT_MAX => NextStep::Now,
            _ if !machine.pending.is_empty() => NextStep::Soon,
            Some(due) => NextStep::At(due),
            None => NextStep::Woken,
        })
    }

    /// Counts become points when nothing else is to do, and every few seconds.
    fn store_topic_metrics_if_due(&self, machine: &mut Machine) {
        const EVERY: Duration = Duration::from_secs(5);
        let is_idle = machine.in_flight == 0 && machine.pending.is_empty();
        if is_idle || machine.metrics_stored.is_none_or(|at| at.elapsed() >= EVERY) {
            self.store_topic_metrics();
            machine.metrics_stored = Some(Stopwatch::start());
        }
    }

    /// Few changes wait a moment for those of answers that are about to come: a transaction takes
    /// longer than most receivers.
    fn is_worth_writing(&self, machine: &mut Machine) -> bool {
        if machine.pending.is_empty() {
            return false;
        }
        let since = machine.pending_since.get_or_insert_with(Stopwatch::start);
        machine.pending.len() >= CHANGES_WORTH
            || machine.in_flight == 0 && self.outbox.finished.lock().is_empty()
            || since.elapsed() >= CHANGES_WAIT
    }

    /// Writes the changes that are waiting; they stay when that fails, and nothing is begun before.
    fn write_pending(&self, machine: &mut Machine) -> Result<(), CatalogError> {
        if !machine.pending.is_empty() {
            self.outbox.catalog.write(machine.pending.clone())?;
            machine.pending.clear();
            machine.pending_since = None;
            machine.lanes.get_or_insert_default().forget_empty();
        }
        Ok(())
    }

    fn take_finished(
        &self,
        telling: &Arc<Telling>,
        machine: &mut Machine,
        now_ms: i64,
    ) -> Result<(), CatalogError> {
        let finished = std::mem::take(&mut *self.outbox.finished.lock());
        for Finished { lane, epoch, outcome } in finished {
            if epoch == machine.epoch {
                machine.in_flight = machine.in_flight.saturating_sub(1);
                self.finish(telling, machine, &lane, &outcome, now_ms)?;
            }
        }
        Ok(())
    }

    /// One delivery came back: it is over, comes again later, or lies among the dead letters.
    fn finish(
        &self,
        telling: &Arc<Telling>,
        machine: &mut Machine,
        name: &str,
        outcome: &Result<Reply, CallError>,
        now_ms: i64,
    ) -> Result<(), CatalogError> {
        let lanes = machine.lanes.get_or_insert_default();
        let Some(lane) = lanes.get(name) else { return Ok(()) };
        lane.is_busy = false;
        let Some((key, mut delivery)) = lane.loaded.pop_front() else { return Ok(()) };
        let receiver = Receiver::of_lane(name);
        let is_command = receiver.as_ref().is_some_and(|r| is_command(telling, r));
        let verdict = verdict(outcome, is_command);
        let policy = self.policy_of(telling, receiver.as_ref());
        let failed = match &verdict {
            Verdict::Again(why) => Some(why.clone()),
            // It lives, and does not want this one.
            Verdict::Delivered | Verdict::Never(_) => None,
        };
        lanes.set_failing(name, failed, now_ms);
        match verdict {
            Verdict::Delivered => {
                add(&self.outbox.counters.delivered);
                let notice = self.notice_of(delivery.notice)?;
                if let (Some(notice), Some(receiver)) = (notice, &receiver) {
                    self.told(machine, &notice, receiver, &Outcome::Done);
                }
                Self::end(machine, key, delivery.notice);
            }
            Verdict::Again(why) => {
                let rng = machine.rng.get_or_insert_with(Rng::from_system);
                let pause = policy.pause_with_jitter_ms(delivery.failed, rng);
                delivery.failed += 1;
                match pause {
                    Some(pause) => {
                        add(&self.outbox.counters.failed);
                        let pause = i64::try_from(pause).unwrap_or(i64::MAX);
                        delivery.due_ms = now_ms.saturating_add(pause);
                        tracing::debug!(
                            lane = name,
                            why,
                            failed = delivery.failed,
                            pause,
                            "not delivered yet"
                        );
                        machine.pending.push(Change::put(
                            DELIVERIES,
                            key.as_str(),
                            delivery.to_bytes(),
                        ));
                        let due_ms = delivery.due_ms;
                        let lanes = machine.lanes.get_or_insert_default();
                        if let Some(lane) = lanes.get(name) {
                            lane.loaded.push_front((key, delivery));
                        }
                        lanes.set_ready(name, due_ms);
                        return Ok(());
                    }
                    None => self.bury(machine, name, (key, delivery), why, now_ms)?,
                }
            }
            Verdict::Never(why) => {
                delivery.failed += 1;
                self.bury(machine, name, (key, delivery), why, now_ms)?;
            }
        }
        machine.lanes.get_or_insert_default().set_ready(name, now_ms);
        Ok(())
    }

    /// Removes a delivery that is over, and the notice with the last of them.
    fn end(machine: &mut Machine, key: String, notice: u64) {
        machine.pending.push(Change::remove(DELIVERIES, key));
        if machine.lanes.get_or_insert_default().over(notice) {
            machine.pending.push(Change::remove(TOLD, number_text(notice)));
        }
    }

    /// Gives a delivery up: it moves to the dead letters with why.
    fn bury(
        &self,
        machine: &mut Machine,
        lane: &str,
        (key, delivery): (String, Delivery),
        why: String,
        now_ms: i64,
    ) -> Result<(), CatalogError> {
        add(&self.outbox.counters.dead);
        if let Some(notice) = self.notice_of(delivery.notice)? {
            tracing::warn!(
                lane,
                why,
                target = notice.target,
                "given up; see `sightline deliveries list`"
            );
            if let Some(receiver) = Receiver::of_lane(lane) {
                self.told(machine, &notice, &receiver, &Outcome::Failed(why.clone()));
            }
            let letter = DeadLetter::new(lane.to_owned(), now_ms, delivery.failed, why, &notice);
            let number = self.outbox.number();
            machine.pending.push(Change::put(DEAD, number_text(number), letter.to_bytes()));
            self.outbox.note_letter(machine, &notice, number, now_ms);
        }
        Self::end(machine, key, delivery.notice);
        Ok(())
    }

    /// A receiver has it, or will not: whoever keeps a history of that hears of it.
    fn told(&self, machine: &mut Machine, notice: &Notice, receiver: &Receiver, outcome: &Outcome) {
        match receiver {
            Receiver::Handler(_) => machine.pending.extend(self.outbox.outcome(notice, outcome)),
            Receiver::Subscription(arn) => {
                self.count_notification(notice, arn, *outcome == Outcome::Done);
            }
            Receiver::Topic(_) => {}
        }
    }

    fn notice_of(&self, number: u64) -> Result<Option<Notice>, CatalogError> {
        let Some(bytes) = self.outbox.catalog.get(TOLD, &number_text(number))? else {
            tracing::error!(number, "a delivery has no notice");
            return Ok(None);
        };
        Ok(Notice::from_bytes(&bytes)
            .inspect_err(|error| tracing::error!(number, error, "a notice cannot be read"))
            .ok())
    }

    /// Looks at new notices: finds who gets them, in one transaction. Returns whether there are more.
    fn fan_out(
        &self,
        telling: &Arc<Telling>,
        machine: &mut Machine,
        now_ms: i64,
    ) -> Result<bool, CatalogError> {
        let page = self.outbox.catalog.page(OUTBOX, "", "", FAN_OUT)?;
        let mut routed = Routed::default();
        let mut taken = 0;
        for (key, bytes) in &page {
            if routed.changes.len() > CHANGES_MAX {
                break;
            }
            taken += 1;
            routed.changes.push(Change::remove(OUTBOX, key.as_str()));
            let Some(number) = number_of(key) else { continue };
            match Notice::from_bytes(bytes) {
                Ok(notice) => self.route(telling, number, notice, now_ms, &mut routed)?,
                Err(error) => tracing::error!(number, error, "a notice cannot be read; left out"),
            }
        }
        if !routed.changes.is_empty() {
            self.outbox.catalog.write(routed.changes)?;
            let lanes = machine.lanes.get_or_insert_default();
            for (lane, number) in routed.deliveries {
                lanes.added(&lane, number, now_ms);
            }
            for (notice, number) in routed.letters {
                self.outbox.note_letter(machine, &notice, number, now_ms);
            }
        }
        Ok(page.len() == FAN_OUT || taken < page.len())
    }

    fn route(
        &self,
        telling: &Arc<Telling>,
        number: u64,
        notice: Notice,
        now_ms: i64,
        routed: &mut Routed,
    ) -> Result<(), CatalogError> {
        // Two who wrote the same key at the same moment: the later number stands under it.
        if let Some(seen) = self.outbox.catalog.get(KEYS, &key_of(&notice))? {
            let seen: Option<KeySeen> = serde_json::from_slice(&seen).ok();
            if seen.is_some_and(|seen| seen.number != number) {
                add(&self.outbox.counters.repeated);
                return Ok(());
            }
        }
        add(&self.outbox.counters.notices);
        let receivers = if is_topic(&notice.target) {
            match self.receivers_of(&notice) {
                Some(receivers) => {
                    routed.changes.extend(self.outbox.outcome(&notice, &Outcome::Done));
                    receivers
                }
                None => {
                    self.dead_topic(notice, now_ms, routed);
                    return Ok(());
                }
            }
        } else if let Some(handler) = telling.handlers.of_target(&notice.target) {
            vec![Receiver::Handler(handler.name.clone())]
        } else {
            add(&self.outbox.counters.no_handler);
            routed.changes.extend(self.outbox.outcome(&notice, &Outcome::NoHandler));
            Vec::new()
        };
        if !receivers.is_empty() {
            routed.changes.push(Change::put(TOLD, number_text(number), notice.to_bytes()));
        }
        for receiver in receivers {
            let lane = receiver.lane();
            let delivery = Delivery { notice: number, since_ms: now_ms, failed: 0, due_ms: now_ms };
            let key = delivery_key(&lane, self.outbox.number());
            routed.changes.push(Change::put(DELIVERIES, key, delivery.to_bytes()));
            routed.deliveries.push((lane, number));
        }
        Ok(())
    }

    /// A topic may be made again, so what was for it is not lost.
    fn dead_topic(&self, notice: Notice, now_ms: i64, routed: &mut Routed) {
        let why = "there is no such topic".to_owned();
        routed.changes.extend(self.outbox.outcome(&notice, &Outcome::Failed(why.clone())));
        add(&self.outbox.counters.dead);
        tracing::warn!(target = notice.target, why, "given up; see `sightline deliveries list`");
        let lane = Receiver::Topic(notice.target.clone()).lane();
        let letter = DeadLetter::new(lane, now_ms, 0, why, &notice);
        let number = self.outbox.number();
        routed.changes.push(Change::put(DEAD, number_text(number), letter.to_bytes()));
        routed.letters.push((notice, number));
    }

    /// Begins an attempt in each lane that is due. Returns whether others are due still.
    fn start_due(
        &self,
        telling: &Arc<Telling>,
        machine: &mut Machine,
        now_ms: i64,
    ) -> Result<bool, CatalogError> {
        for _ in 0..STARTS_MAX {
            if machine.in_flight >= IN_FLIGHT_MAX || machine.pending.len() > CHANGES_MAX {
                return Ok(machine.in_flight < IN_FLIGHT_MAX);
            }
            let lanes = machine.lanes.get_or_insert_default();
            let Some(name) = lanes.take_due(now_ms) else { return Ok(false) };
            match lanes.fill(&name, &*self.outbox.catalog) {
                Ok(true) => self.start(telling, machine, &name, now_ms)?,
                Ok(false) => {}
                Err(error) => {
                    lanes.set_ready(&name, now_ms);
                    return Err(error);
                }
            }
        }
        Ok(true)
    }

    fn start(
        &self,
        telling: &Arc<Telling>,
        machine: &mut Machine,
        name: &str,
        now_ms: i64,
    ) -> Result<(), CatalogError> {
        let receiver = Receiver::of_lane(name);
        let policy = self.policy_of(telling, receiver.as_ref());
        let lanes = machine.lanes.get_or_insert_default();
        let Some(lane) = lanes.get(name) else { return Ok(()) };
        let Some((_, delivery)) = lane.loaded.front() else { return Ok(()) };
        let delivery = delivery.clone();
        if delivery.due_ms > now_ms {
            lanes.set_ready(name, delivery.due_ms);
            return Ok(());
        }
        // What waited behind one that failed all the time was not to be delivered all the time too.
        let total_ms = i64::try_from(policy.total_ms()).unwrap_or(i64::MAX);
        let is_spent = delivery.since_ms.saturating_add(total_ms) <= now_ms;
        if lane.failing.is_some() && delivery.failed == 0 && is_spent && policy.retries > 0 {
            let entry = lane.loaded.pop_front();
            if let Some(entry) = entry {
                let why = "the receiver failed for as long as this waited behind others".to_owned();
                self.bury(machine, name, entry, why, now_ms)?;
            }
            machine.lanes.get_or_insert_default().set_ready(name, now_ms);
            return Ok(());
        }
        let notice = self.notice_of(delivery.notice)?;
        let made = match (notice, receiver) {
            (Some(notice), Some(receiver)) => self.made_for(telling, &receiver, &notice),
            _ => Made::Never("what was to be told is gone".into()),
        };
        let lanes = machine.lanes.get_or_insert_default();
        let Some(lane) = lanes.get(name) else { return Ok(()) };
        if let Made::Gone = made {
            if let Some((key, delivery)) = lane.loaded.pop_front() {
                Self::end(machine, key, delivery.notice);
            }
            machine.lanes.get_or_insert_default().set_ready(name, now_ms);
            return Ok(());
        }
        lane.is_busy = true;
        machine.in_flight += 1;
        add(&self.outbox.counters.attempts);
        let (finished, signal) = (self.outbox.finished.clone(), self.outbox.signal.clone());
        let (lane, epoch) = (name.to_owned(), machine.epoch);
        let done = move |outcome| {
            finished.lock().push(Finished { lane, epoch, outcome });
            signal.wake();
        };
        match made {
            Made::Call(call) => telling.net.start(call, Box::new(done)),
            Made::Aside(work) => begin_aside(&*telling.aside, telling.net.clone(), work, done),
            Made::Signing(work) => begin_aside(&*telling.signing, telling.net.clone(), work, done),
            Made::Never(why) => done(Err(CallError::for_good(why))),
            Made::Gone => {}
        }
        Ok(())
    }

    /// Returns what is sent to a receiver.
    fn made_for(&self, telling: &Arc<Telling>, receiver: &Receiver, notice: &Notice) -> Made {
        match receiver {
            Receiver::Handler(name) => match telling.handlers.of_name(name) {
                Some(handler) => Made::Call(handler.call(notice)),
                None => Made::Never(format!("handler {name} is no longer configured")),
            },
            Receiver::Subscription(arn) => self.call_of_subscription(telling, arn, notice),
            Receiver::Topic(_) => Made::Never("it is a topic".into()),
        }
    }

    fn policy_of(&self, telling: &Arc<Telling>, receiver: Option<&Receiver>) -> RetryPolicy {
        match receiver {
            Some(Receiver::Subscription(arn)) => self.policy_of_subscription(arn),
            Some(receiver) if is_command(telling, receiver) => RetryPolicy::COMMAND,
            _ => RetryPolicy::PATIENT,
        }
    }

    /// Forgets keys that are so old that nobody will write them again, and the oldest dead letters;
    /// once in an hour, a piece at a time.
    fn sweep(&self, machine: &mut Machine, now_ms: i64) -> Result<(), CatalogError> {
        const EVERY_MS: i64 = 3_600_000;
        const KEPT_MS: i64 = 30 * 24 * EVERY_MS;
        if machine.swept_ms.is_some_and(|at| now_ms - at < EVERY_MS) {
            return Ok(());
        }
        machine.swept_ms = Some(now_ms);
        self.forget_unconfirmed(now_ms)?;
        self.outbox.forget_old_letters(machine, now_ms)?;
        let mut after = String::new();
        loop {
            let page = self.outbox.catalog.page(KEYS, "", &after, 512)?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            let is_old = |value: &[u8]| {
                serde_json::from_slice(value)
                    .map_or(true, |seen: KeySeen| seen.at_ms < now_ms - KEPT_MS)
            };
            let old = page.into_iter().filter(|(_, value)| is_old(value));
            let changes: Vec<Change> = old.map(|(key, _)| Change::remove(KEYS, key)).collect();
            if !changes.is_empty() {
                self.outbox.catalog.write(changes)?;
            }
        }
        Ok(())
    }
}

/// Has a call made on another thread, which then starts it.
fn begin_aside(
    who: &dyn Aside,
    net: Arc<dyn Net>,
    work: Box<dyn FnOnce() -> Result<Call, String> + Send>,
    done: impl FnOnce(Result<Reply, CallError>) + Send + 'static,
) {
    who.run(Box::new(move || match work() {
        Ok(call) => net.start(call, Box::new(done)),
        Err(why) => done(Err(CallError::for_good(why))),
    }));
}

impl Outbox {
    /// Notes a dead letter; the oldest of a tenant that has too many goes.
    fn note_letter(&self, machine: &mut Machine, notice: &Notice, number: u64, now_ms: i64) {
        let letters = machine.letters.get_or_insert_default();
        if let Some(oldest) = letters.added(notice.tenant, number, now_ms) {
            machine.pending.push(Change::remove(DEAD, number_text(oldest)));
            add(&self.counters.letters_too_many);
            tracing::warn!(
                account = %notice.scope.account, letter = number_text(oldest),
                "a dead letter is thrown away: the account has too many"
            );
        }
    }

    fn forget_old_letters(&self, machine: &mut Machine, now_ms: i64) -> Result<(), CatalogError> {
        let old = machine.letters.get_or_insert_default().take_old(now_ms);
        if old.is_empty() {
            return Ok(());
        }
        tracing::warn!(count = old.len(), "dead letters are thrown away: they are too old");
        self.counters.letters_too_old.fetch_add(old.len() as u64, Ordering::Relaxed);
        for piece in old.chunks(CHANGES_MAX) {
            let removals = piece.iter().map(|number| Change::remove(DEAD, number_text(*number)));
            self.catalog.write(removals.collect())?;
        }
        Ok(())
    }

    /// Shows what goes wrong to whoever looks after the server.
    fn show_trouble(&self, machine: &mut Machine) {
        let letters = machine.letters.get_or_insert_default();
        self.counters.dead_letters.store(letters.len() as u64, Ordering::Relaxed);
        let failing = machine.lanes.get_or_insert_default().failing();
        let mut trouble = self.trouble.lock();
        trouble.failing_count = failing.map_or(0, |(_, _, _, count)| count);
        trouble.failing = failing.map(|(lane, since_ms, why, _)| FailingReceiver {
            lane: lane.to_owned(),
            since_ms,
            why: why.to_owned(),
        });
        trouble.letters = letters.len();
        trouble.newest_letter_ms = letters.newest_ms();
    }
}

fn is_command(telling: &Arc<Telling>, receiver: &Receiver) -> bool {
    match receiver {
        Receiver::Handler(name) => {
            telling.handlers.of_name(name).is_some_and(bus::Handler::is_command)
        }
        Receiver::Subscription(_) | Receiver::Topic(_) => false,
    }
}

/// Says what an answer means. A receiver that says that this very message is wrong will say so again;
/// all else may be mended by then: a path that is not there yet, a token that is renewed.
fn verdict(outcome: &Result<Reply, CallError>, is_command: bool) -> Verdict {
    const NEVER: [u16; 7] = [400, 405, 406, 411, 413, 415, 422];
    match outcome {
        Ok(reply) if is_command && reply.status == 0 => Verdict::Delivered,
        Ok(reply) if is_command => Verdict::Again(said("exit code", reply)),
        Ok(reply) if (200..300).contains(&reply.status) => Verdict::Delivered,
        Ok(reply) if NEVER.contains(&reply.status) => Verdict::Never(said("status", reply)),
        Ok(reply) => Verdict::Again(said("status", reply)),
        Err(error) if error.is_permanent => Verdict::Never(error.text.clone()),
        Err(error) => Verdict::Again(error.text.clone()),
    }
}

fn said(what: &str, reply: &Reply) -> String {
    let text = String::from_utf8_lossy(&reply.body);
    let text = bus::address::one_line(&text, WHY_BYTES_MAX);
    match text.is_empty() {
        true => format!("{what} {}", reply.status),
        false => format!("{what} {}: {text}", reply.status),
    }
}
