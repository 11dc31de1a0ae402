//! Management calls and refusals, kept as lines of JSON in CloudTrail's form, in files that rotate.
//!
//! Calls about data - putting, publishing and asking - are not recorded. A file that cannot be written
//! stops nobody: it is counted and logged, and later records are tried again.

use crate::Platform;
use crate::credentials::hex;
use model::{AccountId, AuditRecord, Principal, UserIdentity};
use parking_lot::Mutex;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use stdx::{Clock, Disk, DiskFile, Rng};

/// Whose operations those are that no other service has.
pub const EVENT_SOURCE: &str = "manage.sightline";

const FILE: &str = "audit.jsonl";
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Full files that are kept beside the current one; the oldest goes.
const FILES_KEPT: usize = 10;
/// A longer line is cut down to what it is about: what a client sends must not fill the disk.
const LINE_BYTES_MAX: usize = 16 << 10;
/// Refusals cost their sender nothing, so that only some of a flood are recorded: so many at once,
/// and then one in so many milliseconds. Logins, which anybody can try, are counted apart from what
/// those who were let in may not do, and that from what they did wrong.
const REFUSALS_MAX: i64 = 100;
const REFUSAL_EVERY_MS: i64 = 200;
/// So many refusals wait while the file is synced; more are left out.
const WAITING_MAX: usize = 256;
/// So many acts wait that are not waited for; whoever brings more waits for the file.
const ACTS_WAITING_MAX: usize = 4_096;

/// Where a call came from.
#[derive(Debug, Clone, Default)]
pub struct CallSource {
    /// Address of the client, or what it is instead of one.
    pub address: String,
    /// The client's program, as it calls itself.
    pub user_agent: Option<String>,
    /// Id of the request; made up when empty.
    pub request_id: String,
}

/// What somebody did, or was refused.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// Whose operation, such as [`EVENT_SOURCE`] or `monitoring.amazonaws.com`.
    pub source: String,
    /// The operation, such as `CreateAccessKey`.
    pub name: String,
    /// Whether it could change anything.
    pub read_only: bool,
    /// What was asked for, without secrets.
    pub parameters: Option<Value>,
    /// What became of it, without secrets.
    pub response: Option<Value>,
    /// Why it was refused or failed: a code and a text.
    pub error: Option<(String, String)>,
    /// The region that it was done in; the server's own unless it says.
    pub region: Option<String>,
    /// There may be thousands a second, which outlive the end of the process at once, and that of the
    /// machine within a second: nobody waits for a sync. What was done is durable itself.
    pub is_frequent: bool,
}

impl AuditEvent {
    /// A change of the server by one of our own operations.
    pub fn of(name: &str, parameters: Option<Value>) -> Self {
        Self {
            source: EVENT_SOURCE.into(),
            name: name.into(),
            read_only: false,
            parameters,
            response: None,
            error: None,
            region: None,
            is_frequent: false,
        }
    }

    /// The same, refused or failed.
    #[must_use]
    pub fn failed(mut self, code: impl Into<String>, message: impl Into<String>) -> Self {
        self.error = Some((code.into(), message.into()));
        self
    }

    /// The same, with what became of it.
    #[must_use]
    pub fn with_response(mut self, response: Value) -> Self {
        self.response = Some(response);
        self
    }
}

/// What was recorded since the start.
#[derive(Debug, Default)]
pub struct AuditCounters {
    /// Records that were written.
    pub written: AtomicU64,
    /// Records that could not be written.
    pub failed: AtomicU64,
    /// Refusals that were left out of a flood.
    pub left_out: AtomicU64,
}

