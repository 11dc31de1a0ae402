//! Which path means what, and which methods it takes.

use super::{Act, Tell, admin, exemplar_query, nothing, status, tree};
use http::Method;

pub(super) const PREFIX: &str = "/api/v1/";

/// What a path asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route<'a> {
    Write,
    Query,
    QueryRange,
    Series,
    Labels,
    /// The label's name as it stands in the path.
    LabelValues(&'a str),
    Metadata,
    /// A question whose path is all there is to know about it.
    Told {
        /// Its parameters may be in a form.
        form: bool,
        tell: Tell,
    },
    DeleteSeries,
    CleanTombstones,
    Snapshot,
    /// Prometheus has it and we do not, yet.
    NotServed,
    Unknown,
}

/// Paths of Prometheus that are not served yet, so that nobody takes them for misspelt ones.
const NOT_SERVED: &[&str] = &[
    "notifications/live",
    "otlp/v1/metrics",
    "read",
    "status/tsdb/blocks",
    "status/walreplay",
    "targets/relabel_steps",
];

/// Questions whose path is all there is to know about them, and whether they take forms.
const TOLD: &[(&str, bool, Tell)] = &[
    ("alertmanagers", false, nothing::alertmanagers),
    ("alerts", false, nothing::alerts),
    ("features", false, status::features),
    ("format_query", true, tree::format_query),
    ("notifications", false, nothing::list),
    ("parse_query", true, tree::parse_query),
    ("query_exemplars", true, exemplar_query::exemplars),
    ("rules", false, nothing::rules),
    ("scrape_pools", false, nothing::scrape_pools),
    ("status/buildinfo", false, status::build_info),
    ("status/config", false, status::config),
    ("status/flags", false, status::flags),
    ("status/runtimeinfo", false, status::runtime_info),
    ("status/tsdb", false, status::tsdb),
    ("targets", false, nothing::targets),
    ("targets/metadata", false, nothing::list),
];

impl<'a> Route<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        let rest = path.strip_prefix(PREFIX).unwrap_or_default();
        let label = rest.strip_prefix("label/").and_then(|r| r.strip_suffix("/values"));
        match rest {
            "write" => Self::Write,
            "query" => Self::Query,
            "query_range" => Self::QueryRange,
            "series" => Self::Series,
            "labels" => Self::Labels,
            "metadata" => Self::Metadata,
            "admin/tsdb/delete_series" => Self::DeleteSeries,
            "admin/tsdb/clean_tombstones" => Self::CleanTombstones,
            "admin/tsdb/snapshot" => Self::Snapshot,
            _ if label.is_some_and(|l| !l.contains('/')) => {
                Self::LabelValues(label.unwrap_or_default())
            }
            _ if let Some(&(_, form, tell)) = TOLD.iter().find(|(path, ..)| *path == rest) => {
                Self::Told { form, tell }
            }
            _ if NOT_SERVED.contains(&rest) => Self::NotServed,
            _ => Self::Unknown,
        }
    }

    /// Returns what does the work of a path that asks for no answer.
    pub(super) fn act(self) -> Option<Act> {
        match self {
            Self::DeleteSeries => Some(admin::delete_series),
            Self::CleanTombstones => Some(admin::clean_tombstones),
            Self::Snapshot => Some(admin::snapshot),
            _ => None,
        }
    }

    /// Returns the methods that the path takes when `method` is none of them.
    pub(super) fn refuses(self, method: &Method) -> Option<&'static str> {
        let (get, post) = (method == Method::GET, method == Method::POST);
        match self {
            Self::Write => (!post).then_some("POST"),
            Self::Query | Self::QueryRange | Self::Series | Self::Labels => {
                (!get && !post).then_some("GET, POST")
            }
            Self::Told { form: true, .. } => (!get && !post).then_some("GET, POST"),
            Self::LabelValues(_) | Self::Metadata | Self::Told { .. } => (!get).then_some("GET"),
            Self::DeleteSeries | Self::CleanTombstones | Self::Snapshot => {
                (!post && method != Method::PUT).then_some("POST, PUT")
            }
            Self::NotServed | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let cases = [
            ("/api/v1/write", Route::Write),
            ("/api/v1/label/a%2Fb/values", Route::LabelValues("a%2Fb")),
            ("/api/v1/label//values", Route::LabelValues("")),
            ("/api/v1/label/a/b/values", Route::Unknown),
            ("/api/v1/label/values", Route::Unknown),
            ("/api/v1/read", Route::NotServed),
            ("/api/v1/admin/tsdb/snapshot", Route::Snapshot),
            ("/api/v1/admin/tsdb/other", Route::Unknown),
            ("/api/v1/query/", Route::Unknown),
            ("/api/v1/", Route::Unknown),
            ("/", Route::Unknown),
        ];
        for (path, route) in cases {
            assert_eq!(format!("{:?}", Route::of(path)), format!("{route:?}"), "{path}");
        }
    }
}
