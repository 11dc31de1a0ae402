"""Topics, hooks, mail, queues and dead letters, with receivers that others wrote.

telling.py PROGRAM DIRECTORY: starts a server of mail (aiosmtpd), a web hook, a server of queues
(moto) and Sightline with TLS, and drives it with boto3. Ends with 0 when all is as it should be.
"""

import base64
import datetime
import email
import email.policy
import http.server
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import zlib

PROGRAM, DIRECTORY = sys.argv[1], sys.argv[2]
CERT, KEY = os.path.join(DIRECTORY, "cert.pem"), os.path.join(DIRECTORY, "key.pem")
os.environ["REQUESTS_CA_BUNDLE"] = CERT

import boto3
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from helpers import free_port, make_certificate, until
from sns_message_validator import SNSMessageValidator


class Hook(http.server.BaseHTTPRequestHandler):
    """Keeps what it gets; answers what `statuses` says of a path."""

    got = []
    statuses = {}

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        Hook.got.append((self.path, dict(self.headers), body.decode()))
        self.send_response(Hook.statuses.get(self.path, 200))
        self.end_headers()

    def log_message(self, *_):
        pass


class Mails(Sink):
    got = []

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        Mails.got.append((envelope.rcpt_tos, message))
        return "250 taken"


def hooked(path, kind=None):
    """What a path of the hook got, of one kind of message."""
    found = [(h, b) for p, h, b in list(Hook.got) if p == path]
    if kind:
        found = [(h, b) for h, b in found if h.get("x-amz-sns-message-type") == kind]
    return found


def refused(call, code, text):
    try:
        call()
    except ClientError as error:
        told = error.response["Error"]
        assert told["Code"] == code and told["Message"].startswith(text), told
        return
    raise AssertionError(f"{code} was expected")


make_certificate(CERT, KEY)
hooks = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
threading.Thread(target=hooks.serve_forever, daemon=True).start()
HOOK = f"http://127.0.0.1:{hooks.server_port}"

smtp_port = free_port()


def login(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"ann", b"s@cret")
    return AuthResult(success=good)


smtp = Controller(
    Mails(), hostname="127.0.0.1", port=smtp_port, authenticator=login, auth_required=True,
    auth_require_tls=False,
)
smtp.start()

queue_port = free_port()
queues = subprocess.Popen(
    [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(queue_port)],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)

port = free_port()
BASE = f"https://127.0.0.1:{port}"
server = subprocess.Popen(
    [
        PROGRAM, "serve", "--listen", f"127.0.0.1:{port}", "--data", os.path.join(DIRECTORY, "data"),
        "--tls-cert", CERT, "--tls-key", KEY, "--collect-host", "false",
        "--mail-from", "Sightline <alarms@example.com>",
    ],
    env={
        **os.environ,
        "SIGHTLINE_SMTP_URL": f"smtp://ann:s%40cret@127.0.0.1:{smtp_port}",
        "SIGHTLINE_SQS_URL": f"http://123456789012:x@127.0.0.1:{queue_port}",
        "SIGHTLINE_LOG": "warn",
    },
)


def client(service, endpoint):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="123456789012",
        aws_secret_access_key="x", verify=CERT, config=Config(retries={"max_attempts": 0}),
    )


def ready():
    try:
        return requests.get(f"{BASE}/-/ready", timeout=1).ok
    except requests.RequestException:
        assert server.poll() is None, "the server ended"
        return False


