//! Topics, subscriptions and what they get, over a disk, a clock and receivers of a test.

use super::*;
use crate::outbox::tests::{START_MS, ok, open, scope, settle, telling};
use bus::MessageAttribute;
use serde_json::Value;
use stdx::{Call, CrashPlan, HttpCall, SimDisk, SimNet, VirtualClock};

struct World {
    platform: Platform,
    disk: SimDisk,
    clock: Arc<VirtualClock>,
    net: Arc<SimNet>,
    who: Principal,
}

fn world() -> World {
    let clock = Arc::new(VirtualClock::starting_at(START_MS));
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = open(&disk, &clock).unwrap();
    let net = SimNet::new(1, |_, _| ok());
    platform.begin_telling(telling(&net));
    World { platform, disk, clock, net, who: Principal::open("", scope().account) }
}

type Pairs<'p> = &'p [(&'p str, &'p str)];

fn map(pairs: Pairs<'_>) -> BTreeMap<String, String> {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

impl World {
    fn topic(&self, name: &str) -> String {
        self.platform.create_topic(&self.who, &scope(), name, &map(&[]), &map(&[])).unwrap()
    }

    fn subscribe(
        &self,
        topic: &str,
        protocol: &str,
        endpoint: &str,
        attributes: Pairs<'_>,
    ) -> Result<(String, bool), TopicError> {
        let wanted = WantedSubscription {
            topic: topic.into(),
            protocol: protocol.into(),
            endpoint: endpoint.into(),
            attributes: map(attributes),
        };
        self.platform.subscribe(&self.who, &scope(), &wanted)
    }

    fn publish(&self, topic: &str, message: &str, attributes: &[(&str, &str, &str)]) -> String {
        let of = |(name, kind, value): &(&str, &str, &str)| {
            ((*name).to_owned(), MessageAttribute { kind: (*kind).into(), value: (*value).into() })
        };
        let published = Published {
            message: message.into(),
            subject: Some("about".into()),
            attributes: attributes.iter().map(of).collect(),
            structure: None,
        };
        let mut done = self.platform.publish(&self.who, &scope(), topic, &[published]).unwrap();
        done.pop().unwrap().unwrap()
    }

    fn https(&self) -> Vec<HttpCall> {
        settle(&self.platform);
        let of = |call: Call| match call {
            Call::Http(http) => Some(http),
            _ => None,
        };
        self.net.calls().into_iter().filter_map(of).collect()
    }

    /// Confirms with what the receiver was sent last.
    fn confirm_last(&self) -> String {
        let sent: Value = serde_json::from_slice(&self.https().last().unwrap().body).unwrap();
        assert_eq!(sent["Type"], "SubscriptionConfirmation");
        let text = |name: &str| sent[name].as_str().unwrap().to_owned();
        assert!(
            text("SubscribeURL").starts_with("https://s.example/-/sns/confirm?TopicArn=arn%3Aaws")
        );
        self.platform.confirm_subscription(&text("TopicArn"), &text("Token"), false).unwrap()
    }
}

fn header<'c>(call: &'c HttpCall, name: &str) -> Option<&'c str> {
    call.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

#[test]
fn a_hook_hears_of_a_topic_once_it_has_confirmed() {
    let world = world();
    let topic = world.topic("ops");
    let (arn, is_confirmed) = world.subscribe(&topic, "https", "https://h.example/x", &[]).unwrap();
    assert!(!is_confirmed && arn.starts_with(&format!("{topic}:")));
    world.publish(&topic, "too early", &[]);
    assert_eq!(world.https().len(), 1);
    let confirmed = world.confirm_last();
    assert_eq!(confirmed, arn);
    let id = world.publish(&topic, "hello", &[("a", "String", "b")]);
    let calls = world.https();
    let call = calls.last().unwrap();
    assert_eq!((calls.len(), header(call, "x-amz-sns-message-type")), (2, Some("Notification")));
    assert_eq!(header(call, "x-amz-sns-subscription-arn"), Some(arn.as_str()));
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(
        (body["Message"].as_str(), body["MessageId"].as_str()),
        (Some("hello"), Some(id.as_str()))
    );
    assert_eq!(
        (body["Subject"].as_str(), body["Timestamp"].as_str()),
        (Some("about"), Some("2026-01-01T00:00:00.000Z"))
    );
    assert_eq!(body["MessageAttributes"]["a"]["Value"], "b");
    let cert = body["SigningCertURL"].as_str().unwrap();
    let id = cert.strip_prefix("https://s.example/SimpleNotificationService-").unwrap();
    let pem = world.platform.signing_certificate(id.strip_suffix(".pem").unwrap()).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(world.platform.signing_certificate("00").is_none());
    world.platform.unsubscribe(None, &arn).unwrap();
    world.publish(&topic, "gone", &[]);
    assert_eq!(world.https().len(), 2);
}

