"""How a step, or the run it belongs to, can end badly."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import ClientError


class DefinitionError(ValueError):
    """The pipeline definition cannot be executed; the text names the step and what is wrong."""


class StepFailed(Exception):
    """A step failed; `reason` becomes its FailureReason.

    `retry_type` is the RetryPolicies exception type the failure counts as
    (`Step.THROTTLING`, `SageMaker.JOB_INTERNAL_ERROR`, ...); None: retrying is no use.
    """

    def __init__(self, reason: str, *, retry_type: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_type = retry_type

    def of_a_job(self) -> StepFailed:
        """The failure of the step whose job failed so: Pipelines puts `ClientError: ` before."""
        reason = f"ClientError: {self.reason.removeprefix('ClientError: ')}"
        return StepFailed(reason, retry_type=self.retry_type)


class Stopped(Exception):
    """The execution was stopped while the step ran."""


def as_step_failed(error: Exception) -> StepFailed:
    """Any error as the failure of a step; unexpected ones count as SageMaker's own fault."""
    if isinstance(error, StepFailed):
        return error
    if isinstance(error, ClientError):
        return _refused(error)
    logging.getLogger(__name__).error("a step failed unexpectedly", exc_info=error)
    return StepFailed(
        f"InternalServerError: {type(error).__name__}: {error}",
        retry_type="SageMaker.JOB_INTERNAL_ERROR",
    )


def _refused(error: ClientError) -> StepFailed:
    details: dict[str, Any] = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    kind = None
    if "Throttling" in details.get("Code", "") or status == 429:
        kind = "Step.THROTTLING"
    elif details.get("Code") == "ResourceLimitExceeded":
        kind = "SageMaker.RESOURCE_LIMIT"
    elif status >= 500:
        kind = "Step.SERVICE_FAULT"
    service = {"AssumeRole": "sts", "Invoke": "lambda"}.get(error.operation_name, "sagemaker")
    return StepFailed(
        f"ClientError: Failed to invoke {service}:{error.operation_name}. "
        f"Error Details: {details.get('Message', '')}",
        retry_type=kind,
    )
