//! What a browser sends for a page of another site, request by request: nothing of it may be done.
//!
//! A page can make a browser send a form or a "simple" POST without asking, an image or a script
//! with GET, and, when its own name was made to point here, anything at all. What it cannot do is
//! take the `Origin`, `Host` and `Sec-Fetch-*` headers away that the browser adds.
//!
//! Source: WHATWG Fetch standard, "CORS-safelisted request"; W3C Fetch Metadata.

use crate::http::Answer;
use crate::programs::Server;
use crate::secured::{Secured, curl};

const ACTS: [(&str, &str); 7] = [
    ("/-/reset", ""),
    ("/-/clock", r#"{"advance":"1h"}"#),
    ("/-/manage/keys", r#"{"role":"admin"}"#),
    ("/-/manage/delete", r#"{"namespace":"Shop"}"#),
    ("/api/v1/query", "query=up"),
    ("/api/v1/write", "x"),
    ("/?Action=PutMetricData", "Namespace=Shop"),
];

/// What browsers add for pages of other sites, old ones and new ones.
const FOREIGN: [&[&str]; 6] = [
    &["origin: https://evil.example"],
    &["origin: null"],
    &["origin: https://evil.example", "sec-fetch-site: cross-site", "sec-fetch-mode: no-cors"],
    &["sec-fetch-site: cross-site", "sec-fetch-mode: no-cors"],
    &["origin: http://localhost.evil.example", "sec-fetch-site: same-site", "sec-fetch-mode: cors"],
    &["origin: https://evil.example", "sec-fetch-site: cross-site", "sec-fetch-mode: navigate"],
];

const PUT_BY_GET: &str = "/?Action=PutMetricData&Version=2010-08-01&Namespace=Shop\
                          &MetricData.member.1.MetricName=m&MetricData.member.1.Value=1";
const LIST_BY_GET: &str = "/?Action=ListMetrics&Version=2010-08-01&Namespace=Shop";

/// What browsers add to GETs of other sites' pages: a frame, an image, a link.
const VISITS: [&[&str]; 3] = [
    &[
        "-H",
        "sec-fetch-site: cross-site",
        "-H",
        "sec-fetch-mode: navigate",
        "-H",
        "sec-fetch-dest: iframe",
    ],
    &[
        "-H",
        "sec-fetch-site: cross-site",
        "-H",
        "sec-fetch-mode: no-cors",
        "-H",
        "sec-fetch-dest: image",
    ],
    &[
        "-H",
        "sec-fetch-site: cross-site",
        "-H",
        "sec-fetch-mode: navigate",
        "-H",
        "sec-fetch-dest: document",
    ],
];

fn test_bench(data: &std::path::Path) -> Server {
    let start = ["--test-bench", "--clock", "virtual", "--clock-start", "2026-01-01T00:00:00Z"];
    Server::start(data, &start)
}

fn now(server: &Server) -> Answer {
    server.get("/-/clock")
}

#[test]
fn oracle_pages_of_other_sites_do_nothing_to_an_open_server() {
    let data = tempfile::tempdir().expect("a place");
    let server = test_bench(data.path());
    let before = now(&server).body;
    let url = |path: &str| format!("http://{}{path}", server.address);
    for (path, body) in ACTS {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            for foreign in FOREIGN {
                let kind = format!("content-type: {kind}");
                let mut arguments = vec!["--data-raw", body, "-H", &kind];
                arguments.extend(foreign.iter().flat_map(|header| ["-H", header]));
                let url = url(path);
                arguments.push(&url);
                let told = curl(&arguments);
                assert_eq!(told.status, 403, "{path} {kind} {foreign:?}: {told:?}");
                assert!(!told.headers.contains("access-control-"), "{told:?}");
            }
        }
        // A preflight: without the headers that would allow it, the browser sends nothing more.
        let url = url(path);
        let told = curl(&[
            "-X",
            "OPTIONS",
            "-H",
            "origin: https://evil.example",
            "-H",
            "access-control-request-method: POST",
            "-H",
            "access-control-request-headers: content-type,x-amz-target",
            &url,
        ]);
        assert_eq!(told.status, 403, "{path}: {told:?}");
        assert!(!told.headers.contains("access-control-"), "{told:?}");
        // A name that was made to point here: all of it is same-origin to the browser.
        for host in ["evil.example", "evil.example:4280", "127.0.0.1.evil.example"] {
            let (host, origin) = (format!("host: {host}"), format!("origin: http://{host}"));
            let rebound = ["-H", &host, "-H", &origin, "-H", "sec-fetch-site: same-origin"];
            let told = curl(&[&rebound[..], &["--data-raw", body, &url]].concat());
            assert_eq!(told.status, 403, "{path} {host}: {told:?}");
        }
    }
    let image = ["-H", "sec-fetch-site: cross-site", "-H", "sec-fetch-mode: no-cors"];
    for path in ["/api/v1/query?query=up", "/metrics", "/-/manage/keys"] {
        assert_eq!(curl(&[&image[..], &[&url(path)]].concat()).status, 403, "{path}");
    }
    assert_eq!(now(&server).body, before, "nothing moved");
    for page in VISITS {
        assert_eq!(curl(&[page, &[&url(PUT_BY_GET)]].concat()).status, 403, "{page:?}");
    }
    // No browser needs to say anything of an image over plain HTTP; a made-up signature helps not.
    let forged = format!(
        "{PUT_BY_GET}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=\
         host&X-Amz-Signature=00&X-Amz-Credential=k%2F20260101%2Feu-west-1%2Fmonitoring%2Faws4_request"
    );
    for path in [PUT_BY_GET, &forged] {
        let told = curl(&[&url(path)]);
        assert_eq!(told.status, 405, "{path} {told:?}");
        assert!(told.body.contains("taken by POST"), "{told:?}");
    }
    assert!(!curl(&[&url(LIST_BY_GET)]).body.contains("<MetricName>"), "nothing was put");
    assert_eq!(curl(&[&url("/-/manage/keys")]).body.trim(), r#"{"credentials":[]}"#);
    // What is of this machine comes in.
    let own = format!("origin: http://{}", server.address);
    let told =
        curl(&["-H", &own, "-H", "sec-fetch-site: same-origin", "-X", "POST", &url("/-/reset")]);
    assert_eq!(told.status, 200, "{told:?}");
}

#[test]
fn oracle_a_remembered_password_helps_no_page() {
    let secured = Secured::start();
    // The browser was told it once, and sends it along.
    let credentials = format!("{}:{}", secured.admin.id, secured.admin.secret);
    let url = secured.url("/-/manage/tokens");
    let create = ["-u", &credentials, "--data-raw", r#"{"role":"admin"}"#];
    for foreign in FOREIGN {
        let headers: Vec<&str> = foreign.iter().flat_map(|header| ["-H", header]).collect();
        let told = curl(&[&create[..], &headers, &[&url]].concat());
        assert_eq!(told.status, 403, "{foreign:?}: {told:?}");
    }
    assert_eq!(secured.manage(&["tokens", "list", "-f", "json"], ""), "[]\n");
    let get = |page: &[&str], path: &str| {
        let url = secured.url(path);
        curl(&[&["-u", &credentials][..], page, &[&url]].concat())
    };
    for page in VISITS {
        assert_eq!(get(page, PUT_BY_GET).status, 403, "{page:?}");
    }
    assert_eq!(get(VISITS[0], "/-/manage/keys").status, 403, "a frame");
    assert_eq!(get(VISITS[2], "/-/manage/keys").status, 200, "a link that somebody follows");
    // Over plain HTTP a browser says nothing of an image, and sends the password along.
    assert_eq!(get(&[], PUT_BY_GET).status, 405);
    let listed = get(&[], LIST_BY_GET);
    assert_eq!(listed.status, 200, "{listed:?}");
    assert!(!listed.body.contains("<MetricName>"), "nothing was put: {listed:?}");
    let told = curl(&[&create[..], &["-H", "host: sightline.example", &url]].concat());
    assert_eq!(told.status, 200, "it has any name: {told:?}");
}
