//! Filter policies as JSON.

use super::{
    BYTES_MAX, COMBINATIONS_MAX, Comparison, FIELDS_MAX, Field, FilterPolicy, FilterPolicyError,
    Scope, Test,
};
use serde_json::{Map, Value};
use std::net::IpAddr;

type Parsed<T> = Result<T, FilterPolicyError>;

fn bad<T>(text: impl Into<String>) -> Parsed<T> {
    Err(FilterPolicyError(text.into()))
}

/// Words that are tests: an object of `$or` with one of them as a field makes `$or` a name like others.
const WORDS: [&str; 8] = [
    "prefix",
    "suffix",
    "equals-ignore-case",
    "wildcard",
    "anything-but",
    "numeric",
    "cidr",
    "exists",
];

impl FilterPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`FilterPolicyError`] in the service's words, for the first mistake.
    pub fn parse(text: &str, scope: Scope) -> Result<Self, FilterPolicyError> {
        if text.len() > BYTES_MAX {
            return bad("Filter policy is too large");
        }
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => return bad(format!("failed to parse JSON. {error}")),
        };
        let Value::Object(fields) = value else {
            return bad("Filter is not an object");
        };
        let policy = fields_of(&fields, scope)?;
        if scope == Scope::Attributes && names(&policy) > FIELDS_MAX {
            return bad("Filter policy can not have more than 5 keys");
        }
        if combinations(&policy, 1) > COMBINATIONS_MAX {
            return bad("Filter policy is too complex");
        }
        Ok(policy)
    }
}

fn names(policy: &FilterPolicy) -> usize {
    let of = |field: &Field| match field {
        Field::Tests(..) => 1,
        Field::Nested(_, inner) => names(inner),
        Field::Or(branches) => branches.iter().map(names).sum(),
    };
    policy.fields.iter().map(of).sum()
}

/// The tests of a field count as often as the level it stands on; fields multiply, branches add up.
fn combinations(policy: &FilterPolicy, level: u64) -> u64 {
    let of = |field: &Field| match field {
        Field::Tests(_, tests) => (tests.len() as u64).saturating_mul(level),
        Field::Nested(_, inner) => combinations(inner, level + 1),
        Field::Or(branches) => {
            branches.iter().map(|b| combinations(b, level)).fold(0, u64::saturating_add)
        }
    };
    policy.fields.iter().map(of).fold(1, u64::saturating_mul)
}

fn fields_of(fields: &Map<String, Value>, scope: Scope) -> Parsed<FilterPolicy> {
    let mut policy = FilterPolicy::default();
    for (name, value) in fields {
        let field = match value {
            Value::Array(items) if name == "$or" && is_or(items) => {
                let branches = items.iter().filter_map(Value::as_object);
                Field::Or(branches.map(|b| fields_of(b, scope)).collect::<Parsed<_>>()?)
            }
            Value::Array(items) if items.is_empty() => return bad("Empty arrays are not allowed"),
            Value::Array(items) => {
                Field::Tests(name.clone(), items.iter().map(test_of).collect::<Parsed<_>>()?)
            }
            Value::Object(inner) if scope == Scope::Body => {
                if inner.is_empty() {
                    return bad("Empty objects are not allowed");
                }
                Field::Nested(name.clone(), fields_of(inner, scope)?)
            }
            Value::Object(_) => {
                return bad(
                    "Filter policy scope MessageAttributes does not support nested filter policy",
                );
            }
            _ => return bad(format!("\"{name}\" must be an object or an array")),
        };
        policy.fields.push(field);
    }
    Ok(policy)
}

