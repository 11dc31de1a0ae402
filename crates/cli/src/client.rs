//! A small client of a running server: plain HTTP, one request a connection.

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;

/// Where the server is, from `http://host:port` or `host:port`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Endpoint {
    /// Address of the server
    #[arg(
        long,
        value_name = "URL",
        env = "SIGHTLINE_URL",
        default_value = "http://127.0.0.1:4280"
    )]
    url: String,
}

impl Endpoint {
    fn authority(&self) -> anyhow::Result<&str> {
        if self.url.starts_with("https://") {
            bail!("--url {}: TLS is not served yet, use http://", self.url);
        }
        Ok(self.url.strip_prefix("http://").unwrap_or(&self.url).trim_end_matches('/'))
    }

    fn call(&self, request: http::request::Builder, body: Bytes) -> anyhow::Result<(u16, Bytes)> {
        let authority = self.authority()?.to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(&authority).await.with_context(|| {
                format!("no server answers on {authority}; start one with `sightline serve`, or give --url")
            })?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let request = request.header("host", &authority).body(Full::new(body))?;
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            Ok((status, answer.into_body().collect().await?.to_bytes()))
        })
    }

    /// Calls a CloudWatch operation in AWS JSON, unsigned.
    pub(crate) fn cloudwatch(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("GraniteServiceVersion20100801.{operation}"));
        let (status, body) = self.call(request, input.to_string().into())?;
        let answer: Value = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).context("the server's answer is no JSON")?
        };
        if status >= 300 {
            let kind = answer["__type"].as_str().unwrap_or("error");
            let kind = kind.rsplit('#').next().unwrap_or(kind);
            let text = answer["message"].as_str().or(answer["Message"].as_str()).unwrap_or("");
            bail!("{operation}: {kind}: {text}");
        }
        Ok(answer)
    }

    /// Asks with GET for a path and parameters; the answer is JSON.
    pub(crate) fn get(&self, path: &str, parameters: &[(&str, String)]) -> anyhow::Result<Value> {
        let query: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request =
            Request::builder().method(Method::GET).uri(format!("{path}?{}", query.join("&")));
        let (status, body) = self.call(request, Bytes::new())?;
        let answer: Value = serde_json::from_slice(&body)
            .with_context(|| format!("{path} answered {status} without JSON"))?;
        if status >= 300 {
            bail!("{}", answer["error"].as_str().unwrap_or("the server refused the question"));
        }
        Ok(answer)
    }
}

impl Endpoint {
    /// Sends JSON to a path of the server's own; the answer is JSON.
    pub(crate) fn post(&self, path: &str, input: &Value) -> anyhow::Result<Value> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("content-type", "application/json");
        let (status, body) = self.call(request, input.to_string().into())?;
        let answer: Value = serde_json::from_slice(&body)
            .with_context(|| format!("{path} answered {status} without JSON"))?;
        if status >= 300 {
            bail!("{}", answer["error"].as_str().unwrap_or("the server refused"));
        }
        Ok(answer)
    }
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
