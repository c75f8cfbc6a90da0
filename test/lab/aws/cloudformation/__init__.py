"""CloudFormation for the resource types that this project's stack and the CDK's bootstrap stack are made of.

moto's own CloudFormation has no signals, no failure and hardly an update, so this one replaces it: change sets, stack
events, signals with creation and rolling-update policies, rollback, replacement, deletion and retain policies, adoption
of existing resources. Every resource is made by calls to its service here, so IAM, S3 and the others see it as any
client would. Not modelled: nested stacks, imports between stacks, drift, stack policies, rules, macros, resource
imports by hand, and any type or property that `*_kinds` does not know: those fail the stack instead of passing in
silence.
"""

from collections.abc import Callable
from typing import Any

from moto.cloudformation import urls

from . import group_kind, identity_kinds, network_kinds, observability_kinds, storage_kinds  # noqa: F401 - they register
from .api import CloudFormationApi


def install(service: Callable[..., Any], account: str) -> None:
    CloudFormationApi.service, CloudFormationApi.account = staticmethod(service), account
    urls.url_paths = {"{0}/$": CloudFormationApi.dispatch}
