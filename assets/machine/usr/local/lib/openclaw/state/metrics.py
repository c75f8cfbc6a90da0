"""Figures for CloudWatch. A figure that cannot be published never fails what it tells of."""

from __future__ import annotations

from . import log
from .aws import Aws
from .errors import StateError

_UNITS = {"Seconds": "Seconds", "Sent": "Bytes"}


def publish(aws: Aws, values: dict[str, float]) -> None:
    data = []
    for name, value in values.items():
        unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "None")
        data.append({"MetricName": name, "Value": value, "Unit": unit})
    try:
        aws.call("cloudwatch", "put_metric_data", Namespace=aws.settings.metric_namespace, MetricData=data)
    except StateError as error:
        log.say(f"metrics were not published ({', '.join(values)}): {error}")
