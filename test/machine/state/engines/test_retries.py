"""How often an AWS call is tried, and how long that takes: the same with every botocore."""

import itertools
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from openclaw.aws import client, parameter_store, retries, transfers
from openclaw.aws.client import Aws
from openclaw.aws.errors import AwsError

BUCKET = "openclaw-backup-dev-123456789012-me-central-1"
TORN = b"<Answer><Part"
OBJECT = b"what the object holds"
FAILURES = {
    "503": (503, "SlowDown", len),
    "500": (500, "InternalError", len),
    "429": (429, "TooManyRequests", len),
    "throttled": (400, "ThrottlingException", len),
    "late": (400, "RequestTimeout", len),
    # The connection ends before the body does.
    "cut off": (200, "", lambda body: len(body) + 7),
}


class Service(ThreadingHTTPServer):
    """S3 and Parameter Store, of which the first answers are failures."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.failures, self.asked, self.objects = [], Counter(), {}
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        service, path = self.server, self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or f"{self.command} {path.rpartition('/')[2]}"
        service.asked[name] += 1
        if self.command == "PUT" and self.headers.get("If-None-Match") and path in service.objects:
            return self.reply(412, self.fault("PreconditionFailed"))
        failure = service.failures.pop(0) if service.failures else None
        if failure == "lost":
            service.objects[path] = body
        if failure in ("closed", "lost"):
            self.close_connection = True
            return None
        if failure:
            status, code, length = FAILURES.get(failure, (200, "", len))
            self.close_connection = True
            return self.reply(status, TORN if failure == "torn" else self.fault(code), length)
        if self.command == "PUT":
            service.objects[path] = body
            return self.reply(200, b"")
        if self.headers.get("X-Amz-Target"):
            return self.reply(200, json.dumps({"Parameter": {"Value": "a value"}}).encode())
        return self.reply(200, service.objects.get(path, OBJECT))

    do_GET = do_PUT = do_POST = answer

    def fault(self, code):
        if self.headers.get("X-Amz-Target"):
            return json.dumps({"__type": code, "message": "no"}).encode()
        return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()

    def reply(self, status, body, length=len):
        self.send_response(status)
        self.send_header("ETag", '"e"')
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(length(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service(monkeypatch):
    service = Service()
    for name, value in {
        "AWS_ENDPOINT_URL": service.url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "none",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(retries, "ATTEMPTS", 6)
    client._client.cache_clear()
    parameter_store._client.cache_clear()
    yield service
    client._client.cache_clear()
    parameter_store._client.cache_clear()
    service.shutdown()
    service.server_close()


@pytest.fixture
def pauses(monkeypatch):
    """What is slept, without sleeping."""
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


@pytest.fixture
def source(tmp_path):
    """A file to be sent."""
    path = tmp_path / "x"
    path.write_text("x")
    return path


@pytest.fixture
def aws():
    return Aws(SimpleNamespace(bucket=BUCKET, region="me-central-1", account="", parameter_path="/openclaw/dev"))


CALLS = {
    "get": lambda aws, _: aws.get("lease.json"),
    "put": lambda aws, _: aws.put("lease.json", b"x"),
    "list": lambda aws, _: list(aws.list("tools/")),
    "parameter": lambda aws, _: aws.parameter("image"),
    "send": lambda aws, path: transfers.send(aws, {"mirror/x": path}, lambda: None),
    "fetch": lambda aws, path: list(
        transfers.fetch(aws, [transfers.Wanted("mirror/x", path.with_name("new"), size=21, etag="e")])
    ),
}


@pytest.mark.parametrize("case", list(itertools.product(CALLS, [*FAILURES, "closed"])), ids="-".join)
def test_what_passes_is_waited_for(service, aws, pauses, source, case):
    call, failure = case
    service.failures = [failure] * 3
    if call == "list":
        service.objects[f"/{BUCKET}"] = b"<ListBucketResult></ListBucketResult>"
    CALLS[call](aws, source)
    assert service.failures == []
    # s3transfer asks at once for a body that was cut off.
    assert len(pauses) >= 3 or case == ("fetch", "cut off")


@pytest.mark.parametrize("service_name, operation", [("s3", "list_objects_v2"), ("ec2", "describe_instances")])
def test_an_answer_that_nobody_can_parse_is_asked_for_again(service, aws, pauses, service_name, operation):
    bucket = {"Bucket": BUCKET} if service_name == "s3" else {}
    service.objects["/"] = service.objects[f"/{BUCKET}"] = b"<Answer></Answer>"
    service.failures = ["torn"] * 3
    aws.call(service_name, operation, **bucket)
    assert len(pauses) == 3
    service.failures = ["torn"] * 40
    with pytest.raises(AwsError) as raised:
        aws.call(service_name, operation, **bucket)
    assert len(pauses) == 3 + 5
    assert "<Part" not in str(raised.value)


@pytest.mark.parametrize("call", ["get", "put", "parameter"])
@pytest.mark.parametrize("failure", ["503", "closed", "cut off"])
def test_an_outage_ends_a_call_after_six_tries_in_a_quarter_of_a_minute(service, aws, pauses, call, failure):
    service.failures = [failure] * 40
    with pytest.raises(AwsError):
        CALLS[call](aws, None)
    assert sum(service.asked.values()) == 6
    assert [0.5 * half <= pause <= half for pause, half in zip(pauses, (0.5, 1, 2, 4, 8))] == [True] * 5


def test_an_outage_uses_up_no_budget(service, aws, pauses):
    """botocore 1.44 gives up at once after 35 tries that failed, however long ago."""
    for _ in range(12):
        service.failures = ["503"] * 40
        with pytest.raises(AwsError):
            aws.get("lease.json")
    service.asked.clear()
    service.failures = ["503"] * 5
    assert aws.get("lease.json") == (OBJECT, '"e"')
    assert service.asked["GET lease.json"] == 6


def test_what_has_failed_for_a_minute_is_not_tried_again(service, aws, pauses, monkeypatch):
    clock = iter(range(0, 10**6, 25))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    service.failures = ["503"] * 40
    with pytest.raises(AwsError):
        aws.parameter("image")
    assert service.asked["GetParameter"] < 6


@pytest.mark.parametrize("call", ["get", "put", "parameter"])
def test_a_refusal_is_not_asked_for_again(service, aws, pauses, call, monkeypatch):
    monkeypatch.setitem(FAILURES, "refused", (403, "InvalidAccessKeyId", len))
    service.failures = ["refused"]
    with pytest.raises(AwsError, match="InvalidAccessKeyId"):
        CALLS[call](aws, None)
    assert pauses == []


def test_a_conditional_write_whose_answer_got_lost_is_known_as_ours(service, aws, pauses):
    service.failures = ["lost"]
    assert aws.put("lease.json", b"ours", if_absent=True) == '"e"'
    assert service.asked["PUT lease.json"] == 2
    with pytest.raises(AwsError) as lost:
        aws.put("lease.json", b"another's", if_absent=True)
    assert lost.value.code == "PreconditionFailed"
