use alarm::definition::{
    Actions, AlarmKey, Comparison, CompositeAlarm, CompositeSpec, Definition, EvaluationWindow,
    Invalid, LowSamples, MathQuery, MathSpec, Metric, MetricAlarm, MetricSpec, MuteRule, MuteSpec,
    Part, PromqlAlarm, PromqlSpec, SourceSpec, SuppressorSpec, Watch, Zone,
};
use alarm::missing::TreatMissing;
use eval::Statistic;
use model::TenantId;

fn metric(name: &str) -> Metric {
    Metric { namespace: "ns".into(), name: name.into(), dimensions: Vec::new(), unit: None }
}

fn spec() -> MetricSpec {
    MetricSpec {
        source: SourceSpec::Metric(metric("m"), Statistic::Average),
        period_s: 60,
        comparison: Comparison::GreaterThan,
        threshold: 1.0,
        periods: 3,
        datapoints: Some(2),
        missing: TreatMissing::Missing,
        low_samples: LowSamples::Evaluate,
        window: EvaluationWindow::Sliding,
        warm_up: None,
    }
}

/// What is wrong with a metric alarm that differs in one thing.
fn wrong(change: impl FnOnce(&mut MetricSpec)) -> Vec<String> {
    let mut spec = spec();
    change(&mut spec);
    MetricAlarm::new(spec).err().unwrap_or_default().iter().map(Invalid::to_string).collect()
}

#[test]
fn periods_are_10_20_30_or_minutes() {
    for period_s in [10, 20, 30, 60, 120, 3_600] {
        assert!(wrong(|s| s.period_s = period_s).is_empty(), "{period_s}");
    }
    for period_s in [0, 1, 15, 40, 90, 61] {
        let problem = format!("Period: {period_s} s is none of 10, 20, 30 and multiples of 60");
        assert_eq!(wrong(|s| s.period_s = period_s), [problem]);
    }
}

#[test]
fn all_periods_together_are_a_day_or_a_week() {
    let spans = [(60, 1_440), (300, 288), (3_600, 168), (86_400, 7), (604_800, 1)];
    for (period_s, periods) in spans {
        let of = |periods| wrong(|s| (s.period_s, s.periods) = (period_s, periods));
        let of = |periods: u32| {
            if periods < 2 {
                wrong(|s| (s.period_s, s.periods, s.datapoints) = (period_s, periods, None))
            } else {
                of(periods)
            }
        };
        assert!(of(periods).is_empty(), "{periods} of {period_s}");
        assert_eq!(of(periods + 1).len(), 1, "{} of {period_s}", periods + 1);
    }
    assert_eq!(
        wrong(|s| (s.period_s, s.periods) = (300, 289)),
        ["EvaluationPeriods: times Period is 86700 s, 86400 s are allowed for this period"]
    );
}

#[test]
fn m_is_at_most_n() {
    assert_eq!(
        wrong(|s| s.datapoints = Some(4)),
        ["DatapointsToAlarm: 4 is more than EvaluationPeriods, 3"]
    );
    assert_eq!(wrong(|s| s.datapoints = Some(0)), ["DatapointsToAlarm: is not at least 1"]);
    assert_eq!(
        wrong(|s| (s.periods, s.datapoints) = (0, None)),
        ["EvaluationPeriods: is not at least 1"]
    );
}

