//! Connections, and which door takes a request.

use crate::clients::{Client, Doing};
use crate::tls::Tls;
use crate::{Shared, control, deliveries, identify, neighbours, own_metrics, sessions};
use aws_services::{SigningKeys, audited};
use aws_wire::{Access, Common, Response as AwsResponse, ServiceError, sigv4};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use model::Principal;
use platform::{AuditEvent, AuthMode, CallSource, LoginError};
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use stdx::{Cancel, Clock, RealClock, Stopwatch};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_io_timeout::TimeoutStream;

/// A sender that has not finished its request's head by then is gone.
const HEAD_WAIT: Duration = Duration::from_secs(30);
/// No head is larger: a presigned URL has some kilobytes, and what is sent of a head is kept before
/// anything is known of its sender. A question that is longer comes by POST.
/// Nor has it more than a hundred lines, which is hyper's own limit.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// A client that has not agreed on keys by then is gone.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// A body whose sender is refused is read this far, and thrown away: most senders look for an answer
/// only when they have sent all of it.
const REFUSED_BODY_BYTES_MAX: usize = 4 << 20;
const REFUSED_BODY_WAIT: Duration = Duration::from_secs(5);
/// A reader that takes nothing of its answer for so long is gone too.
const READ_WAIT: Duration = Duration::from_secs(30);

/// A connection whose reader has to read.
type Stream = Pin<Box<TimeoutStream<TcpStream>>>;

pub(crate) type Answer = Response<Full<Bytes>>;

/// Waits for SIGINT or SIGTERM.
pub(crate) fn stop_signals() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Accepts connections until `stop`, then waits up to `patience` for requests under way.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    stop: impl Future<Output = ()>,
    patience: Duration,
) {
    let (told, hears) = watch::channel(false);
    let (alive, mut gone) = tokio::sync::mpsc::channel::<()>(1);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Everyone else has something under way: whoever comes now comes again.
                    let Some(client) = shared.clients.enter().map(Here) else { continue };
                    let (shared, hears, alive) = (shared.clone(), hears.clone(), alive.clone());
                    tokio::spawn(async move {
                        let _alive = alive;
                        accepted_connection(stream, peer.ip(), shared, &client.0, hears).await;
                    });
                }
                Err(error) => {
                    // Out of descriptors, mostly: others must finish before there is one again.
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    let _ = told.send(true);
    drop(alive);
    let _ = tokio::time::timeout(patience, gone.recv()).await;
}

/// Makes the connection a private one where that is wanted, off the loop that accepts others.
async fn accepted_connection(
    stream: TcpStream,
    peer: IpAddr,
    shared: Arc<Shared>,
    client: &Arc<Client>,
    stop: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(READ_WAIT));
    let stream = Box::pin(stream);
    match shared.tls.clone() {
        None => connection(stream, peer, shared, client, stop).await,
        // On the heap: who speaks no TLS does not pay for its state.
        Some(tls) => Box::pin(private_connection(stream, tls, peer, shared, client, stop)).await,
    }
}

/// A client that is connected. However its connection ends, also by a panic, it has left then.
struct Here(Arc<Client>);

impl Drop for Here {
    fn drop(&mut self) {
        self.0.left();
    }
}

