//! A small client of a running server: HTTP, one request a connection.

use crate::trust::Trust;
use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

/// Where the server is, from `http://host:port`, `https://host:port` or `host:port`.
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
    /// Bearer token, where the server asks for one; better in the environment than on the line
    #[arg(long, value_name = "TOKEN", env = "SIGHTLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// User (or id of an access key), with the password (or secret) in SIGHTLINE_PASSWORD or asked
    /// for
    #[arg(long, value_name = "NAME", env = "SIGHTLINE_USER", conflicts_with = "token")]
    user: Option<String>,
    #[command(flatten)]
    tls: Trust,
    #[arg(skip)]
    asked: Asked,
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(u16, Bytes)> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    Ok((status, answer.into_body().collect().await?.to_bytes()))
}

impl Endpoint {
    /// Returns whether to speak TLS, and host and port as the `Host` header has them.
    fn place(&self) -> (bool, &str) {
        let (private, rest) = match self.url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, self.url.strip_prefix("http://").unwrap_or(&self.url)),
        };
        (private, rest.trim_end_matches('/'))
    }

    /// Returns what says to the server who asks, if anything does.
    fn authorization(&self) -> anyhow::Result<Option<String>> {
        if let Some(token) = &self.token {
            return Ok(Some(format!("Bearer {token}")));
        }
        let Some(user) = &self.user else { return Ok(None) };
        let password = match std::env::var("SIGHTLINE_PASSWORD") {
            Ok(password) => password,
            Err(_) => self.asked.get_or_try_ask(user)?,
        };
        Ok(Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))))
    }

    /// Returns the address as it was given.
    pub(crate) fn shown(&self) -> &str {
        &self.url
    }

    /// Sends a request to the server and reads the whole answer, whatever its status.
    pub(crate) fn call(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> anyhow::Result<(u16, Bytes)> {
        let (private, authority) = self.place();
        let mut request = request.header("host", authority);
        if let Some(authorization) = self.authorization()? {
            request = request.header("authorization", authorization);
        }
        let request = request.body(Full::new(body))?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, if private { "443" } else { "80" }),
        };
        let place = format!("{host}:{port}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(&place).await.with_context(|| {
                format!(
                    "no server answers on {place}; start one with `sightline serve`, or give --url"
                )
            })?;
            if !private {
                return exchange(stream, request).await;
            }
            let stream = self.tls.connect(host, stream).await.with_context(|| {
                format!("{place} is not trusted, or speaks no TLS; --ca names who has signed it")
            })?;
            exchange(stream, request).await
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
            match kind {
                "UnrecognizedClientException" | "MissingAuthenticationTokenException" => bail!(
                    "{operation}: {kind}: {text} (give --token, or --user with SIGHTLINE_PASSWORD)"
                ),
                _ => bail!("{operation}: {kind}: {text}"),
            }
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
        read(path, status, &body)
    }

    /// Sends JSON with POST; the answer is JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("content-type", "application/json");
        let (status, body) = self.call(request, body.to_string().into())?;
        read(path, status, &body)
    }
}

fn read(path: &str, status: u16, body: &[u8]) -> anyhow::Result<Value> {
    let answer: Value = serde_json::from_slice(body)
        .with_context(|| format!("{path} answered {status} without JSON"))?;
    if status >= 300 {
        let text = answer["error"].as_str().unwrap_or("the server refused the question");
        match status {
            401 => bail!("{text}; give --token, or --user with SIGHTLINE_PASSWORD"),
            _ => bail!("{text}"),
        }
    }
    Ok(answer)
}

/// A password that was asked for once, for all calls of a command.
#[derive(Debug, Clone, Default)]
struct Asked(std::cell::OnceCell<String>);

impl Asked {
    fn get_or_try_ask(&self, user: &str) -> anyhow::Result<String> {
        if let Some(password) = self.0.get() {
            return Ok(password.clone());
        }
        let password = crate::password::ask(&format!("Password of {user}: "))?;
        Ok(self.0.get_or_init(|| password).clone())
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
