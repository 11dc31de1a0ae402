//! The outbox over a disk, a clock and receivers of a test, under one seed.

use super::records::{DEAD, DELIVERIES, OUTBOX, TABLES, TOLD};
use super::*;
use crate::{AuthMode, PlatformOptions, QuestionLimits, StoreOptions, SyncMode};
use bus::{AlarmSaid, Said};
use model::{AccountId, Principal, TenantId};
use std::collections::BTreeMap;
use stdx::{Clock, CrashPlan, Disk, HttpCall, SimDisk, SimNet, VirtualClock};

const HOUR_MS: i64 = 3_600_000;
pub(crate) const START_MS: i64 = 1_767_225_600_000;

const HANDLERS: &str = "
[[handler]]
name = 'a'
match = 'arn:aws:lambda:*:a'
url = 'http://a.example/'
body = '{{key}}'
[[handler]]
name = 'b'
match = 'arn:aws:lambda:*:b'
url = 'http://b.example/'
body = '{{key}}'
";

pub(crate) fn scope() -> Scope {
    Scope { account: AccountId::DEFAULT, region: "us-east-1".into() }
}

pub(crate) fn open(
    disk: &SimDisk,
    clock: &Arc<VirtualClock>,
) -> Result<Platform, crate::OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = PlatformOptions {
        data_dir: "/d".into(),
        default_scope: scope(),
        sync: SyncMode::Always,
        auth: AuthMode::Open,
        key_file: None,
        store: StoreOptions::default(),
        questions: QuestionLimits::default(),
    };
    Platform::open(&options, clock.clone(), disk)
}

fn notice(key: &str, target: &str) -> Notice {
    Notice {
        key: key.into(),
        tenant: TenantId(1),
        scope: scope(),
        at_ms: START_MS,
        target: format!("arn:aws:lambda:us-east-1:{target}"),
        said: Said::Alarm(AlarmSaid { alarm: "cpu".into(), ..AlarmSaid::default() }),
    }
}

fn put(platform: &Platform, key: &str, target: &str) {
    let changes = platform.notice_changes(&notice(key, target)).unwrap();
    platform.catalog.write(changes).unwrap();
    platform.wake_deliveries();
}

/// Steps until nothing is due.
pub(crate) fn settle(platform: &Platform) -> NextStep {
    loop {
        match platform.delivery_step() {
            NextStep::Now | NextStep::Soon => {}
            NextStep::At(at_ms) if at_ms <= platform.clock.now_ms() => {}
            next if platform.outbox.finished.lock().is_empty() => return next,
            _ => {}
        }
    }
}

/// What a place got, in its order.
fn got(net: &SimNet, place: &str) -> Vec<String> {
    let of_place = |call: Call| match call {
        Call::Http(HttpCall { url, body, .. }) if url.contains(place) => {
            Some(String::from_utf8(body).unwrap())
        }
        _ => None,
    };
    net.calls().into_iter().filter_map(of_place).collect()
}

pub(crate) fn ok() -> Option<Result<Reply, CallError>> {
    Some(Ok(Reply { status: 200, body: vec![] }))
}

pub(crate) fn status(status: u16) -> Option<Result<Reply, CallError>> {
    Some(Ok(Reply { status, body: b"why\r\nnot".to_vec() }))
}

fn is_to(call: &Call, place: &str) -> bool {
    matches!(call, Call::Http(http) if http.url.contains(place))
}

/// Does it at once.
#[derive(Debug)]
pub(crate) struct AtOnce;

