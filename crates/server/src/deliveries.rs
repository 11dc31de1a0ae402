//! The way out: its options, and the thread that delivers.

use crate::listen::{Answer, plain};
use crate::{ServerError, ServerOptions, Shared};
use bus::address::Reach;
use bus::{Handlers, Queues, RealNet, SmtpServer, check_sender};
use http::{Method, StatusCode};
use model::{Principal, Scope};
use parking_lot::Mutex;
use platform::{Aside, NextStep, Pictures, Platform, Telling, TopicError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Weak};
use std::time::Duration;
use stdx::StopSignal;
use tokio::runtime::Handle;

/// How people and programs are told.
#[derive(Debug, Clone, Default)]
pub struct TellingOptions {
    /// File that maps actions which exist in AWS only to web hooks and commands.
    pub handlers: Option<PathBuf>,
    /// What links in messages begin with; `None` is the address that is listened on.
    pub external_url: Option<String>,
    /// The server that takes mail: `smtp://USER:PASSWORD@HOST:PORT`.
    pub smtp_url: Option<String>,
    /// Authorities in PEM that may have signed the certificate of that server, beside those of the
    /// system.
    pub smtp_ca: Option<PathBuf>,
    /// Whom mail is from.
    pub mail_from: Option<String>,
    /// The server of queues: `http://KEYID:SECRET@host:port`.
    pub sqs_url: Option<String>,
}

/// The longest that the thread sleeps: the machine's clock may jump.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Reads what the options name.
pub(crate) fn check(options: &TellingOptions) -> Result<(), String> {
    handlers(options)?;
    queues(options)?;
    smtp(options)?;
    options.external_url.as_deref().map_or(Ok(()), check_external_url)
}

fn check_external_url(text: &str) -> Result<(), String> {
    let checked = Reach { loopback: true }.check_url(text);
    let url = checked.map_err(|why| format!("--external-url {text:?}: {why}"))?;
    match url.query().is_none() && url.fragment().is_none() && url.username().is_empty() {
        true => Ok(()),
        false => Err(format!("--external-url {text:?} must be scheme, host and path")),
    }
}

fn smtp(options: &TellingOptions) -> Result<Option<SmtpServer>, String> {
    match (&options.smtp_url, &options.mail_from) {
        (None, None) if options.smtp_ca.is_some() => Err("--smtp-ca needs --smtp-url".into()),
        (None, None) => Ok(None),
        (Some(url), Some(from)) => {
            check_sender(from).map_err(|why| format!("--mail-from {from:?}: {why}"))?;
            // The address may hold a password, so it is not shown.
            let server = SmtpServer::parse(url).map_err(|why| format!("--smtp-url: {why}"))?;
            let Some(path) = &options.smtp_ca else { return Ok(Some(server)) };
            let shown = path.display();
            let authorities = std::fs::read(path)
                .map_err(|error| format!("--smtp-ca: {shown} cannot be read: {error}"))?;
            let server = server.trusting(authorities);
            server.map(Some).map_err(|why| format!("--smtp-ca: {shown}: {why}"))
        }
        _ => Err("--smtp-url and --mail-from need each other".into()),
    }
}

fn queues(options: &TellingOptions) -> Result<Option<Queues>, String> {
    // The address holds a secret, so it is not shown.
    let parsed = options.sqs_url.as_deref().map(Queues::parse).transpose();
    parsed.map_err(|why| format!("--sqs-url: {why}"))
}

fn handlers(options: &TellingOptions) -> Result<Handlers, String> {
    let Some(path) = &options.handlers else { return Ok(Handlers::default()) };
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("--handlers: {shown} cannot be read: {error}"))?;
    Handlers::read(&text).map_err(|error| format!("--handlers: {shown}: {error}"))
}

/// Opens the way out.
pub(crate) fn begin(
    shared: &Shared,
    options: &ServerOptions,
    address: SocketAddr,
    runtime: &Handle,
) -> Result<(), ServerError> {
    let reach = Reach { loopback: options.listen.ip().is_loopback() };
    let bad = |error: String| ServerError::Options(error);
    let smtp = smtp(&options.telling).map_err(bad)?;
    let net = RealNet::new(runtime, reach, smtp.as_ref());
    let net = net.map_err(|error| bad(error.to_string()))?;
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let external_url = match &options.telling.external_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("{scheme}://{address}"),
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    shared.platform.begin_telling(Telling {
        net: Arc::new(net),
        handlers: handlers(&options.telling).map_err(bad)?,
        reach,
        external_url,
        mail_from: options.telling.mail_from.clone(),
        queues: queues(&options.telling).map_err(bad)?,
        pictures: Some(Arc::new(Drawing(Arc::downgrade(&shared.platform)))),
        aside: Arc::new(Workers::start("compose", 1)?),
        signing: Arc::new(Workers::start("sign", processors)?),
    });
    Ok(())
}

