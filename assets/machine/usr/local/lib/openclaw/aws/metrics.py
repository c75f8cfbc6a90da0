"""Figures for CloudWatch. A figure that cannot be published never fails what it tells of.

metrics.json declares them all: the stack's alarms and dashboard read it too.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from openclaw.aws.cli import aws
from openclaw.system import journal
from openclaw.system.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openclaw.aws.client import Aws


def data(values: Mapping[str, float]) -> list[dict[str, Any]]:
    """As PutMetricData takes them. @raises KeyError for a metric that is not declared"""
    with open(os.path.join(os.path.dirname(__file__), "metrics.json"), encoding="utf-8") as stream:
        declared = json.load(stream)
    return [{"MetricName": name, "Value": value, "Unit": declared[name]["unit"]} for name, value in values.items()]


def publish(client: Aws, values: Mapping[str, float]) -> None:
    namespace = client.settings.metric_namespace
    try:
        client.call("cloudwatch", "put_metric_data", Namespace=namespace, MetricData=data(values))
    except StateError as error:
        journal.say(f"metrics were not published ({', '.join(values)}): {error}")


def publish_by_cli(values: Mapping[str, float], seconds: float = 10) -> None:
    """For programs without botocore."""
    arguments = ["--namespace", os.environ["METRIC_NAMESPACE"], "--metric-data", json.dumps(data(values))]
    if not aws("cloudwatch", "put-metric-data", *arguments, seconds=seconds).ok:
        journal.log(f"metrics were not published: {', '.join(values)}")
