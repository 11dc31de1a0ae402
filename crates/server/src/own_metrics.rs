//! The server's own metrics: a page for Prometheus, and series of the namespace `Sightline`.

use crate::{Shared, usage};
use formats::exposition::{Exposition, MetricKind};
use http::StatusCode;
use platform::{IngestError, TimeLimits, WriteError};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Doors as they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DoorName {
    Aws,
    Prometheus,
    Control,
}

impl DoorName {
    const ALL: [Self; 3] = [Self::Aws, Self::Prometheus, Self::Control];

    fn text(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Prometheus => "prometheus",
            Self::Control => "control",
        }
    }
}

/// Requests by door and class of status, and how long they took.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    counts: [[AtomicU64; 6]; 3],
    micros: [AtomicU64; 3],
}

impl Requests {
    pub(crate) fn count(&self, door: DoorName, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).min(5);
        self.counts[door as usize][class].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros[door as usize].fetch_add(micros, Ordering::Relaxed);
    }
}

/// One value: name, kind, what it is, labels, value.
pub(crate) struct Own {
    pub(crate) name: &'static str,
    pub(crate) kind: MetricKind,
    pub(crate) help: &'static str,
    pub(crate) labels: Vec<(&'static str, Cow<'static, str>)>,
    pub(crate) value: f64,
}

const CLASSES: [&str; 6] = ["0xx", "1xx", "2xx", "3xx", "4xx", "5xx"];

