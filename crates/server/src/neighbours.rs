//! Keeps web pages out of a server that asks nobody for a password.
//!
//! A page of another site, open in a browser on this machine, can send requests to loopback. What
//! gives it away is what its browser adds: an `Origin` that is not ours, or, when its site's name was
//! made to point at loopback, a `Host` that is not ours.
//!
//! Not all browsers say so of all requests: plain HTTP beyond this machine gets no `Sec-Fetch-*`, and an
//! image no `Origin`. What changes anything is therefore not taken by GET, which is all that a page can
//! send without either.

use http::request::Parts;
use http::{HeaderName, Method, header};
use platform::AuthMode;
use std::net::IpAddr;

/// Prefixes that AWS clients put before the host of their endpoint for some operations.
const AWS_PREFIXES: [&str; 5] =
    ["logs.", "streaming-logs.", "stream-logs.", "streaming-", "stream-"];

/// Says why a request is refused; `None` when it may come in.
///
/// Where credentials are required the server has any name, so that its `Host` says nothing; but a
/// browser that has once been told a password sends it along with whatever any page makes it send,
/// so that pages of other sites stay out all the same.
///
/// `takes_visits` says whether what is asked may be opened by a link of another site.
pub(crate) fn refusal(parts: &Parts, auth: AuthMode, takes_visits: bool) -> Option<String> {
    let text = |name| parts.headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()));
    // HTTP/1.0 and whole-URI requests may do without the header.
    let host =
        text(header::HOST).or_else(|| parts.uri.authority().map(|a| a.as_str().to_owned().into()));
    if auth == AuthMode::Open
        && let Some(host) = &host
        && !is_local(host)
    {
        return Some(format!(
            "Host {host:?} is not this machine's; without keys the server answers to localhost and \
             loopback addresses only\n"
        ));
    }
    let site = text(HeaderName::from_static("sec-fetch-site"));
    match site.as_deref() {
        // Said by the browser itself, which no page can do; it also holds behind a proxy that
        // gives the server another host than the browser knows.
        Some("same-origin") => return None,
        // A link that somebody followed is no request of the page that it stood on.
        Some("cross-site" | "same-site") if !(takes_visits && is_visit(parts)) => {
            return Some("a page of another site may not use this server\n".into());
        }
        _ => {}
    }
    if let Some(origin) = text(header::ORIGIN) {
        let of_origin = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let own = of_origin.is_some_and(|authority| match auth {
            AuthMode::Open => is_local(authority),
            AuthMode::Required => {
                host.as_deref().is_some_and(|host| host.eq_ignore_ascii_case(authority))
            }
        });
        if !own {
            return Some(format!("a page of {origin:?} may not use this server\n"));
        }
    }
    None
}

/// Says whether a person goes to a page of ours. A frame of another page navigates too, unseen by
/// anybody; its destination is the frame.
fn is_visit(parts: &Parts) -> bool {
    let says = |name, value: &str| parts.headers.get(name).is_some_and(|v| v == value);
    matches!(parts.method, Method::GET | Method::HEAD)
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
}

/// Says whether an authority (a host, perhaps with a port) names this machine itself.
fn is_local(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let plain = AWS_PREFIXES.iter().find_map(|prefix| host.strip_prefix(prefix)).unwrap_or(host);
    [host, plain].into_iter().any(|name| {
        let name = name.trim_end_matches('.');
        name.eq_ignore_ascii_case("localhost")
            || name.to_ascii_lowercase().ends_with(".localhost")
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(headers: &[(&str, &str)]) -> bool {
        refused_by(AuthMode::Open, "POST", headers)
    }

    fn refused_by(auth: AuthMode, method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().method(method).uri("/-/reset");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refusal(&request.body(()).expect("a request").into_parts().0, auth, true).is_some()
    }

    #[test]
    fn clients_of_this_machine_come_in() {
        for host in [
            "localhost",
            "127.0.0.1:4280",
            "127.8.9.1",
            "[::1]:4280",
            "LOCALHOST:1",
            "sightline.localhost",
            "streaming-127.0.0.1:4280",
            "logs.localhost:4280",
        ] {
            assert!(!refused(&[("host", host)]), "{host}");
        }
        assert!(!refused(&[]));
        assert!(!refused(&[("host", "localhost:4280"), ("origin", "http://localhost:4280")]));
    }

    #[test]
    fn pages_of_others_stay_out() {
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""]
        {
            assert!(refused(&[("host", host)]), "{host}");
        }
        for origin in ["null", "https://evil.example", "http://127.0.0.1.evil.example", "file://"] {
            assert!(refused(&[("host", "localhost"), ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn a_browser_says_whose_page_asks() {
        for auth in [AuthMode::Open, AuthMode::Required] {
            let refused = |method, site, mode, dest| {
                let headers = [
                    ("host", "localhost"),
                    ("sec-fetch-site", site),
                    ("sec-fetch-mode", mode),
                    ("sec-fetch-dest", dest),
                ];
                refused_by(auth, method, &headers)
            };
            assert!(refused("GET", "cross-site", "no-cors", "image"), "an image of another page");
            assert!(refused("POST", "cross-site", "navigate", "document"), "a form");
            for frame in ["iframe", "frame", "object", "embed", ""] {
                assert!(refused("GET", "cross-site", "navigate", frame), "{frame} navigates too");
            }
            assert!(refused("POST", "same-site", "cors", "empty"));
            assert!(!refused("GET", "cross-site", "navigate", "document"), "a link");
            assert!(!refused("GET", "none", "navigate", "document"), "typed");
            assert!(!refused("POST", "same-origin", "cors", "empty"));
        }
    }

    #[test]
    fn a_link_leads_to_pages_and_not_to_doors() {
        let visit = [
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let mut request = http::Request::get("/?Action=PutMetricData");
        for (name, value) in visit {
            request = request.header(name, value);
        }
        let parts = request.body(()).expect("a request").into_parts().0;
        assert!(refusal(&parts, AuthMode::Open, true).is_none());
        assert!(refusal(&parts, AuthMode::Open, false).is_some());
    }

    #[test]
    fn with_credentials_any_name_is_ours_and_other_pages_stay_out() {
        let refused = |headers: &[(&str, &str)]| refused_by(AuthMode::Required, "POST", headers);
        assert!(!refused(&[("host", "metrics.example:4280")]));
        let own = ("origin", "https://metrics.example:4280");
        assert!(!refused(&[("host", "metrics.example:4280"), own]));
        for origin in
            ["null", "https://evil.example", "https://metrics.example", "http://localhost"]
        {
            assert!(refused(&[("host", "metrics.example:4280"), ("origin", origin)]), "{origin}");
        }
        let proxied = [("host", "10.0.0.1:4280"), own, ("sec-fetch-site", "same-origin")];
        assert!(!refused(&proxied), "behind a proxy with another name");
    }
}
