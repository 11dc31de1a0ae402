//! The load of CloudWatch clients: `PutMetricData` with 1,000 datums to a call, in each protocol.
//!
//! 4,000 instances with eleven metrics each and two dimensions to a datum, one call a minute for
//! each of 44 groups. Encoded by hand: the bench must not share a fault with our own codecs.
//!
//! Sources: Smithy RPC v2 CBOR, AWS JSON 1.0 and AWS Query protocol specifications; CloudWatch API
//! reference, `PutMetricData`.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::random::Random;

/// Datums in one call, the most that the service takes.
pub(crate) const PER_CALL: usize = 1_000;
/// Calls that together hold one datum of every series.
pub(crate) const LANES: usize = 44;
/// Time between two datums of a series.
pub(crate) const STEP_MS: i64 = 60_000;

const NAMES: [&str; 11] = [
    "CPUUtilization",
    "NetworkIn",
    "NetworkOut",
    "NetworkPacketsIn",
    "NetworkPacketsOut",
    "DiskReadBytes",
    "DiskWriteBytes",
    "DiskReadOps",
    "DiskWriteOps",
    "MemoryUtilization",
    "LoadAverage",
];
const NAMESPACE: &str = "Bench/Hosts";

/// How a call is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Cbor,
    Json,
    JsonGzip,
    Query,
}

impl Protocol {
    pub(crate) const ALL: [Self; 4] = [Self::Cbor, Self::Json, Self::JsonGzip, Self::Query];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Cbor => "cbor",
            Self::Json => "json",
            Self::JsonGzip => "json-gzip",
            Self::Query => "query",
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Cbor => "/service/GraniteServiceVersion20100801/operation/PutMetricData",
            Self::Json | Self::JsonGzip | Self::Query => "/",
        }
    }

    /// Returns the header lines of the protocol and those of a signed call.
    ///
    /// The signature has the right form and is not right: the server under test must accept any
    /// key, which leaves the cost of checking signatures out of every figure.
    pub(crate) fn header_lines(self, now_ms: i64) -> String {
        let own = match self {
            Self::Cbor => "Smithy-Protocol: rpc-v2-cbor\r\nContent-Type: application/cbor\r\n",
            Self::Json => JSON_LINES,
            Self::JsonGzip => &format!("{JSON_LINES}Content-Encoding: gzip\r\n"),
            Self::Query => "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n",
        };
        let signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        let time = utc(now_ms).replace(['-', ':'], "");
        let day = &time[..8];
        format!(
            "{own}X-Amz-Date: {time}\r\n\
             Authorization: AWS4-HMAC-SHA256 \
             Credential=AKIDEXAMPLE/{day}/us-east-1/monitoring/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, Signature={signature}\r\n"
        )
    }

    /// Returns the body as it goes over the wire.
    pub(crate) fn compress(self, plain: &[u8]) -> Result<Vec<u8>> {
        if self != Self::JsonGzip {
            return Ok(plain.to_vec());
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(plain)?;
        Ok(gzip.finish()?)
    }
}

const JSON_LINES: &str = "X-Amz-Target: GraniteServiceVersion20100801.PutMetricData\r\n\
                          Content-Type: application/x-amz-json-1.0\r\n";

struct Datum {
    name: &'static str,
    instance: String,
    group: String,
    value: f64,
}

/// Encodes one call: the series `lane * PER_CALL` and following, at one time.
pub(crate) fn call(protocol: Protocol, lane: usize, round: usize, time_ms: i64) -> Vec<u8> {
    let mut random = Random::seeded((round * LANES + lane) as u64);
    let datums: Vec<Datum> =
        (lane * PER_CALL..(lane + 1) * PER_CALL).map(|series| datum(series, &mut random)).collect();
    match protocol {
        Protocol::Cbor => cbor(&datums, time_ms),
        Protocol::Json | Protocol::JsonGzip => json(&datums, time_ms).into_bytes(),
        Protocol::Query => query(&datums, time_ms).into_bytes(),
    }
}

