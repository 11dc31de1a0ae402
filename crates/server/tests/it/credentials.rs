//! Who may what, told by boto3, curl and our own client.

use crate::http;
use crate::programs::{self, Server};
use crate::secured::{BOTH, Key, PASSWORD, Secured, boto3, curl, make_key, one_datum};
use formats::remote_write::{self, Encoder, Sample};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use stdx::{Clock, RealClock};

const PUT: (&str, &str) = ("cloudwatch", "PutMetricData");
const LIST: (&str, &str) = ("cloudwatch", "ListMetrics");
const WHO: (&str, &str) = ("sts", "GetCallerIdentity");

#[test]
fn oracle_roles_and_refusals_at_the_aws_door() {
    let secured = Secured::start();
    let account = "123456789012";
    let editor = secured.key(&["--role", "editor", "--name", "ci", "--account", account]);
    let viewer = secured.key(&["--role", "viewer", "--account", account]);
    let url = secured.url("");
    for which in BOTH {
        let call =
            |key: Option<&Key>, what, input: &Value| boto3(which, &url, None, key, what, input);
        let none = json!({});
        assert!(call(Some(&editor), PUT, &one_datum()).get("ok").is_some(), "{which:?}");
        let listed = call(Some(&viewer), LIST, &none);
        assert_eq!(listed["ok"]["Metrics"][0]["MetricName"], "Orders", "{which:?} {listed}");
        let others = call(Some(&secured.admin), LIST, &json!({ "Namespace": "Shop" }));
        assert_eq!(others["ok"]["Metrics"], json!([]), "of another account: {others}");

        let told = call(Some(&editor), WHO, &none);
        assert_eq!(told["ok"]["Arn"], "arn:aws:iam::123456789012:user/ci", "{told}");
        assert_eq!(told["ok"]["Account"], account);
        assert_eq!(told["ok"]["UserId"], editor.id.as_str());

        let refused = |key: Option<&Key>, code: &str, text: &str| {
            let told = call(key, PUT, &one_datum());
            assert_eq!((&told["code"], &told["status"]), (&json!(code), &json!(403)), "{told}");
            assert!(told["message"].as_str().is_some_and(|m| m.contains(text)), "{told}");
        };
        let arn = format!("arn:aws:iam::{account}:user/{}", viewer.id);
        let text = format!("User: {arn} is not authorized to perform: cloudwatch:PutMetricData");
        refused(Some(&viewer), "AccessDenied", &text);
        let unknown = Key { id: "SLAKAAAAAAAAAAAAAAAA".into(), ..editor.clone() };
        refused(Some(&unknown), "InvalidClientTokenId", "security token");
        let account_as_key = Key { id: account.into(), ..editor.clone() };
        refused(Some(&account_as_key), "InvalidClientTokenId", "security token");
        let wrong = Key { secret: viewer.secret.clone(), ..editor.clone() };
        refused(Some(&wrong), "SignatureDoesNotMatch", "does not match the signature");
        refused(None, "MissingAuthenticationToken", "Authentication Token");
    }
    secured.manage(&["keys", "revoke", &editor.id], "");
    let told = boto3(BOTH[0], &url, None, Some(&editor), PUT, &one_datum());
    assert_eq!(told["code"], "InvalidClientTokenId", "revoked at once: {told}");
}

