//! The real sender against receivers that mean it ill, over real sockets of this machine.

use super::*;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use stdx::{MailCall, Stopwatch};
use tokio::runtime::Runtime;

/// Longer than any of this takes, shorter than a test may hang.
const PATIENCE: Duration = Duration::from_secs(30);
const INSIDE: Reach = Reach { loopback: true };
const OUTSIDE: Reach = Reach { loopback: false };

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// A way out for which names are what a table says.
fn net(runtime: &Runtime, reach: Reach, names: &[(&str, &[&str])]) -> RealNet {
    let names: HashMap<String, Vec<SocketAddr>> = names
        .iter()
        .map(|(name, ips)| {
            let found = ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
            ((*name).to_owned(), found.collect())
        })
        .collect();
    let look_up: LookUp = Arc::new(move |name| {
        let found = names.get(&name).cloned();
        Box::pin(async move { found.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    });
    RealNet::looking_up(runtime.handle(), reach, None, look_up).unwrap()
}

fn start(net: &RealNet, call: Call) -> Result<Reply, CallError> {
    let (done, told) = mpsc::channel();
    net.start(call, Box::new(move |outcome| drop(done.send(outcome))));
    told.recv_timeout(PATIENCE).expect("a call comes back")
}

fn post(url: &str) -> HttpCall {
    HttpCall {
        method: "POST",
        url: url.to_owned(),
        headers: Vec::new(),
        body: b"{}".to_vec(),
        wait_ms: 10_000,
        is_trusted: false,
    }
}

fn ask(net: &RealNet, url: &str) -> Result<Reply, CallError> {
    start(net, Call::Http(post(url)))
}

/// A receiver: whoever comes is talked to by `talk`, on a thread of its own. Returns its address and how
/// many came.
fn receiver(
    talk: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, came) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let (count, talk) = (came.clone(), Arc::new(talk));
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::SeqCst);
            let talk = talk.clone();
            std::thread::spawn(move || drop(talk(socket)));
        }
    });
    (address, came)
}

/// Reads the head of a request, and the `{}` behind it.
fn read_request(socket: &mut TcpStream) -> io::Result<String> {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with("\r\n\r\n{}") {
        socket.read_exact(&mut byte)?;
        text.push(char::from(byte[0]));
    }
    Ok(text)
}

fn answering(head: String) -> impl Fn(TcpStream) -> io::Result<()> + Send + Sync {
    move |mut socket| {
        read_request(&mut socket)?;
        socket.write_all(head.as_bytes())
    }
}

fn ok() -> impl Fn(TcpStream) -> io::Result<()> + Send + Sync {
    answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into())
}

fn count(came: &AtomicUsize) -> usize {
    came.load(Ordering::SeqCst)
}

#[test]
fn redirects_are_not_followed() {
    let runtime = runtime();
    let net = net(&runtime, INSIDE, &[]);
    let (other, came) = receiver(ok());
    for place in [format!("http://{other}/"), "http://169.254.169.254/latest/meta-data/".into()] {
        for status in [301, 302, 303, 307, 308] {
            let head = format!(
                "HTTP/1.1 {status} There\r\nlocation: {place}\r\ncontent-length: 0\r\n\
                 connection: close\r\n\r\n"
            );
            let (address, _) = receiver(answering(head));
            let reply = ask(&net, &format!("http://{address}/")).unwrap();
            assert_eq!(reply.status, status, "the redirect itself is the answer");
        }
    }
    assert_eq!(count(&came), 0);
}

#[test]
fn names_are_what_they_point_to() {
    let runtime = runtime();
    let (address, came) = receiver(ok());
    let names: &[(&str, &[&str])] = &[
        ("metadata.example", &["169.254.169.254"]),
        ("six.example", &["fe80::1"]),
        ("mapped.example", &["::ffff:169.254.169.254"]),
        ("translated.example", &["64:ff9b::a9fe:a9fe"]),
        ("all.example", &["169.254.169.254", "fd00:ec2::254", "0.0.0.0"]),
        ("here.example", &["127.0.0.1"]),
        ("mixed.example", &["169.254.169.254", "127.0.0.1"]),
    ];
    let port = address.port();
    let outside = net(&runtime, OUTSIDE, names);
    for (name, _) in names {
        let error = ask(&outside, &format!("http://{name}:{port}/")).unwrap_err();
        let told = format!("{name} is not sent to: it is ");
        // Names may point elsewhere later.
        assert!(error.text.starts_with(&told) && !error.is_permanent, "{error:?}");
    }
    assert_eq!(count(&came), 0);
    let inside = net(&runtime, INSIDE, names);
    for (name, is_fine) in [("metadata", false), ("all", false), ("here", true), ("mixed", true)] {
        let outcome = ask(&inside, &format!("http://{name}.example:{port}/"));
        assert_eq!(outcome.is_ok(), is_fine, "{name}: {outcome:?}");
    }
    assert_eq!(count(&came), 2, "what is left of a mixed answer is sent to");
}

