"""A refused request, with SageMaker's error codes and messages."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError


class ApiError(Exception):
    """What the caller sees: an error code, a message and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    def body(self) -> dict[str, str]:
        """The error as JSON 1.1 carries it."""
        return {"__type": self.code, "message": self.message}

    def as_client_error(self, operation: str) -> ClientError:
        """The error as boto3 would raise it, for callers in this process."""
        response: dict[str, Any] = {
            "Error": {"Code": self.code, "Message": self.message},
            "ResponseMetadata": {"HTTPStatusCode": self.status},
        }
        return ClientError(response, operation)


def invalid(message: str) -> ApiError:
    """A request that breaks a rule."""
    return ApiError("ValidationException", message)


def missing(message: str) -> ApiError:
    """A name or ARN that does not exist."""
    return ApiError("ResourceNotFound", message)


def conflict(message: str) -> ApiError:
    """A change that the current state does not allow."""
    return ApiError("ConflictException", message)


def unknown_operation(operation: str) -> ApiError:
    """An operation that this API does not have."""
    return ApiError(
        "UnknownOperationException",
        f"SageMaker.{operation} is not part of the laptop cloud; "
        "local_cloud/sagemaker lists the operations that are",
    )