#[test]
fn oracle_bearer_and_basic_by_curl() {
    let secured = Secured::start();
    let account = "123456789012";
    let (_, editor) = secured.token(&["--role", "editor", "--account", account]);
    let (_, own_viewer) = secured.token(&["--role", "viewer"]);
    secured.user("ann", "viewer");
    let bearer = format!("authorization: Bearer {editor}");
    let query = secured.url("/api/v1/query?query=up");
    let key = format!("{}:{}", secured.admin.id, secured.admin.secret);
    let user = format!("ann:{PASSWORD}");
    let by_token = format!("whoever:{editor}");
    let token_as_user = format!("{editor}:");
    for credentials in [
        ["-H", &bearer],
        ["-u", &key],
        ["-u", &user],
        ["-u", &by_token],
        ["-u", &token_as_user],
        ["-u", &user],
    ] {
        let told = curl(&[&credentials[..], &[&query]].concat());
        assert_eq!(told.status, 200, "{credentials:?} {told:?}");
    }
    let wrong_user = format!("ann:{PASSWORD}x");
    let wrong_key = format!("{}:{PASSWORD}", secured.admin.id);
    for credentials in [
        &[][..],
        &["-H", "authorization: Bearer slt_wrong"],
        &["-u", &wrong_user],
        &["-u", &wrong_key],
        &["-u", "nobody:nothing at all"],
        &["-H", "authorization: Basic !"],
        &["-H", "authorization: Digest x"],
    ] {
        for path in ["/api/v1/query?query=up", "/metrics", "/-/clock", "/-/manage/keys"] {
            // A few wrong passwords are free; more would be slowed.
            if credentials.first() == Some(&"-u") && path != "/metrics" {
                continue;
            }
            let told = curl(&[credentials, &[&secured.url(path)]].concat());
            assert_eq!(told.status, 401, "{credentials:?} {path} {told:?}");
            assert!(told.headers.contains("www-authenticate: basic realm="), "{told:?}");
            let body: Value = serde_json::from_str(&told.body).expect("JSON");
            assert_eq!(
                (&body["status"], &body["errorType"]),
                (&json!("error"), &json!("unauthorized"))
            );
        }
    }
    for path in ["/-/healthy", "/-/ready", "/"] {
        assert_eq!(curl(&[&secured.url(path)]).status, 200, "{path} is for everybody");
    }

    // Roles and accounts.
    let mut encoder = Encoder::new();
    let labels = [("__name__".to_owned(), "up".to_owned())];
    encoder.series(&labels, &[Sample { at_ms: RealClock.now_ms(), value: 1.0 }]);
    let packed = tempfile::NamedTempFile::new().expect("a place");
    packed.as_file().write_all(&remote_write::compress(&encoder.finish())).expect("written");
    let file = format!("@{}", packed.path().display());
    let write = secured.url("/api/v1/write");
    let send = |who: [&str; 2]| {
        let kind = ["-H", "content-type: application/x-protobuf", "-H", "content-encoding: snappy"];
        curl(&[&who[..], &kind, &["--data-binary", &file, &write]].concat()).status
    };
    assert_eq!((send(["-H", &bearer]), send(["-u", &user])), (204, 403));
    let reads_own = format!("authorization: Bearer {own_viewer}");
    let metrics = secured.url("/metrics");
    assert_eq!(curl(&["-H", &reads_own, &metrics]).status, 200);
    assert_eq!(curl(&["-H", &bearer, &metrics]).status, 403, "of another account");
    let manage = secured.url("/-/manage/keys");
    assert_eq!(curl(&["-H", &reads_own, &manage]).status, 403);
    for (org, status) in [(account, 200), ("000000000000", 403), ("team-a", 403)] {
        let org = format!("X-Scope-OrgID: {org}");
        let told = curl(&["-H", &bearer, "-H", &org, &query]);
        assert_eq!(told.status, status, "{org} {told:?}");
        assert_eq!(told.body.contains("forbidden"), status == 403, "{told:?}");
    }
}

fn as_token(token: &str) -> [(&str, &str); 1] {
    [("SIGHTLINE_TOKEN", token)]
}

#[test]
fn oracle_our_own_client_says_who_it_is() {
    let secured = Secured::start();
    let (id, editor) = secured.token(&["--role", "editor", "--name", "shell"]);
    let (_, viewer) = secured.token(&["--role", "viewer"]);
    secured.user("ann", "viewer");
    let put = ["put", "-n", "Shop", "-m", "Orders", "-v", "3"];
    let query = ["query", "-n", "Shop"];
    let (code, said) = secured.run_as(&as_token(&editor), &put, "");
    assert_eq!((code, said.as_str()), (Some(0), "put 1 data\n"));
    let ann = [("SIGHTLINE_USER", "ann"), ("SIGHTLINE_PASSWORD", PASSWORD)];
    let (code, said) = secured.run_as(&ann, &query, "");
    assert!(code == Some(0) && said.contains("Orders"), "{said}");
    let (_, said) = secured.run_as(&ann, &["query", "{__namespace__=\"Shop\"}"], "");
    assert!(said.contains("Orders"), "{said}");
    let (code, said) = secured.run_as(&as_token(&viewer), &put, "");
    assert!(code == Some(1) && said.contains("is not authorized to perform"), "{said}");
    let (code, said) = secured.run_as(&[], &put, "");
    assert!(code == Some(1) && said.contains("--token"), "{said}");
    let (code, said) = secured.run_as(&as_token(&editor), &["keys", "list"], "");
    assert!(code == Some(1) && said.contains("may not manage"), "{said}");
    // A password is changed by who has it.
    let passwd = ["users", "passwd", "ann", "--password-stdin"];
    let (code, said) = secured.run_as(&ann, &passwd, "another password\n");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(secured.run_as(&ann, &query, "").0, Some(1), "the old one is worth nothing");
    let ann = [("SIGHTLINE_USER", "ann"), ("SIGHTLINE_PASSWORD", "another password")];
    assert_eq!(secured.run_as(&ann, &query, "").0, Some(0));
    secured.manage(&["users", "revoke", "ann"], "");
    secured.manage(&["tokens", "revoke", &id], "");
    assert_eq!(secured.run_as(&ann, &query, "").0, Some(1));
    assert_eq!(secured.run_as(&as_token(&editor), &query, "").0, Some(1));
    let listed = secured.manage(&["tokens", "list", "-f", "json"], "");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let revoked = listed.as_array().expect("a list").iter().find(|one| one["id"] == id.as_str());
    assert_ne!(revoked.expect("still listed")["revoked"], "");
}

