//! Drives the client of another hand: botocore, over the script beside this folder.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use aws_wire::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value as Json, json};

pub(crate) const KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(crate) const TOKEN: &str = "a-session/token+==";

/// Which release of the SDK.
#[derive(Clone, Copy)]
pub(crate) enum Sdk {
    /// The pinned one.
    Current,
    /// One from before CloudWatch left the query protocol.
    OfQueryTimes,
}

/// A running client.
pub(crate) struct Oracle {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn python(sdk: Sdk) -> PathBuf {
    let (variable, folder) = match sdk {
        Sdk::Current => ("SIGHTLINE_PYTHON", ".venv"),
        Sdk::OfQueryTimes => ("SIGHTLINE_PYTHON_QUERY", ".venv-query"),
    };
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let path = std::env::var_os(variable)
        .map_or_else(|| PathBuf::from(format!("{root}/{folder}/bin/python")), PathBuf::from);
    assert!(
        path.exists(),
        "no python with botocore at {}: run `make test-deps`, or set {variable}",
        path.display()
    );
    path
}

impl Oracle {
    pub(crate) fn start(sdk: Sdk) -> Self {
        let mut child = Command::new(python(sdk))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/botocore_oracle.py"))
            // What the user has configured must not reach the test.
            .env_remove("AWS_PROFILE")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to, from: BufReader::new(from) }
    }

    fn say(&mut self, message: &Json) {
        writeln!(self.to, "{message}").expect("the oracle listens");
    }

    fn hear(&mut self) -> Json {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("the oracle speaks");
        assert!(!line.is_empty(), "the oracle died; its last words are above");
        serde_json::from_str(&line).expect("the oracle speaks JSON")
    }

    pub(crate) fn ask(&mut self, message: &Json) -> Json {
        self.say(message);
        self.hear()
    }

    /// Lets the client make a call; `answer` is its network. `None` when it has no such operation.
    pub(crate) fn call(
        &mut self,
        (service, operation, protocol): (&str, &str, Option<&str>),
        params: &Json,
        answer: impl FnOnce(Parts, Bytes) -> Response,
    ) -> Option<Json> {
        let heard = self.ask(&json!({
            "command": "call", "service": service, "operation": operation,
            "protocol": protocol, "params": params,
        }));
        if heard.get("unknown").is_some() {
            return None;
        }
        let request = heard.get("request").unwrap_or_else(|| panic!("{operation}: {heard}"));
        let (parts, body) = http_request(request);
        let response = answer(parts, body);
        let headers: Vec<_> = response
            .headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), value.to_str().unwrap()]))
            .collect();
        Some(self.ask(&json!({
            "status": response.status, "headers": headers, "body": BASE64.encode(&response.body),
        })))
    }
}

/// Makes of the oracle's words what a server would see.
pub(crate) fn http_request(message: &Json) -> (Parts, Bytes) {
    let url = message["url"].as_str().unwrap();
    let (_, rest) = url.split_once("://").unwrap();
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(at);
    // HTTP clients leave out the port that everybody knows.
    let host = host.strip_suffix(":80").unwrap_or(host);
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let mut builder = http::Request::builder()
        .method(message["method"].as_str().unwrap())
        .uri(target)
        .header("host", host);
    for header in message["headers"].as_array().into_iter().flatten() {
        let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
        if !name.eq_ignore_ascii_case("host") {
            builder = builder.header(name, value);
        }
    }
    let (parts, ()) = builder.body(()).unwrap().into_parts();
    let body = message["body"].as_str().map(|text| BASE64.decode(text).unwrap());
    (parts, body.unwrap_or_default().into())
}
