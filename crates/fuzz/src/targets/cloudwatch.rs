//! CloudWatch's texts: searches, Metrics Insights, dynamic labels and statistics.

use eval::labels::{LabelFacts, MetricFacts, render};
use eval::search::{Metric, matches, words};
use eval::{Statistic, StatisticError};
use lang::labels::{Label, parse_zone};
use lang::search::Condition;
use lang::{Diagnostic, insights, search};
use model::Delta;

pub(super) const SEARCH_WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b",",
    b"{AWS/EC2,InstanceId}",
    b"MetricName=",
    b"Namespace=",
    b":aws.AccountId=",
    b"'LOCAL'",
    b"\"exact text\"",
    b"=(",
    b" AND ",
    b" OR ",
    b" NOT ",
    b"(",
    b")",
    b"\\\"",
    b"\\(",
    b"\\",
    b"HTTPCode_5XX",
    b"i-0abc12",
    b"\n",
    "É".as_bytes(),
];

pub(super) const INSIGHTS_WORDS: &[&[u8]] = &[
    b"SELECT AVG(a) FROM b",
    b"SELECT ",
    b"COUNT(",
    b"max",
    b" FROM ",
    b"SCHEMA(",
    b" WHERE ",
    b" GROUP BY ",
    b" ORDER BY SUM() DESC",
    b" LIMIT 10",
    b" AND ",
    b" OR ",
    b" NOT IN (",
    b" IN ('x', 'y')",
    b" = 'x'",
    b" != ''",
    b"\"AWS/EC2\"",
    b"tag.env",
    b"AWS.AccountId",
    b"\\'",
    b"\\",
    b"(",
    b")",
    b"\"",
    b",",
];

pub(super) const LABEL_WORDS: &[&[u8]] = &[
    b"${",
    b"}",
    b"${LABEL}",
    b"${AVG}",
    b"${MIN_MAX_TIME_RANGE}",
    b"${LAST_TIME_RELATIVE}",
    b"${MAX_TIME}",
    b"${PROP('Dim.",
    b"${PROP('MetricName')}",
    b"')}",
    b"$",
    b"\n",
    b"+0130",
    b"TM(10%:90%)",
    b"PR(:1e300)",
    b"wm99.9",
    b"IQM",
    b"_E",
];

/// Each mistake stands in the text, between two characters.
fn check_mistakes(text: &str, mistakes: &[Diagnostic]) {
    assert!(!mistakes.is_empty(), "a refusal has a reason");
    for mistake in mistakes {
        let span = mistake.span;
        assert!(span.start <= span.end, "{span:?}");
        assert!(text.get(span.start..span.end).is_some(), "{span:?} is no place in the text");
        assert!(!mistake.message.is_empty());
        assert!(!mistake.render(text).is_empty());
    }
}

/// A search, and the name of a metric behind the first line's end to try it on.
pub(super) fn search(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (text, name) = text.split_once('\n').unwrap_or((text, "CPUUtilization"));
    let joined: String = words(name).collect();
    assert!(joined.chars().all(char::is_alphanumeric), "{name:?} has the words {joined:?}");
    let mut read = match search::parse(text) {
        Ok(read) => read,
        Err(mistakes) => return check_mistakes(text, &mistakes),
    };
    let shown = read.to_string();
    if shown.chars().count() > search::CHARS_MAX {
        return;
    }
    let mut again = search::parse(&shown)
        .unwrap_or_else(|e| panic!("{text:?} shows as {shown:?}: {}", e[0].message));
    for one in [&mut read, &mut again] {
        one.condition.iter_mut().for_each(Condition::clear_spans);
    }
    assert_eq!(again, read, "{text:?} shows as {shown:?}");
    let dimensions = [("InstanceId".to_owned(), name.to_owned())];
    let metric =
        Metric { account: "123456789012", namespace: "AWS/EC2", name, dimensions: &dimensions };
    let found = matches(&read, &metric);
    if let Some(condition) = read.condition.take() {
        let schema = read.schema.clone();
        read.condition = Some(Condition::Not(Box::new(condition)));
        let turned = matches(&read, &metric);
        assert!(!(found && turned), "{text:?} finds {name:?} and so does its opposite");
        assert!(schema.is_some() || found || turned, "{text:?} neither finds {name:?} nor not");
    }
}

/// A statement.
pub(super) fn statement(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let query = match insights::parse(text) {
        Ok(query) => query,
        Err(mistakes) => return check_mistakes(text, &mistakes),
    };
    let shown = query.to_string();
    let again = insights::parse(&shown)
        .unwrap_or_else(|e| panic!("{text:?} shows as {shown:?}: {}", e[0].message));
    assert_eq!(again, query, "{text:?} shows as {shown:?}");
    let dimensions = [("a".to_owned(), "x".to_owned())];
    let _ = eval::insights::matches(&query, &query.namespace, &query.metric, &dimensions);
    let group = eval::insights::Group::of(&query, &dimensions);
    assert_eq!(group.label().is_none(), query.group_by.is_empty());
}

/// A label, and behind the first line's end a time zone or a statistic.
pub(super) fn label(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (text, other) = text.split_once('\n').unwrap_or((text, text));
    let zone_minutes = parse_zone(other).unwrap_or_default();
    match other.parse::<Statistic>() {
        Ok(statistic) => {
            assert_eq!(statistic.to_string().parse(), Ok(statistic), "{other:?}");
            let mut period = Delta::of_values(3.0, 2.5);
            period.add(&Delta::of_value(1e300));
            let _ = statistic.of(&period);
        }
        Err(StatisticError::Unknown(_) | StatisticError::NotServed(_)) => {}
    }
    let label = match Label::parse(text) {
        Ok(label) => label,
        Err(mistakes) => return check_mistakes(text, &mistakes),
    };
    assert_eq!(label.to_string(), text);
    let dimensions = [("InstanceId".to_owned(), "i-1".to_owned())];
    let facts = LabelFacts {
        label: "cpu",
        values: &[(i64::MIN, f64::NAN), (0, -1e-9), (i64::MAX, 1e300)],
        metric: Some(MetricFacts {
            namespace: "AWS/EC2",
            name: "CPUUtilization",
            dimensions: &dimensions,
            statistic: "Average",
            period_s: 60,
        }),
        account: "123456789012",
        account_label: None,
        region: "eu-west-1",
        now_ms: i64::MIN,
        zone_minutes,
    };
    let shown = render(&label, &facts);
    assert!(!label.is_plain() || shown == text, "{text:?} shows as {shown:?}");
}
