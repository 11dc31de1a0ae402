//! The bounded run of every target, each in a process of its own: what ends a process (a stack or
//! memory used up) must not take the input with it.

use fuzz::TARGETS;
use std::path::Path;
use std::process::Command;

/// Attacks one target; a failure names the input, kept in a file, and the command that repeats it.
fn attack(target: &str) {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{target}.input"));
    let kept = kept.to_str().expect("a path of text");
    let run = Command::new(env!("CARGO_BIN_EXE_fuzz"))
        .args(["run", target, "--keep", kept])
        .output()
        .expect("the binary starts");
    assert!(
        run.status.success(),
        "{target}: {}\n{}{}\nseed 1; the input is kept: cargo run -p fuzz -- repeat {target} {kept}",
        run.status,
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                attack(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_attacked() {
            let named: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(named, [$(stringify!($name)),*]);
        }
    };
}

targets!(
    aws_request,
    aws_signature,
    aws_gzip,
    aws_page_token,
    aws_page_position,
    prometheus_request,
    remote_write,
    snappy,
    promql,
    promql_eval,
    regex,
    metric_math,
    search,
    insights,
    labels,
    alarm_rule,
    alarm_definition,
    alarm_checkpoint,
    alarm_record,
    texts,
    control,
    host,
    config,
    catalog_records,
    series_key,
    delta,
    journal,
    manifest,
    frame,
    part,
    column,
    times,
    deltas,
    histograms,
    bits,
    postings,
    backup,
    credentials,
    manage,
    tsdb_meta,
    tsdb_index,
    tsdb_chunk,
    tsdb_tombstones,
    tsdb_log,
    tsdb_record,
    victoria,
    remote_read,
    fsck,
    widget,
    filter_policy,
    notices,
);
