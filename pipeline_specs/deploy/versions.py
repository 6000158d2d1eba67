"""Registered model versions: what scoring with one needs, read from SageMaker's registry."""

from typing import Any

from botocore.exceptions import ClientError
from headrace.adapters.client import from_aws

from pipeline_specs.pipelines.model_version import ModelPackage


def describe(sagemaker: Any, arn: str) -> ModelPackage:
    """Return a registered version; raises PermanentError when there is none of that ARN."""
    try:
        return ModelPackage.parse(sagemaker.describe_model_package(ModelPackageName=arn))
    except ClientError as error:
        raise from_aws(error, f"looking up the model package {arn}") from error


def to_score_with(sagemaker: Any, group: str, live: str) -> ModelPackage | None:
    """Return the version that is live (its ARN, if any), as long as it may be.

    Otherwise the newest of the group that may go live, None when there is none.
    """
    try:
        for arn in sorted(_approved(sagemaker, group), key=lambda arn: arn != live):
            package = describe(sagemaker, arn)
            if package.may_go_live:
                return package
    except ClientError as error:
        raise from_aws(error, f"listing the versions of {group}") from error
    return None


def _approved(sagemaker: Any, group: str) -> list[str]:
    """Return the group's approved versions, newest first."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    return [p["ModelPackageArn"] for page in pages for p in page["ModelPackageSummaryList"]]