def topics(sns):
    topic = sns.create_topic(Name="ops", Tags=[{"Key": "team", "Value": "a"}])["TopicArn"]
    assert topic == "arn:aws:sns:us-east-1:123456789012:ops"
    assert sns.create_topic(Name="ops")["TopicArn"] == topic
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Ops")
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["DisplayName"] == "Ops" and attributes["Owner"] == "123456789012"
    assert json.loads(attributes["Policy"])["Statement"][0]["Resource"] == topic
    assert json.loads(attributes["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "team", "Value": "a"}]
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "b", "Value": "c"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["team"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "b", "Value": "c"}]
    for n in range(101):
        sns.create_topic(Name=f"page-{n:03}")
    listed = [t["TopicArn"] for p in sns.get_paginator("list_topics").paginate() for t in p["Topics"]]
    assert len(listed) == 102 and len(set(listed)) == 102
    refused(lambda: sns.get_topic_attributes(TopicArn="ops"), "InvalidParameter",
            "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1")
    refused(lambda: sns.get_topic_attributes(TopicArn=topic + "x"), "NotFound", "Topic does not exist")
    refused(lambda: sns.create_topic(Name="a.fifo", Attributes={"FifoTopic": "true"}), "InvalidParameter",
            "Invalid parameter: Attributes Reason: FifoTopic")
    refused(lambda: sns.publish(TopicArn=topic, Message=""), "InvalidParameter", "Invalid parameter: Empty message")
    refused(lambda: sns.publish(TopicArn=topic, Message="x", Subject="a\nb"), "InvalidParameter", "Invalid parameter: Subject")
    refused(lambda: sns.publish(TopicArn=topic, Message="{}", MessageStructure="json"), "InvalidParameter",
            "Invalid parameter: Message Structure - No default entry in JSON message body")
    return topic


def verified(body):
    message = json.loads(body)
    SNSMessageValidator(cert_url_regex=f"^{re.escape(BASE)}/").validate_message(message)
    return message


def verified_2(body):
    message = json.loads(body)
    assert message["SignatureVersion"] == "2"
    plain = SNSMessageValidator()._get_plaintext_to_sign(message).encode()
    pem = requests.get(message["SigningCertURL"]).content
    key = x509.load_pem_x509_certificate(pem).public_key()
    key.verify(base64.b64decode(message["Signature"]), plain, PKCS1v15(), hashes.SHA256())
    return message


def hooks_of(sns, topic):
    pending = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{HOOK}/all")
    assert pending["SubscriptionArn"] == "pending confirmation"
    question = until("the question", lambda: hooked("/all", "SubscriptionConfirmation"))[0][1]
    token = verified(question)["Token"]
    refused(lambda: sns.confirm_subscription(TopicArn=topic, Token="x" + token[1:]), "InvalidParameter",
            "Invalid parameter: Token")
    arn = sns.confirm_subscription(TopicArn=topic, Token=token)["SubscriptionArn"]
    some = sns.subscribe(
        TopicArn=topic, Protocol="http", Endpoint=f"{HOOK}/some", ReturnSubscriptionArn=True,
        Attributes={"FilterPolicy": '{"kind": [{"prefix": "al"}]}', "RawMessageDelivery": "true"},
    )["SubscriptionArn"]
    assert sns.get_subscription_attributes(SubscriptionArn=some)["Attributes"]["PendingConfirmation"] == "true"
    question = until("the question", lambda: hooked("/some", "SubscriptionConfirmation"))[0][1]
    assert requests.get(json.loads(question)["SubscribeURL"]).ok
    attributes = sns.get_subscription_attributes(SubscriptionArn=some)["Attributes"]
    assert attributes["PendingConfirmation"] == "false" and attributes["RawMessageDelivery"] == "true"
    assert attributes["FilterPolicyScope"] == "MessageAttributes", attributes
    refused(lambda: sns.set_subscription_attributes(SubscriptionArn=some, AttributeName="FilterPolicy",
            AttributeValue='{"kind": [{"PREFIX": "a"}]}'), "InvalidParameter",
            "Invalid parameter: FilterPolicy: Unrecognized match type PREFIX")
    refused(lambda: sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://169.254.169.254/"),
            "InvalidParameter", "Invalid parameter: Endpoint Reason")

    kind = lambda text: {"kind": {"DataType": "String", "StringValue": text}}
    first = sns.publish(TopicArn=topic, Subject="Ünicode", Message="eins", MessageAttributes=kind("alarm"))
    sns.publish(TopicArn=topic, Message="zwei", MessageAttributes=kind("other"))
    all_got = until("two messages", lambda: len(hooked("/all", "Notification")) == 2 and hooked("/all", "Notification"))
    messages = [verified(body) for _, body in all_got]
    assert [m["Message"] for m in messages] == ["eins", "zwei"]
    assert messages[0]["MessageId"] == first["MessageId"] and messages[0]["Subject"] == "Ünicode"
    assert messages[0]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "alarm"}}
    assert all_got[0][0]["x-amz-sns-subscription-arn"] == arn
    raw = until("the raw one", lambda: hooked("/some", "Notification"))
    assert [body for _, body in raw] == ["eins"] and raw[0][0]["x-amz-sns-rawdelivery"] == "true"

    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    batch = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "a", "Message": "drei"}, {"Id": "b", "Message": "x", "Subject": "a\nb"}, {"Id": "c", "Message": "vier"},
    ])
    assert [s["Id"] for s in batch["Successful"]] == ["a", "c"], batch
    assert batch["Failed"][0]["Id"] == "b" and batch["Failed"][0]["SenderFault"] is True
    until("four messages", lambda: len(hooked("/all", "Notification")) == 4)
    assert [verified_2(b)["Message"] for _, b in hooked("/all", "Notification")[2:]] == ["drei", "vier"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="1")
    return arn