#[test]
fn oracle_guessing_is_slowed_and_locks_out_nobody_who_is_in() {
    let secured = Secured::start();
    secured.user("ann", "viewer");
    let query = secured.url("/api/v1/query?query=up");
    let right = format!("ann:{PASSWORD}");
    assert_eq!(curl(&["-u", &right, &query]).status, 200);
    let mut statuses = BTreeSet::new();
    let slowed = (0..20)
        .map(|n| curl(&["-u", &format!("ann:guess number {n}"), &query]))
        .inspect(|told| _ = statuses.insert(told.status))
        .find(|told| told.status == 429)
        .unwrap_or_else(|| panic!("never slowed: {statuses:?}"));
    assert_eq!(statuses, BTreeSet::from([401, 429]));
    assert!(slowed.headers.contains("retry-after: "), "{slowed:?}");
    assert_eq!(curl(&["-u", &right, &query]).status, 200, "who is in stays in");
    let from_elsewhere = curl(&["--interface", "127.0.0.2", "-u", "ann:guess", &query]);
    assert_eq!(from_elsewhere.status, 401, "another address may try: {from_elsewhere:?}");
    let key = format!("{}:{}", secured.admin.id, secured.admin.secret);
    assert_eq!(curl(&["-u", &key, &query]).status, 200, "keys are not slowed");
}

#[test]
fn oracle_a_right_password_on_many_connections_comes_in_on_all() {
    let secured = Secured::start();
    secured.user("ann", "viewer");
    let (query, right) = (secured.url("/api/v1/query?query=up"), format!("ann:{PASSWORD}"));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..40).map(|_| scope.spawn(|| curl(&["-u", &right, &query]).status)).collect();
        all.into_iter().map(|one| one.join().expect("curl ran")).collect()
    });
    assert_eq!(statuses, [200; 40]);
}

#[test]
fn oracle_passwords_are_changed_a_few_at_a_time() {
    let secured = Secured::start();
    secured.user("ann", "viewer");
    let (_, admin) = secured.token(&["--role", "admin"]);
    let bearer = format!("Bearer {admin}");
    let body = format!("{{\"password\":\"{PASSWORD}\"}}");
    let headers = [("authorization", bearer.as_str())];
    let path = "/-/manage/users/ann/password";
    let mut sockets: Vec<_> = (0..150)
        .map(|_| {
            let mut socket = http::connect(secured.server.address).expect("connects");
            let head = http::post_head(path, &headers, body.len());
            socket.write_all(format!("{head}{body}").as_bytes()).expect("writes");
            socket
        })
        .collect();
    let statuses: BTreeSet<u16> = sockets
        .iter_mut()
        .map(|socket| http::read_answer(socket).expect("an answer").status)
        .collect();
    assert_eq!(statuses, BTreeSet::from([200, 429]), "all were hashed at once");
    let query = secured.url("/api/v1/query?query=up");
    assert_eq!(curl(&["-u", &format!("ann:{PASSWORD}"), &query]).status, 200);
}

