//! Valid inputs, made by our own encoders: what mutations start from.

use crate::targets::checked;
use crate::{http_text, world};
use aws_shapes::cloudwatch as shapes;
use aws_wire::token::{Bound, PageTokens};
use aws_wire::{Struct, codec, sigv4};
use doors::prometheus::PrometheusDoor;
use formats::remote_write::{self, Encoder, ExemplarToSend, MetricType, Sample};
use http::Request;
use metric_store::{Exemplar, FileStore, MetricStore, StoreOptions, fuzzing};
use model::{Bucket, Delta, Histogram, Kind, Principal, SeriesKey, TenantId, Unit};
use platform::saving::{BackupRequest, Progress};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use stdx::{CrashPlan, Disk, Rng, SimDisk};
use storage::{FileJournalOptions, Manifest, ManifestFile, Tombstone};

/// Target, name and content.
pub type Named = (&'static str, String, Vec<u8>);

/// Returns every sample.
pub fn all() -> Vec<Named> {
    let mut all = Vec::new();
    texts(&mut all);
    requests(&mut all);
    credentials(&mut all);
    remote_writes(&mut all);
    chunks(&mut all);
    identities(&mut all);
    stores(&mut all);
    backup(&mut all);
    directory(&mut all);
    alarm_records(&mut all);
    imports(&mut all);
    widgets(&mut all);
    all
}

fn put(all: &mut Vec<Named>, target: &'static str, name: &str, bytes: impl Into<Vec<u8>>) {
    all.push((target, name.to_owned(), bytes.into()));
}

fn cloudwatch(all: &mut Vec<Named>) {
    let searches = [
        "{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"",
        " {\"My Namespace\", \"Dimension@Name\"}, \"Custom:Name\\(x\\)\" NOT network/errors",
        "InstanceId=(\"i-1\" OR i-2) AND (EC2 OR EBS)\nHTTPCode_Target_5XX_Count",
        ":aws.AccountId='LOCAL' NOT NOT cpu\ncpu",
    ];
    for (n, text) in searches.into_iter().enumerate() {
        put(all, "search", &format!("search-{n:02}"), text);
    }
    let statements = [
        "SELECT AVG(CPUUtilization) FROM \"AWS/EC2\"",
        "SELECT MAX(m) FROM SCHEMA(\"AWS/X\", a, \"b c\") WHERE a = 'it\\'s' AND (b != '' OR \
         c NOT IN ('1', '2')) GROUP BY a, \"b c\" ORDER BY SUM() DESC LIMIT 10",
        "select count(\"LIMIT\") from ns group by tag.env, AWS.AccountId",
    ];
    for (n, text) in statements.into_iter().enumerate() {
        put(all, "insights", &format!("statement-{n:02}"), text);
    }
    let labels = [
        "[max: ${MAX} at ${MAX_TIME}] ${LABEL}\n+0130",
        "${PROP('Dim.InstanceId')} ${LAST_TIME_RELATIVE} ago ${DATAPOINT_COUNT}\nTM(2%:98%)",
        "${FIRST_LAST_RANGE} ${MIN_MAX_TIME_RANGE} $ {x}\nPR(1e3:2.5)",
        "plain\nwm99.9",
    ];
    for (n, text) in labels.into_iter().enumerate() {
        put(all, "labels", &format!("label-{n:02}"), text);
    }
    let rules = [
        "ALARM(a) AND NOT (OK(\"b c\") OR INSUFFICIENT_DATA(d)) OR TRUE",
        "AT_LEAST(2, NOT OK, (a, b, \"c, d\")) AND AT_LEAST(50%, ALARM, (a))",
        "ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:x) AND\nOK(\"say \\\"no\\\"\")",
        "ALARM(a) and BAD(b) OR (OK() AND",
    ];
    for (n, text) in rules.into_iter().enumerate() {
        put(all, "alarm_rule", &format!("rule-{n:02}"), text);
    }
    let definitions = [
        "cron(*/5 0-6,22 ? JAN MON-FRI)\nPT4H\nEurope/Berlin\nnightly",
        "at(2026-01-01T00:00)\nP1DT2H30M\nUTC+05:30\nonce",
        "up == 0\nP15D\n\nnobody",
        "ALARM(a) AND\nPT0S\n+15:00\n",
    ];
    for (n, text) in definitions.into_iter().enumerate() {
        put(all, "alarm_definition", &format!("definition-{n:02}"), text);
    }
    for (n, bytes) in checkpoint().into_iter().enumerate() {
        put(all, "alarm_record", &format!("kept-{n:02}"), bytes.clone());
        put(all, "alarm_checkpoint", &format!("checkpoint-{n:02}"), bytes);
    }
    notices(all);
}

/// A policy and a message; and what stands around notices, a line each.
fn notices(all: &mut Vec<Named>) {
    let policies = [
        "{\"a\":[\"x\",{\"prefix\":\"y\"},{\"numeric\":[\">\",1,\"<=\",5]},{\"exists\":false}]}\n{\"a\":[\"x\",3]}",
        "{\"$or\":[{\"a\":{\"b\":[{\"wildcard\":\"*x*\"}]}},{\"c\":[{\"cidr\":\"10.0.0.0/8\"}]}]}\n{\"c\":\"10.1.2.3\"}",
        "{\"a\":[{\"anything-but\":{\"suffix\":[\"x\",\"y\"]}},{\"equals-ignore-case\":\"É\"}]}\n{\"a\":\"é\"}",
    ];
    for (n, text) in policies.into_iter().enumerate() {
        put(all, "filter_policy", &format!("policy-{n:02}"), text);
    }
    let others = [
        "{\"healthyRetryPolicy\":{\"numRetries\":5,\"minDelayTarget\":1,\"maxDelayTarget\":60,\"backoffFunction\":\"exponential\"}}",
        "[[handler]]\nname = 'a'\nmatch = 'arn:*'\nurl = 'http://h/'\nbody = '{{json reason}}'",
        "{\"text\": \"{{subject}} {{nothing}} {{\"}",
        "http://[::ffff:169.254.169.254]:80/x?y#z",
        "smtp://user:pass%20word@mail.example.com:25?tls=required",
        "\"Ann\" <ann@example.com>",
        "{\"key\":\"k\",\"tenant\":1,\"account\":\"000000000000\",\"region\":\"r\",\"at_ms\":1,\"target\":\"t\",\"said\":{\"confirm\":{\"topic\":\"t\",\"token\":\"x\"}}}",
    ];
    for (n, text) in others.into_iter().enumerate() {
        put(all, "notices", &format!("text-{n:02}"), text);
    }
}

/// An alarm of each kind, with every field of its record, and a mute rule.
fn alarm_records(all: &mut Vec<Named>) {
    let watches = [
        r#"{"metric":{"namespace":"Shop","name":"load","extended_statistic":"p99.9","dimensions":[["host","a"]],"period_s":60,"unit":"Seconds","condition":{"comparison":"GreaterThanThreshold","threshold":0.30000000000000004,"periods":3,"datapoints":2,"missing":"ignore","low_samples":"ignore","window":{"wall_clock":"Europe/Berlin"},"warm_up":{"minutes":15,"whole":true}}}}"#,
        r#"{"metrics":{"queries":[{"id":"m1","stat":{"namespace":"","name":"up","dimensions":[],"period_s":60,"stat":"Sum","unit":"Count"},"return_data":false},{"id":"e1","expression":"m1 * 2","label":"twice","period_s":60,"account_id":"123456789012"}],"condition":{"comparison":"LessThanThreshold","threshold":-1e300,"periods":1,"window":"sliding"}}}"#,
        r#"{"metrics":{"queries":[{"id":"q1","expression":"SELECT AVG(cpu) FROM \"CWAgent\" GROUP BY host","period_s":300,"return_data":true}],"condition":{"comparison":"LessThanOrEqualToThreshold","threshold":0,"periods":1}}}"#,
        r#"{"promql":{"query":"up == 0","pending_s":60,"recovery_s":0,"interval_s":30}}"#,
        r#"{"composite":{"rule":"ALARM(a) AND NOT OK(\"b c\")","suppressor":"s","wait_s":60,"extension_s":120}}"#,
    ];
    for (n, watch) in watches.into_iter().enumerate() {
        let record = format!(
            r#"{{"v":1,"record":{{"name":"a","description":"é","actions_enabled":true,"ok_actions":[],"alarm_actions":["arn:aws:sns:us-east-1:123456789012:t"],"insufficient_data_actions":[],"watch":{watch},"configured_ms":1}}}}"#
        );
        assert!(platform::AlarmRecord::decode(record.as_bytes()).is_some(), "{record}");
        put(all, "alarm_record", &format!("record-{n:02}"), record);
    }
    let mute = r#"{"v":1,"record":{"name":"nights","description":"d","expression":"cron(0 22 * * MON-FRI)","duration":"PT8H","timezone":"Europe/Berlin","targets":["a","b"],"start_ms":1,"expire_ms":2,"updated_ms":3}}"#;
    assert!(platform::MuteRecord::decode(mute.as_bytes()).is_some());
    put(all, "alarm_record", "mute", mute);
}

/// The head, and the rows of a composite with a suppressor and of a PromQL alarm with a contributor.
fn checkpoint() -> Vec<Vec<u8>> {
    use alarm::definition::{
        Actions, AlarmKey, CompositeAlarm, CompositeSpec, Definition, PromqlAlarm, PromqlSpec,
        SuppressorSpec, Watch,
    };
    use alarm::{Answer, AnswerSeries};
    let now_ms = 1_767_225_600_000;
    let key = |name: &str| AlarmKey { tenant: TenantId(1), name: name.to_owned() };
    let mut engine = alarm::AlarmEngine::new(alarm::Options::default());
    let (alarm, rule) = ("s".to_owned(), "TRUE OR ALARM(p)".to_owned());
    let suppressor = SuppressorSpec { alarm, wait_s: Some(60), extension_s: Some(60) };
    let composite = CompositeAlarm::new(CompositeSpec { rule, suppressor: Some(suppressor) });
    let query = "up == 0".to_owned();
    let promql = PromqlSpec { query, interval_s: 60, pending_s: 60, recovery_s: 0 };
    let watches = [
        ("c", Watch::Composite(composite.expect("a rule"))),
        ("p", Watch::Promql(PromqlAlarm::new(promql).expect("a query"))),
    ];
    for (name, watch) in watches {
        let made = Definition::new(key(name), "arn".into(), Actions::default(), watch);
        engine.put(made.expect("a definition"), now_ms).expect("no cycle");
    }
    engine.on_downtime(now_ms - 60_000, now_ms);
    engine.on_tick(now_ms + 62_000, now_ms + 62_000);
    let attributes = vec![("job".to_owned(), "a".to_owned())];
    let series = vec![AnswerSeries { attributes, values: Vec::new() }];
    let answer = Answer::Found { series, partial: true };
    engine.on_answer(&key("p"), now_ms + 60_000, answer, now_ms + 62_500);
    let mut head = Vec::new();
    engine.head(&mut head);
    let rows = engine.changed_rows().into_iter().filter_map(|row| row.row);
    std::iter::once(head).chain(rows).collect()
}

fn texts(all: &mut Vec<Named>) {
    let texts = [
        "1435781451.781",
        "2015-07-01T20:10:51.781Z",
        "2015-07-01T22:10:51+02:00",
        "1h30m",
        "1y2w3d4h5m6s7ms",
        "-292273086-05-16T16:47:06Z",
        "NaN",
        "1e-7",
        "123456789012",
        "interval:100",
        "always",
        "Bytes/Second",
        "Sun, 01 Aug 2010 00:00:00 GMT",
        "20100801T000000Z",
        "Sunday, 01-Aug-10 00:00:00 GMT",
    ];
    for (n, text) in texts.into_iter().enumerate() {
        put(all, "texts", &format!("text-{n:02}"), text);
    }
    let expressions = [
        "up",
        "up{job=\"a\",instance!~\"b.*|c\"} offset 5m",
        "{\"a b\",\"x y\"=~\"z\"} @ 1700000000.123",
        "up[1h30m] @ start() offset -1d",
        "rate(http_requests_total{code=~\"5..\"}[5m])",
        "sum by (job) (up) / ignoring(x) group_left 2",
        "(((-0x1f)))",
        "'text \\u00e9 \\x41'",
        "1h30m",
        "{__name__!=\"a\",__name__=~\"b\"}",
        "# comment\nup",
        "max_over_time(up[1h:5m])",
        "topk by (a) (2 ^ -1, a unless on () b or c) != bool 5m",
        "a * on (x) group_right (y) fill (0) rate(b[step() * 2] smoothed offset (1h / 2))",
        "histogram_quantile(0.9, sum(rate(h[5m:]) ) without (\"i j\", k,)) atan2 -NaN",
    ];
    for (n, text) in expressions.into_iter().enumerate() {
        put(all, "promql", &format!("expression-{n:02}"), text);
    }
    let questions = [
        "sum by (a) (rate(up[1m])) / on () group_left () count(up)",
        "count_over_time(vector(1)[1y:1ms])",
        "quantile_over_time(0.5, vector(time())[1h:1s])",
        "count_values(\"v\", vector(time())) or topk(2, up)",
        "label_join(label_replace(up, \"c\", \"$1$1\", \"a\", \"(.*)\"), \"d\", \",\", \"a\", \"c\")",
        "histogram_quantile(0.9, h) > histogram_fraction(0, 1, h)",
        "info(up) and up{a=~\".*\"} @ end() unless absent(up offset -1m)",
        "max_over_time(deriv(up[2m])[5m:20s] @ 300) + scalar(up{a=\"1\"})",
    ];
    for (n, text) in questions.into_iter().enumerate() {
        put(all, "promql_eval", &format!("question-{n:02}"), text);
    }
    let regexes = [
        "a|b|c\nb",
        "a.*b{2,3}\naxbb",
        "\\Qa.b\\E.\na.bx",
        "[[:alpha:]]+[^]a]\nab",
        "(?i)a{,2}\nA{,2}",
        "\\p{Greek}\\x{61}\nαa",
        "[a&&b~~c--d]\n&",
        "(?P<n>x)|(y\nx",
    ];
    for (n, text) in regexes.into_iter().enumerate() {
        put(all, "regex", &format!("expression-{n:02}"), text);
    }
    let math = [
        "100 * m1 / SUM([m1, m2])",
        "IF(m1 > 5 AND m2 != 0, FILL(m1, REPEAT), AVG(e1))",
        "SLICE(SORT(METRICS('m'), AVG, DESC, 3), 0, METRIC_COUNT(e1))",
        "RATE(RUNNING_SUM(-e1)) ^ 2 + DIFF(m2) / PERIOD(m1)",
        "FILL([m1, [e1, m2]], LINEAR) || 1e-3 <= TIME_SERIES(STDDEV(m1))",
        "LAST(SEARCH('{A,b} x=\"y\"', 'p99', 300)) - FIRST(REMOVE_EMPTY(e1))",
        "sum(m1) + METRICS(“x”) ** LAMBDA('f')",
        "IF(DAY(m1) < 6, LOG10(ABS(m1)))",
    ];
    for (n, text) in math.into_iter().enumerate() {
        put(all, "metric_math", &format!("expression-{n:02}"), text);
    }
    cloudwatch(all);
    let config = "listen = '127.0.0.1:4280'\ndata = \"/tmp/d\"\naccount = '123456789012'\n\
                  test-bench = true\nretention = '90d'\n";
    put(all, "config", "all", config);
    put(all, "control", "advance", r#"{"advance":"60s"}"#);
    put(all, "control", "to", r#"{"to":"2026-01-01T00:00:00Z"}"#);
    put(all, "control", "friendly", r#"{"advance":"1h 30m","x":[1,{"y":null}]}"#);
    put(all, "host", "own", "GET /\nhost: localhost:4280\norigin: http://127.0.0.1:4280");
    put(all, "host", "prefix", "GET /\nhost: logs.localhost:4280");
    put(all, "host", "other", "POST /-/reset\nhost: [::1]:4280\norigin: https://evil.example");
    put(all, "host", "whole-address", "GET http://user@localhost:1/x?y");
    put(
        all,
        "catalog_records",
        "tenant",
        b"tenants\n123456789012/us-east-1\n\x01\x00\x00\x00".as_slice(),
    );
    put(all, "catalog_records", "org", "org-names\nteam-a\n000000000001");
    let metadata =
        "metric-metadata\n00000001/up\n{\"type\":\"gauge\",\"help\":\"h\",\"unit\":\"\"}";
    put(all, "catalog_records", "metadata", metadata);
    let entity = "entities\n00000001/[\"N\",\"m\",[]]\n{\"namespace\":\"N\",\"name\":\"m\",\
                  \"dimensions\":[[\"a\",\"b\"]],\"entity\":{\"key_attributes\":{\"Type\":\"Service\"},\
                  \"attributes\":{}}}";
    put(all, "catalog_records", "entity", entity);
}

fn credentials(all: &mut Vec<Named>) {
    let common = r#""account":"123456789012","role":"admin","created_ms":1700000000000"#;
    let records = [
        ("key", format!("access-keys\nSLAKAAAAAAAAAAAAAAAA\n{{\"name\":\"ci\",{common}}}")),
        (
            "sealed-key",
            format!(
                "access-keys\nSLAKAAAAAAAAAAAAAAAA\n{{\"name\":\"ci\",{common},\"secret\":\
                 {{\"under\":\"00\",\"nonce\":\"00\",\"text\":\"00\"}}}}"
            ),
        ),
        ("user", format!("users\nroot\n{{{common},\"password_hash\":\"$argon2id$v=19$\"}}")),
        ("token", format!("tokens\nSLTKA\n{{\"name\":\"t\",{common},\"sha256\":\"00\"}}")),
    ];
    for (name, record) in records {
        put(all, "catalog_records", name, record);
    }
    let requests = [
        ("basic", "GET /api/v1/query\nauthorization: Basic cm9vdDpwYXNzd29yZA=="),
        ("bearer", "GET /metrics\nauthorization: Bearer slt_abc"),
        ("key", "GET /metrics\nauthorization: Basic U0xBS0FBQUFBQUFBQUFBQTpz"),
        ("create", "POST /-/manage/keys\n\n{\"role\":\"viewer\",\"account\":\"123456789012\"}"),
        ("user", "POST /-/manage/users\n\n{\"role\":\"admin\",\"name\":\"a\",\"password\":\"b\"}"),
        ("password", "POST /-/manage/users/a/password\n\n{\"password\":\"b\"}"),
        ("revoke", "POST /-/manage/tokens/SLTKA/revoke"),
        (
            "session",
            "GET /-/session\nhost: localhost:4280\ncookie: a=b; sightline4280=\
             00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        ),
        ("console", "GET /console/metrics\naccept-encoding: gzip, br;q=0"),
    ];
    for (name, text) in requests {
        put(all, "credentials", name, text);
    }
}

const TARGET: &str = "POST /\nx-amz-target: GraniteServiceVersion20100801.";

fn requests(all: &mut Vec<Named>) {
    let put_data = r#"{"Namespace":"Shop","MetricData":[{"MetricName":"Orders","Dimensions":[{"Name":"Region","Value":"eu"}],"Timestamp":1700000000,"Value":1.5,"Unit":"Count","StorageResolution":1},{"MetricName":"Set","StatisticValues":{"SampleCount":2,"Sum":3,"Minimum":1,"Maximum":2}},{"MetricName":"Many","Values":[1,2,3],"Counts":[1,2.5,3]}],"EntityMetricData":[{"Entity":{"KeyAttributes":{"Type":"Service","Name":"s"},"Attributes":{"a":"b"}},"MetricData":[{"MetricName":"E","Value":1}]}],"StrictEntityValidation":false}"#;
    let get_data = r#"{"MetricDataQueries":[{"Id":"a","Label":"l","MetricStat":{"Metric":{"Namespace":"Shop","MetricName":"Orders","Dimensions":[{"Name":"Region","Value":"eu"}]},"Period":60,"Stat":"p99.9","Unit":"Count"},"ReturnData":true}],"StartTime":1699999000,"EndTime":1700000000.5,"ScanBy":"TimestampAscending","MaxDatapoints":100,"LabelOptions":{"Timezone":"+0130"}}"#;
    let statistics = r#"{"Namespace":"Shop","MetricName":"Orders","StartTime":1699999000,"EndTime":1700000000,"Period":60,"Statistics":["Sum","Average"],"ExtendedStatistics":["p90"],"Dimensions":[]}"#;
    let list = r#"{"Namespace":"Shop","MetricName":"Orders","Dimensions":[{"Name":"Region"}],"RecentlyActive":"PT3H","IncludeLinkedAccounts":true}"#;
    let depth = aws_wire::Limits::default().depth_max;
    for (operation, shape, body) in [
        ("PutMetricData", &shapes::PUT_METRIC_DATA_INPUT, put_data),
        ("GetMetricData", &shapes::GET_METRIC_DATA_INPUT, get_data),
        ("GetMetricStatistics", &shapes::GET_METRIC_STATISTICS_INPUT, statistics),
        ("ListMetrics", &shapes::LIST_METRICS_INPUT, list),
    ] {
        let json =
            format!("{TARGET}{operation}\ncontent-type: application/x-amz-json-1.0\n\n{body}");
        put(all, "aws_request", &format!("json-{operation}"), json);
        let input = codec::json::decode(shape, body.as_bytes(), depth).expect("a request");
        let mut cbor = format!(
            "POST /service/GraniteServiceVersion20100801/operation/{operation}\n\
             smithy-protocol: rpc-v2-cbor\ncontent-type: application/cbor\n\n"
        )
        .into_bytes();
        codec::cbor::encode(&input, &mut cbor);
        put(all, "aws_request", &format!("cbor-{operation}"), cbor);
        let mut query = b"POST /\ncontent-type: application/x-www-form-urlencoded\n\n".to_vec();
        query.extend(codec::query::encode(operation, "2010-08-01", &input));
        put(all, "aws_request", &format!("query-{operation}"), query);
    }
    let identity = "GET /?Action=GetCallerIdentity&Version=2011-06-15\nauthorization: AWS4-HMAC-SHA256 \
                    Credential=AKID/20231114/eu-west-1/sts/aws4_request, SignedHeaders=host, \
                    Signature=00\nx-amz-date: 20231114T221320Z";
    put(all, "aws_request", "query-GetCallerIdentity", identity);
    put(all, "aws_request", "json-unserved", format!("{TARGET}ListDashboards\n\n{{}}"));
    put(
        all,
        "aws_signature",
        "header",
        signed("POST /a//b?x=%20&a=1\nhost: localhost:4280\n\nbody"),
    );
    put(all, "aws_signature", "incomplete", identity);
    let presigned = "GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20231114%2F\
                     us-east-1%2Fmonitoring%2Faws4_request&X-Amz-Date=20231114T221320Z&X-Amz-Expires=60&\
                     X-Amz-SignedHeaders=host&X-Amz-Signature=00\nhost: localhost";
    put(all, "aws_signature", "presigned", presigned);
    let asked = Struct::new(&shapes::LIST_METRICS_INPUT);
    let bound = Bound {
        operation: "ListMetrics",
        scope: "123456789012/us-east-1",
        request: &asked,
        token: shapes::list_metrics_input::NEXT_TOKEN,
    };
    put(all, "aws_page_token", "own", PageTokens::new([7; 32]).seal(&bound, b"position"));
    put(all, "aws_page_position", "index", b"\x00".as_slice());
    put(all, "aws_page_position", "index-and-time", b"\x00\x80\x90\xf8\xd3\xf9\x62".as_slice());
    let door = [
        ("query", "GET /api/v1/query?query=up%7Bjob%3D%22a%22%7D&time=1700000000&limit=3"),
        ("range", "GET /api/v1/query_range?query=up&start=1699999000&end=1700000000&step=15s"),
        (
            "form",
            "POST /api/v1/query\ncontent-type: application/x-www-form-urlencoded\n\nquery=up[5m]",
        ),
        (
            "series",
            "GET /api/v1/series?match[]=up&match[]={a=%22b%22}&start=0\nx-scope-orgid: team-a",
        ),
        ("labels", "GET /api/v1/labels?match[]=up"),
        ("values", "GET /api/v1/label/__name__/values\nauthorization: Basic MTIzNDU2Nzg5MDEyOng="),
        ("metadata", "GET /api/v1/metadata?metric=up&limit=1"),
        ("unserved", "GET /api/v1/read"),
    ];
    for (name, text) in door {
        put(all, "prometheus_request", name, text);
    }
}

/// Signs a request as the key that the target knows.
fn signed(text: &str) -> Vec<u8> {
    let (mut parts, body) = http_text::parse(text.as_bytes()).expect("a request");
    let keys = sigv4::Keys {
        key_id: "AKID",
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        session_token: None,
    };
    sigv4::sign(&mut parts, &body, keys, "us-east-1", "monitoring", crate::world::NOW_MS);
    let mut out = format!("{} {}", parts.method, parts.uri).into_bytes();
    for (name, value) in &parts.headers {
        out.extend_from_slice(format!("\n{name}: ").as_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(b"\n\n");
    out.extend_from_slice(&body);
    out
}

fn remote_writes(all: &mut Vec<Named>) {
    let mut encoder = Encoder::new();
    let stale = f64::from_bits(model::STALE_NAN_BITS);
    let samples = [(1_700_000_000_000, 1.5), (1_700_000_015_000, stale), (-5, 0.0)]
        .map(|(at_ms, value)| Sample { at_ms, value });
    encoder.series(&[("__name__", "up"), ("job", "node"), ("é", "漢")], &samples);
    encoder.series(&[("__name__", "down")], &samples[..1]);
    encoder.metadata(MetricType::Counter, "up", "helps", "seconds");
    let body = encoder.finish();
    put(all, "remote_write", "two-series", body.clone());
    let mut encoder = Encoder::new();
    let labels = &[("trace_id", "1f"), ("é", "漢")];
    let exemplar = ExemplarToSend { at_ms: 1_700_000_000_001, value: 0.5, labels };
    encoder.series_with(&[("__name__", "up")], &samples[..1], &[exemplar, exemplar]);
    put(all, "remote_write", "exemplars", encoder.finish());
    put(
        all,
        "remote_write",
        "exemplar-and-histogram",
        b"\x0a\x0c\x0a\x06\x0a\x01a\x12\x01b\x1a\x00\x22\x00".as_slice(),
    );
    put(all, "remote_write", "groups", b"\x53\x08\x01\x5b\x5c\x54\x7d\x00\x00\x00\x00".as_slice());
    let packed = remote_write::compress(&body);
    put(all, "snappy", "two-series", packed);
    put(all, "snappy", "run", remote_write::compress(&[b'a'; 3_000]));
    let mut request = b"POST /api/v1/write\ncontent-type: application/x-protobuf\n\
                        content-encoding: snappy\nx-prometheus-remote-write-version: 0.1.0\n\n"
        .to_vec();
    let mut encoder = Encoder::new();
    encoder.series(&[("__name__", "up"), ("job", "node")], &samples[..2]);
    encoder.metadata(MetricType::Gauge, "up", "helps", "");
    request.extend(remote_write::compress(&encoder.finish()));
    put(all, "prometheus_request", "write", request);
}

fn counted(count: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(count).expect("few").to_le_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

fn some_deltas() -> Vec<Delta> {
    let mut many = Delta::default();
    (0..160).for_each(|n| many.add(&Delta::of_value(f64::from(n))));
    vec![
        Delta::of_value(1.5),
        Delta::of_statistics(5.0, 10.0, 1.0, 4.0),
        Delta::of_values(-3.0, 2.5),
        many,
    ]
}

/// A counter whose buckets change, a stale marker, floats, custom bounds.
fn some_histograms() -> Vec<Histogram> {
    let bucket = |index, count: u32| Bucket { index, count: f64::from(count) };
    let of = |n: u32| Histogram {
        schema: 3,
        count: f64::from(3 * n + 2),
        sum: f64::from(n) * 1.25,
        zero_threshold: 0.001,
        zero_count: 2.0,
        positive: vec![bucket(-1, n), bucket(n as i32 / 100 + 1, n)],
        negative: vec![bucket(4, n)],
        ..Histogram::default()
    };
    let mut all: Vec<Histogram> = (1..200).map(of).collect();
    all.push(Histogram::stale());
    all.push(Histogram { count: 0.5, positive: Vec::new(), ..of(1) });
    all.push(Histogram {
        schema: model::CUSTOM_SCHEMA,
        count: 3.0,
        positive: vec![bucket(0, 1), bucket(2, 2)],
        bounds: [0.5, 1.0].into(),
        ..Histogram::default()
    });
    all
}

fn chunks(all: &mut Vec<Named>) {
    let mut rng = Rng::from_seed(1);
    let stale = f64::from_bits(model::STALE_NAN_BITS);
    let columns: [(&str, Vec<f64>); 7] = [
        ("constant", vec![0.25; 300]),
        ("steps", (0..300).map(|n| f64::from(n) * 0.25).collect()),
        ("packed", (0..40).map(|_| rng.below(100) as f64 / 10.0).collect()),
        ("integers", (0..300).map(|_| rng.below(1_000) as f64).collect()),
        ("floats", (0..300).map(|n| f64::from(n).sqrt()).collect()),
        ("exceptions", vec![1.0, stale, 2.0, 0.1 + 0.2, 3.0, -0.0, 4.0]),
        ("plain", (0..5).map(|_| f64::from_bits(rng.next_u64())).collect()),
    ];
    for (name, values) in &columns {
        for settled in [false, true] {
            let bytes = fuzzing::encode_column(values, settled);
            put(all, "column", &format!("{name}-{settled}"), counted(values.len(), &bytes));
        }
    }
    let start = 1_700_000_000_000;
    let times: [(&str, Vec<i64>); 3] = [
        ("regular", (0..300).map(|n| start + n * 10_000).collect()),
        ("jitter", (0..40).map(|n| start + n * 10_000 + rng.below(5) as i64).collect()),
        ("grid", (0..300).map(|n| start + n * 10_000 + rng.below(5) as i64).collect()),
    ];
    for (name, stamps) in &times {
        let bytes = fuzzing::encode_times(stamps, true);
        put(all, "times", name, counted(stamps.len(), &bytes));
    }
    let deltas = some_deltas();
    put(all, "deltas", "mixed", counted(4, &fuzzing::encode_deltas(&deltas, false)));
    let singles = [Delta::of_value(1.0), Delta::of_value(2.5)];
    put(all, "deltas", "singles", counted(2, &fuzzing::encode_deltas(&singles, true)));
    let natives = some_histograms();
    for settled in [false, true] {
        let bytes = fuzzing::encode_histograms(&natives, settled);
        let name = if settled { "settled" } else { "young" };
        put(all, "histograms", name, counted(natives.len(), &bytes));
    }
    let numbers: Vec<u64> = (0..150).map(|_| rng.below(1 << 20)).collect();
    put(all, "bits", "two-blocks", counted(150, &fuzzing::pack(&numbers)));
    put(all, "bits", "wide", counted(3, &fuzzing::pack(&[u64::MAX, 1, 0])));
    put(all, "postings", "runs", counted(1_000, &[0x03, 0x05, 0x08, 0x01, 0x02]));
}

fn key(tenant: u32, namespace: &str, name: &str, job: &str) -> SeriesKey {
    SeriesKey {
        tenant: TenantId(tenant),
        namespace: namespace.into(),
        name: name.into(),
        unit: if namespace.is_empty() { Unit::None } else { Unit::Percent },
        labels: vec![("instance".into(), "h1:9100".into()), ("job".into(), job.into())],
    }
}

fn identities(all: &mut Vec<Named>) {
    let mut bytes = Vec::new();
    key(3, "AWS/EC2", "CPUUtilization", "a").encode(&mut bytes);
    put(all, "series_key", "labels", bytes);
    for (n, delta) in some_deltas().iter().enumerate() {
        let mut bytes = Vec::new();
        delta.encode(&mut bytes);
        put(all, "delta", &format!("delta-{n}"), bytes);
    }
}

/// Writes a few series of both kinds; `long` gives them shared times and packed blocks.
fn write_store(disk: &Arc<SimDisk>, long: bool) -> MetricStore {
    let journal = FileJournalOptions::default();
    let store = FileStore::open(disk.clone(), Path::new("/data"), journal, StoreOptions::default());
    let store = store.expect("an empty disk opens");
    let mut rng = Rng::from_seed(2);
    let stamps: Vec<i64> = (0..if long { 60 } else { 3 })
        .map(|n| 1_700_000_000_000 + n * 10_000 + rng.below(700) as i64)
        .collect();
    for at in &stamps {
        let mut batch = store.batch();
        for (n, job) in ["a", "b", "c"].into_iter().enumerate() {
            let key = key(1 + n as u32 / 2, "", "up", job);
            let series = batch.register(None, &key, Kind::Float).expect("there is room");
            batch.float(series, *at, n as f64 + (*at % 7) as f64 / 10.0);
        }
        let native = key(1, "", "latency", "a");
        let series = batch.register(None, &native, Kind::Histogram).expect("there is room");
        let of_time = some_histograms().swap_remove((*at % 200) as usize);
        batch.histogram(series, *at, of_time);
        let key = key(1, "AWS/EC2", "CPUUtilization", "a");
        let series = batch.register(None, &key, Kind::Delta).expect("there is room");
        for delta in some_deltas().into_iter().take(if long { 1 } else { 3 }) {
            batch.delta(series, *at, delta);
        }
        store.write(batch).expect("written");
    }
    store
}

fn file(disk: &SimDisk, dir: &str, ending: &str) -> Vec<u8> {
    let path = disk.first_name(dir, ending);
    disk.open(&path).and_then(|file| file.read_all()).expect("a disk of memory")
}

fn stores(all: &mut Vec<Named>) {
    for (name, long) in [("few-points", false), ("many-points", true)] {
        let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let store = write_store(&disk, long);
        let segment = file(&disk, "/data/journal", ".journal");
        let mut input = u16::try_from(segment.len()).expect("short").to_le_bytes().to_vec();
        input.extend_from_slice(&segment);
        put(all, "journal", name, input);
        let first_frame = segment[32..].to_vec();
        let len = u32::from_le_bytes(first_frame[..4].try_into().expect("four bytes")) as usize;
        put(all, "frame", name, &first_frame[40..40 + len]);
        store.flush().expect("flushed");
        let mut part = vec![1];
        part.extend(file(&disk, "/data/metrics", ".part"));
        put(all, "part", name, part);
    }
    let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
    let journal = FileJournalOptions::default();
    let store = FileStore::open(disk.clone(), Path::new("/data"), journal, StoreOptions::default());
    let store = store.expect("an empty disk opens");
    let mut batch = store.batch();
    let labels = [("trace_id".to_owned(), "1f".to_owned()), ("span".to_owned(), "ä".to_owned())];
    let exemplar = |n: i64| Exemplar {
        at_ms: 1_700_000_000_000 + n,
        value: n as f64 / 2.0,
        labels: labels[..n as usize].to_vec(),
    };
    batch.exemplars(&key(1, "", "up", "a"), &[exemplar(0), exemplar(1)]);
    batch.exemplars(&key(1, "", "up", "b"), &[exemplar(2)]);
    store.write(batch).expect("written");
    let segment = file(&disk, "/data/journal", ".journal");
    let len = u32::from_le_bytes(segment[32..36].try_into().expect("four bytes")) as usize;
    put(all, "frame", "exemplars", &segment[72..72 + len]);
    let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
    let manifest = Manifest {
        flushed: 7,
        next_part: 3,
        parts: vec!["000000000001.part".into(), "000000000002.part".into()],
        settings: vec![("clock".into(), "virtual".into())],
        ..Manifest::default()
    };
    let tombstone = Tombstone { parts: manifest.parts.clone(), what: "1 all job=a b".into() };
    let with_tombstone = Manifest { tombstones: vec![tombstone], ..manifest.clone() };
    disk.create_dir_all(Path::new("/d")).expect("made");
    let mut with_about = with_tombstone.clone();
    for (part, words) in manifest.parts.iter().zip(["rolled", "1h 20736..20739,20741 20736"]) {
        with_about.about.insert(part.clone(), words.to_owned());
    }
    let manifests = [("two-parts", manifest), ("tombstone", with_tombstone), ("about", with_about)];
    for (name, manifest) in manifests {
        let written = ManifestFile::new(disk.clone(), Path::new("/d")).replace(&manifest);
        written.expect("written");
        put(all, "manifest", name, file(&disk, "/d", "MANIFEST"));
    }
}

/// A backup of a platform that holds a series, as the target wants it.
fn backup(all: &mut Vec<Named>) {
    let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
    drop(world::open_platform(disk.clone()).expect("an empty disk opens"));
    // The secret of page tokens is by chance: with one of ours the sample is the same each time.
    let as_disk: Arc<dyn Disk> = disk.clone();
    let catalog = catalog::RedbCatalog::open(&as_disk, Path::new("/data/catalog.redb"));
    let secret = catalog::Change::put("secrets", "page-tokens", vec![7; 32]);
    catalog::Catalog::write(&catalog.expect("it is there"), vec![secret]).expect("written");
    // So is what tells the line of this store from others.
    let manifests = ManifestFile::new(as_disk, Path::new("/data/metrics"));
    let mut manifest = manifests.read().expect("it can be read").unwrap_or_default();
    manifest.set("line", "0000000000000007".to_owned());
    manifests.replace(&manifest).expect("written");
    let platform = Arc::new(world::open_platform(disk.clone()).expect("it opens again"));
    let door = PrometheusDoor::new(platform.clone());
    let mut encoder = Encoder::new();
    let sample = Sample { at_ms: world::NOW_MS, value: 1.0 };
    encoder.series(&[("__name__", "up"), ("job", "a")], &[sample]);
    let request = Request::post("/api/v1/write").header("content-encoding", "snappy");
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    door.handle(&parts, remote_write::compress(&encoder.finish()).into(), |_| {});
    for _ in 0..8 {
        platform.commit_step(Duration::ZERO);
    }
    let account = platform.default_scope().account;
    let who = Principal::open("", account);
    let request = BackupRequest { to: "/backup".into(), keep: None };
    platform.backup(&who, &request, &Progress::default()).expect("saved");
    let text = file(&disk, "/backup/snapshots", ".snapshot");
    let catalog = file(&disk, "/backup/catalogs", ".catalog");
    let part = file(&disk, "/backup/parts", ".part");
    let mut input = Vec::new();
    for length in [text.len(), catalog.len()] {
        input.extend_from_slice(&u16::try_from(length).expect("short").to_le_bytes());
    }
    input.extend([text, catalog, part].concat());
    put(all, "backup", "one-series", input);
}

/// Files of a sound directory, one at a time.
fn directory(all: &mut Vec<Named>) {
    let disk = world::written_directory();
    for (kind, name) in checked::FILES.iter().enumerate() {
        let kind = u8::try_from(kind).expect("few");
        let path = checked::path_of(&disk, kind);
        let content = disk.open(&path).and_then(|file| file.read_all()).expect("there");
        let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
        put(all, "fsck", &name, [&[kind, 1][..], &content].concat());
    }
    put(all, "fsck", "catalog-header", [4, 0, 8, 0, 0, 0, 0xff, 1, 2, 3]);
    put(all, "fsck", "catalog-page", [4, 0, 0x10, 0x10, 0, 0, 1, 2, 3, 4]);
    let tenant = b"\x05\x00tenants\n123456789012/eu-west-1\n\x02\x00\x00\x00";
    put(all, "fsck", "catalog-tenant", tenant.as_slice());
    let token = b"\x05\x00org-names\nteam-a\n000000000001";
    put(all, "fsck", "catalog-org-name", token.as_slice());
}

fn imports(all: &mut Vec<Named>) {
    let lines = [
        r#"{"metric":{"__name__":"up","job":"x"},"values":[1,null,"Infinity",-2.5e3],"timestamps":[10,20,30,40]}"#,
        r#"{"metric":{"__name__":"a\u00e9"},"values":[0.30000000000000004,5e-324,18446744073709551615],"timestamps":[-1,0,1549891472010]}"#,
    ];
    for (n, line) in lines.into_iter().enumerate() {
        put(all, "victoria", &format!("line-{n}"), line);
    }
    let mut encoder = Encoder::new();
    let sample = Sample { at_ms: world::NOW_MS, value: 1.5 };
    encoder.series(&[("__name__", "up"), ("job", "a")], &[sample]);
    encoder.series(&[("__name__", "down")], &[sample, sample]);
    let result = encoder.finish();
    let mut answer = vec![0x0a];
    stdx::varint::put_bytes(&mut answer, &result);
    put(all, "remote_read", "one-result", answer.clone());
    put(all, "remote_read", "two-results", [&answer[..], &[0x0a, 0], &answer[..]].concat());
    let bodies = [
        ("namespace", r#"{"namespace":"Shop","dry_run":true}"#),
        (
            "match",
            r#"{"match":["up{job=\"x\"}","{a=~\"b.*\"}"],"from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00+01:00","clean":true}"#,
        ),
        ("account", r#"{"match":["up"],"account":"123456789012","region":"eu-west-1"}"#),
        ("backup", r#"{"to":"/backup","keep":7}"#),
    ];
    for (name, body) in bodies {
        put(all, "manage", name, body);
    }
}

fn widgets(all: &mut Vec<Named>) {
    let widgets = [
        r##"{"metrics":[["AWS/EC2","CPUUtilization","InstanceId","i-1",{"id":"m1","stat":"p99",
            "color":"#1f77b4","yAxis":"right"}],["...","i-2"],[".","NetworkIn",".","."],
            [{"expression":"m1*2","label":"twice","period":60}]],"width":200,"height":200}"##,
        r##"{"metrics":[["App","Requests"]],"annotations":{"horizontal":[{"value":8,"label":"high",
            "fill":"above"},[{"value":2},{"value":4,"label":"b","color":"#d13212"}]],"vertical":[
            {"value":"2026-11-21T13:00:00Z","label":"deployed","fill":"before"}]},"stacked":true,
            "yAxis":{"left":{"min":0,"label":"n","showUnits":false},"right":{"max":5}}}"##,
        r##"{"metrics":[["App","Requests"]],"view":"singleValue","sparkline":true,"theme":"dark",
            "singleValueFullPrecision":true,"title":"now","width":180,"height":120}"##,
        r##"{"metrics":[["App","Requests"]],"view":"pie","labels":{"visible":false},"start":"-P3M",
            "end":"-PT1H","timezone":"+0130","legend":{"position":"right"},"width":199,"height":99}"##,
        r##"{"metrics":[["App","Requests"]],"view":"gauge","yAxis":{"left":{"min":-5,"max":30}},
            "liveData":true,"setPeriodToTimeRange":true,"width":100,"height":100}"##,
        r##"{"annotations":{"alarms":["arn:aws:cloudwatch:us-east-1:000000000000:alarm:a"]},
            "view":"bar","start":"2018-04-25T12:00:00.000Z","region":"eu-west-1","width":150}"##,
    ];
    for (n, text) in widgets.into_iter().enumerate() {
        put(all, "widget", &format!("widget-{n:02}"), text);
    }
}

