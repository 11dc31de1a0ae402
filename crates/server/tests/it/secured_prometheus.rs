//! A real Prometheus that sends and scrapes over TLS, with a token and with a password.

use crate::programs::{Program, free_address, poll, tool};
use crate::secured::{PASSWORD, curl};
use crate::tls::Authority;
use serde_json::Value;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "another program's configuration")]
fn write(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).expect("written");
}

#[test]
fn oracle_prometheus_sends_with_a_token_and_with_a_password_over_tls() {
    let authority = Authority::new();
    let secured = authority.server(&[]);
    let home = tempfile::tempdir().expect("a place");
    let (_, token) = secured.token(&["--role", "editor", "--account", "111122223333"]);
    let (_, reader) = secured.token(&["--role", "viewer", "--account", "111122223333"]);
    secured.user("prometheus", "editor");
    write(&home.path().join("token"), &token);
    write(&home.path().join("password"), PASSWORD);
    let ca = authority.path("ca.pem");
    let (ca, home_path) = (ca.display(), home.path().display());
    let configuration = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
scrape_configs:
  - job_name: sightline
    scheme: https
    tls_config: {{ca_file: {ca}}}
    basic_auth: {{username: prometheus, password_file: {home_path}/password}}
    static_configs: [{{targets: ['localhost:{port}']}}]
remote_write:
  - url: {write}
    name: token
    tls_config: {{ca_file: {ca}}}
    authorization: {{credentials_file: {home_path}/token}}
    queue_config: {{batch_send_deadline: 1s}}
  - url: {write}
    name: password
    tls_config: {{ca_file: {ca}}}
    basic_auth: {{username: prometheus, password_file: {home_path}/password}}
    queue_config: {{batch_send_deadline: 1s}}
",
        port = secured.server.address.port(),
        write = secured.url("/api/v1/write"),
    );
    write(&home.path().join("prometheus.yml"), &configuration);
    let mut command = tool("prometheus");
    command
        .arg(format!("--config.file={home_path}/prometheus.yml"))
        .arg(format!("--storage.tsdb.path={home_path}/data"))
        .arg(format!("--web.listen-address={}", free_address()));
    let mut prometheus = Program::start("prometheus", &mut command);
    let ca_file = authority.path("ca.pem");
    let ca_file = ca_file.to_str().expect("a plain path");
    let query = secured.url("/api/v1/query?query=up");
    let password = format!("prometheus:{PASSWORD}");
    let bearer = format!("authorization: Bearer {reader}");
    // By token into one account, by password into the other.
    for credentials in [["-H", &bearer], ["-u", &password]] {
        poll("a scrape that succeeded, sent here", WAIT, || {
            assert!(prometheus.ended().is_none(), "prometheus ended");
            let told = curl(&[&credentials[..], &["--cacert", ca_file, &query]].concat());
            assert_eq!(told.status, 200, "{told:?}");
            let body: Value = serde_json::from_str(&told.body).map_err(|e| e.to_string())?;
            let result = &body["data"]["result"][0];
            match (result["metric"]["job"].as_str(), result["value"][1].as_str()) {
                (Some("sightline"), Some("1")) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }
    assert!(prometheus.stop().success());
}
