//! Windows that may be wrong: they are asked for again.

use super::{AlarmEngine, NEVER};
use crate::definition::Metric;
use crate::effect::{Effect, Rebuild, SlotId};
use model::{TenantId, TimeRange};

impl AlarmEngine {
    /// Says that points may have been missed: all windows are asked for again.
    pub fn doubt_everything(&mut self) -> Vec<Effect> {
        for id in 0..self.slots.len() as u32 {
            if self.slots[id as usize].is_some() {
                self.request(id);
            }
        }
        std::mem::take(&mut self.effects)
    }

    /// Says that stored points of some metrics of a tenant are others now, as some were deleted: those of
    /// their windows that reach into the range are asked for again. The next evaluation decides.
    pub fn doubt(
        &mut self,
        tenant: TenantId,
        range: TimeRange,
        is_meant: impl Fn(&Metric) -> bool,
    ) -> Vec<Effect> {
        for id in 0..self.slots.len() as u32 {
            let reach_ms = self.reach_ms(id);
            let Some(slot) = &self.slots[id as usize] else { continue };
            let wanted = &slot.key.wanted;
            if wanted.tenant == tenant && reach_ms < range.end_ms && is_meant(&wanted.metric) {
                self.request(id);
            }
        }
        std::mem::take(&mut self.effects)
    }

    /// Goes on behind another position of the journal: after a start, what was kept may know of
    /// positions that the journal lost.
    pub fn rewind(&mut self, position: u64) {
        self.position = position;
    }

    /// Asks for the past of a window.
    pub(super) fn request(&mut self, id: u32) {
        self.requests += 1;
        let request = self.requests;
        let start_ms = self.reach_ms(id);
        let slot = self.slots[id as usize].as_mut().expect("a slot that is asked for is there");
        (slot.in_doubt, slot.asked) = (true, Some(request));
        self.effects.push(Effect::Rebuild(Rebuild {
            slot: SlotId { slot: id, request },
            tenant: slot.key.wanted.tenant,
            metric: slot.key.wanted.metric.clone(),
            range: TimeRange { start_ms, end_ms: i64::MAX },
            step_ms: slot.key.step_ms,
            distribution: slot.key.distribution,
        }));
    }

    /// Returns how far back a window reaches now. Before the first tick nobody knows: all is asked for.
    fn reach_ms(&self, id: u32) -> i64 {
        let Some(slot) = &self.slots[id as usize] else { return NEVER };
        let step_ms = slot.key.step_ms;
        match self.now_ms {
            NEVER => NEVER,
            now_ms => (now_ms.div_euclid(step_ms) - slot.ring.len() as i64) * step_ms,
        }
    }
}
