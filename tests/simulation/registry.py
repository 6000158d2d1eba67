"""SageMaker's model registry as people and pipelines change it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.simulation.clock import Clock, iso

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package"


class Registry:
    """The versions and their history; every change except a deletion is an event."""

    def __init__(
        self,
        packages: dict[str, dict[str, Any]],
        clock: Clock,
        publish: Callable[[dict[str, Any]], None],
    ) -> None:
        self._packages, self._clock, self._publish = packages, clock, publish
        self._numbers: dict[str, int] = {}
        self.history: list[tuple[float, str, str, bool]] = []  # when, arn, approval, reviewed

    def register(self, group: str, kind: str, run: str) -> str:
        """Add a version that waits for approval; return its ARN."""
        number = self._numbers[group] = self._numbers.get(group, 0) + 1
        arn = f"{ARN}/{group}/{number}"
        at = datetime.fromtimestamp(self._clock.now, UTC)
        self._packages[arn] = {
            "ModelPackageArn": arn,
            "ModelPackageGroupName": group,
            "ModelPackageVersion": number,
            "ModelApprovalStatus": "PendingManualApproval",
            "CreationTime": at,
            "LastModifiedTime": at,
            "CustomerMetadataProperties": {
                "kind": kind,
                "run": run,
                "training_data": "s3://simulated/data",
                "training_data_type": "S3Prefix",
            },
        }
        self._changed(arn)
        return arn

    def change(self, arn: str, approval: str, reference: str = "", by: str = "ada") -> bool:
        """Approve, reject or return a version; say whether it still is there."""
        package = self._packages.get(arn)
        if package is None:
            return False
        package = dict(package, ModelApprovalStatus=approval)
        package["LastModifiedTime"] = datetime.fromtimestamp(self._clock.now, UTC)
        package["LastModifiedBy"] = {"UserProfileName": by}
        if reference:
            metadata = dict(package["CustomerMetadataProperties"])
            package["CustomerMetadataProperties"] = {
                **metadata, "review_board_reference": reference,
            }  # fmt: skip
        self._packages[arn] = package
        self._changed(arn)
        return True

    def delete(self, arn: str) -> None:
        """Delete a version, as a person does."""
        if self._packages.pop(arn, None):
            self.history.append((self._clock.now, arn, "Deleted", False))

    def approval(self, arn: str) -> str:
        package = self._packages.get(arn)
        return str(package["ModelApprovalStatus"]) if package else "Deleted"

    def eligible(self, arn: str) -> bool:
        """Whether a version may be live now."""
        package = self._packages.get(arn)
        return package is not None and package["ModelApprovalStatus"] == "Approved" and _ok(package)

    def _changed(self, arn: str) -> None:
        package = self._packages[arn]
        approval = package["ModelApprovalStatus"]
        self.history.append((self._clock.now, arn, approval, _ok(package)))
        self._publish(
            {
                "source": "aws.sagemaker",
                "detail-type": "SageMaker Model Package State Change",
                "time": iso(self._clock.now),
                "detail": {
                    "ModelPackageGroupName": package["ModelPackageGroupName"],
                    "ModelPackageArn": arn,
                    "ModelApprovalStatus": approval,
                },
            }
        )


def _ok(package: dict[str, Any]) -> bool:
    metadata = package["CustomerMetadataProperties"]
    return metadata["kind"] == "training" or bool(metadata.get("review_board_reference"))