#[test]
fn a_name_is_looked_up_again_for_each_connection() {
    let runtime = runtime();
    let (address, came) = receiver(ok());
    let asked = AtomicUsize::new(0);
    let look_up: LookUp = Arc::new(move |_| {
        let is_first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        let ip = if is_first { [127, 0, 0, 1] } else { [169, 254, 169, 254] };
        Box::pin(async move { Ok(vec![SocketAddr::from((ip, 0))]) })
    });
    let net = RealNet::looking_up(runtime.handle(), INSIDE, None, look_up).unwrap();
    let url = format!("http://rebound.example:{}/", address.port());
    assert_eq!(ask(&net, &url).unwrap().status, 200);
    assert!(ask(&net, &url).unwrap_err().text.contains("link-local"));
    assert_eq!(count(&came), 1);
}

#[test]
fn literal_addresses_are_checked_before_they_are_sent_to() {
    let runtime = runtime();
    let net = net(&runtime, OUTSIDE, &[]);
    let (address, came) = receiver(ok());
    let here = format!("http://{address}/");
    for url in [
        &here,
        "http://169.254.169.254/",
        "http://2852039166/",
        "http://[fe80::1]/",
        "http://user:s3cret@[::1]/?token=t0ken",
        "ftp://example.com/",
    ] {
        let error = ask(&net, url).unwrap_err();
        assert!(error.is_permanent && error.text.contains("is not sent to"), "{url}: {error:?}");
        assert!(!error.text.contains("s3cret") && !error.text.contains("t0ken"), "{error:?}");
    }
    assert_eq!(count(&came), 0);
    let trusted = HttpCall { is_trusted: true, ..post(&here) };
    assert_eq!(start(&net, Call::Http(trusted)).unwrap().status, 200, "the operator may");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let runtime = runtime();
    let net = net(&runtime, INSIDE, &[]);
    let (cut, was_cut) = mpsc::channel();
    let (address, _) = receiver(move |mut socket| {
        read_request(&mut socket)?;
        socket.write_all(b"HTTP/1.1 500 Oh\r\nconnection: close\r\n\r\n")?;
        let mut sent = 0_usize;
        // Until nobody is there any more.
        while socket.write_all(&[b'x'; 4096]).is_ok() {
            sent += 4096;
        }
        cut.send(sent).map_err(io::Error::other)
    });
    let reply = ask(&net, &format!("http://{address}/")).unwrap();
    assert_eq!((reply.status, reply.body.len()), (500, REPLY_BYTES_MAX));
    let sent = was_cut.recv_timeout(PATIENCE).expect("the connection is given up");
    assert!(sent >= REPLY_BYTES_MAX, "{sent}");
}

#[test]
fn a_head_without_end_is_no_answer() {
    let runtime = runtime();
    let net = net(&runtime, INSIDE, &[]);
    let (cut, was_cut) = mpsc::channel();
    let (address, _) = receiver(move |mut socket| {
        read_request(&mut socket)?;
        socket.write_all(b"HTTP/1.1 200 OK\r\n")?;
        while socket.write_all(b"x-more: and more\r\n").is_ok() {}
        cut.send(()).map_err(io::Error::other)
    });
    let error = ask(&net, &format!("http://{address}/")).unwrap_err();
    assert!(!error.is_permanent, "{error:?}");
    was_cut.recv_timeout(PATIENCE).expect("the connection is given up");
}

#[test]
fn slow_receivers_are_waited_for_so_long_and_no_longer() {
    let runtime = runtime();
    let net = net(&runtime, INSIDE, &[]);
    let pause = || std::thread::sleep(Duration::from_millis(50));
    let (silent, _) = receiver(move |mut socket| {
        read_request(&mut socket)?;
        loop {
            pause();
        }
    });
    // Takes a byte now and then, of more than fits into the buffers between.
    let (sipping, _) = receiver(move |mut socket| {
        let mut byte = [0];
        loop {
            socket.read_exact(&mut byte)?;
            pause();
        }
    });
    let (dripping, _) = receiver(move |mut socket| {
        read_request(&mut socket)?;
        socket.write_all(b"HTTP/1.1 202 Taken\r\ncontent-length: 1000\r\n\r\n")?;
        loop {
            socket.write_all(b".")?;
            pause();
        }
    });
    let dribbling_head = move |mut socket: TcpStream| {
        read_request(&mut socket)?;
        for byte in b"HTTP/1.1 200 OK\r\nx-slow: ".iter().chain([b'a'; 1000].iter()) {
            socket.write_all(&[*byte])?;
            pause();
        }
        Ok(())
    };
    let (dribbling, _) = receiver(dribbling_head);
    let call = |address: SocketAddr, body: Vec<u8>| {
        let watch = Stopwatch::start();
        let call = HttpCall { wait_ms: 300, body, ..post(&format!("http://{address}/")) };
        let outcome = start(&net, Call::Http(call));
        assert!(watch.elapsed() < Duration::from_secs(10), "{address}: {:?}", watch.elapsed());
        outcome
    };
    for (name, address, body) in [
        ("silent", silent, b"{}".to_vec()),
        ("sipping", sipping, vec![b'x'; 32 << 20]),
        ("dribbling", dribbling, b"{}".to_vec()),
    ] {
        let error = call(address, body).unwrap_err();
        assert_eq!(error, CallError::for_now("no answer in time"), "{name}");
    }
    let reply = call(dripping, b"{}".to_vec()).unwrap();
    assert_eq!(reply.status, 202, "what it says beyond is not needed");
    assert!(reply.body.len() < 1000, "{}", reply.body.len());
}

