//! Lists: series, labels, values of a label, metadata.

use super::Asked;
use super::answer::{Data, Failure, push_list, push_map, push_text};
use super::form::decode;
use super::query::{limit, listed_range};
use super::result::{Paid, check_size, truncate, warn_if_cut};
use platform::promql::{self, Matcher};

/// Selectors of one question at most: each is a search of its own.
const SELECTORS_MAX: usize = 1_000;

/// Reads every `match[]`.
pub(super) fn selectors(asked: &Asked<'_>) -> Result<Vec<Vec<Matcher>>, Failure> {
    if asked.params.all("match[]").nth(SELECTORS_MAX).is_some() {
        let why = format!("more than {SELECTORS_MAX} of them");
        return Err(Failure::parameter("match[]", why));
    }
    promql::parse_series_selectors(asked.params.all("match[]"))
        .map_err(|errors| Failure::parameter("match[]", errors))
}

/// Answers `/api/v1/series`.
pub(super) fn series(asked: &Asked<'_>) -> Result<Data, Failure> {
    let limit = limit(asked)?;
    if asked.params.all("match[]").next().is_none() {
        return Err(Failure::bad_data("no match[] parameter provided"));
    }
    let range = listed_range(asked)?;
    let selectors = selectors(asked)?;
    let (who, scope) = (&asked.caller.who, &asked.caller.scope);
    let keys = asked.platform().series(who, scope, &selectors, range)?;
    let mut found: Vec<_> = keys.iter().map(platform::labels_of).collect();
    found.sort_unstable();
    // One identity may hold values of two kinds; its labels are the same.
    found.dedup();
    let mut data = Data::new();
    let mut paid = Paid::default();
    truncate(&mut data, &mut found, limit);
    data.json.push(b'[');
    for (n, labels) in found.iter().enumerate() {
        if n > 0 {
            data.json.push(b',');
        }
        push_map(&mut data.json, labels.iter().copied());
        check_size(asked, &data.json)?;
        paid.more(&keys, &data.json)?;
    }
    data.json.push(b']');
    Ok(data)
}

/// Answers `/api/v1/labels`.
pub(super) fn labels(asked: &Asked<'_>) -> Result<Data, Failure> {
    names(asked, None)
}

/// Answers `/api/v1/label/<name>/values`.
pub(super) fn label_values(asked: &Asked<'_>, name: &str) -> Result<Data, Failure> {
    let decoded = decode(name.as_bytes(), false).map(unescape).filter(|name| !name.is_empty());
    let name = decoded.ok_or_else(|| Failure::bad_data(format!("invalid label name: {name:?}")))?;
    names(asked, Some(&name))
}

/// Lists the values of a label, or the names of all.
fn names(asked: &Asked<'_>, values_of: Option<&str>) -> Result<Data, Failure> {
    let limit = limit(asked)?;
    let range = listed_range(asked)?;
    let selectors = selectors(asked)?;
    let (who, scope) = (&asked.caller.who, &asked.caller.scope);
    let wanted = |name: &str| Some(name) == values_of;
    let mut labels = asked.platform().labels(who, scope, &selectors, range, wanted)?;
    let mut data = Data::new();
    match values_of {
        Some(name) => {
            let values = labels.remove(name).unwrap_or_default();
            push_limited(&mut data, values.iter(), limit);
        }
        None => push_limited(&mut data, labels.keys(), limit),
    }
    check_size(asked, &data.json)?;
    Ok(data)
}

/// Appends a list of texts, of which some may be left out.
fn push_limited(
    data: &mut Data,
    texts: impl ExactSizeIterator<Item = impl AsRef<str>>,
    limit: usize,
) {
    warn_if_cut(data, texts.len(), limit);
    push_list(&mut data.json, texts.take(limit));
}

/// Undoes the escaping by which a name of any characters fits into a path: `U__` in front, `__` for
/// an underscore and `_1f600_` for a character by its number. What is not of the form stays.
///
/// Source: Prometheus documentation, HTTP API, "Querying label values".
fn unescape(name: String) -> String {
    fn undone(escaped: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = escaped;
        while let Some(at) = rest.find('_') {
            out.push_str(&rest[..at]);
            let (code, after) = rest[at + 1..].split_once('_')?;
            rest = after;
            out.push(match code {
                "" => '_',
                _ if code.len() <= 6 && code.bytes().all(|b| b.is_ascii_hexdigit()) => {
                    char::from_u32(u32::from_str_radix(code, 16).ok()?)?
                }
                _ => return None,
            });
        }
        out.push_str(rest);
        Some(out)
    }
    name.strip_prefix("U__").and_then(undone).unwrap_or(name)
}

/// Answers `/api/v1/metadata`.
pub(super) fn metadata(asked: &Asked<'_>) -> Result<Data, Failure> {
    let number = |name: &str| match asked.params.get(name).map(str::parse::<i64>) {
        None => Ok(-1),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(Failure::bad_data(format!("{name} must be a number"))),
    };
    // Negative is without any, and zero is none: as in Prometheus, unlike the other lists.
    let limit = usize::try_from(number("limit")?).unwrap_or(usize::MAX);
    // A family has one description here, so any limit of them holds.
    number("limit_per_metric")?;
    let metric = asked.params.get("metric");
    let known = asked.platform().metadata(&asked.caller.who, &asked.caller.scope)?;
    let wanted = known.iter().filter(|(family, _)| metric.is_none_or(|m| m == family.as_str()));
    let mut data = Data::new();
    data.json.push(b'{');
    for (n, (family, told)) in wanted.take(limit).enumerate() {
        if n > 0 {
            data.json.push(b',');
        }
        push_text(&mut data.json, family);
        data.json.extend_from_slice(b":[");
        let fields = [("type", &told.metric_type), ("help", &told.help), ("unit", &told.unit)];
        push_map(&mut data.json, fields.map(|(name, value)| (name, value.as_str())));
        data.json.push(b']');
        check_size(asked, &data.json)?;
    }
    data.json.push(b'}');
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn names_in_paths_are_unescaped() {
        let cases = [
            ("job", "job"),
            ("U__my_2e_label", "my.label"),
            ("U__a__b", "a_b"),
            ("U___1f600_x", "😀x"),
            ("U__", ""),
            ("U__a_2e", "U__a_2e"),
            ("U__a_zz_", "U__a_zz_"),
            ("U__a_d800_", "U__a_d800_"),
            ("__name__", "__name__"),
        ];
        for (escaped, name) in cases {
            assert_eq!(unescape(escaped.to_owned()), name, "{escaped}");
        }
    }
}
