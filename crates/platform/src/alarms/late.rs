//! The log of late arrivals, kept.
//!
//! What came late stands in the engine beside the window that it came for (see `alarm`), and in a table
//! of the catalog of its own, a row for each window. It is written apart from decisions, some rows every
//! few seconds, the longest waiting first: nobody is told later because of it, and a flood of late
//! points costs a bounded rate of writing. A crash so loses some seconds of it, and no decision.

use super::Running;
use super::keep::{LATE, of_place, place};
use crate::Platform;
use alarm::{AlarmEngine, LateRow};
use catalog::{Catalog, CatalogError, Change};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Rows are written so often,
const EVERY_MS: i64 = 5_000;
/// and so many at once.
const ROWS: usize = 1_000;

/// Gives an engine what was kept; returns the removal of what belongs to nobody any more.
pub(super) fn load(
    catalog: &dyn Catalog,
    engine: &mut AlarmEngine,
) -> Result<Vec<Change>, CatalogError> {
    let mut removals = Vec::new();
    for (at, row) in catalog.scan(LATE, "")? {
        let loaded = of_place(&at).map(|(tenant, _)| engine.load_late_row(tenant, &row));
        match loaded {
            Some(Ok(true)) => continue,
            Some(Ok(false)) | None => {}
            Some(Err(error)) => {
                tracing::error!(window = at, %error, "late arrivals of a window are forgotten");
            }
        }
        removals.push(Change::remove(LATE, at));
    }
    Ok(removals)
}

fn change(row: LateRow) -> Change {
    let hash = Sha256::digest(&row.window);
    let name = hash.iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let at = place(row.tenant, &name);
    match row.row {
        Some(row) => Change::put(LATE, at, row),
        None => Change::remove(LATE, at),
    }
}

impl Platform {
    /// Queues what came late, if some time has passed since the last time.
    pub(super) fn queue_late(&self, running: &mut Running, now_ms: i64) {
        let since_ms = now_ms.saturating_sub(running.late_queued_ms);
        if (0..EVERY_MS).contains(&since_ms) {
            return;
        }
        running.late_queued_ms = now_ms;
        self.queue_late_rows(running, ROWS);
    }

    fn queue_late_rows(&self, running: &mut Running, max: usize) -> bool {
        let rows = running.engine.changed_late_rows(max);
        let is_some = !rows.is_empty();
        self.alarms.keeping.queue(rows.into_iter().map(change).collect());
        is_some
    }

    /// Keeps all that came late, and what was looked at, before an orderly end.
    ///
    /// # Errors
    /// When the catalog fails.
    pub(crate) fn keep_late_arrivals(&self) -> Result<(), CatalogError> {
        {
            let mut running = self.alarms.running.lock();
            // Up to when everything was looked at: what comes for that after the next start is late.
            if !running.engine.is_empty() {
                let head = super::carry::head(&mut running, self.clock.now_ms());
                self.alarms.keeping.queue(vec![head]);
            }
        }
        while self.queue_late_rows(&mut self.alarms.running.lock(), ROWS) {
            self.alarms.keeping.keep_all(&*self.catalog)?;
        }
        self.alarms.keeping.keep_all(&*self.catalog)
    }
}
