"""AWS::S3, AWS::SSM and AWS::ECR resource types."""

import json
from typing import ClassVar

from botocore.exceptions import ClientError

from .kind import AlreadyExists, Attributes, Context, Kind, kind, tags_of, without


@kind
class Bucket(Kind):
    type = "AWS::S3::Bucket"
    name_property = "BucketName"
    immutable = frozenset({"BucketName"})
    attributes: ClassVar[Attributes] = {
        "Arn": lambda c, i, p: f"arn:aws:s3:::{i}",
        "DomainName": lambda c, i, p: f"{i}.s3.amazonaws.com",
        "RegionalDomainName": lambda c, i, p: f"{i}.s3.{c.region}.amazonaws.com",
    }

    def make(self, c: Context, p: dict) -> str:
        name = p.get("BucketName") or c.generated_name(63).lower()
        if self._exists(c, name):
            raise AlreadyExists(f"{name} already exists (Service: S3, Status Code: 409, BucketAlreadyExists)")
        where = {} if c.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": c.region}}
        c.call("s3", "create_bucket", Bucket=name, **where)
        return name

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        steps = {
            "VersioningConfiguration": ("put_bucket_versioning", lambda value: value),
            "PublicAccessBlockConfiguration": ("put_public_access_block", lambda value: value),
            "OwnershipControls": ("put_bucket_ownership_controls", lambda value: value),
            "BucketEncryption": ("put_bucket_encryption", _encryption),
            "LifecycleConfiguration": ("put_bucket_lifecycle_configuration", _lifecycle),
            "LoggingConfiguration": ("put_bucket_logging", lambda value: _logging(value, physical_id)),
            "NotificationConfiguration": ("put_bucket_notification_configuration", _notification),
        }
        unknown = p.keys() - steps.keys() - {"AccessControl", "BucketName", "Tags"}
        removed = (old or {}).keys() & steps.keys() - p.keys()
        if unknown or removed:
            raise NotImplementedError(f"of a bucket are not modelled: {sorted(unknown)}, removing {sorted(removed)}")
        names = {"BucketEncryption": "ServerSideEncryptionConfiguration", "LoggingConfiguration": "BucketLoggingStatus"}
        for name in steps.keys() & p.keys():
            operation, converted = steps[name]
            c.call("s3", operation, Bucket=physical_id, **{names.get(name, name): converted(p[name])})
        if "AccessControl" in p:
            c.call("s3", "put_bucket_acl", Bucket=physical_id, ACL=p["AccessControl"].lower())
        if p.get("Tags"):
            c.call("s3", "put_bucket_tagging", Bucket=physical_id, Tagging={"TagSet": p["Tags"]})

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("s3", "delete_bucket", Bucket=physical_id)

    def existing(self, c: Context, p: dict) -> str | None:
        name = p.get("BucketName")
        return name if name and self._exists(c, name) else None

    def _exists(self, c: Context, name: str) -> bool:
        return name in {bucket["Name"] for bucket in c.call("s3", "list_buckets")["Buckets"]}


def _encryption(value: dict) -> dict:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        default = rule["ServerSideEncryptionByDefault"]
        rules.append({"ApplyServerSideEncryptionByDefault": default, **without(rule, "ServerSideEncryptionByDefault")})
    return {"Rules": rules}


def _lifecycle(value: dict) -> dict:
    rules = []
    for rule in value["Rules"]:
        expiration = {"Days": rule["ExpirationInDays"]} if "ExpirationInDays" in rule else {}
        if "ExpiredObjectDeleteMarker" in rule:
            expiration["ExpiredObjectDeleteMarker"] = rule["ExpiredObjectDeleteMarker"]
        if "NoncurrentVersionExpirationInDays" in rule:
            rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
        aside = ("Id", "Prefix", "ExpirationInDays", "ExpiredObjectDeleteMarker", "NoncurrentVersionExpirationInDays")
        rules.append(
            {
                "Filter": {"Prefix": rule.get("Prefix", "")},
                **({"ID": rule["Id"]} if "Id" in rule else {}),
                **({"Expiration": expiration} if expiration else {}),
                **without(rule, *aside),
            }
        )
    return {"Rules": rules}


