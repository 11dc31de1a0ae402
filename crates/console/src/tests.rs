use super::*;

fn asked(method: &str, path: &str, headers: &[(&str, &str)]) -> Option<Response<Bytes>> {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(&request.body(()).expect("a request").into_parts().0)
}

fn get(path: &str) -> Response<Bytes> {
    asked("GET", path, &[]).expect("a path of the console")
}

fn header<'a>(answer: &'a Response<Bytes>, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

#[test]
fn pages_are_one_document_and_other_paths_are_nothing() {
    for path in ["/console/", "/console/metrics", "/console/metrics/", "/console/?range=1h"] {
        let page = get(path);
        assert_eq!(page.status(), 200, "{path}");
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(&page, "cache-control"), "no-cache");
    }
    assert_eq!(header(&get("/console"), "location"), "/console/");
    for path in [
        "/console/nothing",
        "/console/assets/",
        "/console/assets/index.html",
        "/console/assets/../table.rs",
        "/console/metrics/more",
    ] {
        assert_eq!(get(path).status(), 404, "{path}");
    }
    for path in ["/", "/consoles", "/-/ready", "/api/v1/query"] {
        assert!(asked("GET", path, &[]).is_none(), "{path}");
    }
    assert_eq!(asked("POST", "/console/", &[]).expect("an answer").status(), 405);
}

#[test]
fn what_the_page_names_is_there_and_stays() {
    let page = String::from_utf8(get("/console/").body().to_vec()).expect("text");
    let named: Vec<&str> =
        page.split('"').filter(|text| text.starts_with("/console/assets/")).collect();
    assert!(named.len() >= 3, "{page}");
    for path in named {
        let file = get(path);
        assert_eq!(file.status(), 200, "{path}");
        assert!(header(&file, "cache-control").contains("immutable"), "{path}");
        assert!(!header(&file, "content-type").is_empty());
    }
    assert!(!page.contains("<style") && !page.contains("style="), "the policy lets no such in");
    for script in page.split("<script").skip(1) {
        assert!(script.contains("src=") && script.contains("></script>"), "{script}");
    }
}

#[test]
fn everything_says_what_a_browser_may_do() {
    for path in ["/console", "/console/", "/console/nothing"] {
        let answer = get(path);
        let policy = header(&answer, "content-security-policy").to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    }
}

#[test]
fn files_come_packed_as_they_are_taken() {
    for (accepted, packing) in [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.0", ""),
        ("identity", ""),
        ("", ""),
    ] {
        let page = asked("GET", "/console/", &[("accept-encoding", accepted)]).expect("a page");
        assert_eq!(header(&page, "content-encoding"), packing, "{accepted}");
        assert_eq!(header(&page, "vary"), "Accept-Encoding");
    }
}

#[test]
fn what_is_known_is_not_sent_again() {
    let first = get("/console/");
    let tag = header(&first, "etag");
    let again = asked("GET", "/console/", &[("if-none-match", tag)]).expect("an answer");
    assert_eq!((again.status().as_u16(), again.body().len()), (304, 0));
    let other = asked("GET", "/console/", &[("if-none-match", tag), ("accept-encoding", "br")]);
    assert_eq!(other.expect("an answer").status(), 200, "another packing is another thing");
}

/// The issue's budget for what a first visit loads, packed as browsers on this machine take it.
#[test]
fn a_first_visit_is_small() {
    const BYTES_MAX: usize = 120_000;
    let brotli: usize = asset::all().iter().map(|asset| asset.brotli.len()).sum();
    let gzip: usize = asset::all().iter().map(|asset| asset.gzip.len()).sum();
    println!("{brotli} bytes with brotli, {gzip} with gzip");
    assert!(brotli < BYTES_MAX && gzip < BYTES_MAX, "{brotli} and {gzip} bytes");
}

#[test]
fn browsers_are_welcomed_and_programs_are_not() {
    let came = |accept: &str| {
        let request = http::Request::get("/").header("accept", accept);
        welcome(&request.body(()).expect("a request").into_parts().0)
    };
    let browser = came("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8").expect("a welcome");
    assert_eq!((browser.status().as_u16(), header(&browser, "location")), (302, "/console/"));
    assert!(came("*/*").is_none() && came("application/json").is_none());
}
