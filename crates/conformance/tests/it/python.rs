//! boto3, one process per client, driven over its standard input.

use crate::client::{Client, Failure, Kind, Refusal, Who};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Boto3 {
    endpoint: String,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    exchange: Value,
    /// What the environment has, such as `1.44.5`.
    pub(crate) version: String,
}

impl Boto3 {
    /// Starts a driver in the environment that speaks the wire of `kind`.
    pub(crate) fn start(kind: Kind, endpoint: &str) -> Boto3 {
        let python = python(kind);
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/driver.py");
        let mut command = Command::new(&python);
        // Neither the user's profiles nor a proxy may take part.
        for (name, _) in std::env::vars_os() {
            let upper = name.to_string_lossy().to_uppercase();
            if upper.starts_with("AWS_") || upper.starts_with("BOTO") || upper.ends_with("_PROXY") {
                command.env_remove(&name);
            }
        }
        let mut process = command
            .arg(driver)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", python.display()));
        let input = process.stdin.take();
        let mut output = BufReader::new(process.stdout.take().expect("piped"));
        let hello = line(&mut output, &python);
        Boto3 {
            endpoint: endpoint.into(),
            process,
            input,
            output,
            exchange: Value::Null,
            version: hello["boto3"].as_str().expect("driver tells its version").into(),
        }
    }

    /// Calls any service; [`Client::call`] is CloudWatch.
    pub(crate) fn call_service(
        &mut self,
        service: &str,
        who: &Who,
        operation: &str,
        input: Value,
    ) -> Result<Value, Failure> {
        let call = json!({
            "endpoint": self.endpoint, "key": who.key, "region": who.region,
            "service": service, "operation": operation, "input": input,
        });
        let stdin = self.input.as_mut().expect("open until dropped");
        writeln!(stdin, "{call}").and_then(|()| stdin.flush()).expect("driver reads");
        let mut answer = line(&mut self.output, Path::new("driver.py"));
        self.exchange = answer["exchange"].take();
        if let Some(ok) = answer.get_mut("ok") {
            return Ok(ok.take());
        }
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        Err(match answer.get("refused") {
            Some(refused) => Failure::Refused(Refusal {
                code: text(&refused["code"]),
                message: text(&refused["message"]),
                status: refused["status"].as_u64().and_then(|s| s.try_into().ok()).unwrap_or(0),
            }),
            None => Failure::Broken(text(&answer["broken"])),
        })
    }
}

impl Client for Boto3 {
    fn call(&mut self, who: &Who, operation: &str, input: Value) -> Result<Value, Failure> {
        self.call_service("cloudwatch", who, operation, input)
    }

    fn exchange(&self) -> Value {
        self.exchange.clone()
    }
}

impl Drop for Boto3 {
    fn drop(&mut self) {
        // The end of its input ends the driver.
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

fn line(output: &mut BufReader<ChildStdout>, who: &Path) -> Value {
    let mut text = String::new();
    output.read_line(&mut text).expect("readable pipe");
    serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{} said {text:?}, which is no answer: {e}", who.display()))
}

fn python(kind: Kind) -> PathBuf {
    let (variable, place) = match kind {
        Kind::Json => ("SIGHTLINE_PYTHON", ".venv/bin/python"),
        Kind::Query => ("SIGHTLINE_PYTHON_QUERY", ".venv-query/bin/python"),
        Kind::Cbor => unreachable!("the Rust SDK needs no Python"),
    };
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(place),
    };
    assert!(
        path.exists(),
        "{} is missing: run `make test-deps`, or name a Python with boto3 in {variable}",
        path.display()
    );
    path
}
