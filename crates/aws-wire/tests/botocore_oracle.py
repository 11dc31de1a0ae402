"""An unmodified SDK client whose network is the test that started it.

Reads one JSON object per line and writes one back. During a call the client's signed HTTP request
is written out instead of being sent, and the answer to it is read from the next line.
"""

import base64
import datetime
import json
import sys

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import botocore.session
from botocore.config import Config

KEY_ID, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a-session/token+=="


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def to_python(value):
    if isinstance(value, list):
        return [to_python(item) for item in value]
    if isinstance(value, dict):
        if list(value) == ["$ts_ms"]:
            epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
            return epoch + datetime.timedelta(milliseconds=value["$ts_ms"])
        if list(value) == ["$b64"]:
            return base64.b64decode(value["$b64"])
        if list(value) == ["$float"]:
            return float(value["$float"])
        return {key: to_python(item) for key, item in value.items()}
    return value


def from_python(value):
    if isinstance(value, (list, tuple)):
        return [from_python(item) for item in value]
    if isinstance(value, dict):
        return {key: from_python(item) for key, item in value.items()}
    if isinstance(value, datetime.datetime):
        return {"$ts_ms": round(value.timestamp() * 1000)}
    if isinstance(value, (bytes, bytearray)):
        return {"$b64": base64.b64encode(value).decode()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return {"$float": str(value)}
    return value


class Raw:
    def __init__(self, body):
        self.body = body

    def stream(self, *args, **kwargs):
        yield self.body

    def read(self, *args, **kwargs):
        body, self.body = self.body, b""
        return body


def as_text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def http_message(request):
    body = request.body
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        body = body.encode()
    return {
        "method": request.method,
        "url": request.url,
        "headers": [[as_text(k), as_text(v)] for k, v in request.headers.items()],
        "body": base64.b64encode(body or b"").decode(),
    }


def exchange(request, **kwargs):
    say({"request": http_message(request)})
    answer = hear()
    headers = botocore.awsrequest.HeadersDict()
    for key, value in answer["headers"]:
        headers[key] = value
    body = base64.b64decode(answer["body"])
    return botocore.awsrequest.AWSResponse(request.url, answer["status"], headers, Raw(body))


CLIENTS = {}


def client(service, protocol):
    if (service, protocol) not in CLIENTS:
        session = botocore.session.Session()
        session.set_credentials(KEY_ID, SECRET, TOKEN)
        if protocol:
            loader = session.get_component("data_loader")
            load = loader.load_service_model

            def with_protocol(service_name, type_name, *args, **kwargs):
                model = load(service_name, type_name, *args, **kwargs)
                if type_name == "service-2":
                    model["metadata"]["protocol"] = protocol
                    model["metadata"]["protocols"] = [protocol]
                return model

            loader.load_service_model = with_protocol
        made = session.create_client(
            service,
            region_name="eu-central-1",
            endpoint_url="http://127.0.0.1:4280",
            config=Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                inject_host_prefix=False,
            ),
        )
        made.meta.events.register("before-send", exchange)
        CLIENTS[service, protocol] = made
    return CLIENTS[service, protocol]


def known(value, shape):
    """What an older model knows of a value."""
    if shape.type_name == "structure":
        members = shape.members
        return {k: known(v, members[k]) for k, v in value.items() if k in members}
    if shape.type_name == "list":
        return [known(item, shape.member) for item in value]
    return value


def call(ask):
    made = client(ask["service"], ask.get("protocol"))
    if ask["operation"] not in made.meta.service_model.operation_names:
        return {"unknown": True}
    methods = {operation: name for name, operation in made.meta.method_to_api_mapping.items()}
    params = to_python(ask["params"])
    shape = made.meta.service_model.operation_model(ask["operation"]).input_shape
    try:
        answer = getattr(made, methods[ask["operation"]])(**known(params, shape) if shape else {})
    except botocore.exceptions.ClientError as error:
        answer = error.response
        return {
            "error": from_python(answer["Error"]),
            "class": type(error).__name__,
            "status": answer["ResponseMetadata"]["HTTPStatusCode"],
            "request_id": answer["ResponseMetadata"].get("RequestId"),
            "members": from_python(
                {k: v for k, v in answer.items() if k not in ("Error", "ResponseMetadata")}
            ),
        }
    metadata = answer.pop("ResponseMetadata")
    return {"output": from_python(answer), "request_id": metadata.get("RequestId")}


def presign(ask):
    made = client(ask["service"], None)
    url = made.generate_presigned_url(
        ask["method"],
        Params=to_python(ask["params"]),
        ExpiresIn=ask["expires"],
        HttpMethod="GET",
    )
    return {"url": url}


def sign(ask):
    keys = botocore.credentials.Credentials(KEY_ID, SECRET, TOKEN if ask["token"] else None)
    request = botocore.awsrequest.AWSRequest(
        method=ask["method"],
        url=ask["url"],
        headers=dict(ask["headers"]),
        data=base64.b64decode(ask["body"]),
    )
    botocore.auth.SigV4Auth(keys, "monitoring", "eu-central-1").add_auth(request)
    return {"request": http_message(request.prepare())}


COMMANDS = {"call": call, "presign": presign, "sign": sign}

while True:
    asked = hear()
    say(COMMANDS[asked["command"]](asked))