def mails(sns, topic):
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="bob@example.com")
    to, question = until("the mail", lambda: Mails.got)[0]
    assert to == ["bob@example.com"] and "Confirmation" in question["subject"]
    text = question.get_body(("plain",)).get_content()
    link = re.search(rf"{re.escape(BASE)}\S+Token=\S+", text).group(0)
    assert requests.get(link).ok
    sns.publish(TopicArn=topic, Subject="Rückmeldung", Message="Grüße\r\n.\r\nBcc: eve@example.com")
    _, mail = until("the mail", lambda: len(Mails.got) > 1 and Mails.got)[1]
    assert mail["subject"] == "Rückmeldung" and mail["bcc"] is None and "alarms@example.com" in mail["from"]
    content = mail.get_body(("plain",)).get_content()
    assert "Grüße" in content and "eve@example.com" in content, content
    leave = re.search(rf"{re.escape(BASE)}/-/sns/unsubscribe\S+", content).group(0)
    assert requests.get(leave).ok
    found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert not any(s["Protocol"] == "email" for s in found)


def queue(sns, topic):
    sqs = client("sqs", f"http://127.0.0.1:{queue_port}")

    def make():
        try:
            return sqs.create_queue(QueueName="jobs")["QueueUrl"]
        except Exception:
            return None

    url = until("the server of queues", make, 60)
    arn = "arn:aws:sqs:us-east-1:123456789012:jobs"
    subscribed = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    assert subscribed.startswith(topic)
    sns.publish(TopicArn=topic, Message="for the queue")

    def receive():
        return sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

    got = until("the message", receive)[0]
    assert verified(got["Body"])["Message"] == "for the queue"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    sns.set_subscription_attributes(SubscriptionArn=subscribed, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic, Message="raw", MessageAttributes={"n": {"DataType": "Number", "StringValue": "7"}})
    got = until("the raw message", receive)[0]
    assert got["Body"] == "raw" and got["MessageAttributes"]["n"]["StringValue"] == "7", got