async fn private_connection(
    stream: Stream,
    tls: Arc<Tls>,
    peer: IpAddr,
    shared: Arc<Shared>,
    client: &Arc<Client>,
    mut stop: watch::Receiver<bool>,
) {
    let handshake = tokio::time::timeout(HANDSHAKE_WAIT, tls.acceptor().accept(stream));
    let done = tokio::select! {
        done = handshake => done,
        () = client.cut() => return,
        _ = stop.changed() => return,
    };
    match done {
        Ok(Ok(stream)) => connection(stream, peer, shared, client, stop).await,
        failed => {
            tls.handshakes_failed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let why = failed.map(|handshake| handshake.err().map(|error| error.to_string()));
            tracing::debug!(%peer, ?why, "TLS handshake failed");
        }
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
    shared: Arc<Shared>,
    client: &Arc<Client>,
    mut stop: watch::Receiver<bool>,
) {
    let asked = client.clone();
    let service = service_fn(move |request| {
        let (shared, client) = (shared.clone(), asked.clone());
        async move { Ok::<_, Infallible>(answer(&shared, request, peer, &client).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT);
    builder.max_buf_size(HEAD_BYTES_MAX);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // What a sender breaks off is its own affair.
        _ = connection.as_mut() => {}
        () = client.cut() => {}
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    peer: IpAddr,
    client: &Arc<Client>,
) -> Answer {
    let watch = Stopwatch::start();
    let (mut parts, body) = request.into_parts();
    let door = Door::of(shared, &parts);
    let answer = match admit(shared, door, &mut parts, peer).await {
        // Whoever may ask without a name says all of it in the head.
        Ok(()) if door == Door::Front || control::is_for_everybody(&parts) => {
            throw_away(body, client).await;
            client.does(Doing::Waiting);
            match door {
                Door::Front => front(&parts),
                _ => control::answer(shared, &parts, Bytes::new(), peer).await,
            }
        }
        Ok(()) => match shared.traffic.read(&parts, body, client, &shared.clients).await {
            // What the body takes is held until the answer is there.
            Ok((body, _held)) => {
                client.does(Doing::Waiting);
                match door {
                    Door::Control => control::answer(shared, &parts, body, peer).await,
                    Door::Prometheus => prometheus(shared, parts, body, peer).await,
                    Door::Aws => aws(shared, parts, body, peer).await,
                    Door::Front => front(&parts),
                }
            }
            Err(refused) => *refused,
        },
        Err(refused) => {
            throw_away(body, client).await;
            *refused
        }
    };
    let answer = shared.traffic.send(answer, client);
    shared.requests.count(door.name(), answer.status(), watch.elapsed());
    answer
}

/// Decides by a request's head whether it may come in, and leaves who sent it among its extensions.
/// Signatures are checked by their door; here only whether there is one of a known key, before a
/// body is kept for it.
async fn admit(
    shared: &Arc<Shared>,
    door: Door,
    parts: &mut Parts,
    peer: IpAddr,
) -> Result<(), Box<Answer>> {
    let auth = shared.platform.auth();
    let takes_visits = matches!(door, Door::Front | Door::Control);
    if let Some(why) = neighbours::refusal(parts, auth, takes_visits) {
        return Err(Box::new(plain(StatusCode::FORBIDDEN, why)));
    }
    let everybody = door == Door::Front || control::is_for_everybody(parts);
    if everybody {
        return Ok(());
    }
    let who = match identify::identify(shared, parts, peer).await {
        Ok(None) if auth == AuthMode::Required => Ok(sessions::who(shared, parts)),
        known => known,
    };
    match who {
        Ok(Some(who)) => {
            if door == Door::Aws {
                parts.headers.remove(header::AUTHORIZATION);
            }
            parts.extensions.insert(who);
            Ok(())
        }
        Ok(None) if auth == AuthMode::Open => {
            if door == Door::Control {
                let account = shared.platform.default_scope().account;
                parts.extensions.insert(Principal::open("", account));
            }
            Ok(())
        }
        Ok(None) if door == Door::Aws => signed_by_somebody(shared, parts, peer),
        Ok(None) => Err(Box::new(unidentified(shared, door, parts, None))),
        Err(error) => Err(Box::new(unidentified(shared, door, parts, Some(error)))),
    }
}

fn unidentified(shared: &Shared, door: Door, parts: &Parts, error: Option<LoginError>) -> Answer {
    if door != Door::Aws {
        let mut refused = shared.prometheus.refuse(error).map(Full::new);
        if sessions::asks_for_itself(parts) {
            refused.headers_mut().remove(header::WWW_AUTHENTICATE);
        }
        return refused;
    }
    let error = match error {
        Some(LoginError::Slow { .. }) => ServiceError::common(Common::Throttling, "Rate exceeded"),
        _ => ServiceError::common(
            Common::UnrecognizedClient,
            "The security token included in the request is invalid.",
        ),
    };
    of_aws(shared.gateway.refuse(parts, &error))
}

/// Refuses what is not signed by a known key without waiting for its body.
fn signed_by_somebody(shared: &Shared, parts: &Parts, peer: IpAddr) -> Result<(), Box<Answer>> {
    let known =
        |claim: &sigv4::Claim| shared.platform.credentials().secret_of(&claim.key_id).is_some();
    if matches!(sigv4::parse(parts), Ok(Some(claim)) if known(&claim)) {
        return Ok(());
    }
    let keys = SigningKeys(&shared.platform);
    let refused = shared.gateway.accept(
        parts.clone(),
        &Bytes::new(),
        Access::Required(&keys),
        RealClock.now_ms(),
    );
    match refused {
        Err(refused) => Err(Box::new(refused_by_aws(shared, parts, peer, *refused))),
        // Only a key that was made between the two looks comes in here.
        Ok(_) => Ok(()),
    }
}

/// Errors of the AWS doors that mean that somebody was not let in.
const NOT_LET_IN: [&str; 5] = [
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "RequestExpired",
    "ExpiredToken",
];

/// Turns an error into an answer and records it when it means that somebody was not let in.
fn refused_by_aws(shared: &Shared, parts: &Parts, peer: IpAddr, answer: AwsResponse) -> Answer {
    if let Some(told) = &answer.error
        && NOT_LET_IN.contains(&told.code.as_str())
    {
        let key_id = sigv4::parse(parts).ok().flatten().map(|claim| claim.key_id);
        let key_id = key_id.filter(|id| platform::may_be_told(id));
        let id = answer.headers.get("x-amzn-requestid").and_then(|id| id.to_str().ok());
        let from = identify::source(parts, peer, id.unwrap_or_default());
        shared.logins_refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (code, message) = (&told.code, &told.message);
        shared.platform.audit_refused_login(None, key_id.as_deref(), &from, code, message);
    }
    of_aws(answer)
}

/// Reads a body that nobody looks at, as far as is polite, and keeps nothing of it.
async fn throw_away(mut body: Incoming, client: &Client) {
    if body.is_end_stream() {
        return;
    }
    client.does(Doing::Sending);
    let read = async {
        let mut left = REFUSED_BODY_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let len = frame.data_ref().map_or(0, Bytes::len);
            client.sent(len);
            match left.checked_sub(len) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = tokio::time::timeout(REFUSED_BODY_WAIT, read).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Control,
    Prometheus,
    Aws,
    Front,
}

impl Door {
    fn of(shared: &Shared, parts: &Parts) -> Self {
        let path = parts.uri.path();
        if path.starts_with("/-/") || path == "/metrics" || deliveries::claims(path) {
            Self::Control
        } else if shared.prometheus.claims(parts) {
            Self::Prometheus
        } else if shared.gateway.claims(parts) {
            Self::Aws
        } else {
            Self::Front
        }
    }

    fn name(self) -> own_metrics::DoorName {
        match self {
            Self::Control | Self::Front => own_metrics::DoorName::Control,
            Self::Prometheus => own_metrics::DoorName::Prometheus,
            Self::Aws => own_metrics::DoorName::Aws,
        }
    }
}

pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, text);
    answer
}

pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    let mut answer = plain(status, format!("{value}\n"));
    let text = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, text);
    answer
}

/// The account of a sender that is known, else what it says of itself: enough to tell accounts
/// apart where everyone may come in.
fn lane_of<'a>(parts: &'a Parts, who: Option<&'a Principal>) -> [&'a [u8]; 2] {
    if let Some(who) = who {
        return [who.account.as_str().as_bytes(), b"known"];
    }
    let header = |name: &str| parts.headers.get(name).map(|v| v.as_bytes()).unwrap_or_default();
    let authorization = header("authorization");
    // Of a signature the key and not what differs from request to request; presigned ones share one.
    let end = authorization.iter().position(|b| *b == b'/').unwrap_or(authorization.len());
    [&authorization[..end], header("x-scope-orgid")]
}