#[test]
fn several_mistakes_are_told_at_once() {
    let wrong = wrong(|s| {
        (s.period_s, s.datapoints, s.threshold) = (45, Some(9), f64::NAN);
        s.warm_up = Some((2_881, false));
        s.low_samples = LowSamples::Ignore;
    });
    let fields: Vec<&str> = wrong.iter().map(|w| w.split(':').next().unwrap()).collect();
    let expected = [
        "Period",
        "DatapointsToAlarm",
        "Threshold",
        "WarmUpPeriodDurationInMinutes",
        "EvaluateLowSampleCountPercentile",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn wall_clock_windows_need_one_of_five_periods() {
    let zone = Zone::parse("Timezone", "Europe/Berlin").unwrap();
    for (period_s, allowed) in
        [(60, true), (300, true), (3_600, true), (86_400, true), (604_800, true), (120, false)]
    {
        let wrong = wrong(|s| {
            (s.period_s, s.periods, s.datapoints) = (period_s, 1, None);
            s.window = EvaluationWindow::WallClock(zone.clone());
        });
        assert_eq!(wrong.is_empty(), allowed, "{period_s}: {wrong:?}");
    }
}

fn math(queries: &[(&str, &str)], returns: &str) -> Vec<String> {
    let queries = queries
        .iter()
        .map(|(id, text)| MathQuery {
            id: (*id).into(),
            part: match text.strip_prefix("metric ") {
                Some(name) => Part::Metric(metric(name), Statistic::Sum),
                None => Part::Expression((*text).into()),
            },
        })
        .collect();
    wrong(|s| s.source = SourceSpec::Math(MathSpec { queries, returns: returns.into() }))
}

#[test]
fn metric_math_returns_one_series() {
    assert!(math(&[("a", "metric x"), ("e2", "e1 * 2"), ("e1", "a / 60")], "e2").is_empty());
    assert_eq!(
        math(&[("a", "metric x"), ("e", "METRICS()")], "e"),
        ["Metrics: e is several series, an alarm compares one"]
    );
    assert_eq!(
        math(&[("a", "metric x"), ("e", "f + a"), ("f", "e + a")], "e"),
        ["Metrics: the expressions e, f use each other"]
    );
    assert_eq!(
        math(&[("a", "metric x"), ("e", "SUM(SEARCH('{ns} m', 'Sum', 60))")], "e"),
        ["Metrics: e: an alarm cannot SEARCH"]
    );
    assert_eq!(
        math(&[("a", "metric x"), ("a", "metric y"), ("B", "a")], "c"),
        [
            "Metrics: \"B\" is no id: a small letter, then letters, digits and _",
            "Metrics: the id a is there twice",
            "Metrics: there is no \"c\" whose data could be returned",
        ]
    );
    let ids: Vec<String> = (0..11).map(|n| format!("m{n}")).collect();
    let many: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "metric x")).collect();
    assert_eq!(math(&many, "m0"), ["Metrics: has 11 metrics, 10 are allowed"]);
}

#[test]
fn promql_alarms_are_bounded() {
    let wrong = |query: &str, interval_s, pending_s| {
        let spec = PromqlSpec { query: query.into(), interval_s, pending_s, recovery_s: 0 };
        PromqlAlarm::new(spec).err().unwrap_or_default().iter().map(|w| w.field).collect::<Vec<_>>()
    };
    assert!(wrong("up == 0", 60, 86_400).is_empty());
    assert_eq!(wrong("up ==", 3_660, 86_401), ["Query", "EvaluationInterval", "PendingPeriod"]);
    assert_eq!(wrong(&format!("up{}", " ".repeat(10_000)), 10, 0), ["Query"]);
}