#[test]
fn nothing_leaves_its_header() {
    let runtime = runtime();
    let net = net(&runtime, INSIDE, &[]);
    let (address, came) = receiver(ok());
    for (name, value) in [
        ("content-type", "text/plain\r\nx-more: 1"),
        ("content-type", "text/plain\nx-more: 1"),
        ("x-a\r\nx-more", "1"),
        ("x a", "1"),
    ] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let call = HttpCall { headers, ..post(&format!("http://{address}/")) };
        let error = start(&net, Call::Http(call)).unwrap_err();
        assert!(error.is_permanent, "it stays wrong: {error:?}");
    }
    assert_eq!(count(&came), 0);
}

#[test]
fn mail_that_would_leave_its_envelope_is_not_sent() {
    let runtime = runtime();
    let (address, came) = receiver(|_| Ok(()));
    let server = SmtpServer::parse(&format!("smtp://{address}")).unwrap();
    let net = RealNet::new(runtime.handle(), INSIDE, Some(&server)).unwrap();
    for (from, to) in [
        ("a@example.com", "b@example.com>\r\nRCPT TO:<eve@example.com"),
        ("a@example.com>\r\nRCPT TO:<eve@example.com", "b@example.com"),
        ("a@example.com", "b@example.com\nDATA"),
    ] {
        let call = MailCall {
            from: from.into(),
            to: to.into(),
            message: b"Subject: x\r\n\r\nx\r\n".to_vec(),
            wait_ms: 10_000,
        };
        let error = start(&net, Call::Mail(call)).unwrap_err();
        assert!(error.is_permanent, "{error:?}");
    }
    assert_eq!(count(&came), 0);
}

fn command(argv: &[&str], input: &str, wait_ms: u64) -> Call {
    let argv = argv.iter().map(|a| (*a).to_owned()).collect();
    Call::Command(CommandCall { argv, input: input.as_bytes().to_vec(), wait_ms })
}

#[test]
fn commands_get_the_event_and_little_else() {
    let runtime = runtime();
    let net = net(&runtime, INSIDE, &[]);
    let run = |argv: &[&str], input: &str| start(&net, command(argv, input, 10_000));
    let reply = run(&["cat"], "the event; $(touch x) `y`\n").unwrap();
    assert_eq!((reply.status, &reply.body[..]), (0, &b"the event; $(touch x) `y`\n"[..]));
    // Arguments are no shell's.
    let reply = run(&["printf", "%s|", "a b", "$HOME", "; false"], "").unwrap();
    assert_eq!(String::from_utf8(reply.body).unwrap(), "a b|$HOME|; false|");
    let reply = run(&["env"], "").unwrap();
    let text = String::from_utf8(reply.body).unwrap();
    let names = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    for name in names {
        assert!(["PATH", "HOME", "LANG", "TZ"].contains(&name), "{name} is handed on");
    }
    assert_eq!(run(&["false"], "").unwrap().status, 1);
    // Neither reading nothing nor saying much does harm.
    assert_eq!(run(&["true"], &"x".repeat(1 << 20)).unwrap().status, 0);
    let reply = run(&["head", "-c", "1000000", "/dev/zero"], "").unwrap();
    assert_eq!((reply.status, reply.body.len()), (0, REPLY_BYTES_MAX));
    assert!(!run(&["/nonexistent/program"], "").unwrap_err().is_permanent);
}

#[test]
fn commands_are_killed_after_their_time() {
    let runtime = runtime();
    let net = net(&runtime, INSIDE, &[]);
    let watch = Stopwatch::start();
    let error = start(&net, command(&["sleep", "60"], "", 200)).unwrap_err();
    assert_eq!(error, CallError::for_now("sleep took longer than 200 ms"));
    assert!(watch.elapsed() < Duration::from_secs(10));
}
