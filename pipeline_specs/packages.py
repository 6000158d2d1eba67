"""Registered model versions: what scoring with one needs, read from SageMaker's registry."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from headrace.aws import from_aws
from headrace.errors import PermanentError

RETUNED = "training-hpo"
BOARD = "review_board_reference"


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A registered version; URIs are S3's."""

    arn: str
    group: str
    kind: str
    approval: str
    board_reference: str
    image: str
    model_data: str
    environment: tuple[tuple[str, str], ...]
    preprocessor: str
    baseline_statistics: str
    baseline_constraints: str

    @property
    def may_go_live(self) -> bool:
        """Approved, and seen by the review board where that is required."""
        return self.approval == "Approved" and (self.kind != RETUNED or bool(self.board_reference))

    @property
    def why_not(self) -> str:
        """What a person would have to do before it may go live."""
        if self.approval != "Approved":
            return f"it is {self.approval}, not Approved"
        return f"it comes from retuning and has no {BOARD} in its customer metadata"

    @classmethod
    def parse(cls, described: dict[str, Any]) -> "ModelPackage":
        """Return the version in a DescribeModelPackage response.

        Raises PermanentError for a version that was not registered by one of our pipelines.
        """
        arn = described["ModelPackageArn"]
        metadata = described.get("CustomerMetadataProperties", {})
        containers = described.get("InferenceSpecification", {}).get("Containers", [])
        needed = ("kind", "preprocessor", "baseline_statistics", "baseline_constraints")
        missing = [key for key in needed if not metadata.get(key)]
        if missing:
            raise PermanentError(
                f"{arn} has no {', '.join(missing)} in its customer metadata: it was not "
                "registered by a training pipeline of Headrace, and cannot be scored with"
            )
        if len(containers) != 1 or not containers[0].get("ModelDataUrl"):
            raise PermanentError(f"{arn} should have one container with one model artefact")
        return cls(
            arn=arn,
            group=described.get("ModelPackageGroupName", ""),
            kind=metadata["kind"],
            approval=described.get("ModelApprovalStatus", ""),
            board_reference=metadata.get(BOARD, "").strip(),
            image=containers[0]["Image"],
            model_data=containers[0]["ModelDataUrl"],
            environment=tuple(sorted(containers[0].get("Environment", {}).items())),
            preprocessor=metadata["preprocessor"],
            baseline_statistics=metadata["baseline_statistics"],
            baseline_constraints=metadata["baseline_constraints"],
        )


def describe(sagemaker: Any, arn: str) -> ModelPackage:
    """Return a registered version; raises PermanentError when there is none of that ARN."""
    try:
        return ModelPackage.parse(sagemaker.describe_model_package(ModelPackageName=arn))
    except ClientError as error:
        raise from_aws(error, f"looking up the model package {arn}") from error


def newest_approved(sagemaker: Any, group: str) -> ModelPackage | None:
    """Return the newest version of a group that may go live, None when there is none."""
    try:
        for arn in _approved(sagemaker, group):
            package = describe(sagemaker, arn)
            if package.may_go_live:
                return package
    except ClientError as error:
        raise from_aws(error, f"listing the versions of {group}") from error
    return None


def _approved(sagemaker: Any, group: str) -> Iterator[str]:
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            yield summary["ModelPackageArn"]