#[test]
fn a_suppressor_needs_both_periods() {
    let spec = CompositeSpec {
        rule: "ALARM(a) AND".into(),
        suppressor: Some(SuppressorSpec { alarm: "s".into(), wait_s: Some(-1), extension_s: None }),
    };
    let fields: Vec<&str> =
        CompositeAlarm::new(spec).unwrap_err().iter().map(|w| w.field).collect();
    assert_eq!(
        fields,
        ["AlarmRule", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"]
    );
}

#[test]
fn actions_are_five_and_fit_the_type_of_alarm() {
    let wrong = |watch: Watch, arns: &[&str]| {
        let actions = Actions {
            alarm: arns.iter().map(|arn| (*arn).to_owned()).collect(),
            ..Actions::default()
        };
        let key = AlarmKey { tenant: TenantId(1), name: "a".into() };
        let made = Definition::new(key, "arn".into(), actions, watch);
        made.err().unwrap_or_default().iter().map(Invalid::to_string).collect::<Vec<_>>()
    };
    let metric = || Watch::Metric(MetricAlarm::new(spec()).unwrap());
    let rule = CompositeSpec { rule: "ALARM(a)".into(), suppressor: None };
    let composite = || Watch::Composite(CompositeAlarm::new(rule.clone()).unwrap());
    let (stop, scale) = ("arn:aws:automate:us-east-1:ec2:stop", "arn:aws:autoscaling:r:1:x");
    assert!(wrong(metric(), &[stop, scale]).is_empty());
    assert_eq!(wrong(composite(), &[stop, scale]).len(), 2);
    assert_eq!(wrong(metric(), &["a:b:sns"; 6]), ["AlarmActions: has 6 actions, 5 are allowed"]);
}

fn mute(expression: &str, duration: &str, zone: Option<&str>) -> Result<MuteRule, Vec<Invalid>> {
    MuteRule::new(MuteSpec {
        name: "m".into(),
        targets: vec!["a".into()],
        expression: expression.into(),
        duration: duration.into(),
        zone: zone.map(str::to_owned),
        start_ms: None,
        expire_ms: None,
    })
}

fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn mute_windows_follow_their_zone() {
    let nightly = mute("cron(0 2 * * MON-FRI)", "PT4H", Some("Europe/Berlin")).unwrap();
    // 2026-01-05 is a Monday; Berlin is an hour ahead of UTC.
    for (at, until) in [
        ("2026-01-05T00:59:59Z", None),
        ("2026-01-05T01:00:00Z", Some("2026-01-05T05:00:00Z")),
        ("2026-01-05T04:59:59Z", Some("2026-01-05T05:00:00Z")),
        ("2026-01-05T05:00:00Z", None),
        ("2026-01-04T02:00:00Z", None),
        // In summer two hours.
        ("2026-07-06T00:00:00Z", Some("2026-07-06T04:00:00Z")),
    ] {
        assert_eq!(nightly.muted_until(ms(at)), until.map(ms), "{at}");
    }
    let once = mute("at(2026-03-01T12:00)", "P15D", None).unwrap();
    assert_eq!(once.muted_until(ms("2026-03-01T12:00:00Z")), Some(ms("2026-03-16T12:00:00Z")));
    assert_eq!(once.muted_until(ms("2026-03-16T12:00:00Z")), None);
    assert!(!once.is_expired(ms("2026-03-16T11:59:59Z")));
    assert!(once.is_expired(ms("2026-03-16T12:00:00Z")));
    let often = mute("cron(*/20 0-6,22 1,15 JAN *)", "PT10M", None).unwrap();
    assert_eq!(often.muted_until(ms("2026-01-15T22:45:00Z")), Some(ms("2026-01-15T22:50:00Z")));
    assert_eq!(often.muted_until(ms("2026-01-15T12:05:00Z")), None);
    // Either day, as cron has it.
    let either = mute("cron(0 0 13 * FRI)", "PT1H", None).unwrap();
    assert!(either.muted_until(ms("2026-01-02T00:30:00Z")).is_some(), "a Friday");
    assert!(either.muted_until(ms("2026-01-13T00:30:00Z")).is_some(), "a thirteenth");
    assert!(either.muted_until(ms("2026-01-14T00:30:00Z")).is_none());
}

#[test]
fn mute_rules_are_bounded() {
    for (expression, duration) in [
        ("cron(0 2 * *)", "PT4H"),
        ("cron(60 2 * * *)", "PT4H"),
        ("cron(0 2 0 * *)", "PT4H"),
        ("cron(5-1 2 * * *)", "PT4H"),
        ("cron(*/0 2 * * *)", "PT4H"),
        ("at(2026-01-01)", "PT4H"),
        ("rate(5 minutes)", "PT4H"),
        ("cron(0 2 * * *)", "PT59S"),
        ("cron(0 2 * * *)", "P15DT1M"),
    ] {
        assert_eq!(
            mute(expression, duration, None).unwrap_err().len(),
            1,
            "{expression} {duration}"
        );
    }
    assert!(mute("cron(0 2 * * SUN)", "PT1M", Some("Nowhere")).is_err());
}
