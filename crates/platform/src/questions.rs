//! Questions get a turn, a share of memory and a time limit, so that one account's dashboards do
//! not starve another's, and no question the process.

use crate::read::AskError;
use metric_store::{QueryMemory, ReadBudget, ReadError, ReadLimits};
use model::TenantId;
use parking_lot::{Condvar, Mutex};
use query::QueryError;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use stdx::{Cancel, Stopwatch};

/// What questions may cost.
#[derive(Debug, Clone, Copy)]
pub struct QuestionLimits {
    /// What one question may read.
    pub read: ReadLimits,
    /// Memory of all questions together, in bytes, roughly.
    pub memory_bytes_max: u64,
    /// How long one question may take, waiting for its turn included.
    pub time_max: Duration,
    /// Questions that are worked on at once ...
    pub running_max: usize,
    /// ... and those of one account among them.
    pub running_per_tenant_max: usize,
    /// Questions of one account that may wait for their turn; further ones are refused.
    pub waiting_per_tenant_max: usize,
    /// What CloudWatch caps for cost ([`query::metric_data::caps`]) is capped here too.
    pub aws_caps: bool,
}

impl Default for QuestionLimits {
    fn default() -> Self {
        Self {
            read: ReadLimits::default(),
            memory_bytes_max: u64::MAX,
            time_max: Duration::from_secs(120),
            running_max: 16,
            running_per_tenant_max: 8,
            waiting_per_tenant_max: 64,
            aws_caps: false,
        }
    }
}

/// What the questions of one account cost since the start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QuestionUse {
    /// Questions that got a turn.
    pub asked: u64,
    /// Questions that were refused: too much at once, too large, out of time.
    pub refused: u64,
    /// Questions that nobody waited for any more.
    pub cancelled: u64,
    /// Time that they were worked on.
    pub busy: Duration,
    /// Most memory that one of them took, in bytes.
    pub bytes_max: u64,
    /// Being worked on.
    pub running: usize,
    /// Waiting for their turn.
    pub waiting: usize,
}

#[derive(Debug, Default)]
struct Turns {
    running: usize,
    by_tenant: HashMap<TenantId, QuestionUse>,
}

/// Gives questions their turns.
#[derive(Debug)]
pub(crate) struct Questions {
    limits: QuestionLimits,
    memory: Arc<QueryMemory>,
    turns: Mutex<Turns>,
    turn_over: Condvar,
}

/// A question whose turn it is. Dropped when it is answered.
#[derive(Debug)]
pub(crate) struct Turn<'q> {
    questions: &'q Questions,
    tenant: TenantId,
    began: Stopwatch,
    /// What the question may still read.
    pub(crate) budget: ReadBudget,
}

impl Questions {
    pub(crate) fn new(limits: QuestionLimits) -> Self {
        Self {
            limits,
            memory: Arc::new(QueryMemory::new(limits.memory_bytes_max)),
            turns: Mutex::default(),
            turn_over: Condvar::new(),
        }
    }

    pub(crate) fn limits(&self) -> &QuestionLimits {
        &self.limits
    }

    /// Returns the bytes that questions have.
    pub(crate) fn memory_used(&self) -> u64 {
        self.memory.used()
    }

    /// Returns what all questions cost together, those to scopes that hold nothing among them.
    pub(crate) fn all_uses(&self) -> QuestionUse {
        let turns = self.turns.lock();
        turns.by_tenant.values().fold(QuestionUse::default(), |all, of| QuestionUse {
            asked: all.asked + of.asked,
            refused: all.refused + of.refused,
            cancelled: all.cancelled + of.cancelled,
            busy: all.busy + of.busy,
            bytes_max: all.bytes_max.max(of.bytes_max),
            running: all.running + of.running,
            waiting: all.waiting + of.waiting,
        })
    }

    /// Returns what the questions of each account cost; those to scopes that hold nothing are not
    /// told.
    pub(crate) fn uses(&self) -> Vec<(TenantId, QuestionUse)> {
        let turns = self.turns.lock();
        let named = turns.by_tenant.iter().filter(|(tenant, _)| **tenant != TenantId::NOBODY);
        named.map(|(tenant, uses)| (*tenant, *uses)).collect()
    }