#[test]
fn all_is_there_after_a_restart_and_the_certificate_is_the_same() {
    let mut world = world();
    let topic = world.topic("ops");
    world
        .subscribe(&topic, "http", "http://h.example/", &[("RawMessageDelivery", "true")])
        .unwrap();
    let arn = world.confirm_last();
    let id = world.platform.signing_key().unwrap().id().to_owned();
    world.publish(&topic, "before", &[]);
    let World { platform, disk, clock, .. } = world;
    drop(platform);
    let disk = disk.after_kill();
    let platform = open(&disk, &clock).unwrap();
    let net = SimNet::new(1, |_, _| ok());
    platform.begin_telling(telling(&net));
    world = World { platform, disk, clock, net, who: Principal::open("", scope().account) };
    let calls = world.https();
    assert_eq!(calls.len(), 1, "what was published before the end is told after it");
    assert_eq!(
        (calls[0].body.as_slice(), header(&calls[0], "x-amz-sns-rawdelivery")),
        (&b"before"[..], Some("true"))
    );
    assert_eq!(world.platform.signing_key().unwrap().id(), id);
    let shown = world.platform.subscription_attributes(&world.who, &scope(), &arn).unwrap();
    assert_eq!(
        (shown["PendingConfirmation"].as_str(), shown["RawMessageDelivery"].as_str()),
        ("false", "true")
    );
}

