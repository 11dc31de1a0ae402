//! Connections, and which door takes a request.

use crate::{Shared, control, neighbours, own_metrics};
use aws_wire::{Access, Response as AwsResponse};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use stdx::{Clock, RealClock, Stopwatch};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// No door takes a larger body; each may take less.
const BODY_BYTES_MAX: usize = 64 << 20;
/// A sender that has not finished its request's head by then is gone.
const HEAD_WAIT: Duration = Duration::from_secs(30);
/// One that has not finished its body by then is gone too; on loopback the largest takes a second.
const BODY_WAIT: Duration = Duration::from_secs(60);

type Answer = Response<Full<Bytes>>;

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
                Ok((stream, _)) => {
                    let connection = connection(stream, shared.clone(), hears.clone(), alive.clone());
                    tokio::spawn(connection);
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

async fn connection(
    stream: TcpStream,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
    _alive: tokio::sync::mpsc::Sender<()>,
) {
    // Answers are written whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(answer(&shared, request).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // What a sender breaks off is its own affair.
        _ = connection.as_mut() => return,
        _ = stop.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn answer(shared: &Arc<Shared>, request: Request<Incoming>) -> Answer {
    let watch = Stopwatch::start();
    let (parts, body) = request.into_parts();
    let door = Door::of(shared, &parts);
    if let Some(why) = neighbours::refusal(&parts) {
        let answer = plain(StatusCode::FORBIDDEN, why);
        shared.requests.count(door.name(), answer.status(), watch.elapsed());
        return answer;
    }
    let answer = match read_body(&parts, body).await {
        Ok(body) => match door {
            Door::Control => control::answer(shared, &parts, body).await,
            Door::Prometheus => prometheus(shared, parts, body).await,
            Door::Aws => aws(shared, parts, body).await,
            Door::Front => front(&parts),
        },
        Err(refused) => *refused,
    };
    shared.requests.count(door.name(), answer.status(), watch.elapsed());
    answer
}

#[derive(Clone, Copy)]
enum Door {
    Control,
    Prometheus,
    Aws,
    Front,
}

impl Door {
    fn of(shared: &Shared, parts: &Parts) -> Self {
        let path = parts.uri.path();
        if path.starts_with("/-/") || path == "/metrics" {
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

async fn read_body(parts: &Parts, body: Incoming) -> Result<Bytes, Box<Answer>> {
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    let announced = announced.and_then(|v| v.parse::<usize>().ok());
    let too_large = || {
        let text = format!("the body may have {BODY_BYTES_MAX} bytes at most\n");
        Box::new(plain(StatusCode::PAYLOAD_TOO_LARGE, text))
    };
    if announced.is_some_and(|len| len > BODY_BYTES_MAX) {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(BODY_WAIT, Limited::new(body, BODY_BYTES_MAX).collect());
    let Ok(collected) = collected.await else {
        let text = format!("the body was not there within {} s\n", BODY_WAIT.as_secs());
        return Err(Box::new(plain(StatusCode::REQUEST_TIMEOUT, text)));
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => {
            let text = format!("the body could not be read: {error}\n");
            Err(Box::new(plain(StatusCode::BAD_REQUEST, text)))
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

/// Questions compute, which must not hold up the threads that serve all connections; writes are
/// short and wait for the disk elsewhere.
fn is_question(parts: &Parts) -> bool {
    !parts.uri.path().ends_with("/write")
}

async fn prometheus(shared: &Arc<Shared>, parts: Parts, body: Bytes) -> Answer {
    let (done, answered) = oneshot::channel();
    if is_question(&parts) {
        let shared = shared.clone();
        let work = tokio::task::spawn_blocking(move || {
            shared.prometheus.handle(&parts, body, move |answer| drop(done.send(answer)));
        });
        if work.await.is_err() {
            return gave_up();
        }
    } else {
        shared.prometheus.handle(&parts, body, move |answer| drop(done.send(answer)));
    }
    match answered.await {
        Ok(answer) => answer.map(Full::new),
        Err(_) => gave_up(),
    }
}

async fn aws(shared: &Arc<Shared>, parts: Parts, body: Bytes) -> Answer {
    // Signatures are dated by the client's wall clock, also when ours is virtual.
    let now_ms = RealClock.now_ms();
    let request = match shared.gateway.accept(parts, &body, Access::Open, now_ms) {
        Ok(request) => request,
        Err(refused) => return of_aws(*refused),
    };
    let (done, answered) = oneshot::channel();
    let is_write = request.operation.name == "PutMetricData";
    if is_write {
        shared.services.handle(&request, move |result| drop(done.send(result)));
        let result = answered.await;
        return match result {
            Ok(result) => of_aws(request.respond(result)),
            Err(_) => gave_up(),
        };
    }
    let shared = shared.clone();
    let work = tokio::task::spawn_blocking(move || {
        shared.services.handle(&request, move |result| drop(done.send(result)));
        // Questions are answered before `handle` returns.
        answered.blocking_recv().ok().map(|result| request.respond(result))
    });
    match work.await {
        Ok(Some(answer)) => of_aws(answer),
        _ => gave_up(),
    }
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
    let looks = matches!(parts.method, Method::GET | Method::HEAD);
    if parts.uri.path() == "/" && looks {
        return plain(
            StatusCode::OK,
            "This is Sightline. Try: aws --endpoint-url http://HOST:PORT cloudwatch list-metrics\n\
             Prometheus: POST /api/v1/write, GET /api/v1/query?query=...   \
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