def pixels(png):
    """The rows of a picture of eight bits a channel, each pixel as red, green and blue."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        if kind == b"IDAT":
            data += body
        at += 12 + size
    assert depth == 8 and colour in (2, 6), (depth, colour)
    step = 3 if colour == 2 else 4
    raw, line, rows = zlib.decompress(data), width * step, []
    before = bytes(line)
    for y in range(height):
        start = y * (line + 1)
        how, now = raw[start], bytearray(raw[start + 1 : start + 1 + line])
        for x in range(line):
            left, corner = (now[x - step], before[x - step]) if x >= step else (0, 0)
            above = before[x]
            near = left + above - corner
            paeth = min((abs(near - left), 0, left), (abs(near - above), 1, above), (abs(near - corner), 2, corner))[2]
            now[x] = (now[x] + (0, left, above, (left + above) // 2, paeth)[how]) & 255
        rows.append([tuple(now[x : x + 3]) for x in range(0, line, step)])
        before = bytes(now)
    return rows


def alarm(sns):
    """An alarm tells a person with the picture, a hook with a signature, and a queue."""
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    seen = len(Mails.got)
    for protocol, endpoint in [("email", "cara@example.com"), ("http", f"{HOOK}/alarms")]:
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:jobs")
    question = until("the question", lambda: hooked("/alarms", "SubscriptionConfirmation"))[0][1]
    assert requests.get(verified(question)["SubscribeURL"]).ok
    _, question = until("the mail", lambda: Mails.got[seen:])[0]
    link = re.search(rf"{re.escape(BASE)}\S+Token=\S+", question.get_body(("plain",)).get_content()).group(0)
    assert requests.get(link).ok

    cloudwatch = client("cloudwatch", BASE)
    dimensions = [{"Name": "host", "Value": "a"}]
    cloudwatch.put_metric_alarm(
        AlarmName="load-high", AlarmDescription="too much", Namespace="Shop", MetricName="load",
        Dimensions=dimensions, Statistic="Maximum", Period=10, EvaluationPeriods=1, Threshold=5,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic],
    )

    def told():
        # Until a period with the value has ended and was looked at.
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[
            {"MetricName": "load", "Dimensions": dimensions, "Value": 9, "StorageResolution": 1}])
        time.sleep(0.5)
        return Mails.got[seen + 1 :]

    to, mail = until("the alarm's mail", told, 40)[0]
    assert to == ["cara@example.com"] and mail["subject"] == 'ALARM: "load-high" in US East (N. Virginia)'
    reason = "was greater than the threshold (5.0)."
    # Lines of a mail may be folded.
    assert reason in " ".join(mail.get_body(("plain",)).get_content().split())
    pictures = [p for p in mail.walk() if p.get_content_type() == "image/png"]
    html = mail.get_body(("html",)).get_content()
    assert len(pictures) == 1 and "cid:" + pictures[0]["content-id"].strip("<>") in html
    png = pictures[0].get_payload(decode=True)
    assert len(png) < 60_000, len(png)
    red = lambda p: p[0] > 180 and p[1] < 140 and p[2] < 140
    rows = [sum(map(red, row)) / len(row) for row in pixels(png)]
    assert max(rows) > 0.7, "no line of the threshold goes across"

    _, body = until("the hook", lambda: hooked("/alarms", "Notification"))[0]
    message = json.loads(verified(body)["Message"])
    assert message["AlarmName"] == "load-high" and message["NewStateValue"] == "ALARM"
    assert message["AWSAccountId"] == "123456789012" and message["Trigger"]["Statistic"] == "MAXIMUM"
    sqs = client("sqs", f"http://127.0.0.1:{queue_port}")
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    got = until("the message", lambda: sqs.receive_message(QueueUrl=url).get("Messages"))[0]
    assert json.loads(verified(got["Body"])["Message"]) == message

    def actions():
        items = cloudwatch.describe_alarm_history(AlarmName="load-high", HistoryItemType="Action")
        return [item["HistorySummary"] for item in items["AlarmHistoryItems"]]

    until("the history", lambda: actions() == [f"Successfully executed action {topic}"])
    cloudwatch.delete_alarms(AlarmNames=["load-high"])
    sns.delete_topic(TopicArn=topic)


def dead_letters(sns, topic):
    def run(*arguments):
        done = subprocess.run(
            [PROGRAM, "deliveries", *arguments, "--url", BASE, "--ca", CERT], capture_output=True, text=True
        )
        assert done.returncode == 0, done
        return done.stdout

    assert run("list") == "nothing was given up\n"
    before = len(hooked("/all"))
    Hook.statuses["/all"] = 400
    sns.publish(TopicArn=topic, Subject="bad", Message="bad")
    until("the dead letter", lambda: "status 400" in run("list"))
    del Hook.statuses["/all"]
    sns.publish(TopicArn=topic, Message="good")
    until("the next one", lambda: len(hooked("/all")) == before + 2)
    assert run("resend", "--all") == "1 sent again\n"
    until("it again", lambda: len(hooked("/all")) == before + 3)
    bodies = [json.loads(body) for _, body in hooked("/all")[before:]]
    assert [b["Message"] for b in bodies] == ["bad", "good", "bad"]
    assert bodies[0]["MessageId"] == bodies[2]["MessageId"]
    assert run("list") == "nothing was given up\n"


def counts(topic):
    page = requests.get(f"{BASE}/metrics").text
    delivered = re.search(r'sightline_deliveries_total\{outcome="delivered"\} (\d+)', page)
    assert int(delivered.group(1)) > 8, page
    cloudwatch = client("cloudwatch", BASE)
    now = datetime.datetime.now(datetime.timezone.utc)

    def total(name):
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SNS", MetricName=name, Dimensions=[{"Name": "TopicName", "Value": "ops"}],
            StartTime=now - datetime.timedelta(hours=1), EndTime=now + datetime.timedelta(hours=1), Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(p["Sum"] for p in points)

    until("the metrics", lambda: total("NumberOfMessagesPublished") == 9)
    assert total("NumberOfNotificationsFailed") == 1
    assert total("NumberOfNotificationsFilteredOut") >= 1


try:
    until("the server", ready)
    sns = client("sns", BASE)
    topic = topics(sns)
    hook = hooks_of(sns, topic)
    mails(sns, topic)
    queue(sns, topic)
    alarm(sns)
    dead_letters(sns, topic)
    counts(topic)
    sns.unsubscribe(SubscriptionArn=hook)
    sns.unsubscribe(SubscriptionArn=hook)
    sns.delete_topic(TopicArn=topic)
    assert sns.list_subscriptions()["Subscriptions"] == []
    print("all is as it should be")
finally:
    server.terminate()
    status = server.wait(20)
    queues.kill()
    smtp.stop()
assert status == 0, f"the server ended with {status}"
