//! What operators send to a running server.

use crate::world;

pub(super) const WORDS: &[&[u8]] = &[
    b"{\"namespace\":\"",
    b"{\"match\":[\"up{job=\\\"x\\\"}\"",
    b"\"from\":\"2026-01-01T00:00:00Z\"",
    b"\"to\":\"-009999-01-02T01:59:59Z\"",
    b"\"account\":\"123456789012\"",
    b"\"region\":\"",
    b"\"dry_run\":true",
    b"\"clean\":null",
    b"{\"to\":\"/backup\",\"keep\":",
    b"1000001",
    b"../",
    b"\\u0000",
    b"\\ud83e\\udd80",
    b"[[[[[[[[[[[[[[[[[[[[[[",
];

/// The bodies of `/-/manage/delete`, `/-/manage/retention`, `/-/manage/backup` and `/-/alarms/backtest`; those about keys, users and tokens are
/// attacked by `credentials`.
pub(super) fn bodies(input: &[u8]) {
    let world = world::lend();
    match server::fuzzing::read_deletion(world.platform.default_scope(), input) {
        Ok((selectors, range)) => {
            assert!(selectors > 0, "nothing is deleted unless something is named");
            assert!(range.start_ms < range.end_ms, "{range:?}");
        }
        Err(why) => assert!(!why.is_empty()),
    }
    match server::fuzzing::read_retention(world.platform.default_scope(), input) {
        Ok(days) => assert!((1..=36_500).contains(&days), "{days} days"),
        Err(why) => assert!(!why.is_empty()),
    }
    match server::fuzzing::read_backtest(input) {
        Ok(alarms) => assert!((1..=1_000).contains(&alarms), "{alarms} alarms"),
        Err(why) => assert!(!why.is_empty()),
    }
    match server::fuzzing::read_backup(input) {
        Ok(request) => {
            assert!(request.to.is_absolute() && request.keep != Some(0), "{request:?}");
        }
        Err(why) => assert!(!why.is_empty()),
    }
}
