"""The local AWS's own trickier parts: the policy evaluator, conditional writes, faults and counts."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from lab.aws.cloudformation import template as templates
from lab.aws.cloudformation.signals import Signals, SignalsMissing, seconds
from lab.aws.policy import ALLOW, DENY, NO_DECISION, Question, UnknownCondition, decide
from moto.s3.models import S3Backend

BUCKET = "arn:aws:s3:::state"


def statement(effect="Allow", action="s3:GetObject", resource=f"{BUCKET}/*", **more) -> dict:
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}


def when(operator: str, key: str, value) -> dict:
    return statement(Condition={operator: {key: value}})


READ = Question(
    "s3:GetObject", f"{BUCKET}/mirror/a", {"s3:prefix": "mirror/", "aws:securetransport": "true"}, ("arn:me",)
)
DECISIONS = {
    "nothing says so": ([], NO_DECISION),
    "the very action": ([statement()], ALLOW),
    "action in other case": ([statement(action="S3:getobject")], ALLOW),
    "action by wildcard": ([statement(action="s3:Get*")], ALLOW),
    "another action": ([statement(action="s3:GetObjectVersion")], NO_DECISION),
    "one of several actions": ([statement(action=["s3:Put*", "s3:GetObject"])], ALLOW),
    "all but this action": (
        [{"Statement": {"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"}}],
        NO_DECISION,
    ),
    "all but another": ([{"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}], ALLOW),
    "another key": ([statement(resource=f"{BUCKET}/mirror/b")], NO_DECISION),
    "resources differ by case": ([statement(resource=f"{BUCKET}/MIRROR/*")], NO_DECISION),
    "the bucket is not its keys": ([statement(resource=BUCKET)], NO_DECISION),
    "a dot is no wildcard": ([statement(resource=f"{BUCKET}/mirror.a")], NO_DECISION),
    "one character": ([statement(resource=f"{BUCKET}/mirror/?")], ALLOW),
    "deny wins": ([statement(), statement("Deny", "s3:*")], DENY),
    "deny wins in any order": ([statement("Deny", "s3:*"), statement()], DENY),
    "deny of other keys": ([statement(), statement("Deny", "s3:*", f"{BUCKET}/access-logs/*")], ALLOW),
    "equal": ([when("StringEquals", "s3:prefix", ["x", "mirror/"])], ALLOW),
    "not equal": ([when("StringEquals", "s3:prefix", "mirror")], NO_DECISION),
    "condition key in other case": ([when("StringEquals", "S3:Prefix", "mirror/")], ALLOW),
    "like": ([when("StringLike", "s3:prefix", "mirr*")], ALLOW),
    "missing key": ([when("StringEquals", "cloudwatch:namespace", "x")], NO_DECISION),
    "missing key, if exists": ([when("StringEqualsIfExists", "cloudwatch:namespace", "x")], ALLOW),
    "missing key, negated": ([when("StringNotEquals", "cloudwatch:namespace", "x")], ALLOW),
    "negated": ([when("StringNotEquals", "s3:prefix", ["x", "mirror/"])], NO_DECISION),
    "null of a missing key": ([when("Null", "cloudwatch:namespace", "true")], ALLOW),
    "null of a present key": ([when("Null", "s3:prefix", "true")], NO_DECISION),
    "bool": ([when("Bool", "aws:SecureTransport", "false")], NO_DECISION),
    "two conditions, one fails": (
        [statement(Condition={"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"s3:prefix": "x"}})],
        NO_DECISION,
    ),
    "everybody": ([statement(Principal="*")], ALLOW),
    "me": ([statement(Principal={"AWS": ["arn:you", "arn:me"]})], ALLOW),
    "somebody else": ([statement(Principal={"AWS": "arn:you"})], NO_DECISION),
    "a service": ([statement(Principal={"Service": "logging.s3.amazonaws.com"})], NO_DECISION),
    "a variable": ([statement(resource=f"{BUCKET}/${{s3:prefix}}a")], ALLOW),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_policies_decide(case):
    documents, decision = DECISIONS[case]
    assert decide(documents, READ) == decision


@pytest.mark.parametrize("operator", ["StringMatches", "BinaryEquals", "ForNoValue:StringEquals"])
def test_an_unknown_condition_is_an_error_and_no_pass(operator):
    with pytest.raises(UnknownCondition, match=operator):
        decide([when(operator, "s3:prefix", "mirror/")], READ)


def code(call, **params) -> str:
    try:
        call(**params)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "OK"


@pytest.fixture
def bucket(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="model", CreateBucketConfiguration={"LocationConstraint": "me-central-1"})
    s3.put_bucket_versioning(Bucket="model", VersioningConfiguration={"Status": "Enabled"})
    yield {"Bucket": "model", "Key": "lease.json"}
    for kind in ("Versions", "DeleteMarkers"):
        for item in s3.list_object_versions(Bucket="model").get(kind, []):
            s3.delete_object(Bucket="model", Key=item["Key"], VersionId=item["VersionId"])
    s3.delete_bucket(Bucket="model")


def test_conditional_writes_look_at_the_current_object(client, bucket):
    s3 = client("s3")
    assert code(s3.put_object, **bucket, Body=b"0", IfMatch='"anything"') == "NoSuchKey"
    first = s3.put_object(**bucket, Body=b"1", IfNoneMatch="*")["ETag"]
    assert code(s3.put_object, **bucket, Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    second = s3.put_object(**bucket, Body=b"2", IfMatch=first)["ETag"]
    assert code(s3.put_object, **bucket, Body=b"3", IfMatch=first) == "PreconditionFailed"
    assert s3.get_object(**bucket)["Body"].read() == b"2"

    s3.delete_object(**bucket)

    assert code(s3.put_object, **bucket, Body=b"3", IfMatch=second) == "NoSuchKey"
    assert code(s3.put_object, **bucket, Body=b"3", IfNoneMatch="*") == "OK"


def test_of_many_conditional_writers_one_wins(client, bucket, monkeypatch):
    s3, start, results = client("s3"), threading.Barrier(6), []
    store = S3Backend.put_object

    def store_slowly(*args, **kwargs):
        time.sleep(0.05)
        return store(*args, **kwargs)

    # Between moto's look at the current object and its write there is time for all of them.
    monkeypatch.setattr(S3Backend, "put_object", store_slowly)

    def write(number: int) -> None:
        start.wait()
        results.append(code(s3.put_object, **bucket, Body=str(number), IfNoneMatch="*"))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(results) == ["OK"] + ["PreconditionFailed"] * 5


def test_an_upload_that_is_cut_off_stores_nothing(client, bucket):
    """As with S3: without this, a power cut would find what it never leaves behind."""
    url = urlsplit(client("s3").generate_presigned_url("put_object", Params=bucket))
    with socket.create_connection((url.hostname, url.port)) as machine:
        request = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 1000\r\n\r\n"
        machine.sendall(request.encode() + b"x" * 500)
        machine.shutdown(socket.SHUT_WR)
        assert b" 400 " in machine.recv(1000)
    assert client("s3").list_objects_v2(Bucket="model")["KeyCount"] == 0


def lab(aws, method: str, path: str, body: dict | None = None):
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(f"{aws.url}{path}", data, method=method)) as answer:
        content = answer.read()
        return json.loads(content) if content else None


def test_a_fault_hits_its_operation_so_many_times(aws, client):
    before = lab(aws, "GET", "/lab/requests")["totals"].get("s3:ListBuckets", {"requests": 0})["requests"]
    lab(aws, "POST", "/lab/faults", {"service": "s3", "operation": "ListBuckets", "status": 503, "times": 2})
    assert client("s3").list_buckets()["ResponseMetadata"]["RetryAttempts"] == 2
    assert lab(aws, "GET", "/lab/faults") == []
    assert lab(aws, "GET", "/lab/requests")["totals"]["s3:ListBuckets"]["requests"] == before + 3


def test_a_fault_without_an_effect_is_refused(aws):
    with pytest.raises(urllib.error.HTTPError) as refused:
        lab(aws, "POST", "/lab/faults", {"service": "s3", "operation": "PutObject"})
    assert b"at least one of status and delay" in refused.value.read()


def test_requests_are_counted_with_their_bytes(aws, client, bucket):
    lab(aws, "DELETE", "/lab/requests")
    client("s3").put_object(**bucket, Body=b"x" * 5000)
    client("s3").get_object(**bucket)["Body"].read()
    journal = lab(aws, "GET", "/lab/requests")
    assert journal["totals"]["s3:PutObject"]["bytes_in"] >= 5000
    assert journal["totals"]["s3:GetObject"] == {"requests": 1, "bytes_in": 0, "bytes_out": 5000}
    [put] = [entry for entry in journal["requests"] if entry["call"] == "s3:PutObject"]
    assert (put["bucket"], put["key"], put["status"]) == ("model", "lease.json", 200)


def test_an_unmodelled_resource_type_is_refused(client):
    body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    with pytest.raises(ClientError, match="AWS::SQS::Queue"):
        client("cloudformation").create_stack(StackName="unmodelled", TemplateBody=body)


def test_a_name_that_an_account_has_once_is_refused_in_another_region(client):
    named = {"DashboardName": "one", "DashboardBody": '{"widgets": []}'}
    dashboard = {"Type": "AWS::CloudWatch::Dashboard", "Properties": named}
    template = json.dumps({"Resources": {"Dashboard": dashboard}})
    for region, status in {"me-central-1": "CREATE_COMPLETE", "eu-west-1": "ROLLBACK_COMPLETE"}.items():
        cloudformation = client("cloudformation", region)
        cloudformation.create_stack(StackName="global-name", TemplateBody=template)
        assert settled(cloudformation, "global-name") == status
    events = client("cloudformation", "eu-west-1").describe_stack_events(StackName="global-name")["StackEvents"]
    assert any("'one' already exists" in event.get("ResourceStatusReason", "") for event in events)


def settled(cloudformation, name: str) -> str:
    while True:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            return stack["StackStatus"]
        time.sleep(0.05)


def test_signals_count_machines_and_fail_on_a_failure():
    signals = Signals()
    signals.receive("a", "SUCCESS")
    signals.receive("a", "SUCCESS")
    with pytest.raises(SignalsMissing, match="Failed to receive 1"):
        signals.wait(2, "PT0S")
    signals.receive("b", "FAILURE")
    with pytest.raises(SignalsMissing, match="1 FAILURE"):
        signals.wait(2, "PT10S")
    assert seconds("PT1H2M3S") == 3723


def test_resources_are_made_after_what_they_need():
    resources = {
        "Group": {"Type": "x", "DependsOn": "Policy", "CreationPolicy": {}},
        "Policy": {"Type": "x", "Properties": {"Role": {"Ref": "Role"}}},
        "Role": {"Type": "x"},
        "Alarm": {"Type": "x", "Properties": {"Text": {"Fn::Sub": "${Topic.Arn} ${!Group}"}}},
        "Topic": {"Type": "x"},
    }
    order = templates.creation_order(resources)
    assert order.index("Role") < order.index("Policy") < order.index("Group")
    assert order.index("Topic") < order.index("Alarm")
    assert order[-1] == "Group"
    with pytest.raises(templates.TemplateError, match="Circular"):
        templates.creation_order({"A": {"DependsOn": "B"}, "B": {"DependsOn": "A"}})
