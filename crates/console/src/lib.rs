//! The web console: pages that are built beforehand, embedded, and served as files.
//!
//! The pages call the public APIs and nothing else, so that this crate knows paths and files only: which
//! of them a request means, how it is packed, what a browser may do with it. Who somebody is, the
//! server says (`/-/session`).
//!
//! ```
//! let asked = http::Request::get("/console/").body(()).unwrap().into_parts().0;
//! let page = console::answer(&asked).expect("a page of ours");
//! assert_eq!(page.status(), 200);
//! assert!(page.headers().contains_key("content-security-policy"));
//!
//! let elsewhere = http::Request::get("/api/v1/query").body(()).unwrap().into_parts().0;
//! assert!(console::answer(&elsewhere).is_none());
//! ```

mod asset;
mod headers;
mod packing;

use asset::Asset;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};

/// Where the console is.
pub const HOME: &str = "/console/";

/// Answers what is asked of the console; `None` when the path is none of its own.
///
/// Every page is the same document, which decides by the address what to show.
pub fn answer(asked: &Parts) -> Option<Response<Bytes>> {
    let path = asked.uri.path();
    if path == HOME.trim_end_matches('/') {
        return Some(moved_to(HOME));
    }
    let rest = path.strip_prefix(HOME)?;
    if !matches!(asked.method, Method::GET | Method::HEAD) {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "pages are read: GET or HEAD\n");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(answer);
    }
    let found = match rest.strip_prefix("assets/") {
        Some(name) => asset::find(name),
        None => asset::page(rest),
    };
    let nothing = || text(StatusCode::NOT_FOUND, format!("nothing is served at {path}\n"));
    Some(found.map_or_else(nothing, |asset| file(asset, asked)))
}

/// Sends whoever opens the bare address in a browser to the console; others it leaves alone.
pub fn welcome(asked: &Parts) -> Option<Response<Bytes>> {
    let accepts = asked.headers.get(header::ACCEPT)?.to_str().ok()?;
    let looks = matches!(asked.method, Method::GET | Method::HEAD);
    (asked.uri.path() == "/" && looks && accepts.contains("text/html")).then(|| {
        let mut answer = moved_to(HOME);
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
        answer
    })
}

fn file(asset: &Asset, asked: &Parts) -> Response<Bytes> {
    let value = |name| asked.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let (body, packing) = packing::choose(asset, value(header::ACCEPT_ENCODING).unwrap_or(""));
    let tag = format!("\"{}{}\"", asset.hash, packing.map(|p| format!("-{p}")).unwrap_or_default());
    let unchanged = value(header::IF_NONE_MATCH).is_some_and(|known| known.contains(&tag));
    let mut answer = match unchanged {
        true => Response::new(Bytes::new()),
        false => Response::new(Bytes::from_static(body)),
    };
    if unchanged {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let set = answer.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    set.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        set.insert(header::ETAG, tag);
    }
    // Its name tells its content, but for the page, which names the others.
    let kept = if asset.is_page() { "no-cache" } else { "public, max-age=31536000, immutable" };
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    if let Some(packing) = packing {
        set.insert(header::CONTENT_ENCODING, HeaderValue::from_static(packing));
    }
    headers::protect(set);
    answer
}

fn moved_to(place: &'static str) -> Response<Bytes> {
    let mut answer = text(StatusCode::FOUND, "the console is at /console/\n");
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static(place));
    answer
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(text.into());
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    headers::protect(answer.headers_mut());
    answer
}

#[cfg(test)]
mod tests;