/// The files of one data directory.
#[derive(Debug)]
pub(crate) struct Audit {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    dir: PathBuf,
    region: String,
    counters: AuditCounters,
    state: Mutex<State>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct State {
    file: Option<(Box<dyn DiskFile>, u64)>,
    /// Acts were written that are not synced.
    is_dirty: bool,
    failing: bool,
}

/// Lines on their way to the file: nobody who is refused, or does what is done all the time, waits for the
/// sync of another's act.
#[derive(Debug)]
struct Waiting {
    refusals: Vec<Vec<u8>>,
    acts: Vec<Vec<u8>>,
    logins: Bucket,
    forbidden: Bucket,
    failures: Bucket,
}

#[derive(Debug)]
struct Bucket {
    left: i64,
    refilled_at_ms: i64,
}

impl Audit {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        data_dir: &Path,
        region: &str,
    ) -> Self {
        let bucket = || Bucket { left: REFUSALS_MAX, refilled_at_ms: 0 };
        let waiting = Waiting {
            refusals: Vec::new(),
            acts: Vec::new(),
            logins: bucket(),
            forbidden: bucket(),
            failures: bucket(),
        };
        Self {
            disk,
            clock,
            dir: data_dir.join("audit"),
            region: region.to_owned(),
            counters: AuditCounters::default(),
            state: Mutex::new(State { file: None, is_dirty: false, failing: false }),
            waiting: Mutex::new(waiting),
        }
    }

    pub(crate) fn counters(&self) -> &AuditCounters {
        &self.counters
    }