fn is_or(items: &[Value]) -> bool {
    let is_branch = |item: &Value| {
        item.as_object().is_some_and(|fields| {
            !fields.is_empty() && !fields.keys().any(|name| WORDS.contains(&name.as_str()))
        })
    };
    items.len() >= 2 && items.iter().all(is_branch)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

fn test_of(value: &Value) -> Parsed<Test> {
    match value {
        Value::String(text) => Ok(Test::Text(text.clone())),
        Value::Bool(value) => Ok(Test::Bool(*value)),
        Value::Null => Ok(Test::Null),
        Value::Number(_) => match number(value) {
            Some(number) => Ok(Test::Number(number)),
            None => bad("Match value must be String, number, true, false, or null"),
        },
        Value::Array(_) => bad("Match value must be String, number, true, false, or null"),
        Value::Object(fields) => {
            let mut entries = fields.iter();
            match (entries.next(), entries.next()) {
                (Some((word, operand)), None) => named_test(word, operand),
                (None, _) => bad("Empty objects are not allowed"),
                (Some(_), Some(_)) => bad("Only one key allowed in match expression"),
            }
        }
    }
}

fn named_test(word: &str, operand: &Value) -> Parsed<Test> {
    match word {
        "exists" => match operand {
            Value::Bool(wanted) => Ok(Test::Exists(*wanted)),
            _ => bad("exists match pattern must be either true or false."),
        },
        "prefix" | "suffix" => affix(word, operand, true),
        "equals-ignore-case" => match operand {
            Value::String(text) => Ok(Test::EqualsIgnoreCase(text.clone())),
            _ => bad("equals-ignore-case match pattern must be a string"),
        },
        "wildcard" => match operand {
            Value::String(text) => wildcard(text),
            _ => bad("wildcard match pattern must be a string"),
        },
        "anything-but" => anything_but(operand),
        "numeric" => numeric(operand),
        "cidr" => match operand {
            Value::String(text) => cidr(text),
            _ => bad("prefix match pattern must be a string"),
        },
        other => bad(format!("Unrecognized match type {other}")),
    }
}

fn affix(word: &str, operand: &Value, may_be_empty: bool) -> Parsed<Test> {
    let made = |text: &str, ignore: bool| match word {
        "prefix" => Test::Prefix(text.to_owned(), ignore),
        _ => Test::Suffix(text.to_owned(), ignore),
    };
    match operand {
        Value::String(text) if text.is_empty() && !may_be_empty => {
            bad("Null prefix/suffix not allowed")
        }
        Value::String(text) => Ok(made(text, false)),
        Value::Object(fields) if fields.len() == 1 => match fields.get("equals-ignore-case") {
            Some(Value::String(text)) => Ok(made(text, true)),
            _ => bad(format!("{word} match pattern must be a string")),
        },
        _ => bad(format!("{word} match pattern must be a string")),
    }
}

/// Takes a pattern apart at its stars; `\*` and `\\` stand for themselves.
fn wildcard(text: &str) -> Parsed<Test> {
    let mut pieces = vec![String::new()];
    let mut chars = text.chars().enumerate();
    let mut was_star = false;
    while let Some((at, c)) = chars.next() {
        let plain = match c {
            '*' if was_star => {
                return bad(format!("Consecutive wildcard characters at pos {}", at - 1));
            }
            '*' => {
                pieces.push(String::new());
                was_star = true;
                continue;
            }
            '\\' => match chars.next() {
                Some((_, escaped @ ('*' | '\\'))) => escaped,
                _ => return bad(format!("Invalid escape character at pos {at}")),
            },
            other => other,
        };
        was_star = false;
        pieces.last_mut().expect("there is one").push(plain);
    }
    Ok(Test::Wildcard(pieces))
}

fn anything_but(operand: &Value) -> Parsed<Test> {
    const MIXED: &str = "Inside anything but list, either all values are number or string, mixed type is not supported";
    let plain = |value: &Value| match value {
        Value::String(_) | Value::Number(_) => test_of(value),
        _ => bad("Inside anything but list, start|null|boolean is not supported."),
    };
    let tests = match operand {
        Value::Array(items) if items.is_empty() => return bad("Empty arrays are not allowed"),
        Value::Array(items) => {
            let tests: Vec<Test> = items.iter().map(plain).collect::<Parsed<_>>()?;
            if tests.iter().any(|t| matches!(t, Test::Text(_)))
                && tests.iter().any(|t| matches!(t, Test::Number(_)))
            {
                return bad(MIXED);
            }
            tests
        }
        Value::Object(fields) => {
            let mut entries = fields.iter();
            let (Some((word, inner)), None) = (entries.next(), entries.next()) else {
                return bad("Only one key allowed in match expression");
            };
            let one = |value: &Value| match word.as_str() {
                "prefix" | "suffix" => affix(word, value, false),
                "equals-ignore-case" | "wildcard" => named_test(word, value),
                other => bad(format!("Unsupported anything-but pattern: {other}")),
            };
            match inner {
                Value::Array(items) if items.is_empty() => {
                    return bad("Empty arrays are not allowed");
                }
                Value::Array(items) => items.iter().map(one).collect::<Parsed<_>>()?,
                single => vec![one(single)?],
            }
        }
        single => vec![plain(single)?],
    };
    Ok(Test::AnythingBut(tests))
}

fn numeric(operand: &Value) -> Parsed<Test> {
    let Value::Array(items) = operand else { return bad("Value of numeric must be an array.") };
    let mut comparisons = Vec::new();
    for pair in items.chunks(2) {
        let Value::String(sign) = &pair[0] else {
            return bad("Invalid member in numeric match: a comparison must be a string");
        };
        let how = match sign.as_str() {
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            "=" => Comparison::Equal,
            ">=" => Comparison::GreaterOrEqual,
            ">" => Comparison::Greater,
            other => return bad(format!("Unrecognized numeric range operator: {other}")),
        };
        let Some(with) = pair.get(1).and_then(number) else {
            return bad(format!("Value of {sign} must be numeric"));
        };
        comparisons.push((how, with));
    }
    match comparisons[..] {
        [] => bad("Invalid member in numeric match: the array is empty"),
        [_] => Ok(Test::Numeric(comparisons)),
        [(low, a), (high, b)] => {
            let low_ok = matches!(low, Comparison::Greater | Comparison::GreaterOrEqual);
            let high_ok = matches!(high, Comparison::Less | Comparison::LessOrEqual);
            match (low_ok && high_ok, a < b) {
                (false, _) => bad("Bad numeric range operator"),
                (true, false) => bad("Bottom must be less than top"),
                (true, true) => Ok(Test::Numeric(comparisons)),
            }
        }
        _ => bad("Too many terms in numeric range expression"),
    }
}

fn cidr(text: &str) -> Parsed<Test> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return bad(format!("Nonstandard IP address: {text}"));
    };
    let max = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => Some(max),
        Some(bits) => bits.parse::<u8>().ok().filter(|bits| *bits <= max),
    };
    match bits {
        Some(bits) => Ok(Test::Cidr(address, bits)),
        None => bad("Malformed CIDR, mask must be between 0 and 32 (v4) or 128 (v6)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        FilterPolicy::parse(text, Scope::Attributes).unwrap_err().to_string()
    }

    fn one(test: &str) -> Test {
        let text = format!(r#"{{"a": [{test}]}}"#);
        let policy = FilterPolicy::parse(&text, Scope::Attributes).unwrap();
        let Field::Tests(_, tests) = &policy.fields[0] else { panic!("{policy:?}") };
        tests[0].clone()
    }

    #[test]
    fn tests_hold_as_documented() {
        for (test, yes, no) in [
            (r#""a""#, vec!["a"], vec!["A", "ab"]),
            (r#"{"prefix": "bas"}"#, vec!["baseball", "bas"], vec!["rugby", "Bas"]),
            (r#"{"prefix": {"equals-ignore-case": "bas"}}"#, vec!["BASEball"], vec!["rugby"]),
            (r#"{"suffix": "ball"}"#, vec!["baseball"], vec!["ballet"]),
            (r#"{"equals-ignore-case": "tennis"}"#, vec!["Tennis", "TENNIS"], vec!["tenni"]),
            (r#"{"wildcard": "*ba*"}"#, vec!["ba", "baseball", "a ba"], vec!["b a"]),
            (r#"{"wildcard": "a*b*c"}"#, vec!["abc", "axbyc"], vec!["acb", "ab"]),
            (r#"{"wildcard": "a\\*c"}"#, vec!["a*c"], vec!["abc"]),
            (r#"{"wildcard": ""}"#, vec![""], vec!["a"]),
            (r#"{"wildcard": "aa*aa"}"#, vec!["aaaa"], vec!["aaa"]),
            (r#"{"anything-but": "rugby"}"#, vec!["baseball"], vec!["rugby"]),
            (r#"{"anything-but": ["rugby", "tennis"]}"#, vec!["baseball"], vec!["rugby", "tennis"]),
            (r#"{"anything-but": {"prefix": "order-"}}"#, vec!["data"], vec!["order-1"]),
            (r#"{"anything-but": {"wildcard": ["a*", "*b"]}}"#, vec!["cc"], vec!["ac", "cb"]),
            (r#"{"cidr": "10.0.0.0/24"}"#, vec!["10.0.0.0", "10.0.0.255"], vec!["10.1.1.0", "x"]),
            (r#"{"cidr": "2001:db8::/32"}"#, vec!["2001:db8:1::"], vec!["2001:db9::", "10.0.0.1"]),
            (r#"{"cidr": "0.0.0.0/0"}"#, vec!["1.2.3.4"], vec!["::1"]),
        ] {
            let test = one(test);
            for text in yes {
                assert!(test.holds_of_text(text), "{test:?} {text}");
            }
            for text in no {
                assert!(!test.holds_of_text(text), "{test:?} {text}");
            }
        }
        let between = one(r#"{"numeric": [">", 0, "<=", 150]}"#);
        assert!(between.holds_of_number(150.0) && !between.holds_of_number(0.0));
        assert!(one("300").holds_of_number(300.0) && !one("300").holds_of_text("300"));
        let but = one(r#"{"anything-but": [100, 500]}"#);
        assert!(
            but.holds_of_number(101.0) && !but.holds_of_number(100.0) && but.holds_of_text("x")
        );
        assert!(one("null").holds_of_null() && !one("null").holds_of_text("null"));
    }

    #[test]
    fn mistakes_have_the_words_of_the_service() {
        assert!(error("{").starts_with("failed to parse JSON. "));
        for (text, said) in [
            (r#"{"a": "x"}"#, r#""a" must be an object or an array"#),
            (r#"{"a": []}"#, "Empty arrays are not allowed"),
            (r#"{"a": [["x"]]}"#, "Match value must be String, number, true, false, or null"),
            (r#"{"a": [{"PREFIX": "x"}]}"#, "Unrecognized match type PREFIX"),
            (r#"{"a": [{"exists": "no"}]}"#, "exists match pattern must be either true or false."),
            (r#"{"a": [{"numeric": ["<", "5"]}]}"#, "Value of < must be numeric"),
            (r#"{"a": [{"numeric": [">", 5, "<", 1]}]}"#, "Bottom must be less than top"),
            (r#"{"a": [{"anything-but": {"prefix": ""}}]}"#, "Null prefix/suffix not allowed"),
            (r#"{"a": [{"wildcard": "a**"}]}"#, "Consecutive wildcard characters at pos 1"),
            (
                r#"{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}"#,
                "Filter policy can not have more than 5 keys",
            ),
            (
                r#"{"a": {"b": [1]}}"#,
                "Filter policy scope MessageAttributes does not support nested filter policy",
            ),
        ] {
            assert_eq!(error(text), said, "{text}");
        }
    }

    #[test]
    fn the_complexity_is_that_of_the_guide() {
        // The guide's own example: (4 x 3) x (3 x 2) x (3 x 1) = 216 combinations.
        let text = r#"{"key_a": {"key_b": {"key_c": ["1", "2", "3", "4"]}},
            "key_d": {"key_e": ["1", "2", "3"]}, "key_f": ["1", "2", "3"]}"#;
        let error = FilterPolicy::parse(text, Scope::Body).unwrap_err().to_string();
        assert_eq!(error, "Filter policy is too complex");
        let smaller = text.replace(r#", "key_f": ["1", "2", "3"]"#, "");
        let policy = FilterPolicy::parse(&smaller, Scope::Body).unwrap();
        assert_eq!(combinations(&policy, 1), 72);
    }

    #[test]
    fn or_is_a_name_like_others_where_it_cannot_be_one() {
        let parse = |text: &str| FilterPolicy::parse(text, Scope::Attributes).unwrap().fields;
        assert!(matches!(parse(r#"{"$or": [{"a": [1]}, {"b": [2]}]}"#)[..], [Field::Or(_)]));
        let plain = parse(r#"{"$or": [{"prefix": "a"}, {"suffix": "b"}]}"#);
        assert!(matches!(plain[..], [Field::Tests(..)]));
    }
}
