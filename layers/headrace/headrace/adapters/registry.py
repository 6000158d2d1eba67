"""SageMaker's model registry, read."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import client, from_aws
from headrace.adapters.sagemaker import identity
from headrace.domain.model_version import ModelPackage

_GONE = ("does not exist", "not found", "could not find")


def describe(arn: str) -> ModelPackage | None:
    """Return a version as the registry has it now, or None if it was deleted."""
    try:
        answer = client("sagemaker").describe_model_package(ModelPackageName=arn)
    except ClientError as error:
        if _is_gone(error):
            return None
        raise from_aws(error, f"reading {arn}") from error
    except BotoCoreError as error:
        raise from_aws(error, f"reading {arn}") from error
    return package_of(answer)


def newest(group: str, approval: str, other_than: str = "") -> str | None:
    """Return the ARN of a group's newest version with that approval status, leaving one out.

    None where there is none, or no such group: the registry may be another account's.
    """
    try:
        pages = (
            client("sagemaker")
            .get_paginator("list_model_packages")
            .paginate(
                ModelPackageGroupName=group,
                ModelApprovalStatus=approval,
                SortBy="CreationTime",
                SortOrder="Descending",
            )
        )
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                if summary["ModelPackageArn"] != other_than:
                    return str(summary["ModelPackageArn"])
    except ClientError as error:
        if not _is_gone(error):
            raise from_aws(error, f"listing versions of {group}") from error
    except BotoCoreError as error:
        raise from_aws(error, f"listing versions of {group}") from error
    return None


def _is_gone(error: ClientError) -> bool:
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    return any(phrase in text for phrase in _GONE)


def package_of(answer: dict[str, Any]) -> ModelPackage:
    """Return the version in a DescribeModelPackage response."""
    created = answer["CreationTime"].timestamp()
    modified = answer.get("LastModifiedTime")
    metrics = answer.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
    return ModelPackage(
        arn=answer["ModelPackageArn"],
        group=answer["ModelPackageGroupName"],
        version=answer["ModelPackageVersion"],
        approval=answer.get("ModelApprovalStatus", ""),
        created=created,
        modified=modified.timestamp() if modified else created,
        modified_by=identity(answer.get("LastModifiedBy") or {}),
        created_by=identity(answer.get("CreatedBy") or {}),
        approval_description=answer.get("ApprovalDescription", ""),
        evaluation_uri=metrics.get("S3Uri", ""),
        metadata=answer.get("CustomerMetadataProperties", {}),
    )
