"""Everything in the account that a stack of this project could leave behind."""

from collections.abc import Callable
from typing import Any

Listing = tuple[str, str, str, str]
EC2: list[Listing] = [
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ("ec2", "describe_volumes", "Volumes", "VolumeId"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
]
OTHERS: list[Listing] = [
    ("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
]


def inventory(client: Callable[..., Any]) -> set[tuple[str, str]]:
    """(kind, name) of all that exists; instances only while they are not terminated."""
    found = {
        (kind, item[name])
        for service, operation, kind, name in [*EC2, *OTHERS]
        for item in getattr(client(service), operation)()[kind]
        # EC2 lists a deleted endpoint for a while.
        if item.get("State") != "deleted"
    }
    for reservation in client("ec2").describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] != "terminated":
                found.add(("Instances", instance["InstanceId"]))
    return found