#[cfg(test)]
mod tests {
    use crate::checksums;
    use crate::{http_text, world};
    use aws_wire::Access;
    use std::sync::{Arc, Mutex};

    /// Mutations start from what is taken, or they never get behind the first check.
    #[test]
    fn requests_are_taken() {
        world::prepare();
        let world = world::lend();
        for (target, name, bytes) in super::all() {
            let Some((parts, body)) = http_text::parse(&bytes) else {
                assert!(!target.ends_with("_request"), "{target} {name} is no request");
                continue;
            };
            let slot = Arc::new(Mutex::new(Vec::new()));
            let into = slot.clone();
            let keep = move |status: u16| into.lock().unwrap().push(status);
            match target {
                "aws_request" => {
                    match world.gateway.accept(parts, &body, Access::Open, world::NOW_MS) {
                        Ok(request) => {
                            let answers = Arc::new(Mutex::new(Vec::new()));
                            let into = answers.clone();
                            let done = move |answer| into.lock().unwrap().push(answer);
                            world.services.handle(&request, done);
                            keep(request.respond(world.wait_for(&answers)).status);
                        }
                        Err(answer) => keep(answer.status),
                    }
                }
                "prometheus_request" => world.prometheus.handle(&parts, body, move |answer| {
                    keep(answer.status().as_u16());
                }),
                _ => continue,
            }
            let status = world.wait_for(&slot);
            assert_eq!(status < 300, !name.ends_with("unserved"), "{target} {name}: {status}");
        }
    }

