//! The targets, one function each.

mod aws;
mod chunks;
mod definitions;
mod identities;
mod journal;
mod parts;
mod prometheus;
mod promql;
mod texts;

use crate::Target;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

const fn target(name: &'static str, attack: fn(&[u8]), rounds: u32) -> Target {
    Target { name, attack, bytes_per_byte: 64, bytes_base: 256 * KIB, rounds, words: &[] }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        bytes_per_byte: 2 * KIB,
        bytes_base: 4 * MIB,
        words: aws::REQUEST_WORDS,
        ..target("aws_request", aws::request, 6_000)
    },
    Target { words: aws::SIGNATURE_WORDS, ..target("aws_signature", aws::signature, 8_000) },
    Target { bytes_base: 4 * MIB, ..target("aws_gzip", aws::gzip, 1_500) },
    target("aws_page_token", aws::page_token, 8_000),
    Target { bytes_base: 4 * MIB, ..target("aws_page_position", aws::page_position, 1_500) },
    Target {
        bytes_base: 8 * MIB,
        bytes_per_byte: 4 * KIB,
        words: prometheus::REQUEST_WORDS,
        ..target("prometheus_request", prometheus::request, 3_000)
    },
    Target {
        words: prometheus::BODY_WORDS,
        ..target("remote_write", prometheus::remote_write, 30_000)
    },
    target("snappy", prometheus::snappy, 15_000),
    Target {
        bytes_per_byte: 4 * KIB,
        words: promql::WORDS,
        ..target("promql", promql::expression, 15_000)
    },
    Target {
        bytes_per_byte: 64 * KIB,
        bytes_base: 96 * MIB,
        words: promql::REGEX_WORDS,
        ..target("regex", promql::regex, 800)
    },
    Target { words: texts::WORDS, ..target("texts", texts::texts, 20_000) },
    Target { words: definitions::CONTROL_WORDS, ..target("control", definitions::control, 8_000) },
    Target { words: definitions::HOST_WORDS, ..target("host", definitions::host, 15_000) },
    Target {
        bytes_per_byte: KIB,
        words: definitions::CONFIG_WORDS,
        ..target("config", definitions::config, 4_000)
    },
    Target {
        bytes_base: 16 * MIB,
        words: definitions::CATALOG_WORDS,
        ..target("catalog_records", definitions::catalog_records, 150)
    },
    target("series_key", identities::series_key, 30_000),
    target("delta", identities::delta, 30_000),
    Target { bytes_base: 4 * MIB, ..target("journal", journal::journal, 4_000) },
    Target { words: journal::MANIFEST_WORDS, ..target("manifest", journal::manifest, 8_000) },
    target("frame", journal::frame, 30_000),
    Target { bytes_base: 8 * MIB, bytes_per_byte: 40 * KIB, ..target("part", parts::part, 3_000) },
    Target { bytes_base: 2 * MIB, ..target("column", chunks::column, 15_000) },
    Target { bytes_base: 2 * MIB, ..target("times", chunks::times, 15_000) },
    Target {
        bytes_base: 4 * MIB,
        bytes_per_byte: 40 * KIB,
        ..target("deltas", chunks::deltas, 8_000)
    },
    target("bits", chunks::bits, 20_000),
    target("postings", chunks::postings, 20_000),
];
