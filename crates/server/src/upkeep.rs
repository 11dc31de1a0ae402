//! The threads that are nobody's request: committing, background work, collecting.

use crate::{ServerError, ServerOptions, Shared, own_metrics};
use agent::HostCollector;
use model::{Delta, Kind, SeriesKey};
use platform::{IngestError, Platform, TimeLimits, WriteError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use stdx::StopSignal;

/// How often the host is asked: the CloudWatch agent's names, at high resolution.
const COLLECT_EVERY_MS: i64 = 10_000;
/// How often due background work is looked for.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);
/// Alarms look at what arrived at once, but not more often than this: what comes meanwhile is one look.
const ALARMS_PAUSE: Duration = Duration::from_millis(10);
/// How often they look whether the server stops, when nothing else is to be done.
const ALARMS_IDLE: Duration = Duration::from_secs(1);
/// What is done all the time may be lost from the audit for this long, when the machine ends.
const AUDIT_SYNC_EVERY: Duration = Duration::from_secs(1);
/// Threads that ask for alarms: a slow query holds up no other.
const ALARM_ASKERS: usize = 2;
const COMMIT_WAIT: Duration = Duration::from_millis(100);

pub(crate) struct Threads {
    committer: JoinHandle<()>,
    committer_stops: Arc<AtomicBool>,
    others: Vec<JoinHandle<()>>,
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, ServerError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map_err(|source| ServerError::System { what: "threads cannot be started", source })
}

/// A server whose committing thread is gone would take writes and never answer them, one whose
/// upkeep is gone would fill its memory, and both would look healthy. The journal holds what was
/// acknowledged: whoever starts it again finds all of it.
struct EndsTheProcess;

impl Drop for EndsTheProcess {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("a thread that everything rests on panicked; ending the process");
            std::process::abort();
        }
    }
}

pub(crate) fn start(
    shared: &Arc<Shared>,
    options: &ServerOptions,
    stop: &StopSignal,
) -> Result<Threads, ServerError> {
    let committer_stops = Arc::new(AtomicBool::new(false));
    let committer = {
        let (shared, stops) = (shared.clone(), committer_stops.clone());
        spawn("commit", move || {
            let _guard = EndsTheProcess;
            while !stops.load(Ordering::Relaxed) {
                shared.platform.commit_step(COMMIT_WAIT);
            }
        })?
    };
    let mut others = Vec::new();
    {
        let (shared, stop) = (shared.clone(), stop.clone());
        others.push(spawn("audit", move || {
            while !stop.wait(AUDIT_SYNC_EVERY) {
                shared.platform.sync_audit();
            }
            shared.platform.sync_audit();
        })?);
    }
    // On a virtual clock background work happens when the clock is moved, in order.
    if shared.virtual_clock.is_none() {
        let (shared, stop) = (shared.clone(), stop.clone());
        others.push(spawn("upkeep", move || {
            let _guard = EndsTheProcess;
            keep_up(&shared, &stop);
        })?);
    }
    // So do alarms.
    if shared.virtual_clock.is_none() {
        let (followed, stopped) = (shared.clone(), stop.clone());
        others.push(spawn("alarms", move || {
            let _guard = EndsTheProcess;
            follow_alarms(&followed.platform, &stopped);
        })?);
        for _ in 0..ALARM_ASKERS {
            let (shared, stop) = (shared.clone(), stop.clone());
            others.push(spawn("alarm-query", move || {
                let _guard = EndsTheProcess;
                ask_for_alarms(&shared.platform, &stop);
            })?);
        }
    }
    if options.collect_host || shared.virtual_clock.is_none() {
        let (shared, stop) = (shared.clone(), stop.clone());
        let host = options.collect_host.then(|| HostCollector::new(options.host_name.as_str()));
        others.push(spawn("collect", move || collect(&shared, host, &stop))?);
    }
    {
        let (shared, stop) = (shared.clone(), stop.clone());
        others.push(spawn("deliver", move || {
            let _guard = EndsTheProcess;
            crate::deliveries::deliver(&shared, &stop);
        })?);
    }
    Ok(Threads { committer, committer_stops, others })
}

