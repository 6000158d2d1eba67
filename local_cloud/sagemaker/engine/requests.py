"""The request a step makes of SageMaker: typed as the API wants it, and checked by its model."""

from __future__ import annotations

import secrets
import string
from functools import cache
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from local_cloud.sagemaker.core.errors import ApiError
from local_cloud.sagemaker.core.validation import checked_request
from local_cloud.sagemaker.engine.errors import StepFailed

_ALPHABET = string.ascii_letters + string.digits


@cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def prepare(operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The request for `operation`, with numbers as text where the API takes text, nulls dropped.

    SageMaker refuses members it does not know, values of the wrong type, and those that break a
    constraint of its model; so does this.
    """
    shape = _model().operation_model(operation).input_shape
    request: dict[str, Any] = _typed(shape, arguments)
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise _refused(operation, report.generate_report())
    try:
        checked_request(operation, request)
    except ApiError as error:
        raise _refused(operation, error.message) from error
    return request


def _refused(operation: str, why: str) -> StepFailed:
    return StepFailed(f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {why}")


def _typed(shape: Any, value: Any) -> Any:
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        return {k: _typed(shape.members.get(k), v) for k, v in value.items() if v is not None}
    if shape.type_name == "list" and isinstance(value, list):
        return [_typed(shape.member, item) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {k: _typed(shape.value, v) for k, v in value.items() if v is not None}
    if shape.type_name == "string" and isinstance(value, bool):
        return str(value).lower()
    if shape.type_name == "string" and isinstance(value, int | float):
        return str(value)
    return value


def job_name(execution_id: str, step: str, limit: int = 63) -> str:
    """A job's name as Pipelines makes them: `pipelines-{execution}-{step}-{10 characters}`.

    Names of tuning jobs may have 32 characters only and go without the first word.
    """
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    prefix = f"pipelines-{execution_id[:24]}" if limit > 32 else execution_id[:12]
    room = limit - len(prefix) - len(suffix) - 2
    middle = step.replace("_", "-")[:room].strip("-")
    return f"{prefix}-{middle}-{suffix}"