    /// Who writes the checksums and who mends them read one FORMAT.md.
    #[test]
    fn mending_changes_nothing_that_is_whole() {
        let mut seen = 0;
        for (target, name, bytes) in super::all() {
            let mut mended = bytes.clone();
            match target {
                "journal" => checksums::mend_segment(&mut mended[2..]),
                "part" => checksums::mend_part(&mut mended[1..]),
                "manifest" => mended = checksums::mend_manifest(&bytes),
                _ => continue,
            }
            assert!(mended == bytes, "{target} {name}");
            seen += 1;
        }
        assert_eq!(seen, 7);
    }

    /// The files that Prometheus itself wrote are read, and need no mending.
    #[test]
    fn what_prometheus_wrote_is_read_as_it_is() {
        use formats::tsdb;
        let mut seen = 0;
        type Mend = fn(&mut [u8]);
        let targets: [(&str, Mend); 4] = [
            ("tsdb_index", checksums::mend_tsdb_index),
            ("tsdb_chunk", checksums::mend_tsdb_chunk),
            ("tsdb_tombstones", checksums::mend_tsdb_tombstones),
            ("tsdb_log", checksums::mend_tsdb_log),
        ];
        for (target, mend) in targets {
            for (name, bytes) in crate::corpus::load(target).unwrap() {
                if !name.starts_with("prometheus-") {
                    continue;
                }
                let mut mended = bytes.clone();
                mend(&mut mended);
                assert!(mended == bytes, "{target} {name}");
                seen += 1;
                match target {
                    "tsdb_index" => {
                        let mut index = tsdb::Index::open(&bytes).unwrap();
                        let mut series = 0;
                        while index.next_series().unwrap().is_some() {
                            series += 1;
                        }
                        assert_eq!(series, 2);
                    }
                    "tsdb_chunk" => assert!(
                        matches!(tsdb::read_chunk(&bytes), Ok(tsdb::Chunk::Floats(s)) if s.len() > 2)
                    ),
                    "tsdb_tombstones" => assert_eq!(
                        tsdb::read_tombstones(&bytes).unwrap().is_empty(),
                        name.ends_with("none")
                    ),
                    _ => {
                        let mut log = tsdb::WalReader::new(&bytes);
                        let mut records = 0;
                        while let Some(record) = log.next_record().unwrap() {
                            assert!(tsdb::read_record(record).is_some(), "{name}");
                            records += 1;
                        }
                        assert!(records > 1, "{name}");
                    }
                }
            }
        }
        assert_eq!(seen, 8);
    }

    /// A sample is a sound directory: what is found in it comes from a mutation.
    #[test]
    fn directories_are_sound_before_they_are_damaged() {
        let disk = crate::world::written_directory();
        let report = platform::fsck(
            std::sync::Arc::new(disk),
            std::path::Path::new("/data"),
            platform::FsckOptions::default(),
            &mut |_, _| {},
        );
        let report = report.unwrap();
        assert_eq!((report.code(), report.parts), (0, 1), "{report:#?}");
        assert!(report.journal_points > 0 && report.catalog_entries > 0, "{report:#?}");
    }
}
