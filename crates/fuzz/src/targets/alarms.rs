//! Alarms: what a stranger writes into definitions, and checkpoints.

use alarm::definition::{
    Actions, AlarmKey, CompositeAlarm, CompositeSpec, Definition, Invalid, MuteRule, MuteSpec,
    PromqlAlarm, PromqlSpec, SuppressorSpec, Watch, Zone,
};
use alarm::{AlarmEngine, Kept, Loaded, Options};
use model::{Scope, TenantId};
use platform::{AlarmRecord, MuteRecord};

pub(super) const DEFINITION_WORDS: &[&[u8]] = &[
    b"cron(",
    b"*/5 ",
    b"0-6,22 ",
    b"MON-FRI",
    b"JAN",
    b"? ",
    b"at(2026-01-01T00:00)",
    b")",
    b"\n",
    b"PT4H",
    b"P15D",
    b"P1DT2H30M",
    b"Europe/Berlin",
    b"UTC+05:30",
    b"-00:05",
    b"ALARM(a)",
    b"9",
    "é".as_bytes(),
];

pub(super) const RECORD_WORDS: &[&[u8]] = &[
    b"{\"v\":1,\"record\":{",
    b"\"watch\":{\"metric\":{",
    b"\"watch\":{\"composite\":{\"rule\":\"",
    b"\"statistic\":\"Sum\"",
    b"\"extended_statistic\":\"TM(10%:90%)\"",
    b"\"window\":{\"wall_clock\":\"Europe/Berlin\"}",
    b"\"window\":\"sliding\"",
    b"\"warm_up\":{\"minutes\":5}",
    b"\"threshold\":1e308",
    b"\"period_s\":4294967295",
    b"null",
    b"}}",
    b"\\u0000",
];

/// 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;

fn check(wrong: &[Invalid]) {
    assert!(!wrong.is_empty(), "a refusal has a reason");
    assert!(wrong.iter().all(|w| !w.field.is_empty() && !w.problem.is_empty()));
}

/// The lines are the expression of a mute rule, its duration, its zone; and a name.
pub(super) fn definition(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default().to_owned();
    let (expression, duration, zone, name) = (line(), line(), line(), line());
    if let Ok(zone) = Zone::parse("Timezone", &zone) {
        assert!(!zone.as_str().is_empty());
    }
    let spec =
        PromqlSpec { query: expression.clone(), interval_s: 60, pending_s: 0, recovery_s: 0 };
    if let Err(wrong) = PromqlAlarm::new(spec) {
        check(&wrong);
    }
    let suppressor = SuppressorSpec { alarm: name.clone(), wait_s: Some(1), extension_s: None };
    let spec = CompositeSpec { rule: expression.clone(), suppressor: Some(suppressor) };
    check(&CompositeAlarm::new(spec).expect_err("a suppressor needs both periods"));
    let zone = (!zone.is_empty()).then_some(zone);
    let spec = MuteSpec {
        name,
        targets: vec!["a".into()],
        expression,
        duration,
        zone,
        start_ms: None,
        expire_ms: Some(NOW_MS + 20 * DAY_MS),
    };
    let rule = match MuteRule::new(spec) {
        Ok(rule) => rule,
        Err(wrong) => return check(&wrong),
    };
    for now_ms in [0, NOW_MS, NOW_MS + DAY_MS / 3, NOW_MS + 19 * DAY_MS, i64::MAX / 2] {
        if let Some(until_ms) = rule.muted_until(now_ms) {
            assert!(now_ms < until_ms && until_ms <= now_ms + 15 * DAY_MS);
            assert!(!rule.is_expired(now_ms), "it mutes");
        }
    }
}

/// A checkpoint of nobody's: head or row, it is read or refused, and what is read is written alike.
pub(super) fn checkpoint(input: &[u8]) {
    let watch = Watch::Promql(
        PromqlAlarm::new(PromqlSpec {
            query: "up == 0".into(),
            interval_s: 60,
            pending_s: 60,
            recovery_s: 0,
        })
        .expect("a query"),
    );
    let key = AlarmKey { tenant: TenantId(1), name: "p".into() };
    let definition =
        Definition::new(key, "arn".into(), Actions::default(), watch).expect("a definition");
    let load = |head: Option<&[u8]>, row: &[u8]| {
        let (definition, row) = (definition.clone(), Some(row.to_vec()));
        let kept = Kept { definition, put_ms: NOW_MS, row };
        AlarmEngine::load(Options::default(), [kept], [], head, NOW_MS)
    };
    if let Ok(Loaded { engine, .. }) = load(Some(input), &[]) {
        let mut head = Vec::new();
        engine.head(&mut head);
        let again = load(Some(&head), &[]).expect("our own head is read");
        assert_eq!(again.engine.position(), engine.position());
    }
    // Late arrivals of a window: read or refused.
    let _ = alarm::check_late_row(input);
    let Loaded { mut engine, unreadable, .. } = load(None, input).expect("there is no head");
    if unreadable.is_empty() {
        assert_eq!(engine.changed_rows(), [], "it is as it was kept");
        let key = definition.key.clone();
        engine.set_actions_enabled(&key, true);
        let rows = engine.changed_rows();
        let row = rows[0].row.as_ref().expect("it is there");
        let again = load(None, row).expect("there is no head");
        assert!(again.unreadable.is_empty(), "our own row is read");
        assert_eq!(again.engine.status(&key), engine.status(&key));
    }
}

/// What a damaged disk gives back of alarms: records, rows and the head of the checkpoint.
pub(super) fn record(input: &[u8]) {
    for refused in [alarm::check_row(input), alarm::check_head(input)] {
        if let Err(error) = refused {
            assert!(!error.to_string().is_empty());
        }
    }
    if let Some(record) = AlarmRecord::decode(input) {
        assert_eq!(AlarmRecord::decode(&record.encode()).as_ref(), Some(&record));
        let account = "123456789012".parse().expect("twelve digits");
        let scope = Scope { account, region: "us-east-1".into() };
        match record.definition(TenantId(1), &scope) {
            Ok(definition) => assert_eq!(definition.key.name, record.name),
            Err(wrong) => check(&wrong),
        }
    }
    if let Some(record) = MuteRecord::decode(input) {
        assert_eq!(MuteRecord::decode(&record.encode()).as_ref(), Some(&record));
        match record.rule() {
            Ok(rule) => assert_eq!(rule.name(), record.name),
            Err(wrong) => check(&wrong),
        }
    }
}
