"""Calls CloudWatch (or STS) through the boto3 it runs under, as told line by line on standard input.

A line in:  {"endpoint", "key", "region", "service", "operation", "input"}
A line out: {"ok": {...}} or {"refused": {"code", "message", "status"}} or {"broken": "text"},
each with "exchange": the headers that went over the wire, both ways.

Times are milliseconds since 1970 in both directions. What JSON cannot say (NaN, the infinities) comes in
as a string. Numbers go out as floats, so that a wire which writes 3 and one which writes 3.0 look alike.
"""

import datetime
import json
import sys

import boto3
import botocore
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
TIMES = {"Timestamp", "StartTime", "EndTime", "StartDate", "EndDate", "ExpireDate"}
NUMBERS = {"Value", "Values", "Counts", "SampleCount", "Sum", "Minimum", "Maximum"}
NOT_IN_JSON = {"NaN", "Infinity", "-Infinity"}

clients = {}
exchange = {}


def inward(value, key=None):
    if isinstance(value, dict):
        return {name: inward(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [inward(inner, key) for inner in value]
    if key in TIMES and isinstance(value, int):
        return EPOCH + datetime.timedelta(milliseconds=value)
    if key in NUMBERS and value in NOT_IN_JSON:
        return float(value)
    return value


def outward(value):
    if isinstance(value, dict):
        return {name: outward(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [outward(inner) for inner in value]
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(milliseconds=1)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def remember(request, **_):
    body = request.body or b""
    exchange.clear()
    exchange["url"] = request.url
    exchange["headers"] = {text(name).lower(): text(value) for name, value in request.headers.items()}
    exchange["body_bytes"] = len(body)


def client_for(line):
    key = (line["service"], line["endpoint"], line["key"], line["region"])
    if key not in clients:
        client = boto3.client(
            line["service"],
            endpoint_url=line["endpoint"],
            region_name=line["region"],
            aws_access_key_id=line["key"],
            aws_secret_access_key="any",
            # What the server says about bad input is to be seen, not what boto3 thinks of it.
            config=Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                connect_timeout=10,
                read_timeout=60,
            ),
        )
        client.meta.events.register("before-send", remember)
        clients[key] = client
    return clients[key]


def answer(line):
    exchange.clear()
    try:
        client = client_for(line)
        output = getattr(client, xform_name(line["operation"]))(**inward(line["input"]))
        metadata = output.pop("ResponseMetadata")
        result = {"ok": outward(output)}
    except ClientError as error:
        metadata = error.response["ResponseMetadata"]
        told = error.response["Error"]
        result = {
            "refused": {
                "code": told.get("Code", ""),
                "message": told.get("Message", ""),
                "status": metadata["HTTPStatusCode"],
            }
        }
    except Exception as error:  # everything else is for the test to print
        metadata = {}
        result = {"broken": f"{type(error).__name__}: {error}"}
    exchange["answer"] = {name.lower(): value for name, value in metadata.get("HTTPHeaders", {}).items()}
    result["exchange"] = exchange
    return result


print(json.dumps({"boto3": boto3.__version__, "botocore": botocore.__version__}), flush=True)
for raw in sys.stdin:
    print(json.dumps(answer(json.loads(raw))), flush=True)
