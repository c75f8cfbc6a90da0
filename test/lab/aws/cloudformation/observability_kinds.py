"""AWS::Logs, AWS::CloudWatch, AWS::Events and AWS::SNS resource types, and CDK's own metadata."""

import json
from typing import ClassVar

from .kind import AlreadyExists, Attributes, Context, Kind, kind, tags_of, without
from .stack import STACKS


@kind
class LogGroup(Kind):
    type = "AWS::Logs::LogGroup"
    name_property = "LogGroupName"
    immutable = frozenset({"LogGroupClass", "LogGroupName"})
    attributes: ClassVar[Attributes] = {"Arn": lambda c, i, p: f"arn:aws:logs:{c.region}:{c.account}:log-group:{i}:*"}

    def make(self, c: Context, p: dict) -> str:
        name = p.get("LogGroupName") or c.generated_name(512)
        if self._exists(c, name):
            raise AlreadyExists(f"Resource of type 'AWS::Logs::LogGroup' with identifier '{name}' already exists.")
        properties = without(p, "LogGroupClass", "LogGroupName", "RetentionInDays", "Tags")
        if properties:
            raise NotImplementedError(f"of a log group are not modelled: {sorted(properties)}")
        kept_in = p.get("LogGroupClass", "STANDARD")
        c.call("logs", "create_log_group", logGroupName=name, logGroupClass=kept_in, tags=tags_of(p))
        return name

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        if days := p.get("RetentionInDays"):
            c.call("logs", "put_retention_policy", logGroupName=physical_id, retentionInDays=days)
        elif old and "RetentionInDays" in old:
            c.call("logs", "delete_retention_policy", logGroupName=physical_id)

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("logs", "delete_log_group", logGroupName=physical_id)

    def existing(self, c: Context, p: dict) -> str | None:
        name = p.get("LogGroupName")
        return name if name and self._exists(c, name) else None

    def _exists(self, c: Context, name: str) -> bool:
        found = c.call("logs", "describe_log_groups", logGroupNamePrefix=name)["logGroups"]
        return name in {group["logGroupName"] for group in found}


@kind
class MetricFilter(Kind):
    type = "AWS::Logs::MetricFilter"
    name_property = "FilterName"
    immutable = frozenset({"FilterName", "LogGroupName"})

    def make(self, c: Context, p: dict) -> str:
        return p.get("FilterName") or c.generated_name(512)

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        transformations = [
            {key[0].lower() + key[1:]: value for key, value in item.items()} for item in p["MetricTransformations"]
        ]
        c.call(
            "logs",
            "put_metric_filter",
            filterName=physical_id,
            logGroupName=p["LogGroupName"],
            filterPattern=p["FilterPattern"],
            metricTransformations=transformations,
        )

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("logs", "delete_metric_filter", filterName=physical_id, logGroupName=p["LogGroupName"])


@kind
class QueryDefinition(Kind):
    """Kept in its stack alone: there is no Logs Insights here that could run it."""

    type = "AWS::Logs::QueryDefinition"
    immutable = frozenset()

    def make(self, c: Context, p: dict) -> str:
        unknown = p.keys() - {"LogGroupNames", "Name", "QueryString"}
        if unknown:
            raise NotImplementedError(f"of a saved query are not modelled: {sorted(unknown)}")
        return c.generated_name()

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        """There is nothing beside the stack's own record."""


@kind
class Rule(Kind):
    """Without targets: EventBridge counts what it matches."""

    type = "AWS::Events::Rule"
    name_property = "Name"
    immutable = frozenset({"Name"})
    attributes: ClassVar[Attributes] = {"Arn": lambda c, i, p: f"arn:aws:events:{c.region}:{c.account}:rule/{i}"}

    def make(self, c: Context, p: dict) -> str:
        return p.get("Name") or c.generated_name(64)

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        unknown = p.keys() - {"EventPattern", "Name", "State", "Tags"}
        if unknown:
            raise NotImplementedError(f"of a rule are not modelled: {sorted(unknown)}")
        pattern = json.dumps(p["EventPattern"])
        state = p.get("State", "ENABLED")
        c.call("events", "put_rule", Name=physical_id, EventPattern=pattern, State=state, Tags=p.get("Tags", []))

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("events", "delete_rule", Name=physical_id)


@kind
class Alarm(Kind):
    type = "AWS::CloudWatch::Alarm"
    name_property = "AlarmName"
    immutable = frozenset({"AlarmName"})
    attributes: ClassVar[Attributes] = {"Arn": lambda c, i, p: f"arn:aws:cloudwatch:{c.region}:{c.account}:alarm:{i}"}

    def make(self, c: Context, p: dict) -> str:
        return p.get("AlarmName") or c.generated_name(255)

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        c.call("cloudwatch", "put_metric_alarm", **{**p, "AlarmName": physical_id})

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("cloudwatch", "delete_alarms", AlarmNames=[physical_id])


@kind
class Dashboard(Kind):
    type = "AWS::CloudWatch::Dashboard"
    name_property = "DashboardName"
    immutable = frozenset({"DashboardName"})

    def make(self, c: Context, p: dict) -> str:
        """An account has one set of dashboards for all its regions."""
        name = p.get("DashboardName") or c.generated_name(255)
        for region in {stack.region for stack in STACKS.all.values()}:
            found = c.service("cloudwatch", region).list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
            if name in {entry["DashboardName"] for entry in found}:
                raise AlreadyExists(
                    f"Resource of type 'AWS::CloudWatch::Dashboard' with identifier '{name}' already exists."
                )
        return name

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        json.loads(p["DashboardBody"])
        c.call("cloudwatch", "put_dashboard", DashboardName=physical_id, DashboardBody=p["DashboardBody"])

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("cloudwatch", "delete_dashboards", DashboardNames=[physical_id])


@kind
class Topic(Kind):
    type = "AWS::SNS::Topic"
    name_property = "TopicName"
    immutable = frozenset({"TopicName"})
    attributes: ClassVar[Attributes] = {
        "TopicArn": lambda c, i, p: i,
        "TopicName": lambda c, i, p: i.rpartition(":")[2],
    }

    def make(self, c: Context, p: dict) -> str:
        name = p.get("TopicName") or c.generated_name(256)
        return c.call("sns", "create_topic", Name=name, Tags=p.get("Tags", []))["TopicArn"]

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        for name, value in without(p, "TopicName", "Tags").items():
            c.call("sns", "set_topic_attributes", TopicArn=physical_id, AttributeName=name, AttributeValue=value)

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("sns", "delete_topic", TopicArn=physical_id)


@kind
class TopicPolicy(Kind):
    type = "AWS::SNS::TopicPolicy"

    def make(self, c: Context, p: dict) -> str:
        return c.generated_name()

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        for topic in p["Topics"]:
            c.call(
                "sns",
                "set_topic_attributes",
                TopicArn=topic,
                AttributeName="Policy",
                AttributeValue=json.dumps(p["PolicyDocument"]),
            )

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        """It goes with its topics."""


@kind
class Subscription(Kind):
    type = "AWS::SNS::Subscription"
    immutable = frozenset({"*"})

    def make(self, c: Context, p: dict) -> str:
        return c.call("sns", "subscribe", ReturnSubscriptionArn=True, **p)["SubscriptionArn"]

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("sns", "unsubscribe", SubscriptionArn=physical_id)


@kind
class CdkMetadata(Kind):
    type = "AWS::CDK::Metadata"

    def make(self, c: Context, p: dict) -> str:
        return c.generated_name()

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        """There is nothing."""
