"""Servers of mail as they are: STARTTLS, TLS from the first byte, wrong passwords, certificates that
nobody trusts, servers that are full or do not know a mailbox.

mail_servers.py PROGRAM DIRECTORY: each case starts a server of mail (aiosmtpd) and Sightline on its
virtual clock, and looks at what arrived and what was said on the wire. Ends with 0 when all is as it
should be.
"""

import contextlib
import email
import email.policy
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import urllib.parse
import urllib.request

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult
from helpers import free_port, make_certificate, until

PROGRAM, DIRECTORY = sys.argv[1], sys.argv[2]
START = "2026-01-01T00:00:00Z"
TOPIC = "arn:aws:sns:us-east-1:000000000000:ops"
PASSWORD = "s@cret/ü"


def certificate(name, names):
    cert, key = (os.path.join(DIRECTORY, f"{name}.{kind}") for kind in ("pem", "key"))
    make_certificate(cert, key, names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


CERT, TLS = certificate("own", ("localhost", "127.0.0.1"))
OTHER_CERT, OTHER_TLS = certificate("other", ("elsewhere.example",))
STRANGE_CERT, _ = certificate("strange", ("localhost", "127.0.0.1"))


class Mails(Sink):
    """Takes mails; `answers` are given first, one for each mail that comes."""

    def __init__(self, answers=(), unknown=()):
        self.got, self.answers, self.unknown, self.tried = [], list(answers), set(unknown), []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.unknown:
            return "550 5.1.1 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.tried.append(message["message-id"])
        if self.answers:
            return self.answers.pop(0)
        self.got.append((session, envelope.rcpt_tos, message))
        return "250 taken"


def login(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"ann", PASSWORD.encode())
    return AuthResult(success=good, handled=False, auth_data=data.login)


@contextlib.contextmanager
def smtp(handler, **options):
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


class Plain(threading.Thread):
    """A server that takes any mail and any password, and offers no TLS. Keeps what it is told."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.said = self.listener.getsockname()[1], []

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                self.talk(file)

    def talk(self, file):
        def answer(text):
            file.write(text.encode() + b"\r\n")
            file.flush()

        answer("220 plain.example ESMTP")
        for line in file:
            verb = line.decode("latin-1").strip()
            self.said.append(verb)
            if verb.upper().startswith("EHLO"):
                answer("250-plain.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME")
            elif verb.upper().startswith("AUTH"):
                answer("235 welcome")
            elif verb.upper() == "DATA":
                answer("354 go on")
                while (line := file.readline()) not in (b".\r\n", b""):
                    self.said.append(line.decode("latin-1").strip())
                answer("250 taken")
            elif verb.upper() == "QUIT":
                return answer("221 bye")
            else:
                answer("250 fine")


class Sightline:
    """A server on the virtual clock whose mail goes to `url`; one reader is asked for confirmation."""

    number = 0

    def __init__(self, url, ca=None):
        Sightline.number += 1
        self.port = free_port()
        arguments = ["--smtp-ca", ca] if ca else []
        self.log = os.path.join(DIRECTORY, f"log-{Sightline.number}")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [
                    PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}",
                    "--data", os.path.join(DIRECTORY, f"data-{Sightline.number}"),
                    "--test-bench", "--clock", "virtual", "--clock-start", START,
                    "--mail-from", "Sightline <alarms@example.com>", *arguments,
                ],
                env={**os.environ, "SIGHTLINE_SMTP_URL": url, "SIGHTLINE_LOG": "debug"},
                stdout=log, stderr=log,
            )

    def __enter__(self):
        until("the server", self.ready)
        self.sns(Action="CreateTopic", Name="ops")
        self.sns(Action="Subscribe", TopicArn=TOPIC, Protocol="email", Endpoint="bob@example.com")
        return self

    def __exit__(self, kind, error, trace):
        self.process.terminate()
        status = self.process.wait(20)
        with open(self.log, encoding="utf-8") as log:
            said = log.read()
        if kind:
            print(said, file=sys.stderr)
        assert status == 0, f"the server ended with {status}"
        # Not as it is, not as it stands in the URL.
        assert PASSWORD not in said and urllib.parse.quote(PASSWORD, safe="") not in said

    def ready(self):
        assert self.process.poll() is None, "the server ended"
        try:
            return self.ask("/-/ready")
        except OSError:
            return None

    def ask(self, path, body=None, **headers):
        data = None if body is None else body.encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def sns(self, **parameters):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("/", urllib.parse.urlencode({"Version": "2010-03-31", **parameters}), **form)

    def advance(self, time):
        self.ask("/-/clock", json.dumps({"advance": time}))

    def failed(self):
        lines = self.ask("/metrics").splitlines()
        return int(next(l.split()[1] for l in lines if l.startswith('sightline_deliveries_total{outcome="failed"}')))

    def given_up(self):
        return json.loads(self.ask("/-/manage/deliveries"))["dead_letters"]

    def given_up_because(self, *words):
        """The one dead letter, whose reason holds one of some words; the policy is waited for."""
        until("a failure", self.failed)
        assert self.given_up() == [], "a server may be mended: it is tried again"
        self.advance("12h")
        (letter,) = self.given_up()
        assert letter["attempts"] > 20, letter
        assert any(word.lower() in letter["why"].lower() for word in words), letter["why"]
        assert PASSWORD not in letter["why"]
        return letter


def url(scheme, port, query="", password=PASSWORD):
    return f"{scheme}://ann:{urllib.parse.quote(password, safe='')}@127.0.0.1:{port}/{query}"


STARTTLS = {
    "tls_context": TLS, "require_starttls": True, "authenticator": login, "auth_required": True,
    "auth_require_tls": True,
}
# The protocol does not see that it is inside of TLS.
FROM_THE_START = {
    "ssl_context": TLS, "authenticator": login, "auth_required": True, "auth_require_tls": False,
}


def starttls_with_a_password():
    handler = Mails()
    with smtp(handler, **STARTTLS) as port, Sightline(url("smtp", port, "?tls=required"), CERT) as server:
        session, to, message = until("the mail", lambda: handler.got)[0]
        assert to == ["bob@example.com"] and "Confirmation" in message["subject"]
        assert session.ssl is not None and session.authenticated and session.auth_data == b"ann"
        assert server.given_up() == []


def starttls_where_it_is_offered():
    handler = Mails()
    with smtp(handler, **STARTTLS) as port, Sightline(url("smtp", port, "?tls=opportunistic"), CERT):
        assert until("the mail", lambda: handler.got)[0][0].ssl is not None


def tls_from_the_first_byte():
    handler = Mails()
    with smtp(handler, **FROM_THE_START) as port, Sightline(url("smtps", port), CERT):
        session, to, _ = until("the mail", lambda: handler.got)[0]
        assert session.authenticated and session.auth_data == b"ann" and to == ["bob@example.com"]


def wrong_password():
    handler = Mails()
    wrong = url("smtp", 0, "?tls=required", PASSWORD[:-1])
    with smtp(handler, **STARTTLS) as port, Sightline(wrong.replace(":0/", f":{port}/"), CERT) as server:
        letter = server.given_up_because("535")
        assert PASSWORD[:-1] not in letter["why"]
        assert handler.got == [] and handler.tried == []


def a_certificate_that_nobody_trusts():
    for scheme, query, options in [
        ("smtp", "?tls=required", STARTTLS), ("smtp", "?tls=opportunistic", STARTTLS), ("smtps", "", FROM_THE_START),
    ]:
        for ca in (None, STRANGE_CERT):
            handler = Mails()
            with smtp(handler, **options) as port, Sightline(url(scheme, port, query), ca) as server:
                server.given_up_because("certificate", "UnknownIssuer")
                assert handler.got == [] and handler.tried == []


def a_certificate_of_another_host():
    handler = Mails()
    options = {**STARTTLS, "tls_context": OTHER_TLS}
    with smtp(handler, **options) as port, Sightline(url("smtp", port, "?tls=required"), OTHER_CERT) as server:
        server.given_up_because("certificate", "NotValidForName")
        assert handler.tried == []


def no_starttls_where_it_is_demanded():
    plain = Plain()
    plain.start()
    with Sightline(url("smtp", plain.port, "?tls=required")) as server:
        server.given_up_because("STARTTLS")
    plain.listener.close()
    verbs = {line.split()[0].upper() for line in plain.said if line}
    assert verbs and verbs <= {"EHLO", "HELO", "QUIT", "NOOP", "RSET"}, plain.said


def a_server_that_is_full_for_a_while():
    handler = Mails(["451 4.3.0 come back later", "452 4.2.2 the mailbox is full"])
    with smtp(handler, **STARTTLS) as port, Sightline(url("smtp", port, "?tls=required"), CERT) as server:
        until("the first attempt", server.failed)
        for _ in range(3):
            server.advance("10s")
        until("the mail", lambda: handler.got)
        assert len(handler.tried) == 3 and len(set(handler.tried)) == 1, handler.tried
        assert len(handler.got) == 1 and server.given_up() == []


def a_mailbox_that_does_not_exist():
    handler = Mails(unknown=["bob@example.com"])
    with smtp(handler, **STARTTLS) as port, Sightline(url("smtp", port, "?tls=required"), CERT) as server:
        (letter,) = until("the dead letter", server.given_up)
        assert letter["attempts"] == 1 and "550" in letter["why"] and "no such mailbox" in letter["why"], letter
        handler.unknown.clear()
        assert json.loads(server.ask("/-/manage/deliveries/resend", '{"all": true}')) == {"resent": 1}
        until("the mail", lambda: handler.got)
        assert server.given_up() == []


def options_that_cannot_be():
    for arguments, word in [
        (["--smtp-ca", CERT], "--smtp-url"),
        (["--smtp-url", "smtps://127.0.0.1", "--mail-from", "a@b.example", "--smtp-ca", CERT + "x"], "cannot be read"),
        (["--smtp-url", "smtps://127.0.0.1", "--mail-from", "a@b.example", "--smtp-ca", __file__], "no certificate"),
    ]:
        done = subprocess.run([PROGRAM, "config", "check", *arguments], capture_output=True, text=True)
        assert done.returncode == 2 and word in done.stderr, done


for case in [
    starttls_with_a_password, starttls_where_it_is_offered, tls_from_the_first_byte, wrong_password,
    a_certificate_that_nobody_trusts, a_certificate_of_another_host, no_starttls_where_it_is_demanded,
    a_server_that_is_full_for_a_while, a_mailbox_that_does_not_exist, options_that_cannot_be,
]:
    case()
    print(case.__name__.replace("_", " "))
