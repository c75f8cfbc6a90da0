"""AWS::EC2 resource types."""

from typing import Any, ClassVar

from .kind import Attributes, Context, Kind, kind, tags_of, without


class Ec2Kind(Kind):
    def retag(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        gone = tags_of(old or {}).keys() - tags_of(p).keys()
        if gone:
            c.call("ec2", "delete_tags", Resources=[physical_id], Tags=[{"Key": key} for key in gone])
        if p.get("Tags"):
            c.call("ec2", "create_tags", Resources=[physical_id], Tags=p["Tags"])

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        self.retag(c, physical_id, p, old)


@kind
class Vpc(Ec2Kind):
    type = "AWS::EC2::VPC"
    immutable = frozenset({"CidrBlock", "InstanceTenancy"})
    attributes: ClassVar[Attributes] = {"VpcId": lambda c, i, p: i, "CidrBlock": lambda c, i, p: p["CidrBlock"]}

    def make(self, c: Context, p: dict) -> str:
        known = without(p, "Tags", "EnableDnsSupport", "EnableDnsHostnames")
        return c.call("ec2", "create_vpc", **known)["Vpc"]["VpcId"]

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        super().configure(c, physical_id, p, old)
        for name in {"EnableDnsSupport", "EnableDnsHostnames"} & p.keys():
            c.call("ec2", "modify_vpc_attribute", VpcId=physical_id, **{name: {"Value": p[name]}})

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "delete_vpc", VpcId=physical_id)


@kind
class Subnet(Ec2Kind):
    type = "AWS::EC2::Subnet"
    immutable = frozenset({"AvailabilityZone", "CidrBlock", "VpcId"})
    attributes: ClassVar[Attributes] = {
        "SubnetId": lambda c, i, p: i,
        "AvailabilityZone": lambda c, i, p: p["AvailabilityZone"],
    }

    def make(self, c: Context, p: dict) -> str:
        return c.call("ec2", "create_subnet", **without(p, "Tags", "MapPublicIpOnLaunch"))["Subnet"]["SubnetId"]

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        super().configure(c, physical_id, p, old)
        public = {"Value": p.get("MapPublicIpOnLaunch", False)}
        c.call("ec2", "modify_subnet_attribute", SubnetId=physical_id, MapPublicIpOnLaunch=public)

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "delete_subnet", SubnetId=physical_id)


@kind
class RouteTable(Ec2Kind):
    type = "AWS::EC2::RouteTable"
    immutable = frozenset({"VpcId"})
    attributes: ClassVar[Attributes] = {"RouteTableId": lambda c, i, p: i}

    def make(self, c: Context, p: dict) -> str:
        return c.call("ec2", "create_route_table", **without(p, "Tags"))["RouteTable"]["RouteTableId"]

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "delete_route_table", RouteTableId=physical_id)


@kind
class SubnetRouteTableAssociation(Kind):
    type = "AWS::EC2::SubnetRouteTableAssociation"
    immutable = frozenset({"*"})

    def make(self, c: Context, p: dict) -> str:
        return c.call("ec2", "associate_route_table", **p)["AssociationId"]

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "disassociate_route_table", AssociationId=physical_id)


@kind
class Route(Kind):
    type = "AWS::EC2::Route"
    immutable = frozenset({"*"})

    def make(self, c: Context, p: dict) -> str:
        c.call("ec2", "create_route", **p)
        return f"{p['RouteTableId']}|{p['DestinationCidrBlock']}"

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        table, destination = physical_id.split("|")
        c.call("ec2", "delete_route", RouteTableId=table, DestinationCidrBlock=destination)


@kind
class InternetGateway(Ec2Kind):
    type = "AWS::EC2::InternetGateway"
    attributes: ClassVar[Attributes] = {"InternetGatewayId": lambda c, i, p: i}

    def make(self, c: Context, p: dict) -> str:
        return c.call("ec2", "create_internet_gateway", **without(p, "Tags"))["InternetGateway"]["InternetGatewayId"]

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "delete_internet_gateway", InternetGatewayId=physical_id)


@kind
class VpcGatewayAttachment(Kind):
    type = "AWS::EC2::VPCGatewayAttachment"
    immutable = frozenset({"*"})

    def make(self, c: Context, p: dict) -> str:
        c.call("ec2", "attach_internet_gateway", **p)
        return f"IGW|{p['VpcId']}"

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "detach_internet_gateway", **p)