    /// Keeps a record. What was done is durable when this returns, unless it is frequent; refusals are
    /// not: they wait for nobody, and are written by whoever has the file.
    pub(crate) fn record(
        &self,
        identity: UserIdentity,
        account: AccountId,
        from: &CallSource,
        event: AuditEvent,
    ) {
        let now_ms = self.clock.now_ms();
        let was_refused = event.error.is_some();
        if was_refused && !self.waiting.lock().takes(&event, now_ms) {
            self.counters.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let is_frequent = event.is_frequent;
        let line = line(&self.record_of(identity, account, from, event, now_ms));
        if was_refused {
            self.waiting.lock().refusals.push(line);
        } else if is_frequent {
            let mut waiting = self.waiting.lock();
            waiting.acts.push(line);
            if waiting.acts.len() > ACTS_WAITING_MAX {
                drop(waiting);
                self.write(&mut self.state.lock());
            }
        } else {
            self.keep(&mut self.state.lock(), &line, true);
        }
        self.write_waiting();
    }

    /// Writes what waits, unless somebody has the file, who does it then.
    fn write_waiting(&self) {
        while !self.waiting.lock().is_empty() {
            let Some(mut state) = self.state.try_lock() else { return };
            self.write(&mut state);
        }
    }

    fn write(&self, state: &mut State) {
        let (refusals, acts) = {
            let mut waiting = self.waiting.lock();
            (std::mem::take(&mut waiting.refusals), std::mem::take(&mut waiting.acts))
        };
        state.is_dirty |= !acts.is_empty();
        for line in refusals.iter().chain(&acts) {
            self.keep(state, line, false);
        }
    }

    /// Syncs what nobody waited for; a thread calls it about once a second.
    pub(crate) fn sync(&self) {
        self.write_waiting();
        let mut state = self.state.lock();
        if state.is_dirty {
            let synced = state.file.as_ref().map_or(Ok(()), |(file, _)| file.sync());
            self.note(&mut state, synced);
        }
        drop(state);
        self.write_waiting();
    }

    fn keep(&self, state: &mut State, line: &[u8], synced: bool) {
        let kept = self.append(state, line, synced);
        let counter = if kept.is_ok() { &self.counters.written } else { &self.counters.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        if kept.is_err() || synced {
            self.note(state, kept);
        }
    }

    /// Notes whether the file could be synced.
    fn note(&self, state: &mut State, outcome: io::Result<()>) {
        state.is_dirty = false;
        match outcome {
            Ok(()) => {
                if std::mem::take(&mut state.failing) {
                    tracing::info!("the audit is recorded again");
                }
            }
            Err(error) => {
                // What is in the file now is not known: it is looked at again.
                state.file = None;
                if !std::mem::replace(&mut state.failing, true) {
                    tracing::error!(%error, dir = %self.dir.display(), "the audit is not recorded");
                }
            }
        }
    }

    fn record_of(
        &self,
        user_identity: UserIdentity,
        account: AccountId,
        from: &CallSource,
        event: AuditEvent,
        now_ms: i64,
    ) -> AuditRecord {
        let seconds = now_ms.div_euclid(1000);
        let at = jiff::Timestamp::from_second(seconds).map(|t| t.to_string()).unwrap_or_default();
        let (error_code, error_message) = event.error.unzip();
        let is_login = event.name == LOGIN;
        AuditRecord {
            event_version: "1.11",
            user_identity,
            event_time: at,
            event_source: event.source,
            event_name: event.name,
            aws_region: event.region.unwrap_or_else(|| self.region.clone()),
            source_ip_address: from.address.clone(),
            user_agent: from.user_agent.clone(),
            error_code,
            error_message,
            request_parameters: event.parameters,
            response_elements: event.response,
            request_id: match from.request_id.is_empty() {
                true => uuid(),
                false => from.request_id.clone(),
            },
            event_id: uuid(),
            read_only: event.read_only,
            event_type: if is_login { "AwsConsoleSignIn" } else { "AwsApiCall" },
            management_event: true,
            recipient_account_id: account.to_string(),
        }
    }

    fn append(&self, state: &mut State, line: &[u8], synced: bool) -> io::Result<()> {
        if state.file.is_none() {
            state.file = Some(self.open()?);
        }
        if let Some((file, len)) = &state.file
            && len + line.len() as u64 > FILE_BYTES_MAX
        {
            if std::mem::take(&mut state.is_dirty) {
                file.sync()?;
            }
            state.file = None;
            self.rotate()?;
            state.file = Some(self.open()?);
        }
        let (file, len) = state.file.as_mut().expect("opened above");
        file.write_all_at(line, *len)?;
        *len += line.len() as u64;
        if synced { file.sync() } else { Ok(()) }
    }

    /// Opens the current file at its end. A line that was cut off by a crash stays, and gets an end.
    fn open(&self) -> io::Result<(Box<dyn DiskFile>, u64)> {
        self.disk.create_dir_all(&self.dir)?;
        let path = self.dir.join(FILE);
        let file = match self.disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = self.disk.create_private(&path)?;
                self.disk.sync_dir(&self.dir)?;
                if let Some(above) = self.dir.parent() {
                    self.disk.sync_dir(above)?;
                }
                file
            }
            other => other?,
        };
        let mut len = file.len()?;
        let mut last = [b'\n'];
        if len > 0 {
            file.read_exact_at(&mut last, len - 1)?;
        }
        if last != *b"\n" {
            file.write_all_at(b"\n", len)?;
            len += 1;
        }
        Ok((file, len))
    }

