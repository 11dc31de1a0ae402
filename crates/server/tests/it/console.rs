//! The console: its files are as built, a browser walks its pages, and a session is worth what its
//! owner is.
//!
//! What the browser does stands in `crates/console/web/e2e`, a file for each walk.

use crate::programs::{Server, free_address};
use crate::secured::{PASSWORD, Secured, curl};
use crate::tls::Authority;
use std::path::{Path, PathBuf};
use std::process::Command;

fn web() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../console/web")
}

/// Runs a script of node with the directory of the front end as its own.
#[track_caller]
fn node(arguments: &[&str]) {
    let mut command = Command::new("node");
    command.args(arguments).current_dir(web());
    let done = command.output().expect("node is there: `make test-deps` installs it");
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "node {arguments:?}:\n{}", String::from_utf8_lossy(&said));
}

#[track_caller]
fn walk(name: &str, url: &str, more: &[&str]) {
    let script = format!("e2e/{name}.mjs");
    node(&[&[script.as_str(), url], more].concat());
}

fn data() -> tempfile::TempDir {
    tempfile::tempdir().expect("a place")
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

#[test]
fn oracle_console_assets_are_as_built_from_the_source() {
    node(&["build.mjs", "../assets", "--check"]);
}

#[test]
fn oracle_console_types_hold() {
    node(&["node_modules/typescript/bin/tsc", "--noEmit"]);
}

#[test]
fn oracle_console_parts_compute_what_they_should() {
    node(&["test/run.mjs"]);
}

#[test]
fn oracle_console_home_moves_by_itself() {
    let data = data();
    let server = Server::start(data.path(), &["--collect-host=true"]);
    walk("home", &url(&server), &[]);
}

#[test]
fn oracle_console_home_shows_many_hosts() {
    let data = data();
    let server = Server::start(data.path(), &[]);
    walk("hosts", &url(&server), &[]);
}

#[test]
fn oracle_console_metrics_are_found_graphed_and_shared() {
    let data = data();
    let server = Server::start(data.path(), &[]);
    walk("metrics", &url(&server), &[]);
}

#[test]
fn oracle_console_names_are_text() {
    let data = data();
    let server = Server::start(data.path(), &[]);
    walk("names", &url(&server), &[]);
}

#[test]
fn oracle_console_is_used_by_keys_alone() {
    let data = data();
    let server = Server::start(data.path(), &["--collect-host=true"]);
    walk("keyboard", &url(&server), &[]);
}

#[test]
fn oracle_console_follows_a_virtual_clock() {
    let data = data();
    let clock = ["--test-bench", "--clock", "virtual", "--clock-start", "2026-01-01T00:00:00Z"];
    let server = Server::start(data.path(), &clock);
    walk("clock", &url(&server), &[]);
}

#[test]
fn oracle_console_alarms_are_made_explained_and_muted() {
    let data = data();
    let clock = ["--test-bench", "--clock", "virtual", "--clock-start", "2026-01-01T00:00:00Z"];
    let server = Server::start(data.path(), &clock);
    walk("alarms", &url(&server), &[]);
}

#[test]
fn oracle_console_lists_many_alarms() {
    let data = data();
    let server = Server::start(data.path(), &[]);
    walk("many-alarms", &url(&server), &[]);
}

#[test]
fn oracle_console_asks_who_comes() {
    let secured = Secured::start();
    walk("sign-in", &secured.url(""), &["no-users"]);
    for (user, role) in [("ann", "viewer"), ("edith", "editor")] {
        let create = ["users", "create", user, "--role", role, "--password-stdin"];
        secured.manage(&create, PASSWORD);
        walk("sign-in", &secured.url(""), &[user, PASSWORD, role]);
    }
}

#[test]
fn oracle_with_tls_a_session_travels_by_tls_alone() {
    let authority = Authority::new();
    let secured = authority.server(&[]);
    secured.manage(&["users", "create", "ann", "--role", "viewer", "--password-stdin"], PASSWORD);
    let (user, ca) = (format!("ann:{PASSWORD}"), authority.text("ca.pem"));
    let session = secured.url("/-/session");
    let told = curl(&["--cacert", &ca, "-X", "POST", "-u", &user, &session]).headers;
    let line = told.lines().find(|line| line.starts_with("set-cookie: ")).expect("a cookie");
    assert!(line.starts_with("set-cookie: __host-sightline"), "{line}");
    assert!(line.ends_with("; secure"), "{line}");
}

/// A server with a user, and the cookie of a session of theirs.
fn signed_in() -> (Secured, String) {
    let secured = Secured::start();
    secured.manage(&["users", "create", "ann", "--role", "editor", "--password-stdin"], PASSWORD);
    let user = format!("ann:{PASSWORD}");
    let answer = curl(&["-X", "POST", "-u", &user, &secured.url("/-/session")]);
    (secured, cookie_of(&answer.headers))
}

fn cookie_of(answer: &str) -> String {
    let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let line = line.unwrap_or_else(|| panic!("a cookie: {answer}"));
    assert!(line.contains("; path=/; httponly; samesite=strict"), "{line}");
    line.split(';').next().expect("a pair").to_owned()
}

const PUT: &str = r#"{"Namespace":"Shop","MetricData":[{"MetricName":"m","Value":1}]}"#;

/// Puts with a session's cookie and some headers more; returns the status, and why not.
fn put_with(secured: &Secured, cookie: &str, headers: &[&str]) -> (u16, String) {
    let cookie = format!("cookie: {cookie}");
    let target = "x-amz-target: GraniteServiceVersion20100801.PutMetricData";
    let url = secured.url("/");
    let mut all = vec!["-d", PUT, "-H", target, "-H", &cookie];
    for header in headers {
        all.extend(["-H", header]);
    }
    all.push(&url);
    let answer = curl(&all);
    (answer.status, answer.body)
}

#[test]
fn oracle_a_session_is_good_for_pages_of_ours_only() {
    let (secured, cookie) = signed_in();
    let own = format!("origin: {}", secured.url(""));
    for own in [own.as_str(), "sec-fetch-site: same-origin"] {
        assert_eq!(put_with(&secured, &cookie, &[own]).0, 200, "{own}");
    }
    // What no page of ours sends: a program with a stolen habit, other sites, other ports.
    let (status, why) = put_with(&secured, &cookie, &[]);
    assert!(status == 400 && why.contains("MissingAuthenticationToken"), "{status} {why}");
    for foreign in ["origin: https://evil.example", "origin: null", "origin: http://127.0.0.1:1"] {
        assert_eq!(put_with(&secured, &cookie, &[foreign]).0, 403, "{foreign}");
    }
    assert_eq!(put_with(&secured, &cookie, &["sec-fetch-site: same-site", &own]).0, 403);
    let put = "/?Action=PutMetricData&Version=2010-08-01&Namespace=Shop\
               &MetricData.member.1.MetricName=m&MetricData.member.1.Value=1";
    let cookie = format!("cookie: {cookie}");
    let by_get = curl(&["-H", &cookie, "-H", "sec-fetch-site: same-origin", &secured.url(put)]);
    assert_eq!(by_get.status, 405, "nothing is changed by GET: {}", by_get.body);
    let manage = curl(&["-H", &cookie, &secured.url("/-/manage/keys")]);
    assert_eq!(manage.status, 403, "an editor's session is an editor's: {}", manage.body);
}

#[test]
fn oracle_a_session_ends_with_what_it_came_from() {
    let (secured, cookie) = signed_in();
    let cookie = format!("cookie: {cookie}");
    let reads = |cookie: &str| curl(&["-H", cookie, &secured.url("/api/v1/labels")]).status;
    assert_eq!(reads(&cookie), 200);
    assert_eq!(reads(&cookie.replace("sightline", "other")), 401);
    secured.manage(&["users", "passwd", "ann", "--password-stdin"], "another password");
    assert_eq!(reads(&cookie), 401, "the password is another one");

    let answer = curl(&["-X", "POST", "-u", "ann:another password", &secured.url("/-/session")]);
    let cookie = format!("cookie: {}", cookie_of(&answer.headers));
    assert_eq!(reads(&cookie), 200);
    secured.manage(&["users", "revoke", "ann"], "");
    assert_eq!(reads(&cookie), 401, "there is no such user");
}

#[test]
fn oracle_signing_in_is_a_login_and_says_no_more_than_needed() {
    let (secured, cookie) = signed_in();
    let session = secured.url("/-/session");
    let told = curl(&[&session]).body;
    assert_eq!(told.trim(), r#"{"auth":"required","users":true}"#);
    // A session makes no other, and nothing makes none.
    let cookie = format!("cookie: {cookie}");
    let own = format!("origin: {}", secured.url(""));
    let again = curl(&["-X", "POST", "-H", &cookie, "-H", &own, &session]);
    assert!(again.status == 401 && !again.headers.contains("set-cookie"), "{}", again.body);
    assert_eq!(curl(&["-X", "POST", &session]).status, 401);
    // No browser's own box comes up over the page.
    let wrong = ["-X", "POST", "-u", "ann:wrong", "-H", "x-sightline-console: 1", &session];
    let refused = curl(&wrong);
    assert!(
        refused.status == 401 && !refused.body.contains("www-authenticate"),
        "{}",
        refused.body
    );
    for _ in 0..8 {
        curl(&wrong);
    }
    let slowed = curl(&wrong);
    assert!(slowed.status == 429 && slowed.headers.contains("retry-after"), "{slowed:?}");
    let audit = std::fs::read_to_string(secured.data.path().join("audit/audit.jsonl"));
    let audit = audit.expect("an audit");
    let login = audit.lines().find(|line| line.contains("ConsoleLogin")).expect("recorded");
    assert!(login.contains("ann") && !audit.contains(PASSWORD), "{login}");
}

#[test]
fn oracle_the_bare_address_leads_browsers_to_the_console_and_nobody_else() {
    let data = data();
    let server = Server::start_at(free_address(), data.path(), &[]);
    let url = url(&server);
    let root = format!("{url}/");
    let browser = curl(&["-H", "accept: text/html,*/*;q=0.8", &root]);
    assert!(
        browser.status == 302 && browser.headers.contains("location: /console/"),
        "{browser:?}"
    );
    let program = curl(&[&root]);
    assert!(program.status == 200 && program.body.starts_with("This is Sightline"), "{program:?}");
    let list = "x-amz-target: GraniteServiceVersion20100801.ListMetrics";
    let aws = curl(&["-H", "accept: text/html", "-H", list, "-d", "{}", &root]);
    assert!(aws.status == 200 && aws.body.contains("Metrics"), "{aws:?}");
    assert_eq!(curl(&[&format!("{url}/console/nothing")]).status, 404);
    assert_eq!(curl(&["-d", "x", &format!("{url}/console/")]).status, 405);
    let page = curl(&[&format!("{url}/console/metrics")]).headers;
    assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
}