impl Threads {
    /// Stops in order: whoever writes first, then what is in memory goes to parts, then the
    /// committer, which everyone before needs.
    pub(crate) fn finish(self, stop: &StopSignal, platform: &Platform) {
        stop.stop();
        platform.wake_deliveries();
        for thread in self.others {
            if thread.join().is_err() {
                tracing::error!("a background thread had panicked");
            }
        }
        if let Err(error) = platform.flush() {
            tracing::error!(%error, "memory was not written into parts; the journal holds it");
        }
        self.committer_stops.store(true, Ordering::Relaxed);
        if self.committer.join().is_err() {
            tracing::error!("the committing thread had panicked");
        }
    }
}

/// Gives alarms what arrived soon after it did, and the time when they are due.
fn follow_alarms(platform: &Platform, stop: &StopSignal) {
    let mut seen = 0;
    while !stop.is_stopped() {
        let due_ms = platform.alarm_step();
        let left = || {
            let left_ms = due_ms.saturating_sub(platform.clock().now_ms()).max(1);
            Duration::from_millis(left_ms.unsigned_abs())
        };
        if stop.wait(left().min(ALARMS_PAUSE)) {
            break;
        }
        seen = platform.wait_for_alarms(seen, left().min(ALARMS_IDLE));
    }
}

/// Asks for what alarms want to know and cannot compute themselves.
fn ask_for_alarms(platform: &Platform, stop: &StopSignal) {
    let mut seen = 0;
    while !stop.is_stopped() {
        if !platform.alarm_query_step() {
            seen = platform.wait_for_alarm_queries(seen, ALARMS_IDLE);
        }
    }
}

fn keep_up(shared: &Shared, stop: &StopSignal) {
    let mut failing = false;
    loop {
        match shared.platform.upkeep_step() {
            Ok(true) if !stop.is_stopped() => continue,
            Ok(_) => {
                if std::mem::take(&mut failing) {
                    tracing::info!("background work goes on");
                }
            }
            Err(error) => {
                // Once, not every second: a full disk stays full for a while.
                if !std::mem::replace(&mut failing, true) {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, cause, "background work failed and is tried again");
                }
            }
        }
        if stop.wait(UPKEEP_EVERY) {
            return;
        }
    }
}

/// Collects on the grid of its interval, so that samples of a restart line up with those before.
fn collect(shared: &Shared, mut host: Option<HostCollector>, stop: &StopSignal) {
    loop {
        let now_ms = shared.platform.clock().now_ms();
        if let Some(collector) = &mut host {
            let collected = collector.collect(now_ms);
            for error in &collected.errors {
                tracing::warn!(%error, "a metric of the host is left out");
            }
            if let Err(error) = put(shared, &collected) {
                tracing::warn!(%error, "metrics of the host were not kept");
            }
        }
        if shared.virtual_clock.is_none()
            && let Err(error) = own_metrics::store(shared)
        {
            tracing::warn!(%error, "own metrics were not kept");
        }
        // A virtual clock may stand still: then one round is made for each real interval, and all
        // but the first add to the same moment.
        let now_ms = shared.platform.clock().now_ms();
        let pause_ms = match shared.virtual_clock {
            Some(_) => COLLECT_EVERY_MS,
            None => COLLECT_EVERY_MS - now_ms.rem_euclid(COLLECT_EVERY_MS),
        };
        if stop.wait(Duration::from_millis(pause_ms.unsigned_abs())) {
            return;
        }
    }
}

fn put(shared: &Shared, collected: &agent::Collected) -> Result<(), IngestError> {
    let platform = &shared.platform;
    let scope = platform.default_scope();
    let who = model::Principal::internal(scope.account);
    // Twice: the registry may be renewed between beginning and submitting.
    for _ in 0..2 {
        let mut ingest = platform.begin_ingest(&who, scope, TimeLimits::CloudWatch)?;
        for datum in &collected.data {
            let labels = datum.dimensions.iter().map(|(n, v)| ((*n).to_owned(), v.clone()));
            let mut key = SeriesKey {
                tenant: ingest.tenant,
                namespace: "CWAgent".into(),
                name: datum.name.into(),
                unit: datum.unit,
                labels: labels.collect(),
            };
            if key.canonicalise().is_err() {
                continue;
            }
            let series = ingest.batch.register_own(&key, Kind::Delta);
            // High resolution: the grid is a second.
            let at_ms = collected.at_ms.div_euclid(1000) * 1000;
            ingest.batch.delta(series, at_ms, Delta::of_value(datum.value));
        }
        match platform.submit(ingest.batch, |_| {}) {
            Err(WriteError::Stale) => {}
            other => return Ok(other?),
        }
    }
    Ok(())
}
