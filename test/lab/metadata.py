"""What an instance's metadata service tells it."""

import datetime
import json

from . import settings

TARGET_LIFECYCLE_STATE = "meta-data/autoscaling/target-lifecycle-state"
MAC = "0e:00:00:00:00:01"


def credentials_document(credentials: dict) -> str:
    """A role's temporary credentials, from what sts AssumeRole answers."""
    return json.dumps(
        {
            "Code": "Success",
            "LastUpdated": instant(datetime.datetime.now(datetime.UTC)),
            "Type": "AWS-HMAC",
            "AccessKeyId": credentials["AccessKeyId"],
            "SecretAccessKey": credentials["SecretAccessKey"],
            "Token": credentials["SessionToken"],
            "Expiration": instant(credentials["Expiration"]),
        }
    )


def instant(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tree(instance: dict, user_data: str, role: str, credentials: dict) -> dict[str, str]:
    """Paths below `latest/` and their texts, as long as nothing happens to the instance.

    :param instance: the instance as ec2 DescribeInstances has it
    :param role: the name of the role in its instance profile
    :param credentials: as sts AssumeRole answers
    """
    zone = instance["Placement"]["AvailabilityZone"]
    address = instance["PrivateIpAddress"]
    interface = f"meta-data/network/interfaces/macs/{MAC}"
    return {
        "meta-data/ami-id": instance["ImageId"],
        TARGET_LIFECYCLE_STATE: "InService",
        "meta-data/hostname": instance["PrivateDnsName"],
        "meta-data/iam/info": json.dumps(
            {"Code": "Success", "InstanceProfileArn": instance["IamInstanceProfile"]["Arn"]}
        ),
        f"meta-data/iam/security-credentials/{role}": credentials_document(credentials),
        "meta-data/instance-id": instance["InstanceId"],
        "meta-data/instance-life-cycle": instance.get("InstanceLifecycle", "on-demand"),
        "meta-data/instance-type": instance["InstanceType"],
        "meta-data/local-hostname": instance["PrivateDnsName"],
        "meta-data/local-ipv4": address,
        "meta-data/mac": MAC,
        f"{interface}/device-number": "0",
        f"{interface}/local-ipv4s": address,
        f"{interface}/mac": MAC,
        f"{interface}/subnet-id": instance["SubnetId"],
        f"{interface}/vpc-id": instance["VpcId"],
        "meta-data/placement/availability-zone": zone,
        "meta-data/placement/region": settings.REGION,
        "meta-data/services/domain": "amazonaws.com",
        "meta-data/services/partition": "aws",
        "dynamic/instance-identity/document": json.dumps(
            {
                "accountId": settings.ACCOUNT,
                "architecture": instance["Architecture"],
                "availabilityZone": zone,
                "imageId": instance["ImageId"],
                "instanceId": instance["InstanceId"],
                "instanceType": instance["InstanceType"],
                "privateIp": address,
                "region": settings.REGION,
                "version": "2017-09-30",
            }
        ),
        "user-data": user_data,
    }


def spot_interruption(action: str, at: datetime.datetime) -> dict[str, str]:
    return {
        "meta-data/spot/instance-action": json.dumps({"action": action, "time": instant(at)}),
        "meta-data/spot/termination-time": instant(at),
    }


def rebalance_recommendation(at: datetime.datetime) -> dict[str, str]:
    return {"meta-data/events/recommendations/rebalance": json.dumps({"noticeTime": instant(at)})}


def target_lifecycle_state(state: str) -> dict[str, str]:
    return {TARGET_LIFECYCLE_STATE: state}
