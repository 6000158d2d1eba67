"""How a step, or the run it belongs to, can end badly."""

from __future__ import annotations

from typing import Any


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


class Stopped(Exception):
    """The execution was stopped while the step ran."""


def reason_of(error: dict[str, Any], operation: str) -> str:
    """The FailureReason SageMaker gives when a service refuses a step's request.

    `error` is the `Error` member of a botocore ClientError's response.
    """
    return f"ClientError: Failed to invoke {operation}. Error Details: {error.get('Message', '')}"
