//! Limits, what is used of them, and by whom: as own metrics, and as JSON for `sightline top`.

use crate::Shared;
use crate::own_metrics::Own;
use formats::exposition::MetricKind::{self, Counter, Gauge};
use model::{Scope, TenantId};
use parking_lot::Mutex;
use platform::{NamespaceUse, OTHERS, SentUse, StoreStatus};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

/// So many of the worst are shown as metrics, ...
const METRICS_TOP: usize = 10;
/// ... and so many in the view.
const VIEW_TOP: usize = 50;
/// Namespaces that ever get a metric of their own: strangers choose their names.
const NAMED_MAX: usize = 200;

/// Namespaces that have a metric of their own.
#[derive(Debug, Default)]
pub(crate) struct Named(Mutex<BTreeSet<(TenantId, String)>>);

impl Named {
    fn admits(&self, one: &NamespaceUse) -> bool {
        let mut named = self.0.lock();
        let key = (one.tenant, one.namespace.clone());
        named.contains(&key) || named.len() < NAMED_MAX && named.insert(key)
    }
}

/// Collects the metrics of limits and uses.
#[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
pub(crate) fn metrics(shared: &Shared, status: &StoreStatus) -> Vec<Own> {
    let mut all = Vec::new();
    let mut put =
        |name, kind: MetricKind, help, label: Option<(&'static str, &'static str)>, value: f64| {
            let labels = label.into_iter().map(|(n, v)| (n, Cow::Borrowed(v))).collect();
            all.push(Own { name, kind, help, labels, value });
        };
    let platform = &shared.platform;
    let plan = &shared.memory;
    for (of, bytes) in [
        ("all", plan.total),
        ("store", plan.store),
        ("questions", plan.questions),
        ("blocks", plan.blocks),
        ("bodies", plan.bodies),
        ("answers", plan.answers),
    ] {
        let help = "Memory that may be used, by use.";
        put("sightline_memory_limit_bytes", Gauge, help, Some(("use", of)), bytes as f64);
    }
    let (bodies, answers) = shared.traffic.used();
    for (of, bytes) in [
        ("store", status.memory_bytes as u64),
        ("questions", platform.question_bytes()),
        ("blocks", status.block_cache_bytes),
        ("bodies", bodies),
        ("answers", answers),
    ] {
        let help = "Memory that is used, by use, as the limits count it.";
        put("sightline_memory_used_bytes", Gauge, help, Some(("use", of)), bytes as f64);
    }
    put("sightline_connections", Gauge, "Connections.", None, shared.clients.len() as f64);
    let help = "Connections that there may be.";
    put("sightline_connections_limit", Gauge, help, None, shared.clients.max() as f64);
    let (idle, slow) = shared.clients.cut();
    let help = "Connections that were closed to make room, by why.";
    for (why, count) in [("idle", idle), ("slow", slow)] {
        put("sightline_connections_cut_total", Counter, help, Some(("why", why)), count as f64);
    }
    let (bodies, answers) = shared.traffic.refused();
    let help = "Bodies and answers for which there was no memory.";
    for (what, count) in [("bodies", bodies), ("answers", answers)] {
        put("sightline_traffic_refused_total", Counter, help, Some(("what", what)), count as f64);
    }
    if let Some(bytes) = stdx::machine::resident_bytes() {
        let help = "Memory of the process that is no copy of a file.";
        put("process_resident_memory_bytes", Gauge, help, None, bytes as f64);
    }
    if let Some(files) = stdx::machine::open_files() {
        put("process_open_fds", Gauge, "Open file descriptors.", None, files as f64);
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    if let Some(limit) = limit {
        put("process_max_fds", Gauge, "File descriptors that may be open.", None, limit as f64);
    }
    let series = &platform.store_options().series;
    for (of, share) in
        [("store", series.store), ("account", series.tenant), ("namespace", series.namespace)]
    {
        let help = "Series in memory that there may be, by whose.";
        put("sightline_series_limit", Gauge, help, Some(("of", of)), share.series as f64);
    }
    let questions = platform.all_questions();
    let help = "Questions by what became of them.";
    for (outcome, count) in [
        ("asked", questions.asked),
        ("refused", questions.refused),
        ("canceled", questions.cancelled),
    ] {
        let outcome = Some(("outcome", outcome));
        put("sightline_questions_total", Counter, help, outcome, count as f64);
    }
    let help = "Questions that are being worked on.";
    put("sightline_questions_running", Gauge, help, None, questions.running as f64);
    let help = "Questions that wait for their turn.";
    put("sightline_questions_waiting", Gauge, help, None, questions.waiting as f64);
    let help = "Time that questions were worked on.";
    put("sightline_question_seconds_total", Counter, help, None, questions.busy.as_secs_f64());

    let scopes = scopes(shared);
    let uses = platform.namespace_uses();
    let refused: u64 = uses.iter().map(|u| u.refused).sum();
    let help = "New series that were refused for want of room; one sent again counts again.";
    put("sightline_series_refused_total", Counter, help, None, refused as f64);
    all.extend(worst(shared, &scopes, uses));
    all
}

/// The namespaces that have most, and those that were refused most.
#[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
fn worst(
    shared: &Shared,
    scopes: &HashMap<TenantId, Scope>,
    mut uses: Vec<NamespaceUse>,
) -> Vec<Own> {
    let mut all = Vec::new();
    let mut put = |name, kind, help, one: &NamespaceUse, label: Option<String>, value: f64| {
        let mut labels = scope_labels(scopes, one.tenant);
        labels.push(("namespace", one.namespace.clone().into()));
        labels.extend(label.map(|label| ("label", label.into())));
        all.push(Own { name, kind, help, labels, value });
    };
    let named = |one: &&NamespaceUse| shared.named.admits(one);
    uses.sort_by_key(|u| Reverse(u.series));
    for one in uses.iter().take(METRICS_TOP).filter(named) {
        let help = "Series in memory of the namespaces that have most.";
        put("sightline_namespace_series", Gauge, help, one, None, one.series as f64);
    }
    uses.retain(|u| u.refused > 0);
    uses.sort_by_key(|u| Reverse(u.refused));
    for one in uses.iter().take(METRICS_TOP).filter(named) {
        let help = "New series refused, of the namespaces that were refused most, and the label \
                    that makes them.";
        let label = one.culprit.as_ref().map(|c| c.label.clone());
        let name = "sightline_namespace_series_refused_total";
        put(name, Counter, help, one, label, one.refused as f64);
    }
    all
}

fn scopes(shared: &Shared) -> HashMap<TenantId, Scope> {
    shared.platform.scopes().into_iter().map(|(scope, tenant)| (tenant, scope)).collect()
}

fn scope_labels(
    scopes: &HashMap<TenantId, Scope>,
    tenant: TenantId,
) -> Vec<(&'static str, Cow<'static, str>)> {
    match scopes.get(&tenant) {
        Some(scope) => vec![
            ("account", scope.account.to_string().into()),
            ("region", scope.region.clone().into()),
        ],
        None => vec![("account", OTHERS.into())],
    }
}

/// Returns what `sightline top` shows: totals since the start, from which it makes rates.
pub(crate) fn view(shared: &Shared) -> Value {
    let platform = &shared.platform;
    let status = platform.store_status();
    let scopes = scopes(shared);
    let whose = |tenant: TenantId| match scopes.get(&tenant) {
        Some(scope) => (scope.account.to_string(), scope.region.clone()),
        None => (OTHERS.to_owned(), String::new()),
    };
    let sent = |u: &SentUse| json!({ "requests": u.requests, "points": u.points, "refused": u.refused, "bytes": u.bytes });
    // What is in memory and what came are two lists; here they are one line each.
    let mut namespaces: HashMap<(TenantId, String), (Option<NamespaceUse>, SentUse)> =
        HashMap::new();
    for one in platform.namespace_uses() {
        let key = (one.tenant, one.namespace.clone());
        namespaces.entry(key).or_default().0 = Some(one);
    }
    for (tenant, namespace, sent) in platform.sent_by_namespace() {
        namespaces.entry((tenant, namespace)).or_default().1 = sent;
    }
    let mut namespaces: Vec<_> = namespaces.into_iter().collect();
    let all_namespaces = namespaces.len();
    namespaces.sort_by_key(|(_, (in_memory, sent))| {
        let of_memory = in_memory.as_ref().map_or((0, 0), |u| (u.refused, u.series));
        Reverse((sent.points, of_memory.0, of_memory.1))
    });
    // The worst by any of the measures must not fall out of the list.
    let mut kept: Vec<_> = Vec::new();
    for (n, entry) in namespaces.into_iter().enumerate() {
        let refused = entry.1.0.as_ref().is_some_and(|u| u.refused > 0) || entry.1.1.refused > 0;
        if n < VIEW_TOP || refused && kept.len() < 2 * VIEW_TOP {
            kept.push(entry);
        }
    }
    let namespaces: Vec<Value> = kept
        .iter()
        .map(|((tenant, namespace), (in_memory, what))| {
            let (account, region) = whose(*tenant);
            let mut line = sent(what);
            line["account"] = account.into();
            line["region"] = region.into();
            line["namespace"] = namespace.clone().into();
            if let Some(used) = in_memory {
                line["series"] = used.series.into();
                line["series_bytes"] = used.bytes.into();
                line["series_refused"] = used.refused.into();
                if let Some(culprit) = &used.culprit {
                    line["label"] = culprit.label.clone().into();
                }
            }
            line
        })
        .collect();
    let mut senders = platform.senders();
    senders.sort_by_key(|s| Reverse((s.sent.points, s.sent.refused, s.sent.requests)));
    let senders: Vec<Value> = senders
        .iter()
        .take(VIEW_TOP)
        .map(|sender| {
            let (account, region) = whose(sender.tenant);
            let mut line = sent(&sender.sent);
            line["account"] = account.into();
            line["region"] = region.into();
            line["door"] = sender.door.into();
            line["sender"] = sender.name.clone().into();
            line
        })
        .collect();
    let mut questions = platform.question_uses();
    questions.sort_by_key(|(_, u)| Reverse(u.busy));
    let questions: Vec<Value> = questions
        .iter()
        .take(VIEW_TOP)
        .map(|(tenant, u)| {
            let (account, region) = whose(*tenant);
            json!({
                "account": account, "region": region, "asked": u.asked, "refused": u.refused,
                "canceled": u.cancelled, "busy_seconds": u.busy.as_secs_f64(), "bytes_max": u.bytes_max,
                "running": u.running, "waiting": u.waiting,
            })
        })
        .collect();
    let options = platform.store_options();
    let limits = platform.question_limits();
    json!({
        "uptime_seconds": shared.uptime.elapsed().as_secs_f64(),
        "memory": {
            "resident_bytes": stdx::machine::resident_bytes(),
            "limit_bytes": shared.memory.total,
            "store": { "used_bytes": status.memory_bytes, "limit_bytes": options.memory_bytes_max },
            "questions": {
                "used_bytes": platform.question_bytes(),
                "limit_bytes": limits.memory_bytes_max,
            },
        },
        "series": {
            "in_memory": status.series,
            "limit": options.series.store.series,
            "limit_account": options.series.tenant.series,
            "limit_namespace": options.series.namespace.series,
        },
        "disk": {
            "free_bytes": platform.disk_free_bytes(),
            "parts_bytes": status.parts_bytes,
            "journal_bytes": status.journal_bytes,
        },
        "namespaces_in_all": all_namespaces,
        "namespaces": namespaces,
        "senders": senders,
        "questions": questions,
    })
}