def _notification(value: dict) -> dict:
    others = value.keys() - {"EventBridgeConfiguration"}
    if others:
        raise NotImplementedError(f"of a bucket's notifications are not modelled: {sorted(others)}")
    return {"EventBridgeConfiguration": {}} if value["EventBridgeConfiguration"]["EventBridgeEnabled"] else {}


def _logging(value: dict, bucket: str) -> dict:
    target = {
        "TargetBucket": value.get("DestinationBucketName", bucket),
        "TargetPrefix": value.get("LogFilePrefix", ""),
    }
    return {"LoggingEnabled": target}


@kind
class BucketPolicy(Kind):
    type = "AWS::S3::BucketPolicy"
    immutable = frozenset({"Bucket"})

    def make(self, c: Context, p: dict) -> str:
        if self.existing(c, p):
            raise AlreadyExists(f"The bucket policy already exists on bucket {p['Bucket']}.")
        return p["Bucket"]

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        c.call("s3", "put_bucket_policy", Bucket=physical_id, Policy=json.dumps(p["PolicyDocument"]))

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("s3", "delete_bucket_policy", Bucket=physical_id)

    def existing(self, c: Context, p: dict) -> str | None:
        try:
            c.call("s3", "get_bucket_policy", Bucket=p["Bucket"])
        except ClientError:
            return None
        return p["Bucket"]


@kind
class Parameter(Kind):
    type = "AWS::SSM::Parameter"
    name_property = "Name"
    immutable = frozenset({"Name"})
    attributes: ClassVar[Attributes] = {"Value": lambda c, i, p: p["Value"], "Type": lambda c, i, p: p["Type"]}

    def make(self, c: Context, p: dict) -> str:
        return p.get("Name") or c.generated_name()

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        properties = without(p, "Name", "Tags")
        c.call("ssm", "put_parameter", Name=physical_id, Overwrite=old is not None, **properties)

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ssm", "delete_parameter", Name=physical_id)


@kind
class Repository(Kind):
    """Tag mutability filters, lifecycle and repository policies are only kept by moto."""

    type = "AWS::ECR::Repository"
    name_property = "RepositoryName"
    immutable = frozenset({"RepositoryName"})
    attributes: ClassVar[Attributes] = {
        "Arn": lambda c, i, p: f"arn:aws:ecr:{c.region}:{c.account}:repository/{i}",
        "RepositoryUri": lambda c, i, p: f"{c.account}.dkr.ecr.{c.region}.amazonaws.com/{i}",
    }

    def make(self, c: Context, p: dict) -> str:
        name = p.get("RepositoryName") or c.generated_name().lower()
        mutability = {"imageTagMutability": p["ImageTagMutability"]} if "ImageTagMutability" in p else {}
        tags = [{"Key": key, "Value": value} for key, value in tags_of(p).items()]
        c.call("ecr", "create_repository", repositoryName=name, tags=tags, **mutability)
        return name

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        scanning = p.get("ImageScanningConfiguration", {})
        if scanning:
            configuration = {"scanOnPush": scanning.get("ScanOnPush", False)}
            c.call(
                "ecr",
                "put_image_scanning_configuration",
                repositoryName=physical_id,
                imageScanningConfiguration=configuration,
            )
        if "LifecyclePolicy" in p:
            c.call(
                "ecr",
                "put_lifecycle_policy",
                repositoryName=physical_id,
                lifecyclePolicyText=p["LifecyclePolicy"]["LifecyclePolicyText"],
            )
        if "RepositoryPolicyText" in p:
            c.call(
                "ecr",
                "set_repository_policy",
                repositoryName=physical_id,
                policyText=json.dumps(p["RepositoryPolicyText"]),
            )

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("ecr", "delete_repository", repositoryName=physical_id)
