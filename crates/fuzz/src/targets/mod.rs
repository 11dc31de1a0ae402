//! The targets, one function each.

mod alarm_rule;
mod alarms;
mod aws;
mod backups;
pub(crate) mod checked;
mod chunks;
mod cloudwatch;
mod definitions;
mod identities;
mod imports;
mod journal;
mod management;
mod metric_math;
mod notices;
mod parts;
mod prometheus;
mod promql;
mod promql_eval;
mod texts;
mod tsdb;
mod widgets;

use crate::Target;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// What `pco` may take of itself for a damaged column: it caps the window that a column may ask for
/// at 2^24 numbers, and shows it only after it was made (twice while it is being filled).
const PCO: usize = 300 * MIB;

const fn target(name: &'static str, attack: fn(&[u8]), rounds: u32) -> Target {
    Target { name, attack, bytes_per_byte: 64, bytes_base: 256 * KIB, rounds, words: &[] }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        bytes_per_byte: 2 * KIB,
        bytes_base: 4 * MIB,
        words: aws::REQUEST_WORDS,
        ..target("aws_request", aws::request, 20_000)
    },
    Target { words: aws::SIGNATURE_WORDS, ..target("aws_signature", aws::signature, 30_000) },
    Target { bytes_base: 4 * MIB, ..target("aws_gzip", aws::gzip, 5_000) },
    target("aws_page_token", aws::page_token, 30_000),
    Target { bytes_base: 4 * MIB, ..target("aws_page_position", aws::page_position, 6_000) },
    Target {
        bytes_base: 8 * MIB,
        bytes_per_byte: 4 * KIB,
        words: prometheus::REQUEST_WORDS,
        ..target("prometheus_request", prometheus::request, 20_000)
    },
    Target {
        words: prometheus::BODY_WORDS,
        ..target("remote_write", prometheus::remote_write, 100_000)
    },
    target("snappy", prometheus::snappy, 50_000),
    Target {
        // A compiled expression of a few bytes takes some 60 KiB.
        bytes_base: MIB,
        bytes_per_byte: 16 * KIB,
        words: promql::WORDS,
        ..target("promql", promql::expression, 40_000)
    },
    Target {
        // The budget, and what is beside it: the tree and the answer.
        bytes_base: 4 * MIB,
        bytes_per_byte: 16 * KIB,
        words: promql::WORDS,
        ..target("promql_eval", promql_eval::evaluated, 20_000)
    },
    Target {
        bytes_per_byte: 64 * KIB,
        bytes_base: 96 * MIB,
        words: promql::REGEX_WORDS,
        ..target("regex", promql::regex, 3_000)
    },
    Target {
        // Columns of the limits, some of them twice, and a node for each few bytes of the text.
        bytes_base: MIB,
        bytes_per_byte: KIB,
        words: metric_math::WORDS,
        ..target("metric_math", metric_math::expression, 40_000)
    },
    Target {
        bytes_per_byte: KIB,
        words: cloudwatch::SEARCH_WORDS,
        ..target("search", cloudwatch::search, 60_000)
    },
    Target {
        bytes_per_byte: KIB,
        words: cloudwatch::INSIGHTS_WORDS,
        ..target("insights", cloudwatch::statement, 60_000)
    },
    Target {
        bytes_per_byte: KIB,
        words: cloudwatch::LABEL_WORDS,
        ..target("labels", cloudwatch::label, 60_000)
    },
    Target {
        bytes_per_byte: KIB,
        words: alarm_rule::WORDS,
        ..target("alarm_rule", alarm_rule::rule, 60_000)
    },
    Target {
        // The time zones are read from their database, and kept.
        bytes_per_byte: 16 * KIB,
        bytes_base: 4 * MIB,
        words: alarms::DEFINITION_WORDS,
        ..target("alarm_definition", alarms::definition, 40_000)
    },
    target("alarm_checkpoint", alarms::checkpoint, 60_000),
    Target {
        // The time zones are read from their database, and kept.
        bytes_per_byte: 16 * KIB,
        bytes_base: 4 * MIB,
        words: alarms::RECORD_WORDS,
        ..target("alarm_record", alarms::record, 40_000)
    },
    Target { words: texts::WORDS, ..target("texts", texts::texts, 60_000) },
    Target { words: definitions::CONTROL_WORDS, ..target("control", definitions::control, 30_000) },
    Target { words: definitions::HOST_WORDS, ..target("host", definitions::host, 50_000) },
    Target {
        bytes_per_byte: KIB,
        words: definitions::CONFIG_WORDS,
        ..target("config", definitions::config, 20_000)
    },
    Target {
        bytes_base: 16 * MIB,
        words: definitions::CATALOG_WORDS,
        ..target("catalog_records", definitions::catalog_records, 500)
    },
    target("series_key", identities::series_key, 60_000),
    target("delta", identities::delta, 60_000),
    Target { bytes_base: 4 * MIB, ..target("journal", journal::journal, 3_000) },
    Target { words: journal::MANIFEST_WORDS, ..target("manifest", journal::manifest, 30_000) },
    target("frame", journal::frame, 60_000),
    Target {
        bytes_base: 8 * MIB + PCO,
        bytes_per_byte: 40 * KIB,
        ..target("part", parts::part, 10_000)
    },
    Target { bytes_base: 2 * MIB + PCO, ..target("column", chunks::column, 30_000) },
    Target { bytes_base: 2 * MIB + PCO, ..target("times", chunks::times, 30_000) },
    Target {
        bytes_base: 4 * MIB + PCO,
        bytes_per_byte: 40 * KIB,
        ..target("deltas", chunks::deltas, 20_000)
    },
    // Cells of a chunk may be many for its bytes: a byte tells that 128 of them did not change.
    Target { bytes_base: 96 * MIB + PCO, ..target("histograms", chunks::histograms, 4_000) },
    target("bits", chunks::bits, 50_000),
    target("postings", chunks::postings, 50_000),
    Target {
        bytes_base: 32 * MIB + PCO,
        bytes_per_byte: 40 * KIB,
        words: backups::WORDS,
        ..target("backup", backups::backup, 1_500)
    },
    Target {
        // One password is hashed, once: 19 MiB.
        bytes_base: 24 * MIB,
        words: definitions::CREDENTIAL_WORDS,
        ..target("credentials", definitions::credentials, 20_000)
    },
    Target {
        bytes_base: MIB,
        bytes_per_byte: 16 * KIB,
        words: management::WORDS,
        ..target("manage", management::bodies, 20_000)
    },
    Target {
        bytes_per_byte: KIB,
        words: tsdb::META_WORDS,
        ..target("tsdb_meta", tsdb::meta, 30_000)
    },
    Target { bytes_per_byte: 128, ..target("tsdb_index", tsdb::index, 50_000) },
    Target { bytes_per_byte: 128, ..target("tsdb_chunk", tsdb::chunk, 100_000) },
    target("tsdb_tombstones", tsdb::tombstones, 100_000),
    Target { bytes_per_byte: 128, ..target("tsdb_log", tsdb::log, 50_000) },
    target("tsdb_record", tsdb::record, 100_000),
    Target {
        bytes_per_byte: KIB,
        words: imports::LINE_WORDS,
        ..target("victoria", imports::victoria, 50_000)
    },
    Target { words: prometheus::BODY_WORDS, ..target("remote_read", imports::remote_read, 80_000) },
    Target {
        bytes_base: 64 * MIB + PCO,
        bytes_per_byte: 40 * KIB,
        words: checked::WORDS,
        ..target("fsck", checked::directory, 1_500)
    },
    Target {
        // The pixels of the largest picture that is drawn, and twice its SVG.
        bytes_base: 8 * MIB,
        bytes_per_byte: 2 * KIB,
        words: widgets::WORDS,
        ..target("widget", widgets::widget, 20_000)
    },
    Target {
        // JSON of small values takes many times its bytes.
        bytes_per_byte: 2 * KIB,
        bytes_base: MIB,
        words: notices::FILTER_WORDS,
        ..target("filter_policy", notices::filter_policy, 60_000)
    },
    Target {
        bytes_per_byte: 2 * KIB,
        bytes_base: 4 * MIB,
        words: notices::WORDS,
        ..target("notices", notices::notices, 40_000)
    },
];
