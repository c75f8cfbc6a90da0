"""Figures for CloudWatch. A figure that cannot be published never fails what it tells of."""

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
    """As PutMetricData takes them; a name tells its unit."""
    return [{"MetricName": name, "Value": value, "Unit": _unit(name)} for name, value in values.items()]


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


def _unit(name: str) -> str:
    if "Seconds" in name:
        return "Seconds"
    return "Bytes" if "Bytes" in name else "None"