/// Draws the pictures of mails with the platform, which has the way out in turn.
#[derive(Debug)]
struct Drawing(Weak<Platform>);

impl Pictures for Drawing {
    fn picture(&self, scope: &Scope, widget: &str, end_ms: i64) -> Result<Vec<u8>, String> {
        let platform = self.0.upgrade().ok_or("the server stops")?;
        let who = Principal::internal(scope.account);
        platform.picture(&who, scope, widget, end_ms).map_err(|error| error.to_string())
    }
}

/// Works that wait for the workers at most; whoever brings more waits itself.
const WORKS_MAX: usize = 1_024;

type Work = Box<dyn FnOnce() + Send>;

/// Threads for what takes too long for the one that delivers. They end with the process.
#[derive(Debug)]
struct Workers(SyncSender<Work>);

impl Workers {
    fn start(name: &str, threads: usize) -> Result<Self, ServerError> {
        let (sender, works) = std::sync::mpsc::sync_channel::<Work>(WORKS_MAX);
        let works = Arc::new(Mutex::new(works));
        for _ in 0..threads {
            let works = works.clone();
            let work = move || {
                loop {
                    let work = works.lock().recv();
                    let Ok(work) = work else { return };
                    work();
                }
            };
            let thread = std::thread::Builder::new().name(name.into()).spawn(work);
            thread.map_err(|source| ServerError::System {
                what: "threads cannot be started",
                source,
            })?;
        }
        Ok(Self(sender))
    }
}

impl Aside for Workers {
    fn run(&self, work: Work) {
        // They have gone only when the process ends: the delivery is made after the next start.
        let _ = self.0.send(work);
    }
}

/// What is answered to whoever has a link of a message, or wants to check a signature.
pub(crate) fn claims(path: &str) -> bool {
    certificate_id(path).is_some() || matches!(path, "/-/sns/confirm" | "/-/sns/unsubscribe")
}

fn certificate_id(path: &str) -> Option<&str> {
    path.strip_prefix("/SimpleNotificationService-")?.strip_suffix(".pem")
}

/// Answers those links. The catalog is synced, so it runs where that may take its time.
pub(crate) fn answer(platform: &Platform, method: &Method, path: &str, query: &str) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "this path takes GET\n");
    }
    if let Some(id) = certificate_id(path) {
        return match platform.signing_certificate(id) {
            Some(pem) => plain(StatusCode::OK, pem),
            None => plain(StatusCode::NOT_FOUND, "there is no such certificate\n"),
        };
    }
    let Ok(pairs) = aws_wire::codec::query::pairs(query.as_bytes()) else {
        return plain(StatusCode::BAD_REQUEST, "the link is damaged\n");
    };
    let value = |name: &str| {
        let found = pairs.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.to_string()).unwrap_or_default()
    };
    let done = match path {
        "/-/sns/confirm" => platform
            .confirm_subscription(&value("TopicArn"), &value("Token"), false)
            .map(|arn| format!("Subscription confirmed.\n{arn}\n")),
        _ => {
            let arn = value("SubscriptionArn");
            platform.unsubscribe(None, &arn).map(|()| format!("Subscription removed.\n{arn}\n"))
        }
    };
    match done {
        Ok(text) => plain(StatusCode::OK, text),
        Err(TopicError::Catalog(error)) => {
            tracing::error!(%error, "a subscription was not changed");
            plain(StatusCode::SERVICE_UNAVAILABLE, "it could not be kept; try again later\n")
        }
        Err(TopicError::NotFound(what)) => {
            plain(StatusCode::NOT_FOUND, format!("{what} does not exist\n"))
        }
        Err(error) => plain(StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

/// Delivers until the server stops. What is under way then is tried again after the next start.
pub(crate) fn deliver(shared: &Shared, stop: &StopSignal) {
    let platform = &shared.platform;
    while !stop.is_stopped() {
        let pause = match platform.delivery_step() {
            NextStep::Now => continue,
            NextStep::Soon => Duration::from_millis(5),
            NextStep::At(at_ms) => {
                let left = at_ms.saturating_sub(platform.clock().now_ms()).max(1);
                Duration::from_millis(left.unsigned_abs()).min(PAUSE_MAX)
            }
            NextStep::Woken => PAUSE_MAX,
        };
        platform.wait_for_deliveries(pause);
    }
}