    /// Waits for the turn of a question. `asked_time` is what the asker allows, if they say.
    ///
    /// # Errors
    /// [`AskError::Busy`] when too many of the account's wait already, or the time is over first;
    /// [`ReadError::Cancelled`] when the asker leaves first.
    pub(crate) fn begin(
        &self,
        tenant: TenantId,
        asked_time: Option<Duration>,
    ) -> Result<Turn<'_>, AskError> {
        let QuestionLimits { running_max, running_per_tenant_max, .. } = self.limits;
        let time_max = asked_time.unwrap_or(Duration::MAX).min(self.limits.time_max);
        let asked = Stopwatch::start();
        let cancel = Cancel::current();
        let mut turns = self.turns.lock();
        let of_tenant = turns.by_tenant.entry(tenant).or_default();
        if of_tenant.waiting >= self.limits.waiting_per_tenant_max {
            of_tenant.refused += 1;
            let waiting = of_tenant.waiting;
            return Err(AskError::Busy(format!(
                "{waiting} questions of this account wait for their turn, more than that are \
                 refused; ask again later"
            )));
        }
        of_tenant.waiting += 1;
        loop {
            let all = turns.running;
            let of_tenant = turns.by_tenant.get_mut(&tenant).expect("entered above");
            if cancel.as_ref().is_some_and(Cancel::is_cancelled) {
                of_tenant.waiting -= 1;
                of_tenant.cancelled += 1;
                return Err(QueryError::from(ReadError::Cancelled).into());
            }
            if all < running_max && of_tenant.running < running_per_tenant_max {
                of_tenant.waiting -= 1;
                of_tenant.running += 1;
                of_tenant.asked += 1;
                turns.running += 1;
                break;
            }
            let left = time_max.saturating_sub(asked.elapsed());
            if left.is_zero() {
                of_tenant.waiting -= 1;
                of_tenant.refused += 1;
                return Err(AskError::Busy(format!(
                    "no turn within {time_max:?}: {} questions of this account are being worked \
                     on; ask again later",
                    of_tenant.running
                )));
            }
            self.turn_over.wait_for(&mut turns, left);
        }
        drop(turns);
        let budget = self.budget(asked, Some(time_max));
        Ok(Turn { questions: self, tenant, began: Stopwatch::start(), budget })
    }

    /// Has those that wait for their turn look whether their askers are still there.
    pub(crate) fn wake(&self) {
        // One that has looked and does not wait yet holds the lock.
        drop(self.turns.lock());
        self.turn_over.notify_all();
    }

    /// Returns what a question may cost that was asked some time ago.
    pub(crate) fn budget(&self, asked: Stopwatch, time_max: Option<Duration>) -> ReadBudget {
        let time_max = time_max.unwrap_or(Duration::MAX).min(self.limits.time_max);
        ReadBudget::new(self.limits.read, Some(self.memory.clone()))
            .with_time(asked, time_max)
            .with_cancel(Cancel::current())
    }

    /// Counts a question by why it was given up: it was refused for its cost, or nobody waited.
    fn count_given_up(&self, tenant: TenantId, why: &ReadError) {
        let mut turns = self.turns.lock();
        let of_tenant = turns.by_tenant.entry(tenant).or_default();
        match why {
            ReadError::Cancelled => of_tenant.cancelled += 1,
            // The disk's fault and nobody's.
            ReadError::Part(_) => {}
            _ => of_tenant.refused += 1,
        }
    }
}

impl Turn<'_> {
    /// Says whether the question may go on, and counts it when it may not.
    ///
    /// # Errors
    /// As [`ReadBudget::check_time`].
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        self.counted(self.budget.check_time().map_err(QueryError::from))
    }

    /// Counts a question that failed for what it costs, or because nobody waits for it.
    pub(crate) fn counted<T>(&self, result: Result<T, QueryError>) -> Result<T, QueryError> {
        if let Err(QueryError::Read(why)) = &result {
            self.questions.count_given_up(self.tenant, why);
        }
        result
    }

    /// Returns how long it has lasted.
    pub(crate) fn time_taken(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.questions.turns.lock();
        turns.running -= 1;
        let of_tenant = turns.by_tenant.entry(self.tenant).or_default();
        of_tenant.running -= 1;
        of_tenant.busy += self.began.elapsed();
        of_tenant.bytes_max = of_tenant.bytes_max.max(self.budget.taken());
        drop(turns);
        // All of them: which one may go on depends on whose it is.
        self.questions.turn_over.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn limits() -> QuestionLimits {
        QuestionLimits {
            running_max: 3,
            running_per_tenant_max: 2,
            waiting_per_tenant_max: 1,
            ..QuestionLimits::default()
        }
    }

    #[test]
    fn one_account_leaves_turns_to_others() {
        let questions = Questions::new(limits());
        let (a, b) = (TenantId(1), TenantId(2));
        let first = questions.begin(a, None).unwrap();
        let _second = questions.begin(a, None).unwrap();
        let busy = questions.begin(a, Some(Duration::ZERO)).unwrap_err().to_string();
        assert!(busy.starts_with("no turn within 0ns: 2 questions"), "{busy}");
        let of_b = questions.begin(b, None).unwrap();
        assert!(questions.begin(b, Some(Duration::ZERO)).is_err(), "all turns are taken");
        std::thread::scope(|scope| {
            let (told, hears) = mpsc::channel();
            let waits = &questions;
            scope.spawn(move || {
                let turn = waits.begin(a, None);
                told.send(turn.is_ok()).unwrap();
            });
            // Until the other thread waits, a third would too.
            while questions.turns.lock().by_tenant[&a].waiting == 0 {
                std::thread::yield_now();
            }
            let refused = questions.begin(a, None).unwrap_err().to_string();
            assert!(refused.starts_with("1 questions of this account wait"), "{refused}");
            drop(first);
            assert_eq!(hears.recv(), Ok(true));
        });
        drop(of_b);
        // One whose asker leaves does not wait for its turn.
        let _other = questions.begin(a, None).unwrap();
        std::thread::scope(|scope| {
            let asker = Cancel::new();
            let (waits, flag) = (&questions, asker.clone());
            let waiting = scope.spawn(move || flag.during(|| waits.begin(a, None).map(drop)));
            while questions.turns.lock().by_tenant[&a].waiting == 0 {
                std::thread::yield_now();
            }
            asker.cancel();
            questions.wake();
            let error = waiting.join().unwrap().unwrap_err().to_string();
            assert_eq!(error, "nobody waits for the answer any more");
        });
        let uses: HashMap<TenantId, QuestionUse> = questions.uses().into_iter().collect();
        assert_eq!((uses[&a].asked, uses[&a].refused, uses[&a].running), (4, 2, 2));
        assert_eq!((uses[&a].cancelled, uses[&a].waiting), (1, 0));
        assert_eq!((uses[&b].asked, uses[&b].refused, uses[&b].running), (1, 1, 0));
    }
}