fn datum(series: usize, random: &mut Random) -> Datum {
    let host = series / NAMES.len();
    Datum {
        name: NAMES[series % NAMES.len()],
        instance: format!("i-{:017x}", Random::seeded(host as u64).next() as u128),
        group: format!("web-{}", host % 200),
        // Hundredths, as an agent reports a mean of a minute.
        value: random.below(10_000) as f64 / 100.0,
    }
}

fn json(datums: &[Datum], time_ms: i64) -> String {
    let mut out = format!("{{\"Namespace\":\"{NAMESPACE}\",\"MetricData\":[");
    for (at, Datum { name, instance, group, value }) in datums.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let seconds = time_ms / 1_000;
        let _ = write!(
            out,
            "{comma}{{\"MetricName\":\"{name}\",\"Dimensions\":[\
             {{\"Name\":\"InstanceId\",\"Value\":\"{instance}\"}},\
             {{\"Name\":\"AutoScalingGroupName\",\"Value\":\"{group}\"}}],\
             \"Timestamp\":{seconds},\"Value\":{value},\"Unit\":\"Percent\"}}"
        );
    }
    out.push_str("]}");
    out
}

fn query(datums: &[Datum], time_ms: i64) -> String {
    let time = utc(time_ms).replace(':', "%3A");
    let mut out = format!(
        "Action=PutMetricData&Version=2010-08-01&Namespace={}",
        NAMESPACE.replace('/', "%2F")
    );
    for (at, Datum { name, instance, group, value }) in datums.iter().enumerate() {
        let member = format!("&MetricData.member.{}", at + 1);
        let _ = write!(
            out,
            "{member}.MetricName={name}\
             {member}.Dimensions.member.1.Name=InstanceId\
             {member}.Dimensions.member.1.Value={instance}\
             {member}.Dimensions.member.2.Name=AutoScalingGroupName\
             {member}.Dimensions.member.2.Value={group}\
             {member}.Timestamp={time}{member}.Value={value}{member}.Unit=Percent"
        );
    }
    out
}

/// Writes a time as the Query protocol wants it: `2026-01-31T23:59:00Z`.
fn utc(time_ms: i64) -> String {
    let (days, second) = (time_ms.div_euclid(86_400_000), time_ms.rem_euclid(86_400_000) / 1_000);
    // Days to a civil date by 400-year eras that start on the first of March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

fn cbor(datums: &[Datum], time_ms: i64) -> Vec<u8> {
    let mut out = Vec::new();
    put_head(&mut out, MAP, 2);
    put_texts(&mut out, &["Namespace", NAMESPACE, "MetricData"]);
    put_head(&mut out, ARRAY, datums.len() as u64);
    for datum in datums {
        put_head(&mut out, MAP, 5);
        put_texts(&mut out, &["MetricName", datum.name, "Dimensions"]);
        put_head(&mut out, ARRAY, 2);
        for (name, value) in
            [("InstanceId", &datum.instance), ("AutoScalingGroupName", &datum.group)]
        {
            put_head(&mut out, MAP, 2);
            put_texts(&mut out, &["Name", name, "Value", value]);
        }
        put_texts(&mut out, &["Timestamp"]);
        // Tag 1: seconds since 1970.
        put_head(&mut out, TAG, 1);
        put_head(&mut out, UNSIGNED, (time_ms / 1_000) as u64);
        put_texts(&mut out, &["Value"]);
        out.push(0xfb);
        out.extend(datum.value.to_be_bytes());
        put_texts(&mut out, &["Unit", "Percent"]);
    }
    out
}

const UNSIGNED: u8 = 0;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

fn put_texts(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        put_head(out, TEXT, text.len() as u64);
        out.extend(text.as_bytes());
    }
}