#[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
fn collect(shared: &Shared) -> Vec<Own> {
    let status = shared.platform.store_status();
    let counters = shared.platform.store_counters();
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
    let mut all = Vec::new();
    let mut put = |name, kind, help, labels: &[(&'static str, &'static str)], value| {
        let labels = labels.iter().map(|(n, v)| (*n, Cow::Borrowed(*v))).collect();
        all.push(Own { name, kind, help, labels, value });
    };
    use MetricKind::{Counter, Gauge};
    put(
        "sightline_uptime_seconds",
        Gauge,
        "Time since the start.",
        &[],
        shared.uptime.elapsed().as_secs_f64(),
    );
    put("sightline_points_total", Counter, "Points that were kept.", &[], load(&counters.points));
    put(
        "sightline_batches_total",
        Counter,
        "Batches of points by outcome.",
        &[("outcome", "kept")],
        load(&counters.batches),
    );
    put(
        "sightline_batches_total",
        Counter,
        "Batches of points by outcome.",
        &[("outcome", "failed")],
        load(&counters.batches_failed),
    );
    put(
        "sightline_flushes_total",
        Counter,
        "Heads written into parts.",
        &[],
        load(&counters.flushes),
    );
    put("sightline_merges_total", Counter, "Merges of parts.", &[], load(&counters.merges));
    put(
        "sightline_merged_points_total",
        Counter,
        "Points that merges wrote.",
        &[],
        load(&counters.merged_points),
    );
    put(
        "sightline_rollups_total",
        Counter,
        "Days rolled up, and parts of roll-ups put together.",
        &[],
        load(&counters.roll_ups),
    );
    put(
        "sightline_parts_expired_total",
        Counter,
        "Parts removed for their age.",
        &[],
        load(&counters.parts_expired),
    );
    put(
        "sightline_maintenance_failures_total",
        Counter,
        "Flushes and merges that failed and are tried again.",
        &[],
        load(&counters.maintenance_failures),
    );
    put("sightline_series", Gauge, "Series in memory.", &[], status.series as f64);
    put(
        "sightline_active_series",
        Gauge,
        "Series with points since the last flush.",
        &[],
        status.active_series as f64,
    );
    put(
        "sightline_head_points",
        Gauge,
        "Points that are in no part yet.",
        &[],
        status.head_points as f64,
    );
    put(
        "sightline_head_bytes",
        Gauge,
        "Bytes that those points take in memory.",
        &[],
        status.head_bytes as f64,
    );
    put(
        "sightline_registry_bytes",
        Gauge,
        "Bytes of series and their index in memory, roughly.",
        &[],
        status.registry_bytes as f64,
    );
    for (what, count) in ["metadata", "exemplars"].into_iter().zip(shared.platform.refused_beside())
    {
        let help = "Pieces of metadata, and exemplars, that were refused.";
        let labels = [("what", what)];
        put("sightline_beside_refused_total", Counter, help, &labels, count as f64);
    }
    let exemplars = shared.platform.exemplar_status();
    put("sightline_exemplars", Gauge, "Exemplars that are kept.", &[], exemplars.count as f64);
    put(
        "sightline_exemplar_bytes",
        Gauge,
        "Bytes that exemplars take in memory.",
        &[],
        exemplars.bytes as f64,
    );
    put(
        "sightline_exemplars_evicted_total",
        Counter,
        "Exemplars that gave way to newer ones.",
        &[],
        exemplars.evicted as f64,
    );
    put("sightline_parts", Gauge, "Parts of raw points in service.", &[], status.parts as f64);
    for (tier, status) in platform::Tier::ALL.into_iter().zip(status.tiers) {
        let of_tier = [("tier", tier.name())];
        let gauges = [
            ("sightline_rollup_parts", "Parts of roll-ups in service.", status.parts as u64),
            ("sightline_rollup_bytes", "Bytes of them, index included.", status.bytes),
            ("sightline_rollup_points", "Roll-ups in them.", status.points),
            ("sightline_rollup_days", "Days that they answer for.", status.days as u64),
        ];
        for (name, help, value) in gauges {
            put(name, Gauge, help, &of_tier, value as f64);
        }
    }
    put(
        "sightline_rollup_days_waiting",
        Gauge,
        "Days that are over and have raw points that are in no roll-up.",
        &[],
        status.days_to_roll_up as f64,
    );
    put(
        "sightline_parts_damaged",
        Gauge,
        "Parts that were set aside as damaged.",
        &[],
        status.parts_damaged as f64,
    );
    put(
        "sightline_parts_bytes",
        Gauge,
        "Bytes of the parts, index included.",
        &[],
        status.parts_bytes as f64,
    );
    put("sightline_parts_points", Gauge, "Points in the parts.", &[], status.parts_points as f64);
    put(
        "sightline_journal_bytes",
        Gauge,
        "Bytes of the journal.",
        &[],
        status.journal_bytes as f64,
    );
    if let Some(free) = shared.platform.disk_free_bytes() {
        put(
            "sightline_disk_free_bytes",
            Gauge,
            "Bytes that are free where the data are.",
            &[],
            free as f64,
        );
    }
    put(
        "sightline_tombstones",
        Gauge,
        "Deletions that still have parts to be rewritten.",
        &[],
        status.tombstones as f64,
    );
    put(
        "sightline_journal_syncs_total",
        Counter,
        "Commits of the journal.",
        &[],
        status.syncs.count as f64,
    );
    put(
        "sightline_journal_sync_seconds_total",
        Counter,
        "Time that commits of the journal took, with their syncs.",
        &[],
        status.syncs.total.as_secs_f64(),
    );
    put(
        "sightline_journal_sync_longest_seconds",
        Gauge,
        "The longest commit of the journal of the last minute.",
        &[],
        status.syncs.longest.as_secs_f64(),
    );
    for condition in shared.platform.health() {
        put(
            "sightline_health",
            Gauge,
            "1 while the condition holds; /-/health says since when and what to do.",
            &[("condition", condition.condition)],
            f64::from(u8::from(condition.active)),
        );
    }
    put(
        "sightline_waiting_points",
        Gauge,
        "Points that wait for the journal.",
        &[],
        status.waiting_points as f64,
    );
    if let Some(tls) = &shared.tls {
        put(
            "sightline_tls_certificate_expires_seconds",
            Gauge,
            "When the certificate in use expires, in seconds since 1970.",
            &[],
            tls.expires_s.load(Ordering::Relaxed) as f64,
        );
        put(
            "sightline_tls_reload_failing",
            Gauge,
            "1 while newer TLS files cannot be used and those before are in use.",
            &[],
            f64::from(u8::from(tls.is_stale.load(Ordering::Relaxed))),
        );
        for (outcome, counter) in [("loaded", &tls.loads), ("failed", &tls.failures)] {
            put(
                "sightline_tls_loads_total",
                Counter,
                "Times that TLS files were read because they were new.",
                &[("outcome", outcome)],
                load(counter),
            );
        }
        put(
            "sightline_tls_handshakes_failed_total",
            Counter,
            "Connections that did not become private ones.",
            &[],
            load(&tls.handshakes_failed),
        );
    }
    let alarms = shared.platform.alarm_counters();
    put("sightline_alarms", Gauge, "Alarms that are evaluated.", &[], load(&alarms.alarms));
    for (name, help, counter) in [
        ("sightline_alarm_changes_total", "Changes of alarms' states.", &alarms.changes),
        (
            "sightline_alarm_windows_read_total",
            "Windows of alarms that were read from the store.",
            &alarms.rebuilds,
        ),
        (
            "sightline_alarm_queries_total",
            "Questions of alarms that cannot be evaluated as points arrive.",
            &alarms.queries,
        ),
        ("sightline_alarm_queries_failed_total", "Of them, failed ones.", &alarms.queries_failed),
        (
            "sightline_alarm_queries_conflated_total",
            "Questions of alarms that were not asked, as a newer one of the same alarm stands for them.",
            &alarms.queries_conflated,
        ),
        (
            "sightline_alarm_writes_failed_total",
            "Writes of decisions that failed and are tried again; nobody is told before.",
            &alarms.writes_failed,
        ),
    ] {
        put(name, Counter, help, &[], load(counter));
    }
    put(
        "sightline_alarm_windows_waiting",
        Gauge,
        "Windows of alarms that are still to be read from the store; their alarms decide after that.",
        &[],
        load(&alarms.rebuilds_waiting),
    );
    put(
        "sightline_alarm_queries_waiting",
        Gauge,
        "Questions of alarms that wait for their turn.",
        &[],
        load(&alarms.queries_waiting),
    );
    put(
        "sightline_alarm_query_lag_seconds",
        Gauge,
        "From falling due to answered, of the newest answer to a question of an alarm.",
        &[],
        alarms.query_lag_ms.load(std::sync::atomic::Ordering::Relaxed) as f64 / 1e3,
    );
    put(
        "sightline_alarm_lag_seconds",
        Gauge,
        "From falling due to decided and kept, of the newest round of alarms.",
        &[],
        alarms.lag_ms.load(std::sync::atomic::Ordering::Relaxed) as f64 / 1e3,
    );
    let deliveries = shared.platform.delivery_counters();
    for (outcome, counter) in [
        ("delivered", &deliveries.delivered),
        ("failed", &deliveries.failed),
        ("given_up", &deliveries.dead),
        ("filtered", &deliveries.filtered),
        ("no_handler", &deliveries.no_handler),
        ("repeated", &deliveries.repeated),
    ] {
        put(
            "sightline_deliveries_total",
            Counter,
            "Deliveries by outcome; failed ones are tried again, repeated ones had the key of another.",
            &[("outcome", outcome)],
            load(counter),
        );
    }
    put(
        "sightline_notices_total",
        Counter,
        "Notices that left the outbox.",
        &[],
        load(&deliveries.notices),
    );
    put(
        "sightline_delivery_attempts_total",
        Counter,
        "Attempts to deliver.",
        &[],
        load(&deliveries.attempts),
    );
    put(
        "sightline_deliveries_waiting",
        Gauge,
        "Deliveries that are not over.",
        &[],
        load(&deliveries.waiting),
    );
    put(
        "sightline_deliveries_in_flight",
        Gauge,
        "Deliveries whose receivers have not answered yet.",
        &[],
        load(&deliveries.in_flight),
    );
    put(
        "sightline_dead_letters",
        Gauge,
        "Notices that were given up and lie there.",
        &[],
        load(&deliveries.dead_letters),
    );
    for (reason, counter) in
        [("age", &deliveries.letters_too_old), ("number", &deliveries.letters_too_many)]
    {
        put(
            "sightline_dead_letters_dropped_total",
            Counter,
            "Dead letters that were thrown away, older than two weeks or beyond 10,000 of an account and region.",
            &[("reason", reason)],
            load(counter),
        );
    }
    let audit = shared.platform.audit_counters();
    for (outcome, counter) in
        [("written", &audit.written), ("failed", &audit.failed), ("left_out", &audit.left_out)]
    {
        put(
            "sightline_audit_records_total",
            Counter,
            "Records of the audit by outcome; left out are refusals beyond a few a second.",
            &[("outcome", outcome)],
            load(counter),
        );
    }
    put(
        "sightline_logins_refused_total",
        Counter,
        "Requests whose key, password or token was not good.",
        &[],
        load(&shared.logins_refused),
    );
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let times = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
    put("process_cpu_seconds_total", Counter, "CPU time used, user and system.", &[], times);
    for door in DoorName::ALL {
        for (class, count) in CLASSES.iter().zip(&shared.requests.counts[door as usize]) {
            let count = load(count);
            if count > 0.0 {
                put(
                    "sightline_http_requests_total",
                    Counter,
                    "Requests by door and class of status.",
                    &[("door", door.text()), ("status", class)],
                    count,
                );
            }
        }
    }
    for door in DoorName::ALL {
        let seconds = load(&shared.requests.micros[door as usize]) / 1e6;
        put(
            "sightline_http_request_seconds_total",
            Counter,
            "Time that requests took.",
            &[("door", door.text())],
            seconds,
        );
    }
    all.extend(usage::metrics(shared, &status));
    all
}

