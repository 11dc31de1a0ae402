//! The real way out: HTTP and programs, on the runtime that the server lends.

#[cfg(test)]
mod tests;

use crate::address::Reach;
use crate::smtp::{Smtp, SmtpServer};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use stdx::{Call, CallDone, CallError, CommandCall, HttpCall, Net, Reply};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::runtime::Handle;

/// No answer is read further.
const REPLY_BYTES_MAX: usize = 64 << 10;
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// Connections that are kept for the next call to the same place.
const IDLE_PER_HOST: usize = 2;

/// A request to an address that somebody gave.
#[derive(Debug)]
pub struct HttpCallParts<'c> {
    /// Where to.
    pub url: &'c str,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// It is given up after so long.
    pub wait_ms: u64,
}

impl HttpCallParts<'_> {
    /// Returns the call; a user and a password in the URL become a header.
    pub fn call(self) -> Call {
        Call::Http(HttpCall {
            method: "POST",
            url: self.url.to_owned(),
            headers: self.headers,
            body: self.body.into_bytes(),
            wait_ms: self.wait_ms,
            is_trusted: false,
        })
    }
}

/// Why there is no way out.
#[derive(Debug, thiserror::Error)]
#[error("no client for HTTP could be made: {0}")]
pub struct NetError(String);

/// The network and the programs of this machine.
#[derive(Debug)]
pub struct RealNet {
    runtime: Handle,
    reach: Reach,
    /// For addresses that strangers give: names are looked up and checked by us.
    checked: reqwest::Client,
    /// For addresses that the operator gives.
    trusted: reqwest::Client,
    mail: Option<Arc<Smtp>>,
}

impl RealNet {
    /// Makes the way out; its calls run on `runtime`.
    ///
    /// # Errors
    /// [`NetError`] when TLS cannot be set up.
    pub fn new(
        runtime: &Handle,
        reach: Reach,
        mail: Option<&SmtpServer>,
    ) -> Result<Self, NetError> {
        Self::looking_up(runtime, reach, mail, Arc::new(of_the_system))
    }

    fn looking_up(
        runtime: &Handle,
        reach: Reach,
        mail: Option<&SmtpServer>,
        look_up: LookUp,
    ) -> Result<Self, NetError> {
        // Connections to the server of mail find their timers by it.
        let _entered = runtime.enter();
        let mail = mail.map(Smtp::new).transpose().map_err(NetError)?.map(Arc::new);
        let tls = tls()?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT_WAIT)
                .pool_max_idle_per_host(IDLE_PER_HOST)
                .user_agent("Amazon Simple Notification Service Agent")
        };
        let failed = |e: reqwest::Error| NetError(e.to_string());
        Ok(Self {
            reach,
            checked: builder()
                .dns_resolver(Arc::new(Checked { reach, look_up }))
                .build()
                .map_err(failed)?,
            trusted: builder().build().map_err(failed)?,
            mail,
            runtime: runtime.clone(),
        })
    }
}

impl Drop for RealNet {
    /// Connections to the server of mail are ended by the runtime, which must be there for that.
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        self.mail = None;
    }
}

fn tls() -> Result<rustls::ClientConfig, NetError> {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate of the system cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| NetError(e.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Finds the addresses of a name; their ports mean nothing.
type LookUp = Arc<dyn Fn(String) -> LookingUp + Send + Sync>;
type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

fn of_the_system(name: String) -> LookingUp {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
}

/// Looks names up and leaves out the addresses that may not be sent to, so that what is connected to
/// is what was checked.
struct Checked {
    reach: Reach,
    look_up: LookUp,
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, looking_up) = (self.reach, (self.look_up)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = looking_up.await?;
            let (mut good, mut why) = (Vec::<SocketAddr>::new(), "it has no address");
            for address in found {
                match reach.check(address.ip()) {
                    Ok(()) => good.push(address),
                    Err(refused) => why = refused,
                }
            }
            if good.is_empty() {
                return Err(format!("{} is not sent to: {why}", name.as_str()).into());
            }
            let addrs: Addrs = Box::new(good.into_iter());
            Ok(addrs)
        })
    }
}