/// Writes the head of a CBOR item: three bits of kind, then the number in as few bytes as it needs.
fn put_head(out: &mut Vec<u8>, kind: u8, number: u64) {
    let kind = kind << 5;
    match number {
        0..24 => out.push(kind | number as u8),
        24..0x100 => out.extend([kind | 24, number as u8]),
        0x100..0x1_0000 => {
            out.push(kind | 25);
            out.extend((number as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(kind | 26);
            out.extend((number as u32).to_be_bytes());
        }
        _ => {
            out.push(kind | 27);
            out.extend(number.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use minicbor::Decoder;
    use minicbor::data::{Tag, Type};

    use super::*;

    const TIME_MS: i64 = 1_772_323_140_000;

    #[test]
    fn time_is_written_as_a_calendar_shows_it() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(TIME_MS), "2026-02-28T23:59:00Z");
        assert_eq!(utc(1_709_164_800_000), "2024-02-29T00:00:00Z");
    }

    #[test]
    fn a_call_is_dressed_as_a_signed_one_of_now() {
        let lines = Protocol::JsonGzip.header_lines(TIME_MS);
        assert!(lines.contains("X-Amz-Date: 20260228T235900Z\r\n"), "{lines}");
        assert!(lines.contains("Credential=AKIDEXAMPLE/20260228/us-east-1/"), "{lines}");
        assert!(lines.contains("Content-Encoding: gzip\r\n") && lines.ends_with("\r\n"));
    }

    #[test]
    fn json_and_cbor_say_the_same() {
        let text = call(Protocol::Json, 7, 2, TIME_MS);
        let tree: serde_json::Value = serde_json::from_slice(&text).expect("valid JSON");
        let datums = tree["MetricData"].as_array().expect("array");
        assert_eq!(datums.len(), PER_CALL);

        let bytes = call(Protocol::Cbor, 7, 2, TIME_MS);
        let mut cbor = Decoder::new(&bytes);
        assert_eq!(cbor.map().unwrap(), Some(2));
        assert_eq!(cbor.str().unwrap(), "Namespace");
        assert_eq!(cbor.str().unwrap(), tree["Namespace"]);
        assert_eq!(cbor.str().unwrap(), "MetricData");
        assert_eq!(cbor.array().unwrap(), Some(PER_CALL as u64));
        for datum in datums {
            assert_eq!(cbor.map().unwrap(), Some(5));
            for _ in 0..5 {
                let field = &datum[cbor.str().unwrap()];
                match cbor.datatype().unwrap() {
                    Type::String => assert_eq!(cbor.str().unwrap(), field),
                    Type::F64 => assert_eq!(cbor.f64().unwrap(), *field),
                    Type::Tag => {
                        assert_eq!(cbor.tag().unwrap(), Tag::new(1));
                        assert_eq!(cbor.u64().unwrap(), *field);
                    }
                    _ => same_dimensions(&mut cbor, field),
                }
            }
        }
        assert_eq!(cbor.position(), bytes.len());
    }

    fn same_dimensions(cbor: &mut Decoder<'_>, field: &serde_json::Value) {
        assert_eq!(cbor.array().unwrap(), Some(2));
        for dimension in field.as_array().expect("dimensions") {
            assert_eq!(cbor.map().unwrap(), Some(2));
            for _ in 0..2 {
                let key = cbor.str().unwrap();
                assert_eq!(cbor.str().unwrap(), dimension[key]);
            }
        }
    }

    #[test]
    fn a_form_numbers_its_members_from_one() {
        let form = String::from_utf8(call(Protocol::Query, 0, 0, TIME_MS)).expect("text");
        assert!(
            form.starts_with("Action=PutMetricData&Version=2010-08-01&Namespace=Bench%2FHosts&")
        );
        assert!(form.contains("&MetricData.member.1.MetricName=CPUUtilization&"));
        assert!(form.contains("&MetricData.member.1000.Timestamp=2026-02-28T23%3A59%3A00Z&"));
        assert!(!form.contains("member.0.") && !form.contains("member.1001."));
    }
}
