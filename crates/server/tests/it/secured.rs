//! Servers that ask who comes, and clients that say it: curl, boto3 and our own.

use crate::programs::{self, Server};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Ann's, from the start.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// An access key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// A server with `--auth required`, and an admin of it.
pub(crate) struct Secured {
    pub(crate) server: Server,
    pub(crate) admin: Key,
    pub(crate) data: tempfile::TempDir,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// What our own client needs beside credentials.
    pub(crate) trust: Vec<String>,
}

/// Runs our own program to its end with a text on its standard input.
#[track_caller]
pub(crate) fn run_with_input(
    arguments: &[&str],
    input: &str,
    environment: &[(&str, &str)],
) -> (Option<i32>, String) {
    let mut command = programs::sightline(arguments);
    command.envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("our program starts");
    let written = child.stdin.take().expect("piped").write_all(input.as_bytes());
    // It may end before it has read what it does not need.
    drop(written);
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[track_caller]
fn json_of(said: &(Option<i32>, String)) -> Value {
    assert_eq!(said.0, Some(0), "{}", said.1);
    serde_json::from_str(&said.1).unwrap_or_else(|e| panic!("{said:?}: {e}"))
}

/// Makes a key in the directory of a server that does not run.
#[track_caller]
pub(crate) fn make_key(data: &Path, more: &[&str]) -> Key {
    let data = data.to_str().expect("a plain path");
    let arguments = [&["keys", "create", "--data", data, "-f", "json"], more].concat();
    key_of(&json_of(&programs::run(&arguments)))
}

fn key_of(made: &Value) -> Key {
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    Key { id: text("id"), secret: text("secret_access_key") }
}

impl Secured {
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    #[track_caller]
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a place");
        let admin = make_key(data.path(), &["--role", "admin", "--name", "ops"]);
        let all = [&["--auth", "required"], arguments].concat();
        let server = Server::start(data.path(), &all);
        Self { server, admin, data, scheme: "http", trust: Vec::new() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let port = self.server.address.port();
        // Certificates are for the name.
        let host = if self.scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{port}{path}", self.scheme)
    }

    /// Runs our own program against the server, as somebody.
    #[track_caller]
    pub(crate) fn run_as(
        &self,
        who: &[(&str, &str)],
        arguments: &[&str],
        input: &str,
    ) -> (Option<i32>, String) {
        let url = self.url("");
        let mut all = arguments.to_vec();
        all.extend(["--url", &url]);
        all.extend(self.trust.iter().map(String::as_str));
        run_with_input(&all, input, who)
    }

    /// The same, as the admin, and it has to succeed.
    #[track_caller]
    pub(crate) fn manage(&self, arguments: &[&str], input: &str) -> String {
        let who = [
            ("SIGHTLINE_USER", self.admin.id.as_str()),
            ("SIGHTLINE_PASSWORD", self.admin.secret.as_str()),
        ];
        let (code, said) = self.run_as(&who, arguments, input);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    }

    #[track_caller]
    pub(crate) fn key(&self, more: &[&str]) -> Key {
        let said = self.manage(&[&["keys", "create", "-f", "json"], more].concat(), "");
        key_of(&serde_json::from_str(&said).expect("JSON"))
    }

    /// Makes a token; returns its id and itself.
    #[track_caller]
    pub(crate) fn token(&self, more: &[&str]) -> (String, String) {
        let said = self.manage(&[&["tokens", "create", "-f", "json"], more].concat(), "");
        let made: Value = serde_json::from_str(&said).expect("JSON");
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        (text("id"), text("token"))
    }

    #[track_caller]
    pub(crate) fn user(&self, name: &str, role: &str) {
        let create = ["users", "create", name, "--role", role, "--password-stdin"];
        self.manage(&create, &format!("{PASSWORD}\n"));
    }

    /// Lines of the audit, oldest first.
    #[track_caller]
    pub(crate) fn audit(&self) -> Vec<Value> {
        let path = self.data.path().join("audit/audit.jsonl");
        let text = std::fs::read_to_string(path).expect("an audit");
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }
}

/// What curl was answered.
#[derive(Debug)]
pub(crate) struct Curled {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// Runs curl; status 0 when there is no answer.
#[track_caller]
pub(crate) fn curl(arguments: &[&str]) -> Curled {
    let mut command = Command::new("curl");
    command.args(["--silent", "--include", "--max-time", "20"]).args(arguments);
    let output = command.output().expect("curl is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (headers, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = headers.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Curled { status, headers: headers.to_ascii_lowercase(), body: body.to_owned() }
}

/// One of the two environments with boto3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boto3 {
    Json,
    Query,
}

pub(crate) const BOTH: [Boto3; 2] = [Boto3::Json, Boto3::Query];

const SCRIPT: &str = r#"
import json, sys
import boto3
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

asked = json.loads(sys.stdin.read())
config = {"retries": {"total_max_attempts": 1}}
if asked["key"] is None:
    config["signature_version"] = UNSIGNED
client = boto3.client(
    asked["service"], endpoint_url=asked["url"], region_name="eu-west-1", verify=asked["verify"],
    aws_access_key_id=asked["key"], aws_secret_access_key=asked["secret"], config=Config(**config),
)
try:
    told = getattr(client, xform_name(asked["operation"]))(**asked["input"])
    told.pop("ResponseMetadata")
    print(json.dumps({"ok": told}, default=str))
except ClientError as error:
    print(json.dumps({"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"],
                      "status": error.response["ResponseMetadata"]["HTTPStatusCode"]}))
except Exception as error:
    print(json.dumps({"broken": f"{type(error).__name__}: {error}"}))
"#;

/// Calls an operation through boto3, as somebody or unsigned.
#[track_caller]
pub(crate) fn boto3(
    which: Boto3,
    url: &str,
    verify: Option<&Path>,
    key: Option<&Key>,
    (service, operation): (&str, &str),
    input: &Value,
) -> Value {
    let venv = match which {
        Boto3::Json => ".venv",
        Boto3::Query => ".venv-query",
    };
    let python: PathBuf =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(venv).join("bin/python");
    assert!(python.exists(), "{venv} is missing: run `make test-deps`");
    let asked = json!({
        "url": url, "verify": verify, "service": service, "operation": operation, "input": input,
        "key": key.map(|key| &key.id), "secret": key.map(|key| &key.secret),
    });
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python starts");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(asked.to_string().as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

pub(crate) fn one_datum() -> Value {
    json!({ "Namespace": "Shop", "MetricData": [{ "MetricName": "Orders", "Value": 1.0 }] })
}
