"""AWS::IAM resource types."""

import json
from typing import ClassVar

from .kind import Attributes, Context, Kind, kind, tags_of


@kind
class Role(Kind):
    type = "AWS::IAM::Role"
    name_property = "RoleName"
    immutable = frozenset({"RoleName", "Path"})
    attributes: ClassVar[Attributes] = {
        "Arn": lambda c, i, p: f"arn:aws:iam::{c.account}:role{p.get('Path', '/')}{i}",
        "RoleId": lambda c, i, p: c.call("iam", "get_role", RoleName=i)["Role"]["RoleId"],
    }
    known = frozenset(
        {
            "AssumeRolePolicyDocument",
            "Description",
            "ManagedPolicyArns",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Policies",
            "RoleName",
            "Tags",
        }
    )

    def make(self, c: Context, p: dict) -> str:
        if p.keys() - self.known:
            raise NotImplementedError(f"of a role are not modelled: {sorted(p.keys() - self.known)}")
        name = p.get("RoleName") or c.generated_name()
        given = {
            key: p[key] for key in ("Path", "Description", "MaxSessionDuration", "PermissionsBoundary") if key in p
        }
        document = json.dumps(p["AssumeRolePolicyDocument"])
        c.call("iam", "create_role", RoleName=name, AssumeRolePolicyDocument=document, **given)
        return name

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        if old and old["AssumeRolePolicyDocument"] != p["AssumeRolePolicyDocument"]:
            document = json.dumps(p["AssumeRolePolicyDocument"])
            c.call("iam", "update_assume_role_policy", RoleName=physical_id, PolicyDocument=document)
        name, old = physical_id, old or {}
        for arn in set(old.get("ManagedPolicyArns", [])) - set(p.get("ManagedPolicyArns", [])):
            c.call("iam", "detach_role_policy", RoleName=name, PolicyArn=arn)
        for arn in set(p.get("ManagedPolicyArns", [])) - set(old.get("ManagedPolicyArns", [])):
            c.call("iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
        for policy in p.get("Policies", []):
            c.call(
                "iam",
                "put_role_policy",
                RoleName=name,
                PolicyName=policy["PolicyName"],
                PolicyDocument=json.dumps(policy["PolicyDocument"]),
            )
        names = {policy["PolicyName"] for policy in p.get("Policies", [])}
        for policy in old.get("Policies", []):
            if policy["PolicyName"] not in names:
                c.call("iam", "delete_role_policy", RoleName=name, PolicyName=policy["PolicyName"])
        if tags_of(p):
            c.call("iam", "tag_role", RoleName=name, Tags=p["Tags"])

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        for arn in p.get("ManagedPolicyArns", []):
            c.call("iam", "detach_role_policy", RoleName=physical_id, PolicyArn=arn)
        for policy in p.get("Policies", []):
            c.call("iam", "delete_role_policy", RoleName=physical_id, PolicyName=policy["PolicyName"])
        c.call("iam", "delete_role", RoleName=physical_id)


@kind
class Policy(Kind):
    type = "AWS::IAM::Policy"
    immutable = frozenset({"PolicyName"})

    def make(self, c: Context, p: dict) -> str:
        if p.keys() - {"PolicyDocument", "PolicyName", "Roles"}:
            raise NotImplementedError("an inline policy of users or groups is not modelled")
        return c.generated_name()

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        for role in set((old or {}).get("Roles", [])) - set(p["Roles"]):
            c.call("iam", "delete_role_policy", RoleName=role, PolicyName=p["PolicyName"])
        for role in p["Roles"]:
            c.call(
                "iam",
                "put_role_policy",
                RoleName=role,
                PolicyName=p["PolicyName"],
                PolicyDocument=json.dumps(p["PolicyDocument"]),
            )

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        for role in p["Roles"]:
            c.call("iam", "delete_role_policy", RoleName=role, PolicyName=p["PolicyName"])


@kind
class InstanceProfile(Kind):
    type = "AWS::IAM::InstanceProfile"
    name_property = "InstanceProfileName"
    immutable = frozenset({"InstanceProfileName", "Path"})
    attributes: ClassVar[Attributes] = {
        "Arn": lambda c, i, p: f"arn:aws:iam::{c.account}:instance-profile{p.get('Path', '/')}{i}"
    }

    def make(self, c: Context, p: dict) -> str:
        name = p.get("InstanceProfileName") or c.generated_name(128)
        c.call("iam", "create_instance_profile", InstanceProfileName=name, Path=p.get("Path", "/"))
        return name

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        for role in (old or {}).get("Roles", []):
            c.call("iam", "remove_role_from_instance_profile", InstanceProfileName=physical_id, RoleName=role)
        for role in p["Roles"]:
            c.call("iam", "add_role_to_instance_profile", InstanceProfileName=physical_id, RoleName=role)

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        for role in p["Roles"]:
            c.call("iam", "remove_role_from_instance_profile", InstanceProfileName=physical_id, RoleName=role)
        c.call("iam", "delete_instance_profile", InstanceProfileName=physical_id)


@kind
class OidcProvider(Kind):
    type = "AWS::IAM::OIDCProvider"
    name_property = "Url"
    immutable = frozenset({"Url"})
    attributes: ClassVar[Attributes] = {"Arn": lambda c, i, p: i}

    def make(self, c: Context, p: dict) -> str:
        if p.keys() - {"Url", "ClientIdList"}:
            raise NotImplementedError(f"of an identity provider are not modelled: {sorted(p.keys())}")
        made = c.call("iam", "create_open_id_connect_provider", Url=p["Url"], ClientIDList=p.get("ClientIdList", []))
        return made["OpenIDConnectProviderArn"]

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call("iam", "delete_open_id_connect_provider", OpenIDConnectProviderArn=physical_id)