/// Questions compute, which must not hold up the threads that serve all connections; writes are
/// short and wait for the disk elsewhere.
fn is_question(parts: &Parts) -> bool {
    !parts.uri.path().ends_with("/write")
}

/// Threads for questions. They wait for their turn on them, perhaps for minutes; whatever else needs a
/// thread of its own, such as a login, finds one beyond these.
#[derive(Clone)]
pub(crate) struct Asking {
    threads: Arc<Semaphore>,
    /// Called when an asker left.
    left: Arc<dyn Fn() + Send + Sync>,
}

/// An asker who waits for an answer. Dropped when it is there, or when the connection is gone:
/// hyper gives up what answers a request then.
struct Asker {
    cancel: Cancel,
    left: Arc<dyn Fn() + Send + Sync>,
    answered: bool,
}

impl Drop for Asker {
    fn drop(&mut self) {
        if !self.answered {
            self.cancel.cancel();
            (self.left)();
        }
    }
}

impl Asking {
    /// Questions take so many threads at most; `left` is called when an asker left before the answer.
    pub(crate) fn new(threads: usize, left: impl Fn() + Send + Sync + 'static) -> Self {
        Self { threads: Arc::new(Semaphore::new(threads)), left: Arc::new(left) }
    }

    /// Works on a question on a thread of its own, as soon as there is one; `None` when that failed.
    /// When this is dropped before, the work is told by [`Cancel::current`].
    async fn ask<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let permit = self.threads.clone().acquire_owned().await.ok()?;
        let cancel = Cancel::new();
        let mut asker = Asker { cancel: cancel.clone(), left: self.left.clone(), answered: false };
        let work = move || {
            // Held until it is over, also when nobody waits for it any more.
            let _permit = permit;
            cancel.during(work)
        };
        let answer = tokio::task::spawn_blocking(work).await.ok();
        asker.answered = true;
        answer
    }
}

