"""Launching an instance from a launch template the way EC2 does, where moto leaves parts of the template out.

Added to moto: the AMI that `resolve:ssm:` names is looked up at launch, the instance profile, spot, and the metadata
options. An instance is a record, running at once; that a machine boots is the lab's doing.
"""

from collections.abc import Callable
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance, MetadataOptions

RESOLVED_AT_LAUNCH = "resolve:ssm:"


def launch(backend: EC2Backend, service: Callable[..., Any], template: dict, subnet: str, tags: dict) -> Instance:
    """One instance of `template` (LaunchTemplateId and Version) in `subnet`."""
    data = backend.get_launch_template(template["LaunchTemplateId"]).get_version(template["Version"]).data
    image = data["ImageId"]
    if image.startswith(RESOLVED_AT_LAUNCH):
        name = image.removeprefix(RESOLVED_AT_LAUNCH)
        image = service("ssm", backend.region_name).get_parameter(Name=name)["Parameter"]["Value"]
    market = data.get("InstanceMarketOptions")
    options = data.get("MetadataOptions", {})
    [instance] = backend.run_instances(
        image,
        1,
        None,
        [],
        launch_template=template,
        instance_type=data["InstanceType"],
        is_instance_type_default=False,
        subnet_id=subnet,
        tags={"instance": tags},
        region_name=backend.region_name,
        metadata_options=options,
        **({"instance_market_options": market} if market else {}),
    ).instances
    instance.instance_lifecycle = instance.lifecycle
    instance.metadata_options = MetadataOptions(options)
    if profile := data.get("IamInstanceProfile"):
        backend.associate_iam_instance_profile(
            instance.id, iam_instance_profile_arn=profile.get("Arn"), iam_instance_profile_name=profile.get("Name")
        )
        instance.iam_instance_profile = {"Arn": profile.get("Arn"), "Id": instance.id}
    return instance


def install() -> None:
    terminate, delete_vpc = Instance.terminate, EC2Backend.delete_vpc

    def terminate_with_interfaces(instance: Instance) -> Any:
        for interface in instance.nics.values():
            instance.ec2_backend.enis.pop(interface.id, None)
        return terminate(instance)

    def delete_vpc_with_access_list(backend: EC2Backend, vpc_id: str) -> Any:
        deleted = delete_vpc(backend, vpc_id)
        for access_list in [each for each in backend.network_acls.values() if each.vpc_id == vpc_id]:
            del backend.network_acls[access_list.id]
        return deleted

    Instance.terminate, EC2Backend.delete_vpc = terminate_with_interfaces, delete_vpc_with_access_list