impl Aside for AtOnce {
    fn run(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

pub(crate) fn telling(net: &Arc<SimNet>) -> Telling {
    Telling {
        net: net.clone(),
        handlers: Handlers::read(HANDLERS).unwrap(),
        reach: Reach { loopback: true },
        external_url: "https://s.example".into(),
        mail_from: Some("alarms@s.example".into()),
        queues: Some(Queues::parse("http://k:s@127.0.0.1:1").unwrap()),
        pictures: None,
        aside: Arc::new(AtOnce),
        signing: Arc::new(AtOnce),
    }
}

/// Writes what it hears into a table of its own.
#[derive(Debug)]
struct Log;

impl ActionLog for Log {
    fn outcome(&self, notice: &Notice, outcome: &Outcome) -> Vec<Change> {
        let text = match outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Failed(why) => format!("failed: {why}"),
            Outcome::NoHandler => "no handler".into(),
        };
        vec![Change::create("test-log", notice.key.as_str(), text.into_bytes())]
    }
}

fn logged(platform: &Platform) -> BTreeMap<String, String> {
    let entries = platform.catalog.scan("test-log", "").unwrap();
    entries.into_iter().map(|(key, text)| (key, String::from_utf8(text).unwrap())).collect()
}

struct World {
    platform: Platform,
    clock: Arc<VirtualClock>,
    net: Arc<SimNet>,
}

fn world(
    receiver: impl Fn(&Call, &mut stdx::Rng) -> Option<Result<Reply, CallError>> + Send + Sync + 'static,
) -> World {
    let clock = Arc::new(VirtualClock::starting_at(START_MS));
    let platform = open(&SimDisk::new(1, CrashPlan::default()), &clock).unwrap();
    let net = SimNet::new(1, receiver);
    platform.set_action_log(Arc::new(Log));
    platform.begin_telling(telling(&net));
    World { platform, clock, net }
}

fn is_empty(platform: &Platform, tables: &[&'static str]) -> bool {
    tables.iter().all(|table| platform.catalog.scan(table, "").unwrap().is_empty())
}

#[test]
fn a_notice_is_told_once_in_order_and_leaves_nothing_behind() {
    let World { platform, net, .. } = world(|_, _| ok());
    for n in 0..40 {
        put(&platform, &format!("k{n:02}"), if n % 2 == 0 { "a" } else { "b" });
        put(&platform, &format!("k{n:02}"), "a");
    }
    settle(&platform);
    let expected: Vec<String> = (0..20).map(|n| format!("k{:02}", 2 * n)).collect();
    assert_eq!(got(&net, "a.example"), expected);
    assert_eq!(got(&net, "b.example").len(), 20);
    assert!(is_empty(&platform, &[OUTBOX, TOLD, DELIVERIES, DEAD]));
    assert_eq!(logged(&platform).values().filter(|t| *t == "done").count(), 40);
    put(&platform, "k00", "a");
    settle(&platform);
    assert_eq!(got(&net, "a.example").len(), 20, "a key is carried out once");
}

#[test]
fn what_nothing_is_mapped_to_has_no_handler() {
    let World { platform, net, .. } = world(|_, _| ok());
    put(&platform, "k", "other");
    settle(&platform);
    assert_eq!(logged(&platform)["k"], "no handler");
    assert!(net.calls().is_empty() && is_empty(&platform, &[OUTBOX, TOLD, DELIVERIES, DEAD]));
}

#[test]
fn a_receiver_that_is_down_for_an_hour_gets_everything_in_order() {
    let clock = Arc::new(VirtualClock::starting_at(START_MS));
    let platform = open(&SimDisk::new(1, CrashPlan::default()), &clock).unwrap();
    let seen = clock.clone();
    let net = SimNet::new(1, move |call, _| {
        let is_down = is_to(call, "a.example") && seen.now_ms() < START_MS + HOUR_MS;
        if is_down { status(503) } else { ok() }
    });
    platform.begin_telling(telling(&net));
    let mut b_waited = false;
    for minute in 0..120 {
        put(&platform, &format!("k{minute:03}"), "a");
        put(&platform, &format!("b{minute:03}"), "b");
        settle(&platform);
        b_waited |= got(&net, "b.example").len() != minute + 1;
        clock.advance_to(START_MS + (minute as i64 + 1) * 60_000);
    }
    while let NextStep::At(at_ms) = settle(&platform) {
        clock.advance_to(at_ms);
    }
    let mut arrived = got(&net, "a.example");
    arrived.dedup();
    let expected: Vec<String> = (0..120).map(|n| format!("k{n:03}")).collect();
    assert_eq!(arrived, expected);
    assert!(!b_waited, "a slow receiver holds up only itself");
    assert!(is_empty(&platform, &TABLES[..3]) && is_empty(&platform, &[DEAD]));
}

#[test]
fn what_is_given_up_lies_among_the_dead_letters_and_can_be_sent_again() {
    let World { platform, clock, net } = world(|call, rng| {
        let _ = rng;
        let Call::Http(call) = call else { return ok() };
        match call.body.as_slice() {
            b"bad" => status(400),
            b"slow" => None,
            _ => ok(),
        }
    });
    for key in ["one", "bad", "two"] {
        put(&platform, key, "a");
    }
    settle(&platform);
    assert_eq!(got(&net, "a.example"), ["one", "bad", "two"], "a bad message holds up nobody");
    assert_eq!(logged(&platform)["bad"], "failed: status 400: why  not");
    let who = Principal::open("", AccountId::DEFAULT);
    let dead = platform.dead_letters(&who, "", 10).unwrap();
    assert_eq!((dead.len(), dead[0].receiver.as_str(), dead[0].attempts), (1, "a", 1));
    assert_eq!(platform.dead_letters(&who, &dead[0].id, 10).unwrap(), []);
    clock.advance_to(START_MS + HOUR_MS);
    // The log is written with the end of the notice, so a second end must not be refused by it.
    platform.catalog.write(vec![Change::remove("test-log", "bad")]).unwrap();
    platform.resend_dead_letter(&who, &dead[0].id).unwrap();
    settle(&platform);
    assert_eq!(got(&net, "a.example").len(), 4);
    let again = platform.dead_letters(&who, "", 10).unwrap();
    assert_eq!(again.len(), 1);
    assert!(platform.resend_dead_letter(&who, &dead[0].id).is_err(), "it is another one now");
    platform.drop_dead_letter(&who, &again[0].id).unwrap();
    assert!(is_empty(&platform, &[OUTBOX, TOLD, DELIVERIES, DEAD]));
}

#[test]
fn a_receiver_that_never_answers_holds_up_only_itself() {
    let World { platform, net, .. } =
        world(|call, _| if is_to(call, "a.example") { None } else { ok() });
    for n in 0..50 {
        put(&platform, &format!("a{n}"), "a");
        put(&platform, &format!("b{n}"), "b");
    }
    settle(&platform);
    assert_eq!((got(&net, "a.example").len(), got(&net, "b.example").len()), (1, 50));
    assert_eq!(platform.delivery_counters().in_flight.load(Ordering::Relaxed), 1);
    net.cut();
    assert!(matches!(settle(&platform), NextStep::At(at_ms) if at_ms > START_MS));
}

#[test]
fn after_the_policy_is_spent_all_that_waited_is_given_up() {
    let World { platform, clock, net } = world(|_, _| status(500));
    for n in 0..5 {
        put(&platform, &format!("k{n}"), "a");
    }
    while let NextStep::At(at_ms) = settle(&platform) {
        clock.advance_to(at_ms);
    }
    let who = Principal::open("", AccountId::DEFAULT);
    assert_eq!(platform.dead_letters(&who, "", 10).unwrap().len(), 5);
    assert!(clock.now_ms() > START_MS + 6 * HOUR_MS);
    assert_eq!(got(&net, "a.example").len(), 91, "one stands for all that wait behind it");
    assert!(is_empty(&platform, &[OUTBOX, TOLD, DELIVERIES]));
}

#[test]
fn an_emptied_outbox_forgets_what_is_under_way() {
    let World { platform, net, .. } = world(|_, _| None);
    put(&platform, "k", "a");
    settle(&platform);
    platform.outbox.clear().unwrap();
    net.cut();
    assert_eq!(settle(&platform), NextStep::Woken);
    assert!(is_empty(&platform, &TABLES));
}

/// Kills the process, or the power, at each operation of the disk in turn.
#[test]
fn a_crash_at_any_moment_loses_nothing_and_repeats_only_the_last() {
    let run = |disk: &SimDisk,
               clock: &Arc<VirtualClock>,
               net: &Arc<SimNet>,
               keys: std::ops::Range<u32>,
               kept: &mut Vec<String>| {
        let Ok(platform) = open(disk, clock) else { return };
        platform.set_action_log(Arc::new(LenientLog));
        platform.begin_telling(telling(net));
        for n in keys {
            let key = format!("k{n}");
            let Ok(changes) = platform.notice_changes(&notice(&key, "a")) else { return };
            if platform.catalog.write(changes).is_err() {
                return;
            }
            kept.push(key);
            // Steps end when the disk is gone: the error says to come again later.
            for _ in 0..3 {
                platform.delivery_step();
            }
        }
        for _ in 0..20 {
            platform.delivery_step();
        }
    };
    let mut crashes = 0;
    for seed in 0..2 {
        let quiet = SimDisk::new(seed, CrashPlan::default());
        let clock = Arc::new(VirtualClock::starting_at(START_MS));
        drop(open(&quiet, &clock).unwrap());
        let image = quiet.after_power_loss();
        for at in (1..400).step_by(3) {
            let clock = Arc::new(VirtualClock::starting_at(START_MS));
            // Every third answer is lost on its way back.
            let net = SimNet::new(seed, |_, rng| {
                if rng.one_in(3) { Some(Err(CallError::for_now("cut"))) } else { ok() }
            });
            let disk = image.after_power_loss();
            disk.set_plan(CrashPlan { power_off_at: Some(at), ..CrashPlan::default() });
            let mut kept = Vec::new();
            run(&disk, &clock, &net, 0..6, &mut kept);
            crashes += usize::from(kept.len() < 6);
            let later = disk.after_power_loss();
            let platform = open(&later, &clock).unwrap();
            platform.set_action_log(Arc::new(LenientLog));
            platform.begin_telling(telling(&net));
            while let NextStep::At(at_ms) = settle(&platform) {
                clock.advance_to(at_ms);
            }
            let arrived = got(&net, "a.example");
            for key in &kept {
                assert!(
                    arrived.contains(key),
                    "crash {at}, seed {seed}: {key} was lost: {arrived:?}"
                );
            }
            let mut order = arrived.clone();
            order.dedup();
            let mut sorted = order.clone();
            sorted.sort();
            sorted.dedup();
            // A repetition goes back to what was not known to be over, and goes on in order from there.
            assert!(order.len() <= sorted.len() * 2 + 6, "crash {at}: {order:?}");
            assert!(
                is_empty(&platform, &[OUTBOX, TOLD, DELIVERIES, DEAD]),
                "crash {at}, seed {seed}"
            );
        }
    }
    assert!(crashes > 20, "only {crashes} crashes fell into the work");
}

/// As [`Log`], where one that was repeated may be logged again.
#[derive(Debug)]
struct LenientLog;

impl ActionLog for LenientLog {
    fn outcome(&self, notice: &Notice, _: &Outcome) -> Vec<Change> {
        vec![Change::put("test-log", notice.key.as_str(), vec![])]
    }
}

#[test]
fn ten_thousand_notices_are_taken_in_few_transactions() {
    let World { platform, net, .. } = world(|_, _| ok());
    let before = platform.catalog.watch(0, Duration::ZERO);
    for batch in 0..100 {
        let of = |n: i32| {
            platform.notice_changes(&notice(&format!("k{}", batch * 100 + n), "b")).unwrap()
        };
        platform.catalog.write((0..100).flat_map(of).collect()).unwrap();
    }
    settle(&platform);
    assert_eq!(got(&net, "b.example").len(), 10_000);
    let writes = platform.catalog.watch(0, Duration::ZERO) - before;
    assert!(writes < 1_500, "{writes}");
}

fn holds(platform: &Platform, condition: &str) -> Option<(String, i64)> {
    let all = platform.health();
    let found = all.into_iter().find(|c| c.condition == condition).expect("a condition");
    found.active.then(|| (found.detail, found.since_ms.expect("a time")))
}

#[test]
fn dead_letters_are_told_of_and_thrown_away_in_the_end() {
    let clock = Arc::new(VirtualClock::starting_at(START_MS));
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = open(&disk, &clock).unwrap();
    platform.begin_telling(telling(&SimNet::new(1, |_, _| status(400))));
    settle(&platform);
    assert_eq!(holds(&platform, "dead_letters"), None);
    platform.outbox.machine.lock().letters = Some(Letters::with_max(3));
    for n in 0..5 {
        put(&platform, &format!("k{n}"), "a");
    }
    settle(&platform);
    let who = Principal::open("", AccountId::DEFAULT);
    let ids = |platform: &Platform| -> Vec<String> {
        platform.dead_letters(&who, "", 10).unwrap().into_iter().map(|l| l.message_id).collect()
    };
    let last: Vec<String> = (2..5).map(|n| notice(&format!("k{n}"), "a").message_id()).collect();
    assert_eq!(ids(&platform), last, "the oldest make room");
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let counters = platform.delivery_counters();
    assert_eq!((count(&counters.dead_letters), count(&counters.letters_too_many)), (3, 2));
    let told = "3 notices were given up and lie there".to_owned();
    assert_eq!(holds(&platform, "dead_letters"), Some((told, START_MS)));
    let first = platform.dead_letters(&who, "", 1).unwrap().remove(0).id;
    platform.drop_dead_letter(&who, &first).unwrap();
    settle(&platform);
    assert_eq!(count(&platform.delivery_counters().dead_letters), 2);

    // After a start they are counted again.
    drop(platform);
    let platform = open(&disk, &clock).unwrap();
    platform.begin_telling(telling(&SimNet::new(1, |_, _| status(400))));
    clock.advance_to(START_MS + 24 * HOUR_MS);
    settle(&platform);
    let counters = platform.delivery_counters();
    assert_eq!((count(&counters.dead_letters), holds(&platform, "dead_letters")), (2, None));
    clock.advance_to(START_MS + 14 * 24 * HOUR_MS);
    settle(&platform);
    assert_eq!(ids(&platform).len(), 2);
    clock.advance_to(START_MS + 15 * 24 * HOUR_MS);
    settle(&platform);
    assert!(is_empty(&platform, &[DEAD]));
    assert_eq!((count(&counters.dead_letters), count(&counters.letters_too_old)), (0, 2));
}

#[test]
fn a_receiver_that_fails_for_long_is_told_of() {
    let clock = Arc::new(VirtualClock::starting_at(START_MS));
    let platform = open(&SimDisk::new(1, CrashPlan::default()), &clock).unwrap();
    let seen = clock.clone();
    platform.begin_telling(telling(&SimNet::new(1, move |call, _| {
        let is_down = is_to(call, "a.example") && seen.now_ms() < START_MS + HOUR_MS;
        if is_down { status(503) } else { ok() }
    })));
    put(&platform, "k", "a");
    let mut since = Vec::new();
    while let NextStep::At(at_ms) = settle(&platform) {
        put(&platform, &format!("b{at_ms}"), "b");
        settle(&platform);
        since.push((clock.now_ms() - START_MS, holds(&platform, "receivers_failing")));
        clock.advance_to(at_ms);
    }
    assert!(since.len() > 10);
    for (after_ms, held) in since {
        let told = Some(("handler/a: status 503: why  not".to_owned(), START_MS));
        assert_eq!(held, if after_ms < 300_000 { None } else { told }, "{after_ms} ms");
    }
    assert_eq!(holds(&platform, "receivers_failing"), None, "it is back");
}