async fn prometheus(shared: &Arc<Shared>, parts: Parts, body: Bytes, peer: IpAddr) -> Answer {
    let (done, answered) = oneshot::channel();
    let head = Recorded::of(shared, &parts, peer, &body);
    if is_question(&parts) {
        let shared = shared.clone();
        let asking = shared.asking.clone();
        let work = move || {
            shared.prometheus.handle(&parts, body, move |answer| drop(done.send(answer)));
        };
        if asking.ask(work).await.is_none() {
            return gave_up();
        }
    } else {
        let lane = shared.lanes.enter(&lane_of(&parts, parts.extensions.get())).await;
        shared.prometheus.handle(&parts, body, move |answer| drop(done.send(answer)));
        drop(lane);
    }
    let Ok(answer) = answered.await else { return gave_up() };
    if let Some(head) = head {
        head.record(shared, &answer);
    }
    answer.map(Full::new)
}

/// What is recorded of a request at Prometheus' door: that it was refused, and, where it changes
/// more than points, that it was done.
struct Recorded {
    who: Principal,
    from: CallSource,
    event: AuditEvent,
    is_act: bool,
}

impl Recorded {
    fn of(shared: &Shared, parts: &Parts, peer: IpAddr, body: &Bytes) -> Option<Self> {
        let path = parts.uri.path();
        let act = path.strip_prefix("/api/v1/admin/tsdb/");
        let who = match (parts.extensions.get::<Principal>(), act) {
            (Some(who), _) => who.clone(),
            (None, Some(_)) => Principal::open("", shared.platform.default_scope().account),
            (None, None) => return None,
        };
        let name = match act {
            Some("delete_series") => "DeleteSeries".to_owned(),
            Some("clean_tombstones") => "CleanTombstones".to_owned(),
            _ => format!("{} {path}", parts.method),
        };
        let asked = act.map(|_| {
            let form = String::from_utf8_lossy(&body[..body.len().min(4_096)]).into_owned();
            serde_json::json!({ "query": parts.uri.query(), "form": form })
        });
        let read_only = act.is_none() && is_question(parts);
        let event = AuditEvent {
            source: "prometheus.sightline".into(),
            read_only,
            ..AuditEvent::of(&name, asked)
        };
        let from = identify::source(parts, peer, "");
        Some(Self { who, from, event, is_act: act.is_some() })
    }

    fn record(self, shared: &Shared, answer: &Response<Bytes>) {
        let Self { who, from, event, is_act } = self;
        let told = || {
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            text.chars().take(1_024).collect::<String>()
        };
        let event = match answer.status() {
            StatusCode::FORBIDDEN => event.failed("AccessDenied", told()),
            _ if !is_act => return,
            status if status.is_success() => event,
            _ => event.failed("Failed", told()),
        };
        shared.platform.audit(&who, &from, event);
    }
}

