"""A registered version, with what building pipelines needs."""

from dataclasses import dataclass
from typing import Any

from headrace.adapters.sagemaker import package_of
from headrace.domain import model_version
from headrace.domain.errors import PermanentError


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A registered version, and the one container that serves it; URIs are S3's."""

    registered: model_version.ModelPackage
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
        """Why it may not go live; empty if it may."""
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