#[test]
fn filters_decide_who_hears_and_are_counted() {
    let world = world();
    let topic = world.topic("ops");
    let filter = r#"{"kind": ["a"]}"#;
    world
        .subscribe(&topic, "http", "http://attributes.example/", &[("FilterPolicy", filter)])
        .unwrap();
    world.confirm_last();
    let by_body = [("FilterPolicy", r#"{"x": {"y": [1]}}"#), ("FilterPolicyScope", "MessageBody")];
    world.subscribe(&topic, "http", "http://body.example/", &by_body).unwrap();
    let body_arn = world.confirm_last();
    world.publish(&topic, r#"{"x": {"y": 1}}"#, &[("kind", "String", "b")]);
    world.publish(&topic, "text", &[("kind", "String", "a")]);
    // Each receiver has its own order, so these two may come in any.
    let mut places: Vec<String> = world.https()[2..].iter().map(|call| call.url.clone()).collect();
    places.sort();
    assert_eq!(places, ["http://attributes.example/", "http://body.example/"]);
    assert_eq!(
        world.platform.delivery_counters().filtered.load(std::sync::atomic::Ordering::Relaxed),
        2
    );
    let set = |value: &str| {
        world.platform.set_subscription_attribute(
            &world.who,
            &scope(),
            &body_arn,
            "FilterPolicy",
            value,
        )
    };
    let error = set(r#"{"x": []}"#).unwrap_err().to_string();
    assert_eq!(error, "Invalid parameter: FilterPolicy: Empty arrays are not allowed");
    let error = world
        .subscribe(&topic, "http", "http://c.example/", &[("FilterPolicy", "{")])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(
            "Invalid parameter: Attributes Reason: FilterPolicy: failed to parse JSON."
        ),
        "{error}"
    );
}

#[test]
fn topics_and_subscriptions_are_made_once() {
    let world = world();
    let (platform, who) = (&world.platform, &world.who);
    let create = |attributes: Pairs<'_>, tags: Pairs<'_>| {
        let made = platform.create_topic(who, &scope(), "t", &map(attributes), &map(tags));
        made.map_err(|e| e.to_string())
    };
    let arn = create(&[("DisplayName", "x")], &[("k", "v")]).unwrap();
    assert_eq!(create(&[("DisplayName", "x")], &[("k", "v")]), Ok(arn.clone()));
    assert_eq!(create(&[], &[]), Ok(arn.clone()));
    let error = create(&[("DisplayName", "y")], &[]).unwrap_err();
    assert_eq!(
        error,
        "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
    );
    let error = create(&[], &[("k", "w")]).unwrap_err();
    assert_eq!(error, "Invalid parameter: Tags Reason: Topic already exists with different tags");
    for (attributes, said) in [
        (&[("FifoTopic", "true")], "FIFO"),
        (&[("KmsMasterKeyId", "alias/x")], "KmsMasterKeyId"),
        (&[("HTTPSuccessFeedbackRoleArn", "arn:aws:iam::1:role/x")], "HTTPSuccessFeedbackRoleArn"),
        (&[("Nothing", "x")], "AttributeName"),
        (&[("Policy", r#"{"Statement": [{"Effect": "Deny"}]}"#)], "Deny"),
    ] {
        let error = platform.create_topic(who, &scope(), "other", &map(attributes), &map(&[]));
        assert!(error.unwrap_err().to_string().contains(said), "{said}");
    }
    let queue = "arn:aws:sqs:us-east-1:000000000000:q";
    let (first, is_confirmed) = world.subscribe(&arn, "sqs", queue, &[]).unwrap();
    assert!(is_confirmed);
    assert_eq!(world.subscribe(&arn, "sqs", queue, &[]).unwrap().0, first);
    let error = world
        .subscribe(&arn, "sqs", queue, &[("RawMessageDelivery", "true")])
        .unwrap_err()
        .to_string();
    assert!(error.contains("Subscription already exists with different attributes"), "{error}");
    let shown = platform.topic_attributes(who, &scope(), &arn).unwrap();
    assert_eq!(
        (shown["SubscriptionsConfirmed"].as_str(), shown["Owner"].as_str()),
        ("1", "000000000000")
    );
    platform.delete_topic(who, &scope(), &arn).unwrap();
    platform.delete_topic(who, &scope(), &arn).unwrap();
    assert!(platform.list_subscriptions(who, &scope(), None, None, 100).unwrap().items.is_empty());
    assert!(matches!(
        platform.topic_attributes(who, &scope(), &arn),
        Err(TopicError::NotFound("Topic"))
    ));
}

#[test]
fn endpoints_that_point_inside_or_break_out_are_refused() {
    let world = world();
    let topic = world.topic("t");
    for (protocol, endpoint) in [
        ("http", "http://169.254.169.254/latest"),
        ("https", "http://h.example/"),
        ("http", "http://h.example/\r\nX: y"),
        ("email", "a@b\r\nBcc: c@d"),
        ("email", "nobody"),
        ("sqs", "arn:aws:sns:us-east-1:000000000000:q"),
        ("sms", "+1"),
        ("carrier-pigeon", "x"),
    ] {
        let refused = world.subscribe(&topic, protocol, endpoint, &[]);
        assert!(matches!(refused, Err(TopicError::Invalid(_))), "{protocol} {endpoint}");
    }
    assert!(world.https().is_empty());
}

#[test]
fn tokens_are_of_one_subscription_and_of_two_days() {
    let world = world();
    let topic = world.topic("t");
    world.subscribe(&topic, "http", "http://a.example/", &[]).unwrap();
    let sent: Value = serde_json::from_slice(&world.https()[0].body).unwrap();
    let token = sent["Token"].as_str().unwrap();
    let confirm = |token: &str| world.platform.confirm_subscription(&topic, token, false);
    let mut wrong = token.to_owned();
    let last = if wrong.ends_with('0') { "1" } else { "0" };
    wrong.replace_range(wrong.len() - 1.., last);
    for bad in [wrong.as_str(), "", "x", &token[..40], "éééééééééééééééééééééééééééééééé"]
    {
        assert_eq!(confirm(bad).unwrap_err().to_string(), "Invalid parameter: Token", "{bad}");
    }
    world.clock.advance_to(START_MS + 2 * 86_400_000 + 1);
    assert!(confirm(token).is_err());
    // Asked again, it gets a new one.
    world.subscribe(&topic, "http", "http://a.example/", &[]).unwrap();
    world.confirm_last();
    let mails = |net: &SimNet| net.calls().iter().filter(|c| matches!(c, Call::Mail(_))).count();
    world.subscribe(&topic, "email", "ann@example.com", &[]).unwrap();
    settle(&world.platform);
    assert_eq!(mails(&world.net), 1);
}

/// Draws four bytes, or fails.
#[derive(Debug)]
struct Drawn(bool);

impl crate::Pictures for Drawn {
    fn picture(&self, _: &Scope, widget: &str, _: i64) -> Result<Vec<u8>, String> {
        assert_eq!(widget, "{}");
        if self.0 { Ok(b"\x89PNG".to_vec()) } else { Err("no data could be read".into()) }
    }
}

/// The mail of an alarm that shows a picture, as text.
fn mail_of_alarm(can_draw: bool) -> String {
    let clock = Arc::new(VirtualClock::starting_at(START_MS));
    let platform = open(&SimDisk::new(1, CrashPlan::default()), &clock).unwrap();
    let net = SimNet::new(1, |_, _| ok());
    let pictures = Some(Arc::new(Drawn(can_draw)) as Arc<dyn crate::Pictures>);
    platform.begin_telling(crate::Telling { pictures, ..telling(&net) });
    let who = Principal::open("", scope().account);
    let topic = platform.create_topic(&who, &scope(), "t", &map(&[]), &map(&[])).unwrap();
    let wanted = WantedSubscription {
        topic: topic.clone(),
        protocol: "email".into(),
        endpoint: "ann@example.com".into(),
        attributes: BTreeMap::new(),
    };
    let (arn, _) = platform.subscribe(&who, &scope(), &wanted).unwrap();
    let token = {
        let known = platform.topics.known.read();
        platform.token_of(&arn, &known.subscriptions[&arn].record)
    };
    platform.confirm_subscription(&topic, &token, false).unwrap();
    settle(&platform);
    let said = bus::Said::Alarm(bus::AlarmSaid {
        alarm: "cpu".into(),
        subject: "ALARM: \"cpu\"\r\nBcc: eve@example.com".into(),
        reason: "1 datapoint <9.0>".into(),
        state: "ALARM".into(),
        widget: Some("{}".into()),
        ..bus::AlarmSaid::default()
    });
    let (key, target) = ("k".to_owned(), topic);
    let tenant = platform.tenant_of_topics(&scope()).unwrap();
    let notice = bus::Notice { key, tenant, scope: scope(), at_ms: START_MS, target, said };
    platform.catalog.write(platform.notice_changes(&notice).unwrap()).unwrap();
    settle(&platform);
    let Some(Call::Mail(mail)) = net.calls().pop() else { panic!("no mail") };
    assert_eq!(mail.to, "ann@example.com");
    String::from_utf8(mail.message).unwrap()
}

#[test]
fn a_mail_of_an_alarm_has_the_picture_or_says_why_not() {
    let with = mail_of_alarm(true);
    assert!(with.contains("multipart/related") && with.contains("Content-ID: <picture>"), "{with}");
    assert!(with.contains("cid:picture") && with.contains("&lt;9.0&gt;"), "{with}");
    let head = with.split("\r\n\r\n").next().unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    let without = mail_of_alarm(false);
    assert!(!without.contains("multipart/related"), "{without}");
    assert!(without.contains("There is no graph: no data could be read"), "{without}");
}

#[test]
fn who_never_answers_is_forgotten() {
    let world = world();
    let topic = world.topic("t");
    world.subscribe(&topic, "http", "http://a.example/", &[]).unwrap();
    world.https();
    world.clock.advance_to(START_MS + 4 * 86_400_000);
    world.https();
    let left = world.platform.list_subscriptions(&world.who, &scope(), None, None, 9).unwrap();
    assert!(left.items.is_empty());
}

/// Does it at once, and counts.
#[derive(Debug, Default)]
struct Counting(std::sync::atomic::AtomicUsize);

impl crate::Aside for Counting {
    fn run(&self, work: Box<dyn FnOnce() + Send>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        work();
    }
}

#[test]
fn a_message_is_signed_once_for_all_who_get_it() {
    let clock = Arc::new(VirtualClock::starting_at(START_MS));
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = open(&disk, &clock).unwrap();
    let net = SimNet::new(1, |_, _| ok());
    let signing = Arc::new(Counting::default());
    platform.begin_telling(crate::Telling { signing: signing.clone(), ..telling(&net) });
    let world = World { platform, disk, clock, net, who: Principal::open("", scope().account) };
    let topic = world.topic("ops");
    for n in 0..5 {
        world.subscribe(&topic, "http", &format!("http://h{n}.example/"), &[]).unwrap();
        world.confirm_last();
    }
    let signed = || signing.0.load(std::sync::atomic::Ordering::Relaxed);
    let (asked, before) = (world.https().len(), signed());
    assert_eq!((asked, before), (5, 5), "each question has a token of its own");
    for n in 0..3 {
        world.publish(&topic, &format!("message {n}"), &[]);
    }
    let calls = world.https().split_off(asked);
    assert_eq!((calls.len(), signed() - before), (15, 3));
    let bodies: Vec<Value> =
        calls.iter().map(|c| serde_json::from_slice(&c.body).unwrap()).collect();
    for one in &bodies {
        let same = bodies.iter().filter(|other| other["MessageId"] == one["MessageId"]);
        assert!(same.clone().all(|other| other["Signature"] == one["Signature"]));
        let urls: BTreeSet<&str> = same.map(|o| o["UnsubscribeURL"].as_str().unwrap()).collect();
        assert_eq!(urls.len(), 5, "the rest is each one's own");
    }
}
