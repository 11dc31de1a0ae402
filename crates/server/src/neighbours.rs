//! Keeps web pages out of a server that asks nobody for a password.
//!
//! A page of another site, open in a browser on this machine, can send requests to loopback. What
//! gives it away is what its browser adds: an `Origin` that is not ours, or, when its site's name was
//! made to point at loopback, a `Host` that is not ours.

use http::header;
use http::request::Parts;
use std::net::IpAddr;

/// Prefixes that AWS clients put before the host of their endpoint for some operations.
const AWS_PREFIXES: [&str; 5] =
    ["logs.", "streaming-logs.", "stream-logs.", "streaming-", "stream-"];

/// Says why a request is refused; `None` when it may come in.
pub(crate) fn refusal(parts: &Parts) -> Option<String> {
    let text = |name| parts.headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()));
    // HTTP/1.0 and whole-URI requests may do without the header.
    let host =
        text(header::HOST).or_else(|| parts.uri.authority().map(|a| a.as_str().to_owned().into()));
    if let Some(host) = host
        && !is_local(&host)
    {
        return Some(format!(
            "Host {host:?} is not this machine's; without keys the server answers to localhost and \
             loopback addresses only\n"
        ));
    }
    if let Some(origin) = text(header::ORIGIN) {
        let local = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))
            .is_some_and(is_local);
        if !local {
            return Some(format!("a page of {origin:?} may not use this server\n"));
        }
    }
    None
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
        let mut request = http::Request::builder().uri("/-/reset");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refusal(&request.body(()).expect("a request").into_parts().0).is_some()
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
}
