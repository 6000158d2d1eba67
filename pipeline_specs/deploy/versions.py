"""Reads registered model versions, with what scoring needs, from SageMaker's registry."""

from typing import Any

from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import NotThere

from pipeline_specs.pipelines.model_version import ModelPackage


def describe(client: Any, arn: str) -> ModelPackage:
    """Return a registered version; raises NotThere if there is none with that ARN."""
    described = SageMaker(client).described_version(arn)
    if described is None:
        raise NotThere(f"looking up the model package {arn}: it does not exist")
    return ModelPackage.parse(described)


def to_score_with(client: Any, group: str, live: str) -> ModelPackage | None:
    """Return the live version (`live` is its ARN, if any) as long as it may be live.

    Otherwise the newest of the group that may go live, None when there is none.
    """
    approved = list(SageMaker(client).versions(group, "Approved"))
    for arn in sorted(approved, key=lambda arn: arn != live):
        package = describe(client, arn)
        if package.may_go_live:
            return package
    return None