    /// Moves each full file one number up; the oldest goes.
    fn rotate(&self) -> io::Result<()> {
        let numbered = |n: usize| match n {
            0 => self.dir.join(FILE),
            n => self.dir.join(format!("{FILE}.{n}")),
        };
        for n in (0..FILES_KEPT).rev() {
            match self.disk.rename(&numbered(n), &numbered(n + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.disk.sync_dir(&self.dir)
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.refusals.is_empty() && self.acts.is_empty()
    }

    /// Says whether a refusal is recorded.
    fn takes(&mut self, event: &AuditEvent, now_ms: i64) -> bool {
        let bucket = match &event.error {
            _ if event.name == LOGIN => &mut self.logins,
            Some((code, _)) if code == "AccessDenied" => &mut self.forbidden,
            _ => &mut self.failures,
        };
        self.refusals.len() < WAITING_MAX && bucket.takes(now_ms)
    }
}

impl Bucket {
    fn takes(&mut self, now_ms: i64) -> bool {
        let passed = now_ms.saturating_sub(self.refilled_at_ms);
        if !(0..REFUSAL_EVERY_MS).contains(&passed) {
            let more = (passed / REFUSAL_EVERY_MS).clamp(0, REFUSALS_MAX);
            self.left = (self.left + more).min(REFUSALS_MAX);
            self.refilled_at_ms = now_ms;
        }
        let takes = self.left > 0;
        self.left -= i64::from(takes);
        takes
    }
}

fn line(record: &AuditRecord) -> Vec<u8> {
    let text = |record: &AuditRecord| {
        let mut line = serde_json::to_vec(record).expect("texts are JSON");
        line.push(b'\n');
        line
    };
    let whole = text(record);
    if whole.len() <= LINE_BYTES_MAX {
        return whole;
    }
    let mut cut = record.clone();
    let shorten = |text: &mut String| *text = text.chars().take(256).collect();
    (cut.request_parameters, cut.response_elements) = (None, None);
    for one in [&mut cut.event_name, &mut cut.event_source, &mut cut.request_id] {
        shorten(one);
    }
    let identity = &mut cut.user_identity;
    let optional = [
        &mut cut.user_agent,
        &mut cut.error_message,
        &mut identity.user_name,
        &mut identity.access_key_id,
    ];
    optional.into_iter().flatten().for_each(shorten);
    text(&cut)
}

/// A random UUID, version 4.
fn uuid() -> String {
    let mut bytes = Rng::system_bytes::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

/// The event of a login that was refused.
const LOGIN: &str = "Login";

impl Platform {
    /// Records a management call, or one that was refused; what was done is durable when this
    /// returns. Never with secrets among its parameters.
    pub fn audit(&self, who: &Principal, from: &CallSource, event: AuditEvent) {
        self.audit.record(UserIdentity::of(who), who.account, from, event);
    }

    /// Records that somebody was not let in, with the name or the access key that they gave.
    pub fn audit_refused_login(
        &self,
        user_name: Option<&str>,
        access_key_id: Option<&str>,
        from: &CallSource,
        code: &str,
        message: &str,
    ) {
        let identity =
            UserIdentity::unknown(user_name.map(str::to_owned), access_key_id.map(str::to_owned));
        let event = AuditEvent { read_only: true, ..AuditEvent::of(LOGIN, None) };
        let account = self.default_scope().account;
        self.audit.record(identity, account, from, event.failed(code, message));
    }

    /// Syncs records that nobody waited for; called about once a second.
    pub fn sync_audit(&self) {
        self.audit.sync();
    }

    /// Returns what was recorded since the start.
    pub fn audit_counters(&self) -> &AuditCounters {
        self.audit.counters()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::{CrashPlan, SimDisk, VirtualClock};

    fn audit(disk: &SimDisk) -> (Audit, Arc<VirtualClock>) {
        let clock = Arc::new(VirtualClock::starting_at(1_767_225_600_999));
        (Audit::new(Arc::new(disk.clone()), clock.clone(), Path::new("/d"), "eu-west-1"), clock)
    }

    fn lines(disk: &SimDisk, name: &str) -> Vec<Value> {
        let bytes = disk.open(&Path::new("/d/audit").join(name)).unwrap().read_all().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|l| serde_json::from_str(l).unwrap_or(Value::Null)).collect()
    }

    fn who() -> Principal {
        let account = "123456789012".parse().unwrap();
        Principal { key_id: "SLAK".into(), name: "ann".into(), ..Principal::open("x", account) }
    }

    fn record(audit: &Audit, event: AuditEvent) {
        let from = CallSource { address: "127.0.0.1".into(), ..CallSource::default() };
        audit.record(UserIdentity::of(&who()), who().account, &from, event);
    }

    #[test]
    fn a_record_has_the_fields_of_cloudtrail() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let (audit, _) = audit(&disk);
        record(&audit, AuditEvent::of("CreateUser", Some(serde_json::json!({"name": "bob"}))));
        let lines = lines(&disk.after_power_loss(), FILE);
        let [line] = &lines[..] else { panic!("one line: {lines:?}") };
        let id = |name: &str| line[name].as_str().unwrap().len();
        assert_eq!((id("eventID"), id("requestID")), (36, 36));
        let mut line = line.clone();
        for random in ["eventID", "requestID"] {
            line.as_object_mut().unwrap().remove(random);
        }
        let expected = serde_json::json!({
            "eventVersion": "1.11",
            "userIdentity": {"type": "IAMUser", "accountId": "123456789012",
                "arn": "arn:aws:iam::123456789012:user/ann", "accessKeyId": "SLAK", "userName": "ann"},
            "eventTime": "2026-01-01T00:00:00Z",
            "eventSource": "manage.sightline", "eventName": "CreateUser", "awsRegion": "eu-west-1",
            "sourceIPAddress": "127.0.0.1",
            "requestParameters": {"name": "bob"}, "responseElements": null,
            "readOnly": false, "eventType": "AwsApiCall", "managementEvent": true,
            "recipientAccountId": "123456789012",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn files_rotate_and_the_oldest_goes() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let (audit, _) = audit(&disk);
        for n in 0..FILES_KEPT + 3 {
            record(&audit, AuditEvent::of(&format!("Event{n}"), None));
            // Nearly full: the next record does not fit.
            audit.state.lock().file.as_mut().unwrap().1 = FILE_BYTES_MAX - 10;
        }
        assert_eq!(disk.list(Path::new("/d/audit")).unwrap().len(), FILES_KEPT + 1);
        assert_eq!(lines(&disk, FILE)[0]["eventName"], "Event12");
        assert_eq!(lines(&disk, "audit.jsonl.1")[0]["eventName"], "Event11");
        assert_eq!(lines(&disk, "audit.jsonl.10")[0]["eventName"], "Event2");
    }

    #[test]
    fn a_full_disk_is_counted_and_got_over() {
        let plan = CrashPlan { capacity_bytes: Some(100), ..CrashPlan::default() };
        let disk = SimDisk::new(1, plan);
        let (audit, _) = audit(&disk);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (0..3).for_each(|_| record(&audit, AuditEvent::of("Lost", None)));
        assert_eq!((count(&audit.counters.failed), count(&audit.counters.written)), (3, 0));
        disk.set_plan(CrashPlan::default());
        record(&audit, AuditEvent::of("Kept", None));
        let lines = lines(&disk, FILE);
        assert_eq!(lines[0], Value::Null, "what was cut off gets a line of its own");
        assert_eq!(lines.last().unwrap()["eventName"], "Kept");
        assert_eq!(count(&audit.counters.written), 1);
    }

    #[test]
    fn a_flood_of_refusals_is_thinned_out_and_acts_are_not() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let (audit, clock) = audit(&disk);
        let refuse = || record(&audit, AuditEvent::of("Login", None).failed("Wrong", "no"));
        (0..1_000).for_each(|_| refuse());
        let written = || audit.counters.written.load(Ordering::Relaxed);
        assert_eq!(written(), 100);
        record(&audit, AuditEvent::of("CreateUser", None));
        assert_eq!(written(), 101);
        clock.advance_to(clock.now_ms() + 1_000);
        (0..1_000).for_each(|_| refuse());
        assert_eq!(written(), 106);
        assert_eq!(audit.counters.left_out.load(Ordering::Relaxed), 1_895);
    }

    #[test]
    fn a_flood_of_logins_hides_no_other_refusal() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let (audit, _) = audit(&disk);
        let refuse = |name: &str, code: &str| {
            record(&audit, AuditEvent::of(name, None).failed(code, "no"));
        };
        (0..1_000).for_each(|_| refuse(LOGIN, "Wrong"));
        (0..1_000).for_each(|_| refuse("PutMetricAlarm", "ValidationError"));
        refuse("DeleteSeries", "AccessDenied");
        let lines = lines(&disk, FILE);
        assert_eq!(lines.len(), 201);
        assert_eq!(lines[200]["eventName"], "DeleteSeries");
    }

    fn frequent(name: &str) -> AuditEvent {
        AuditEvent {
            is_frequent: true,
            region: Some("eu-central-1".into()),
            ..AuditEvent::of(name, None)
        }
    }

    #[test]
    fn what_is_done_all_the_time_is_written_at_once_and_synced_soon() {
        type Then = fn(&Audit);
        // Also by an act behind it that is waited for.
        let thens: [Then; 2] =
            [Audit::sync, |audit| record(audit, AuditEvent::of("CreateUser", None))];
        for (seed, then) in (1..).zip(thens) {
            let disk = SimDisk::new(seed, CrashPlan::default());
            let (audit, _) = audit(&disk);
            (0..1_000).for_each(|_| record(&audit, frequent("PutMetricAlarm")));
            let written = lines(&disk, FILE);
            assert_eq!(written.len(), 1_000, "the end of the process loses nothing");
            assert_eq!(written[0]["awsRegion"], "eu-central-1");
            then(&audit);
            let kept = lines(&disk.after_power_loss(), FILE);
            assert_eq!(kept[..1_000], written, "nor does now that of the machine");
        }
    }

    #[test]
    fn what_is_done_all_the_time_waits_for_no_sync() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let (audit, _) = audit(&disk);
        record(&audit, AuditEvent::of("First", None));
        disk.hold_syncs(true);
        std::thread::scope(|scope| {
            scope.spawn(|| record(&audit, AuditEvent::of("Slow", None)));
            while lines(&disk, FILE).len() < 2 {
                std::thread::yield_now();
            }
            // These return: nothing syncs before they did.
            (0..ACTS_WAITING_MAX).for_each(|_| record(&audit, frequent("PutMetricAlarm")));
            assert_eq!(lines(&disk, FILE).len(), 2);
            disk.hold_syncs(false);
        });
        assert_eq!(
            lines(&disk, FILE).len(),
            2 + ACTS_WAITING_MAX,
            "whoever had the file wrote them"
        );
    }

    #[test]
    fn a_full_file_is_synced_before_it_is_put_aside() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let (audit, _) = audit(&disk);
        record(&audit, frequent("PutMetricAlarm"));
        audit.state.lock().file.as_mut().unwrap().1 = FILE_BYTES_MAX - 10;
        record(&audit, AuditEvent::of("CreateUser", None));
        let kept = lines(&disk.after_power_loss(), "audit.jsonl.1");
        assert_eq!(kept[0]["eventName"], "PutMetricAlarm");
    }

    #[test]
    fn a_refusal_does_not_wait_for_the_sync_of_an_act() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let (audit, _) = audit(&disk);
        record(&audit, AuditEvent::of("First", None));
        disk.hold_syncs(true);
        std::thread::scope(|scope| {
            scope.spawn(|| record(&audit, AuditEvent::of("Slow", None)));
            while lines(&disk, FILE).len() < 2 {
                std::thread::yield_now();
            }
            // These return: nothing syncs before they did.
            for n in 0..WAITING_MAX + 10 {
                let name = if n % 2 == 0 { LOGIN } else { "DeleteSeries" };
                record(&audit, AuditEvent::of(name, None).failed("Wrong", "no"));
            }
            assert_eq!(lines(&disk, FILE).len(), 2);
            disk.hold_syncs(false);
        });
        assert_eq!(lines(&disk, FILE).len(), 2 + 2 * 100, "whoever had the file wrote them");
    }

    #[test]
    fn a_long_record_is_cut_down() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let (audit, _) = audit(&disk);
        let long = "x".repeat(100_000);
        record(&audit, AuditEvent::of("E", Some(Value::String(long.clone()))).failed("C", long));
        let lines = lines(&disk, FILE);
        assert_eq!(lines[0]["requestParameters"], Value::Null);
        assert_eq!(lines[0]["errorMessage"].as_str().unwrap().len(), 256);
    }
}