impl Net for RealNet {
    fn start(&self, call: Call, done: CallDone) {
        match call {
            Call::Http(call) => {
                let client = if call.is_trusted { &self.trusted } else { &self.checked };
                let (client, reach) = (client.clone(), self.reach);
                self.runtime.spawn(async move { done(http(&client, reach, call).await) });
            }
            Call::Command(call) => {
                self.runtime.spawn(async move { done(command(call).await) });
            }
            Call::Mail(call) => match self.mail.clone() {
                Some(mail) => {
                    self.runtime.spawn(async move { done(mail.send(call).await) });
                }
                None => {
                    let why = "no server for mail is configured (--smtp-url)";
                    done(Err(CallError::for_good(why)));
                }
            },
        }
    }
}

async fn http(client: &reqwest::Client, reach: Reach, call: HttpCall) -> Result<Reply, CallError> {
    // A literal address is not looked up, so it is checked here; a name may be anything, later.
    let url = if call.is_trusted { Reach { loopback: true } } else { reach }
        .check_url(&call.url)
        .map_err(|why| {
        CallError::for_good(format!("{} is not sent to: {why}", shown(&call.url)))
    })?;
    let literal = url.host_str().and_then(|h| h.trim_matches(['[', ']']).parse::<IpAddr>().ok());
    tracing::trace!(?literal, "call");
    let mut request = client
        .request(call.method.parse().unwrap_or(reqwest::Method::POST), url)
        .timeout(Duration::from_millis(call.wait_ms));
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    let mut answer = request.body(call.body).send().await.map_err(|error| CallError {
        text: told(&error),
        // It was not even sent: a header that is none.
        is_permanent: error.is_builder(),
    })?;
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    // What comes beyond is not read, nor is the connection used again then.
    while body.len() < REPLY_BYTES_MAX {
        match answer.chunk().await {
            Ok(Some(chunk)) => {
                let left = REPLY_BYTES_MAX - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(left)]);
            }
            Ok(None) => break,
            // The status is what counts.
            Err(_) => break,
        }
    }
    Ok(Reply { status, body })
}

/// A URL without what it may hold of passwords and keys.
pub fn shown(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut url) => {
            let _ = url.set_password(None);
            let _ = url.set_username("");
            url.set_query(None);
            url.set_fragment(None);
            url.to_string()
        }
        Err(_) => "the address".into(),
    }
}

/// Undoes the percent signs of a part of a URL.
pub(crate) fn decoded(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let pair = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_err(|_| "user or password is no text".into())
}

/// The error with its causes, without the URL.
fn told(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut texts = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    match texts.last() {
        Some(last) => last.clone(),
        None => "the request could not be sent".into(),
    }
}

async fn command(call: CommandCall) -> Result<Reply, CallError> {
    let (program, arguments) =
        call.argv.split_first().ok_or_else(|| CallError::for_good("no program"))?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().kill_on_drop(true);
    // Secrets of the server stand in its environment, so little of it is handed on.
    for name in ["PATH", "HOME", "LANG", "TZ"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| CallError::for_now(format!("{program}: {e}")))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let work = async {
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read its input is free to.
                let _ = stdin.write_all(&call.input).await;
            }
        };
        let ((), mut said, complaint) = tokio::join!(write, beginning(stdout), beginning(stderr));
        said.extend(complaint);
        said.truncate(REPLY_BYTES_MAX);
        (child.wait().await, said)
    };
    match tokio::time::timeout(Duration::from_millis(call.wait_ms), work).await {
        Ok((Ok(status), body)) => {
            let status = status.code().and_then(|code| u16::try_from(code).ok()).unwrap_or(255);
            Ok(Reply { status, body })
        }
        Ok((Err(error), _)) => Err(CallError::for_now(format!("{program}: {error}"))),
        Err(_) => {
            Err(CallError::for_now(format!("{program} took longer than {} ms", call.wait_ms)))
        }
    }
}

/// Reads all, so that the writer does not stop, and keeps the beginning.
async fn beginning(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return kept };
    let mut piece = [0; 4096];
    while let Ok(len @ 1..) = stream.read(&mut piece).await {
        let left = REPLY_BYTES_MAX - kept.len();
        kept.extend_from_slice(&piece[..len.min(left)]);
    }
    kept
}