/// Returns the page for `/metrics`.
pub(crate) fn page(shared: &Shared) -> String {
    let mut families: BTreeMap<&str, Vec<Own>> = BTreeMap::new();
    for own in collect(shared) {
        families.entry(own.name).or_default().push(own);
    }
    let mut page = Exposition::new();
    for (name, members) in families {
        let mut family = page.family(name, members[0].kind, members[0].help);
        for own in &members {
            let labels: Vec<(&str, &str)> =
                own.labels.iter().map(|(n, v)| (*n, v.as_ref())).collect();
            family.sample(&labels, own.value);
        }
    }
    page.finish()
}

/// Puts the same values into the store, as float series of the namespace `Sightline`.
pub(crate) fn store(shared: &Shared) -> Result<(), IngestError> {
    let platform = &shared.platform;
    let scope = platform.default_scope();
    let who = model::Principal::internal(scope.account);
    let now_ms = platform.clock().now_ms();
    let all = collect(shared);
    // Twice: the registry may be renewed between beginning and submitting.
    for _ in 0..2 {
        let mut ingest = platform.begin_ingest(&who, scope, TimeLimits::Retention)?;
        for own in &all {
            let mut key = model::SeriesKey {
                tenant: ingest.tenant,
                namespace: "Sightline".into(),
                name: own.name.into(),
                unit: model::Unit::None,
                labels: own.labels.iter().map(|(n, v)| ((*n).into(), v.to_string())).collect(),
            };
            key.canonicalise().expect("our own labels are distinct");
            let series = ingest.batch.register_own(&key, model::Kind::Float);
            ingest.batch.float(series, now_ms, own.value);
        }
        match platform.submit(ingest.batch, |_| {}) {
            Err(WriteError::Stale) => {}
            other => return Ok(other?),
        }
    }
    Ok(())
}