#[test]
fn oracle_the_audit_tells_what_was_done_and_refused_and_no_secret() {
    let secured = Secured::start();
    let (_, viewer) = secured.token(&["--role", "viewer", "--name", "dash"]);
    let key = secured.key(&["--role", "editor"]);
    secured.user("ann", "viewer");
    secured.manage(&["keys", "revoke", &key.id], "");
    secured.run_as(&[("SIGHTLINE_TOKEN", &viewer)], &["put", "-n", "S", "-m", "m", "-v", "1"], "");
    curl(&["-A", "probe/1", "-u", "ann:wrong password", &secured.url("/metrics")]);
    boto3(BOTH[0], &secured.url(""), None, Some(&key), PUT, &one_datum());
    // Secrets where names belong.
    let mistyped = format!("{viewer}x");
    for user in [&mistyped, &key.secret] {
        let told = curl(&["-u", &format!("{user}:"), &secured.url("/metrics")]);
        assert_eq!(told.status, 401, "{told:?}");
    }
    let audit = secured.audit();
    let told: Vec<(String, String, String)> = audit
        .iter()
        .map(|record| {
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            (
                text(&record["eventName"]),
                text(&record["errorCode"]),
                text(&record["userIdentity"]["userName"]),
            )
        })
        .collect();
    let told: Vec<(&str, &str, &str)> = told.iter().map(|(a, b, c)| (&**a, &**b, &**c)).collect();
    assert_eq!(
        told,
        [
            ("CreateAccessKey", "", "sightline"),
            ("CreateToken", "", "ops"),
            ("CreateAccessKey", "", "ops"),
            ("CreateUser", "", "ops"),
            ("RevokeAccessKey", "", "ops"),
            ("PutMetricData", "AccessDenied", "dash"),
            ("Login", "InvalidCredentials", "ann"),
            ("Login", "InvalidClientTokenId", ""),
            ("Login", "InvalidCredentials", ""),
            ("Login", "InvalidCredentials", ""),
        ]
    );
    assert_eq!(audit[6]["userAgent"], "probe/1");
    assert_eq!(audit[6]["sourceIPAddress"], "127.0.0.1");
    assert_eq!(audit[7]["userIdentity"]["accessKeyId"], key.id.as_str());
    let text = serde_json::to_string(&audit).expect("JSON");
    for secret in [&viewer, &key.secret, &secured.admin.secret, PASSWORD, "wrong password"] {
        assert!(!text.contains(secret), "a secret is recorded");
    }
    let log = secured.server.program.log();
    for secret in [&viewer, &key.secret, &secured.admin.secret, PASSWORD] {
        assert!(!log.contains(secret), "a secret is logged");
    }
}

#[test]
fn oracle_a_key_file_that_does_not_fit_is_refused_with_the_way_out() {
    let data = tempfile::tempdir().expect("a place");
    make_key(data.path(), &["--role", "admin"]);
    let path = data.path().join("secret.key");
    let away = data.path().join("away");
    let dir = data.path().to_str().expect("a plain path");
    let start = || {
        programs::run(&["serve", "--listen", "127.0.0.1:0", "--auth", "required", "--data", dir])
    };
    let copy = || std::fs::copy(&away, &path).expect("copied");
    std::fs::copy(&path, &away).expect("copied");
    let chmod = |mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).expect("changed");
    };
    chmod(0o644);
    let (code, said) = start();
    assert!(code == Some(1) && said.contains("chmod 600"), "{code:?} {said}");
    #[expect(clippy::disallowed_methods, reason = "what an operator's mistake would do")]
    std::fs::remove_file(&path).expect("removed");
    let (code, said) = start();
    assert!(code == Some(1) && said.contains("is missing"), "{code:?} {said}");
    let other = tempfile::tempdir().expect("a place");
    make_key(other.path(), &["--role", "admin"]);
    std::fs::copy(other.path().join("secret.key"), &path).expect("copied");
    chmod(0o600);
    let (code, said) = start();
    assert!(code == Some(1) && said.contains("is not the one"), "{code:?} {said}");
    // The way out that the message names, without the key.
    let (code, said) = programs::run(&["keys", "revoke", "--all", "--data", dir]);
    assert!(code == Some(0) && said.contains("revoked access key SLAK"), "{code:?} {said}");
    make_key(data.path(), &["--role", "admin"]);
    copy();
    chmod(0o600);
    let (code, said) = start();
    assert!(code == Some(1) && said.contains("is not the one"), "now the first is wrong: {said}");
}

#[test]
fn oracle_the_directory_of_a_running_server_is_not_touched() {
    let secured = Secured::start();
    let dir = secured.data.path().to_str().expect("a plain path");
    let (code, said) = programs::run(&["keys", "list", "--data", dir]);
    assert!(code == Some(1) && said.contains("in use by another process"), "{said}");
}

#[test]
fn oracle_beyond_loopback_only_with_credentials() {
    let data = tempfile::tempdir().expect("a place");
    let dir = data.path().to_str().expect("a plain path");
    let (code, said) = programs::run(&["serve", "--listen", "0.0.0.0:0", "--data", dir]);
    assert!(code == Some(2) && said.contains("--auth required"), "{code:?} {said}");
    let server = Server::start_at(
        "0.0.0.0:0".parse().expect("an address"),
        data.path(),
        &["--auth", "required"],
    );
    let log = server.program.log();
    assert!(log.contains("WITHOUT TLS"), "{log}");
    assert!(log.contains("nobody is an admin"), "{log}");
}