@kind
class VpcEndpoint(Ec2Kind):
    type = "AWS::EC2::VPCEndpoint"
    immutable = frozenset({"ServiceName", "VpcEndpointType", "VpcId"})

    def make(self, c: Context, p: dict) -> str:
        return c.call("ec2", "create_vpc_endpoint", **without(p, "Tags"))["VpcEndpoint"]["VpcEndpointId"]

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        super().configure(c, physical_id, p, old)
        if old and without(p, "Tags") != without(old, "Tags"):
            raise NotImplementedError("a changed gateway endpoint is not modelled")

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "delete_vpc_endpoints", VpcEndpointIds=[physical_id])


@kind
class FlowLog(Ec2Kind):
    type = "AWS::EC2::FlowLog"
    immutable = frozenset(
        {
            "DeliverLogsPermissionArn",
            "LogDestination",
            "LogDestinationType",
            "LogGroupName",
            "ResourceId",
            "TrafficType",
        }
    )

    def make(self, c: Context, p: dict) -> str:
        known = without(p, "Tags", "ResourceId")
        made = c.call("ec2", "create_flow_logs", ResourceIds=[p["ResourceId"]], **known)
        if made.get("Unsuccessful"):
            raise ValueError(made["Unsuccessful"][0]["Error"]["Message"])
        return made["FlowLogIds"][0]

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "delete_flow_logs", FlowLogIds=[physical_id])


@kind
class SecurityGroup(Ec2Kind):
    type = "AWS::EC2::SecurityGroup"
    name_property = "GroupName"
    immutable = frozenset({"GroupDescription", "GroupName", "VpcId"})
    attributes: ClassVar[Attributes] = {"GroupId": lambda c, i, p: i, "VpcId": lambda c, i, p: p["VpcId"]}

    def make(self, c: Context, p: dict) -> str:
        name = p.get("GroupName") or c.generated_name(255)
        made = c.call(
            "ec2", "create_security_group", GroupName=name, Description=p["GroupDescription"], VpcId=p["VpcId"]
        )
        return made["GroupId"]

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        super().configure(c, physical_id, p, old)
        self._set(c, physical_id, "egress", p.get("SecurityGroupEgress"))
        self._set(c, physical_id, "ingress", p.get("SecurityGroupIngress", []))

    def _set(self, c: Context, group: str, way: str, rules: list[dict] | None) -> None:
        """EC2 gives a new group an egress rule, which stays unless the template has its own."""
        if rules is None:
            return
        [now] = c.call("ec2", "describe_security_groups", GroupIds=[group])["SecurityGroups"]
        existing = now["IpPermissionsEgress" if way == "egress" else "IpPermissions"]
        if existing:
            c.call("ec2", f"revoke_security_group_{way}", GroupId=group, IpPermissions=existing)
        if rules:
            permissions = [_permission(rule) for rule in rules]
            c.call("ec2", f"authorize_security_group_{way}", GroupId=group, IpPermissions=permissions)

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "delete_security_group", GroupId=physical_id)


def _permission(rule: dict) -> dict[str, Any]:
    ranges = {key: rule[key] for key in ("CidrIp", "Description") if key in rule}
    return {**without(rule, "CidrIp", "Description"), "IpRanges": [ranges]}


@kind
class LaunchTemplate(Kind):
    type = "AWS::EC2::LaunchTemplate"
    name_property = "LaunchTemplateName"
    immutable = frozenset({"LaunchTemplateName"})

    @staticmethod
    def _described(c: Context, i: str, p: dict) -> dict:
        return c.call("ec2", "describe_launch_templates", LaunchTemplateIds=[i])["LaunchTemplates"][0]

    attributes: ClassVar[Attributes] = {
        "LaunchTemplateId": lambda c, i, p: i,
        "LatestVersionNumber": lambda c, i, p: str(LaunchTemplate._described(c, i, p)["LatestVersionNumber"]),
        "DefaultVersionNumber": lambda c, i, p: str(LaunchTemplate._described(c, i, p)["DefaultVersionNumber"]),
    }

    def make(self, c: Context, p: dict) -> str:
        named = {"LaunchTemplateName": c.generated_name(128), **p}
        return c.call("ec2", "create_launch_template", **named)["LaunchTemplate"]["LaunchTemplateId"]

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        if old and p["LaunchTemplateData"] != old["LaunchTemplateData"]:
            data = p["LaunchTemplateData"]
            c.call("ec2", "create_launch_template_version", LaunchTemplateId=physical_id, LaunchTemplateData=data)

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ec2", "delete_launch_template", LaunchTemplateId=physical_id)
