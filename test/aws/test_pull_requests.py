"""`cdk diff` in a pull request: what it may read in AWS, and the comment that its workflow writes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws.cdk import Cdk
from aws.pull_request import GitHub, Workflow, token
from aws.stand_in import StandIn
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from lab.aws.server import LocalAws

ACCOUNT = "123456789012"
STACK = "openclaw-dev"
BUCKET = f"openclaw-backup-dev-{ACCOUNT}-me-central-1"
BOOTSTRAP = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-{{}}-role-{ACCOUNT}-me-central-1"
CLASSIC = "repo:octocat/my-repo:pull_request"
WITH_IDS = "repo:octocat@123456/my-repo@456789:pull_request"
SETTINGS = {"az": "me-central-1a"}
SELECTED = ("-c", "az=me-central-1a", "-c", "repository=octocat/my-repo")
Enter = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def role(cdk: Cdk, deployed: StandIn, client: Callable[..., Any]) -> Iterator[str]:
    """The role that the stage beside the deployment makes, by the command that README names."""
    cdk.ok("deploy", "github/*", *SELECTED, "--require-approval", "never")
    [stack] = client("cloudformation").describe_stacks(StackName="openclaw-github")["Stacks"]
    [output] = [each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "RoleArn"]
    yield output
    cdk.ok("destroy", "github/*", *SELECTED, "--force")


@pytest.fixture(scope="module")
def enter(aws: LocalAws, role: str) -> Enter:
    """Assumes the role with a token of this subject."""
    unsigned = boto3.client(
        "sts", region_name=aws.region, endpoint_url=aws.url, config=Config(signature_version=UNSIGNED)
    )

    def enter(subject: str = CLASSIC, **claims: str) -> dict[str, str]:
        return unsigned.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="GitHubActions", WebIdentityToken=token(subject, **claims)
        )["Credentials"]

    return enter


def clients(aws: LocalAws, given: dict[str, str]) -> Callable[..., Any]:
    return aws.client_factory(given["AccessKeyId"], given["SessionToken"])


@pytest.mark.parametrize("subject", [CLASSIC, WITH_IDS])
def test_a_pull_request_gets_in(enter: Enter, aws: LocalAws, subject: str):
    who = clients(aws, enter(subject))("sts").get_caller_identity()["Arn"]
    assert ":assumed-role/openclaw-github-" in who


@pytest.mark.parametrize(
    "subject",
    [
        "repo:octocat/my-repo:ref:refs/heads/main",
        "repo:octocat@123456/my-repo@456789:ref:refs/heads/main",
        "repo:octocat/my-repo:environment:production",
        "repo:octocat/other:pull_request",
        "repo:octocat@123456/other@456789:pull_request",
        "repo:mallory/my-repo:pull_request",
    ],
)
def test_nothing_else_does(enter: Enter, subject: str):
    with pytest.raises(ClientError, match="AccessDenied"):
        enter(subject)


def test_a_token_for_another_audience_does_not(enter: Enter):
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        enter(CLASSIC, audience="https://github.com/octocat")


@pytest.fixture(scope="module")
def own(enter: Enter, aws: LocalAws) -> Callable[..., Any]:
    return clients(aws, enter())


@pytest.fixture(scope="module")
def look_up(own: Callable[..., Any], aws: LocalAws) -> Callable[..., Any]:
    session = own("sts").assume_role(RoleArn=BOOTSTRAP.format("lookup"), RoleSessionName="diff")
    return clients(aws, session["Credentials"])


Case = tuple[str, str, dict[str, Any]]
PRIVATE: list[Case] = [
    ("s3", "get_object", {"Bucket": BUCKET, "Key": "lease.json"}),
    ("s3", "get_object", {"Bucket": BUCKET, "Key": "lease.json", "VersionId": "null"}),
    ("ssm", "get_parameter", {"Name": "/openclaw/dev/env/OPENAI_API_KEY"}),
    ("ssm", "get_parameters", {"Names": ["/openclaw/dev/restic-password"]}),
    ("ssm", "get_parameter_history", {"Name": "/openclaw/dev/state-key"}),
    ("ssm", "get_parameters_by_path", {"Path": "/openclaw/dev", "Recursive": True}),
    ("ssm", "get_parameters_by_path", {"Path": "/", "Recursive": True}),
    ("logs", "get_log_events", {"logGroupName": "/openclaw/dev/gateway", "logStreamName": "i-1"}),
]
OF_A_DEPLOY: list[Case] = [
    ("cloudformation", "delete_stack", {"StackName": STACK}),
    ("cloudformation", "create_change_set", {"StackName": STACK, "ChangeSetName": "x", "TemplateBody": "{}"}),
    ("s3", "put_object", {"Bucket": BUCKET, "Key": "restore.json", "Body": b"{}"}),
    ("sts", "assume_role", {"RoleArn": BOOTSTRAP.format("deploy"), "RoleSessionName": "diff"}),
    ("sts", "assume_role", {"RoleArn": BOOTSTRAP.format("cfn-exec"), "RoleSessionName": "diff"}),
]
TEMPLATE: Case = ("cloudformation", "get_template", {"StackName": STACK})


def denied(client: Callable[..., Any], case: Case) -> bool:
    service, operation, params = case
    try:
        getattr(client(service), operation)(**params)
    except ClientError as error:
        return error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}
    return False


def named(case: Case) -> str:
    service, operation, params = case
    return f"{service}-{operation}-{next(iter(params.values()), '')}"[:70]


@pytest.mark.parametrize("case", [TEMPLATE, *PRIVATE, *OF_A_DEPLOY], ids=named)
def test_its_own_role_may_not(own: Callable[..., Any], case: Case):
    assert denied(own, case)


@pytest.mark.parametrize("case", [*PRIVATE, *OF_A_DEPLOY], ids=named)
def test_by_the_look_up_role_it_may_not(look_up: Callable[..., Any], case: Case):
    assert denied(look_up, case)


@pytest.mark.parametrize("case", [TEMPLATE, ("ec2", "describe_vpcs", {})], ids=named)
def test_by_the_look_up_role_it_may(look_up: Callable[..., Any], case: Case):
    assert not denied(look_up, case)


def test_the_operator_may_still_read_what_is_closed_to_it(client: Callable[..., Any], role: str):
    assert all(not denied(client, case) for case in PRIVATE)


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as github:
        yield github


@pytest.fixture
def workflow(github: GitHub, enter: Enter, aws: LocalAws, tmp_path: Path) -> Workflow:
    given = enter()
    return Workflow(
        tmp_path / "checkout",
        {
            "HOME": str(tmp_path),
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
            "AWS_REGION": aws.region,
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_NOTICES": "false",
            "GITHUB_TOKEN": "ghs_0123456789",
            "GITHUB_REPOSITORY": "octocat/my-repo",
            "GITHUB_API_URL": github.url,
        },
    )


def test_the_comment_follows_the_commits(workflow: Workflow, github: GitHub, cdk: Cdk, assembly: Path):
    # Whatever the tests before have left there.
    assert cdk.deploy(assembly).returncode == 0
    first = workflow.run(SETTINGS)
    assert first.returncode == 0, first.stdout
    [comment] = github.comments
    assert "### `openclaw-dev` in me-central-1\n\nNo difference." in comment["body"]
    assert "abc1234" in comment["body"]

    # The next commit changes a file of the machine, and the settings its type.
    unit = workflow.directory / "assets/machine/etc/systemd/system/openclaw-backup.timer"
    unit.write_text(unit.read_text() + "# a comment more\n")
    second = workflow.run({**SETTINGS, "instanceType": "t4g.medium"})
    assert second.returncode == 0, second.stdout
    assert github.comments == [comment]
    body = comment["body"]
    assert "**The machine** is replaced: drained and ended" in body
    assert "3 files of the machine" in body
    assert "+++ b/etc/systemd/system/openclaw-backup.timer" in body
    assert "\n+# a comment more\n" in body
    assert "[+] t4g.medium" in body


def test_what_it_names_is_what_cdk_diff_names(
    workflow: Workflow, github: GitHub, cdk: Cdk, deployed: StandIn, tmp_path: Path
):
    settings = {**SETTINGS, "market": "on-demand", "logRetentionDays": 30, "alarmEmail": "ops@example.com"}
    assert workflow.run(settings).returncode == 0
    pairs = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    said = cdk.ok("diff", "--method", "template", "--no-color", "--output", tmp_path / "cdk.out", *pairs)
    impact = r"(?: (?:replace|may be replaced|destroy|orphan))?"
    theirs = set(re.findall(rf"^\[[-+~]\] (AWS::\S+) .*?(\w+){impact}$", said, re.MULTILINE))
    ours = set(re.findall(r"^\| [\w ]+ \| (AWS::\S+) \| `(\w+)` \|$", github.comments[0]["body"], re.M))
    assert ("AWS::SNS::Subscription" in {kind for kind, _ in ours}, ours) == (True, theirs)


def test_data_at_stake_fails_the_check_until_somebody_says_that_it_is_meant(workflow: Workflow, github: GitHub):
    refused = workflow.run({**SETTINGS, "backup": "off"})
    assert refused.returncode == 1
    assert re.search(r"^error: State\w+ \(AWS::S3::Bucket\) leaves the stack", refused.stdout, re.M)
    assert "> [!CAUTION]\n> - State" in github.comments[0]["body"]
    assert workflow.run({**SETTINGS, "backup": "off"}, MEANT="yes").returncode == 0


def test_what_is_wrong_is_one_line(workflow: Workflow, github: GitHub):
    settings = workflow.run({"az": "me-central-1a", "instancetype": "t4g.medium"})
    assert settings.returncode != 0
    assert "error: deployments/dev.json: unknown configuration key 'instancetype'" in settings.stdout
    without = workflow.run(SETTINGS, GITHUB_TOKEN="")
    assert without.returncode == 2
    assert "error: GITHUB_TOKEN must be a token that may write comments, got nothing" in without.stdout
    assert github.comments == []