async fn aws(shared: &Arc<Shared>, parts: Parts, body: Bytes, peer: IpAddr) -> Answer {
    // Signatures are dated by the client's wall clock, also when ours is virtual.
    let now_ms = RealClock.now_ms();
    let keys = SigningKeys(&shared.platform);
    let was_identified = parts.extensions.get::<Principal>().is_some();
    // A page can have any URL asked for, and what a browser remembers sent along, but signs nothing
    // and, without being let, adds no header. Not checked when everybody may come in: then only a
    // signature that stands in a header is none of a page.
    let of_no_page = match shared.platform.auth() {
        AuthMode::Required => !was_identified,
        AuthMode::Open => parts.headers.contains_key(header::AUTHORIZATION),
    };
    let access = match shared.platform.auth() {
        AuthMode::Required if !was_identified => Access::Required(&keys),
        _ => Access::Open,
    };
    let accepted = match access {
        Access::Open => shared.gateway.accept(parts, &body, access, now_ms).map_err(of_aws_boxed),
        // The head is kept for the record of a refusal; it costs as much as a lookup.
        Access::Required(_) => {
            let head = parts.clone();
            shared
                .gateway
                .accept(parts, &body, access, now_ms)
                .map_err(|refused| refused_by_aws(shared, &head, peer, *refused))
        }
    };
    let request = match accepted {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    if request.parts().method.is_safe() && !of_no_page && !aws_services::is_read_only(&request) {
        return of_aws(request.respond(Err(not_by_get(&request))));
    }
    let (done, answered) = oneshot::channel();
    let is_write = request.operation.name == "PutMetricData";
    if is_write {
        let who = match shared.platform.auth() {
            AuthMode::Required => aws_services::principal(&shared.platform, &request),
            AuthMode::Open => None,
        };
        let lane = shared.lanes.enter(&lane_of(request.parts(), who.as_ref())).await;
        shared.services.handle(&request, move |result| drop(done.send(result)));
        drop(lane);
        let result = answered.await;
        return match result {
            Ok(result) => answered_by_aws(shared, &request, peer, result),
            Err(_) => gave_up(),
        };
    }
    let (shared, asking) = (shared.clone(), shared.asking.clone());
    let work = move || {
        shared.services.handle(&request, move |result| drop(done.send(result)));
        // Questions are answered before `handle` returns.
        let result = answered.blocking_recv().ok()?;
        Some(answered_by_aws(&shared, &request, peer, result))
    };
    asking.ask(work).await.flatten().unwrap_or_else(gave_up)
}

/// Writes an answer, and records the call: when it manages something, and when its caller may not do what
/// it asked for.
fn answered_by_aws(
    shared: &Shared,
    request: &aws_wire::Request,
    peer: IpAddr,
    result: aws_services::Answer,
) -> Answer {
    let is_management = audited::is_management(request);
    let elements = if is_management { audited::elements(&result) } else { None };
    let answer = aws_services::respond(request, result);
    let is_forbidden = answer.error.as_ref().is_some_and(|told| told.code == "AccessDenied");
    if (is_forbidden || is_management)
        && let Some(who) = aws_services::principal(&shared.platform, request)
    {
        // Whoever may not do it does not fill the record either.
        let parameters = if is_forbidden { None } else { audited::parameters(request) };
        let event = AuditEvent {
            source: format!("{}.amazonaws.com", request.service.signing_name),
            read_only: aws_services::is_read_only(request),
            response: elements,
            region: Some(shared.services.region_of(request)),
            is_frequent: true,
            ..AuditEvent::of(request.operation.name, parameters)
        };
        let event = match &answer.error {
            Some(told) => event.failed(told.code.as_str(), told.message.as_str()),
            None => event,
        };
        let from = identify::source(request.parts(), peer, &request.request_id);
        shared.platform.audit(&who, &from, event);
    }
    of_aws(answer)
}

fn not_by_get(request: &aws_wire::Request) -> ServiceError {
    let text = format!(
        "{} changes something and is taken by POST; by {} only when it is signed and signatures are \
         checked (--auth required).",
        request.operation.name,
        request.parts().method,
    );
    ServiceError::custom("MethodNotAllowed", "MethodNotAllowed", 405, text)
}

#[expect(clippy::boxed_local, reason = "as the gateway hands it out")]
fn of_aws_boxed(answer: Box<AwsResponse>) -> Answer {
    of_aws(*answer)
}

fn of_aws(answer: AwsResponse) -> Answer {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answer.headers;
    response
}

/// Only a mistake of ours leads here: whoever works on a request answers it.
fn gave_up() -> Answer {
    tracing::error!("a request was given up without an answer");
    plain(StatusCode::INTERNAL_SERVER_ERROR, "the request was given up; the log says why\n")
}

/// What a person sees who opens the address, and what an unknown path gets.
fn front(parts: &Parts) -> Answer {
    if let Some(page) = console::answer(parts).or_else(|| console::welcome(parts)) {
        return page.map(Full::new);
    }
    let looks = matches!(parts.method, Method::GET | Method::HEAD);
    if parts.uri.path() == "/" && looks {
        return plain(
            StatusCode::OK,
            "This is Sightline. Try: aws --endpoint-url http://HOST:PORT cloudwatch list-metrics\n\
             In a browser: /console/   Prometheus: POST /api/v1/write, GET /api/v1/query?query=...   \
             Health: /-/healthy, /-/ready   Own metrics: /metrics\n",
        );
    }
    if parts.uri.path() == "/" {
        // Not 200: whoever sends something must not believe that it was taken.
        return plain(
            StatusCode::BAD_REQUEST,
            "no AWS request: it needs an X-Amz-Target, or an Action in a form\n",
        );
    }
    plain(StatusCode::NOT_FOUND, format!("nothing is served at {}\n", parts.uri.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Clients;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn questions_leave_threads_for_others() {
        const QUESTIONS: usize = 2;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(QUESTIONS + 1)
            .build()
            .unwrap();
        let left = Arc::new(AtomicUsize::new(0));
        let counted = left.clone();
        let asking = Asking::new(QUESTIONS, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let (told, hears) = std::sync::mpsc::channel();
        let turn = Arc::new((parking_lot::Mutex::new(false), parking_lot::Condvar::new()));
        runtime.block_on(async {
            let asked: Vec<_> = (0..10)
                .map(|_| {
                    let (asking, turn, told) = (asking.clone(), turn.clone(), told.clone());
                    tokio::spawn(async move {
                        let wait = move || {
                            let mut came = turn.0.lock();
                            while !*came {
                                turn.1.wait(&mut came);
                            }
                            told.send(Cancel::current().unwrap().is_cancelled()).unwrap();
                        };
                        asking.ask(wait).await
                    })
                })
                .collect();
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            assert_eq!(tokio::task::spawn_blocking(|| "a login").await.unwrap(), "a login");
            // One that nobody waits for any more keeps its thread until it is over.
            asked[0].abort();
            tokio::task::yield_now().await;
            assert_eq!(asking.threads.available_permits(), 0);
            assert_eq!(left.load(Ordering::Relaxed), 1);
            *turn.0.lock() = true;
            turn.1.notify_all();
            for one in asked.into_iter().skip(1) {
                assert_eq!(one.await.unwrap(), Some(()));
            }
            assert_eq!(asking.ask(|| panic!("a mistake of ours")).await, None::<()>);
            assert_eq!(asking.ask(|| 1).await, Some(1));
            assert_eq!(left.load(Ordering::Relaxed), 1, "all others were answered");
            assert_eq!(hears.try_iter().filter(|cancelled| *cancelled).count(), 1);
        });
    }

    #[test]
    fn who_makes_a_handler_panic_has_left_all_the_same() {
        let clients = Arc::new(Clients::new(3));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let here = Here(clients.enter().unwrap());
        assert_eq!(clients.len(), 1);
        let connection = async move {
            let _here = &here;
            tokio::task::yield_now().await;
            panic!("a mistake of ours");
        };
        runtime.block_on(async { tokio::spawn(connection).await.unwrap_err() });
        assert_eq!(clients.len(), 0);
    }
}
