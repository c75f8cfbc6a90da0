"""Figures for CloudWatch. A figure that cannot be published never fails what it measures.

metrics.json declares them all; the stack's alarms, dashboard and saved queries read it too. With OBSERVABILITY=full
each is a metric, and CloudWatch's alarms tell of faults. With lean each stands in a line of the journal, this machine
tells of faults by itself, and the heartbeat alone is a metric.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from openclaw.aws import faults
from openclaw.aws.cli import aws
from openclaw.system import journal
from openclaw.system.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openclaw.aws.client import Aws


def declared() -> dict[str, dict[str, Any]]:
    with open(os.path.join(os.path.dirname(__file__), "metrics.json"), encoding="utf-8") as stream:
        found: dict[str, dict[str, Any]] = json.load(stream)
    return found


def is_lean() -> bool:
    return os.environ.get("OBSERVABILITY") == "lean"


def publish(client: Aws, values: Mapping[str, float]) -> None:
    settings = client.settings

    def tell(subject: str, message: str) -> bool:
        try:
            client.call("sns", "publish", TopicArn=settings.alarm_topic, Subject=subject, Message=message)
        except StateError as error:
            journal.say(f"nobody could be told ({subject}): {error}")
            return False
        return True

    data = _data(values, settings.observability == "lean", settings.stack, tell)
    if not data:
        return
    try:
        client.call("cloudwatch", "put_metric_data", Namespace=settings.metric_namespace, MetricData=data)
    except StateError as error:
        journal.say(f"metrics were not published ({', '.join(values)}): {error}")


def publish_by_cli(values: Mapping[str, float], seconds: float = 10) -> None:
    """For programs without botocore."""

    def tell(subject: str, message: str) -> bool:
        words = ["--topic-arn", os.environ["ALARM_TOPIC"], "--subject", subject, "--message", message]
        told = aws("sns", "publish", *words, seconds=seconds).ok
        if not told:
            journal.log(f"nobody could be told: {subject}")
        return told

    data = _data(values, is_lean(), os.environ.get("STACK", ""), tell)
    if not data:
        return
    arguments = ["--namespace", os.environ["METRIC_NAMESPACE"], "--metric-data", json.dumps(data)]
    if not aws("cloudwatch", "put-metric-data", *arguments, seconds=seconds).ok:
        journal.log(f"metrics were not published: {', '.join(values)}")


def _data(values: Mapping[str, float], lean: bool, stack: str, tell: faults.Tell) -> list[dict[str, Any]]:
    """What is left for PutMetricData. @raises KeyError for a metric that is not declared"""
    known = declared()
    # What is 0 almost always is not sent then: each metric has its price, and each line.
    sent = {name: value for name, value in values.items() if value or not known[name].get("rare")}
    if lean:
        if sent:
            journal.say(json.dumps({"metrics": sent}))
        faults.judge(values, {name: known[name].get("fault") for name in values}, stack, tell)
        sent = {name: value for name, value in sent.items() if known[name].get("lean")}
    return [{"MetricName": name, "Value": value, "Unit": known[name]["unit"]} for name, value in sent.items()]


def main() -> int:
    """publish-metric NAME VALUE"""
    name, value = sys.argv[1:]
    publish_by_cli({name: int(value)})
    return 0
