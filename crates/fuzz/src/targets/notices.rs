//! What strangers and operators say of notices: filter policies, retries, addresses, templates.

use bus::address::{Reach, check_mail, one_line};
use bus::{Handlers, Notice, Queues, RetryPolicy, SmtpServer, template};
use lang::filter_policy::{COMBINATIONS_MAX, Field, FilterPolicy, Scope};
use stdx::{Call, Rng};

pub(super) const FILTER_WORDS: &[&[u8]] = &[
    b"{\"a\":[",
    b"{\"prefix\":\"x\"}",
    b"{\"suffix\":{\"equals-ignore-case\":\"",
    b"{\"wildcard\":\"*a*\"}",
    b"{\"anything-but\":[",
    b"{\"numeric\":[\">=\",1,\"<\",2]}",
    b"{\"cidr\":\"::/0\"}",
    b"{\"exists\":true}",
    b"\"$or\":[{\"a\":[1]},{\"b\":[2]}]",
    b"]}\n{\"a\":",
    b"\\u0000",
    b"1e308",
    b"[[[[[[[[",
];

pub(super) const WORDS: &[&[u8]] = &[
    b"{\"healthyRetryPolicy\":{",
    b"\"numRetries\":100",
    b"\"backoffFunction\":\"geometric\"",
    b"[[handler]]\nname='a'\nmatch='*'\n",
    b"url='http://h/'\n",
    b"command=['x']\n",
    b"body='{{raw reason}}'\n",
    b"{{json message}}",
    b"{{",
    b"http://",
    b"169.254.169.254",
    b"[::1]",
    b"smtp://a:b@",
    b"@example.com",
    b"\r\nBcc: ",
    b"\"said\":{\"alarm\":{",
];

/// A policy on the first line, the body of a message on the second.
pub(super) fn filter_policy(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (policy, body) = text.split_once('\n').unwrap_or((text, "{}"));
    for scope in [Scope::Attributes, Scope::Body] {
        match FilterPolicy::parse(policy, scope) {
            Ok(policy) => {
                let tests = |field: &Field| match field {
                    Field::Tests(_, tests) => tests.len() as u64,
                    Field::Nested(..) | Field::Or(_) => 0,
                };
                assert!(policy.fields.iter().all(|f| tests(f) <= COMBINATIONS_MAX));
                bus::filter::wants_body(&policy, body);
            }
            Err(why) => assert!(!why.0.is_empty()),
        }
    }
}

/// Everything else that is read.
pub(super) fn notices(input: &[u8]) {
    if let Ok(notice) = Notice::from_bytes(input) {
        assert_eq!(Notice::from_bytes(&notice.to_bytes()), Ok(notice));
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(Some(policy)) = RetryPolicy::read(text) {
        let mut rng = Rng::from_seed(1);
        let attempts = (0..).map_while(|n| policy.pause_with_jitter_ms(n, &mut rng)).count();
        assert!(attempts <= 100 && policy.total_ms() <= 100 * 3_600_000);
    }
    let _ = bus::content_type_of_policy(text);
    if let Ok(handlers) = Handlers::read(text) {
        let _ = handlers.of_target(text);
        assert!(handlers.len() <= 1_000);
    }
    let fields = [("reason", text.to_owned())];
    for into in [template::Into::Json, template::Into::Text] {
        assert!(template::fill(text, into, &fields).len() <= template::BODY_BYTES_MAX);
    }
    let quoted = template::fill(
        r#"{"a": "{{reason}}", "b": {{json reason}}}"#,
        template::Into::Json,
        &fields,
    );
    assert!(serde_json::from_str::<serde_json::Value>(&quoted).is_ok(), "{quoted}");
    let outside = Reach { loopback: false };
    if let Ok(url) = outside.check_url(text) {
        assert!(!matches!(
            url.host_str(),
            Some("localhost" | "127.0.0.1" | "169.254.169.254" | "[::1]")
        ));
    }
    if check_mail(text).is_ok() {
        assert!(text.is_ascii() && !text.contains(['\r', '\n', ',', '<', '>', ' ']), "{text}");
    }
    assert!(!one_line(text, 100).contains(char::is_control));
    let _ = (SmtpServer::parse(text), bus::check_sender(text));
    if let Ok(queues) = Queues::parse(text) {
        let call = queues.send("arn:aws:sqs:r:000000000000:q", "m", None).expect("a request");
        let _ = Call::Http(call);
    }
}
