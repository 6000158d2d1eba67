"""Registered model versions: what scoring with one needs, read from SageMaker's registry."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from headrace import facts
from headrace.aws import from_aws
from headrace.errors import PermanentError
from headrace.registry import package_of


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A registered version, and the one container that serves it; URIs are S3's."""

    registered: facts.ModelPackage
    image: str
    model_data: str
    environment: tuple[tuple[str, str], ...]
    preprocessor: str
    baseline_statistics: str
    baseline_constraints: str

    @property
    def arn(self) -> str:
        """The version's ARN."""
        return self.registered.arn

    @property
    def may_go_live(self) -> bool:
        """Approved, and seen by the review board where that is required."""
        return not self.why_not

    @property
    def why_not(self) -> str:
        """What keeps it from going live; empty when nothing does."""
        return self.registered.why_not

    @classmethod
    def parse(cls, described: dict[str, Any]) -> "ModelPackage":
        """Return the version in a DescribeModelPackage response.

        Raises PermanentError for a version that was not registered by one of our pipelines.
        """
        registered = package_of(described)
        containers = described.get("InferenceSpecification", {}).get("Containers", [])
        if len(containers) != 1 or not containers[0].get("ModelDataUrl"):
            raise PermanentError(
                f"{registered.arn} should have one container with one model artefact"
            )
        return cls(
            registered=registered,
            image=containers[0]["Image"],
            model_data=containers[0]["ModelDataUrl"],
            environment=tuple(sorted(containers[0].get("Environment", {}).items())),
            preprocessor=registered.need("preprocessor"),
            baseline_statistics=registered.need("baseline_statistics"),
            baseline_constraints=registered.need("baseline_constraints"),
        )


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
