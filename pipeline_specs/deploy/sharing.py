"""Lets other accounts read the versions of a model package group, and never approve one.

The versions' artefacts are in the data bucket, whose policy is the stack's (`ReaderAccountIds`).
"""

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError
from headrace.adapters.client import from_aws

# UpdateModelPackage is left out: versions are approved in the registry's account.
_READ_GROUP = ("sagemaker:DescribeModelPackageGroup",)
_READ_VERSIONS = ("sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages")


def share(sagemaker: Any, group: str, readers: Sequence[str]) -> str:
    """Let exactly these accounts read a group; return what changed, or an empty text."""
    try:
        there = _policy(sagemaker, group)
        if not readers:
            if not there:
                return ""
            sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group)
            return "no longer shared with other accounts"
        described = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
        wanted = policy(described["ModelPackageGroupArn"], readers)
        if there == wanted:
            return ""
        sagemaker.put_model_package_group_policy(
            ModelPackageGroupName=group, ResourcePolicy=json.dumps(wanted)
        )
    except ClientError as error:
        raise from_aws(error, f"sharing the model package group {group}") from error
    return f"shared with {', '.join(readers)}"


def policy(group_arn: str, readers: Sequence[str]) -> dict[str, Any]:
    """Return the group's resource policy."""
    partition = group_arn.split(":")[1]
    principal = {"AWS": [f"arn:{partition}:iam::{account}:root" for account in readers]}

    def read(sid: str, actions: Sequence[str], resource: str) -> dict[str, Any]:
        return {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": principal,
            "Action": list(actions),
            "Resource": resource,
        }

    versions = group_arn.replace(":model-package-group/", ":model-package/") + "/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            read("ReadGroup", _READ_GROUP, group_arn),
            read("ReadVersions", _READ_VERSIONS, versions),
        ],
    }


def _policy(sagemaker: Any, group: str) -> Any:
    try:
        answer = sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)
    except ClientError as error:
        # SageMaker has no specific error for a group without a policy.
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return None
    return json.loads(answer["ResourcePolicy"])
