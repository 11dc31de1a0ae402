//! Dead letters: what was given up, to be looked at, sent again or thrown away.

use super::Receiver;
use super::records::{
    DEAD, DELIVERIES, DeadLetter, Delivery, OUTBOX, TOLD, delivery_key, number_of, number_text,
};
use crate::Platform;
use crate::access::{AccessError, Verb};
use catalog::{CatalogError, Change};
use model::Principal;
use serde::Serialize;

/// A page of a list is never longer.
const PAGE_MAX: usize = 1_000;

/// A dead letter, for lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetterShown {
    /// Its number; lists go on behind the last one.
    pub id: String,
    /// `handler`, `subscription` or `topic`.
    pub kind: String,
    /// Name of the handler, ARN of the subscription or of the topic that was not there.
    pub receiver: String,
    /// When it was given up.
    pub given_up: String,
    /// When it happened what is told.
    pub happened: String,
    /// Attempts that were made.
    pub attempts: u32,
    /// Why the last one failed.
    pub why: String,
    /// The action's ARN.
    pub target: String,
    /// Account that it belongs to.
    pub account: String,
    /// Region that it belongs to.
    pub region: String,
    /// The id of the message, as the receiver would see it.
    pub message_id: String,
    /// What it is about.
    pub subject: String,
}

/// Why dead letters were not shown or sent again.
#[derive(Debug, thiserror::Error)]
pub enum DeadLettersError {
    /// Whoever asked may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There is no such letter.
    #[error("there is no dead letter {0:?}")]
    Unknown(String),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

fn text_of(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map(|t| t.to_string()).unwrap_or_default()
}

fn shown(id: String, letter: &DeadLetter) -> Option<(bus::Notice, DeadLetterShown)> {
    let notice = letter.notice().ok()?;
    let (kind, receiver) = letter.lane.split_once('/').unwrap_or(("", &letter.lane));
    let subject = match &notice.said {
        bus::Said::Alarm(alarm) => alarm.subject.clone(),
        bus::Said::Message(message) => message.subject.clone().unwrap_or_default(),
        bus::Said::Confirm(_) => "Subscription Confirmation".into(),
    };
    let shown = DeadLetterShown {
        id,
        kind: kind.to_owned(),
        receiver: receiver.to_owned(),
        given_up: text_of(letter.at_ms),
        happened: text_of(notice.at_ms),
        attempts: letter.attempts,
        why: letter.why.clone(),
        target: notice.target.clone(),
        account: notice.scope.account.to_string(),
        region: notice.scope.region.clone(),
        message_id: notice.message_id(),
        subject,
    };
    Some((notice, shown))
}

impl Platform {
    /// Returns dead letters of the accounts that somebody manages, oldest first, behind the one of the
    /// id `after` (none: from the first).
    ///
    /// # Errors
    /// [`DeadLettersError`].
    pub fn dead_letters(
        &self,
        who: &Principal,
        after: &str,
        max: usize,
    ) -> Result<Vec<DeadLetterShown>, DeadLettersError> {
        let own = model::Scope { account: who.account, region: self.default_scope.region.clone() };
        self.check(who, &own, Verb::Manage)?;
        let mut found = Vec::new();
        let mut after = after.to_owned();
        while found.len() < max.min(PAGE_MAX) {
            let page = self.catalog.page(DEAD, "", &after, PAGE_MAX)?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            for (id, value) in page {
                let Ok(letter) = serde_json::from_slice::<DeadLetter>(&value) else { continue };
                let Some((notice, shown)) = shown(id, &letter) else { continue };
                if self.check(who, &notice.scope, Verb::Manage).is_ok()
                    && found.len() < max.min(PAGE_MAX)
                {
                    found.push(shown);
                }
            }
        }
        Ok(found)
    }

    /// Sends a dead letter again, to the receiver that did not get it: it leaves the dead letters and
    /// stands behind what waits for that receiver, in one step.
    ///
    /// # Errors
    /// [`DeadLettersError`].
    pub fn resend_dead_letter(&self, who: &Principal, id: &str) -> Result<(), DeadLettersError> {
        let (letter, notice, present) = self.dead_letter(who, id)?;
        let now_ms = self.clock.now_ms();
        let number = self.outbox.number();
        let gone = Change {
            table: DEAD,
            key: id.to_owned(),
            value: None,
            expect: catalog::Expect::Value(present),
        };
        // What was for a topic that was not there looks for it again.
        let to_topic = matches!(Receiver::of_lane(&letter.lane), None | Some(Receiver::Topic(_)));
        let changes = if to_topic {
            vec![gone, Change::put(OUTBOX, number_text(number), again(&notice, number).to_bytes())]
        } else {
            let delivery = Delivery { notice: number, since_ms: now_ms, failed: 0, due_ms: now_ms };
            let key = delivery_key(&letter.lane, self.outbox.number());
            vec![
                gone,
                Change::put(TOLD, number_text(number), notice.to_bytes()),
                Change::put(DELIVERIES, key, delivery.to_bytes()),
            ]
        };
        // The delivering thread must not look between the two.
        let mut machine = self.outbox.machine.lock();
        self.catalog.write(changes)?;
        if let (Some(letters), Some(gone)) = (machine.letters.as_mut(), number_of(id)) {
            letters.removed(notice.tenant, gone);
        }
        if let Some(lanes) = machine.lanes.as_mut()
            && !to_topic
        {
            lanes.added(&letter.lane, number, now_ms);
        }
        drop(machine);
        self.wake_deliveries();
        Ok(())
    }

    /// Throws a dead letter away.
    ///
    /// # Errors
    /// [`DeadLettersError`].
    pub fn drop_dead_letter(&self, who: &Principal, id: &str) -> Result<(), DeadLettersError> {
        let (_, notice, _) = self.dead_letter(who, id)?;
        let mut machine = self.outbox.machine.lock();
        self.catalog.write(vec![Change::remove(DEAD, id)])?;
        if let (Some(letters), Some(gone)) = (machine.letters.as_mut(), number_of(id)) {
            letters.removed(notice.tenant, gone);
        }
        drop(machine);
        // What it shows of dead letters is not so any more.
        self.wake_deliveries();
        Ok(())
    }

    fn dead_letter(
        &self,
        who: &Principal,
        id: &str,
    ) -> Result<(DeadLetter, bus::Notice, Vec<u8>), DeadLettersError> {
        let own = model::Scope { account: who.account, region: self.default_scope.region.clone() };
        self.check(who, &own, Verb::Manage)?;
        let unknown = || DeadLettersError::Unknown(id.to_owned());
        let value = self.catalog.get(DEAD, id)?.ok_or_else(unknown)?;
        let letter: DeadLetter = serde_json::from_slice(&value).map_err(|_| unknown())?;
        let notice = letter.notice().map_err(|_| unknown())?;
        self.check(who, &notice.scope, Verb::Manage)?;
        Ok((letter, notice, value))
    }
}

/// The notice under a key of its own: its first one was carried out.
fn again(notice: &bus::Notice, number: u64) -> bus::Notice {
    bus::Notice { key: format!("{}/again/{number}", notice.key), ..notice.clone() }
}
