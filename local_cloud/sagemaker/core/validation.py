"""Requests and responses held against botocore's own model of SageMaker.

botocore checks types and required members before it sends; the service also checks lengths,
ranges, patterns and enumerations. This module checks all of it, with the service's messages, so
that a request that passes here will very likely pass in an account.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session

from local_cloud.sagemaker.core.errors import ApiError, invalid, unknown_operation
from local_cloud.sagemaker.core.patterns import compiled

JAVA_TYPES = {"integer": "Integer", "long": "Long", "float": "Float", "double": "Double"}
LONGEST_FOR_PATTERN = 100_000  # a pattern over a longer text costs more than it finds


@cache
def service_model() -> Any:
    """botocore's ServiceModel of SageMaker."""
    return botocore.session.Session().get_service_model("sagemaker")


def operation_model(operation: str) -> Any:
    """botocore's OperationModel; an unknown name is the service's own error."""
    if operation not in service_model().operation_names:
        raise unknown_operation(operation)
    return service_model().operation_model(operation)


def checked_request(operation: str, request: Any) -> dict[str, Any]:
    """The request with times as datetimes and without unknown members, or ValidationException."""
    shape = operation_model(operation).input_shape
    if not isinstance(request, dict):
        raise ApiError(
            "SerializationException", "Start of structure or map found where not expected."
        )
    return _checked(shape, request, strict=False) if shape is not None else {}


def checked_response(operation: str, response: dict[str, Any]) -> dict[str, Any]:
    """The response, if the model allows it; otherwise ValueError: the mistake is ours."""
    shape = operation_model(operation).output_shape
    if shape is None:
        return {}
    return _as_ours(shape, response, f"the response of {operation}")


def checked_shape(name: str, value: dict[str, Any]) -> dict[str, Any]:
    """A record of our own that must be the named structure, or ValueError."""
    return _as_ours(service_model().shape_for(name), value, f"a record of {name}")


def wire(value: Any) -> Any:
    """The value as JSON 1.1 carries it: times as seconds since 1970, to the millisecond."""
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, dict):
        return {key: wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [wire(item) for item in value]
    return value


def _as_ours(shape: Any, value: dict[str, Any], what: str) -> dict[str, Any]:
    try:
        return _checked(shape, value, strict=True)
    except ApiError as error:
        raise ValueError(f"{what} is not what SageMaker would say: {error.message}") from error


def _checked(shape: Any, value: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    walk = _Walk(strict)
    result: dict[str, Any] = walk.visit(shape, value, "")
    if walk.errors:
        count = len(walk.errors)
        noun = "error" if count == 1 else "errors"
        raise invalid(f"{count} validation {noun} detected: " + "; ".join(walk.errors))
    return result


class _Walk:
    """One pass over a value, collecting every broken constraint as the service does."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict  # an unknown member is an error, not ignored
        self.errors: list[str] = []

    def fail(self, value: Any, path: str, constraint: str) -> None:
        shown = "null" if value is None else f"'{_shown(value)}'"
        where = path or "request"
        self.errors.append(f"Value {shown} at '{where}' failed to satisfy constraint: {constraint}")

    def visit(self, shape: Any, value: Any, path: str) -> Any:
        method = getattr(self, f"_{shape.type_name}", None)
        if method is None:
            method = self._number if shape.type_name in JAVA_TYPES else self._plain
        return method(shape, value, path)

    def _structure(self, shape: Any, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mistyped(value, "structure")
        for name in shape.required_members:
            if value.get(name) is None:
                self.fail(None, _joined(path, name), "Member must not be null")
        for name in value.keys() - shape.members.keys() if self.strict else ():
            self.fail(value[name], _joined(path, name), "Member is not in the service's model")
        return {
            name: self.visit(member, value[name], _joined(path, name))
            for name, member in shape.members.items()
            if value.get(name) is not None
        }

    def _list(self, shape: Any, value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise _mistyped(value, "list")
        self._length(shape, value, path)
        return [
            self.visit(shape.member, item, f"{path}.{number}.member")
            for number, item in enumerate(value, 1)
        ]

    def _map(self, shape: Any, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mistyped(value, "map")
        self._length(shape, value, path)
        for role, member, items in (
            ("keys", shape.key, value),
            ("value", shape.value, value.values()),
        ):
            broken = [text for item in items for text in self._broken(member, item)]
            if broken:
                rules = ", ".join(dict.fromkeys(broken))
                self.fail(value, path, f"Map {role} must satisfy constraint: [{rules}]")
        if shape.value.type_name == "string":
            return dict(value)
        return {
            key: self.visit(shape.value, item, f"{path}.{key}.member")
            for key, item in value.items()
        }

    def _broken(self, shape: Any, item: Any) -> list[str]:
        if shape.type_name != "string":
            return []
        if not isinstance(item, str):
            raise _mistyped(item, "String")
        return [rule for rule, holds in string_rules(shape, item) if not holds]

    def _string(self, shape: Any, value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise _mistyped(value, "String")
        for rule, holds in string_rules(shape, value):
            if not holds:
                self.fail(value, path, rule)
        return value

    def _boolean(self, _shape: Any, value: Any, _path: str) -> bool:
        if not isinstance(value, bool):
            raise _mistyped(value, "Boolean")
        return value

    def _number(self, shape: Any, value: Any, path: str) -> Any:
        whole = shape.type_name in ("integer", "long")
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise _mistyped(value, JAVA_TYPES[shape.type_name])
        if "min" in shape.metadata and value < shape.metadata["min"]:
            least = shape.metadata["min"]
            self.fail(value, path, f"Member must have value greater than or equal to {least}")
        if "max" in shape.metadata and value > shape.metadata["max"]:
            most = shape.metadata["max"]
            self.fail(value, path, f"Member must have value less than or equal to {most}")
        return value

    def _timestamp(self, _shape: Any, value: Any, _path: str) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            if isinstance(value, str):
                return datetime.fromisoformat(value).astimezone(UTC)
            if isinstance(value, int | float) and math.isfinite(value):
                return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise _mistyped(value, "Timestamp") from error
        raise _mistyped(value, "Timestamp")

    def _plain(self, _shape: Any, value: Any, _path: str) -> Any:
        return value

    def _length(self, shape: Any, value: list[Any] | dict[str, Any], path: str) -> None:
        for rule, holds in length_rules(shape, len(value)):
            if not holds:
                self.fail(value, path, rule)


def length_rules(shape: Any, length: int) -> list[tuple[str, bool]]:
    """The shape's limits on a length, each with whether it holds."""
    rules = []
    if "max" in shape.metadata:
        most = shape.metadata["max"]
        rules.append((f"Member must have length less than or equal to {most}", length <= most))
    if "min" in shape.metadata:
        least = shape.metadata["min"]
        rules.append((f"Member must have length greater than or equal to {least}", length >= least))
    return rules


def string_rules(shape: Any, value: str) -> list[tuple[str, bool]]:
    """Every constraint of a string shape, each with whether it holds."""
    rules = length_rules(shape, len(value))
    pattern = shape.metadata.get("pattern")
    if pattern and len(value) <= LONGEST_FOR_PATTERN:
        rules.append(
            (
                f"Member must satisfy regular expression pattern: {pattern}",
                compiled(pattern).fullmatch(value) is not None,
            )
        )
    if shape.enum:
        allowed = ", ".join(shape.enum)
        rules.append((f"Member must satisfy enum value set: [{allowed}]", value in shape.enum))
    return rules


def _joined(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return str(value)


def _mistyped(value: Any, wanted: str) -> ApiError:
    kind = {bool: "TRUE_VALUE" if value is True else "FALSE_VALUE", str: "STRING_VALUE"}.get(
        type(value), "NUMBER_VALUE" if isinstance(value, int | float) else "START_OBJECT"
    )
    return ApiError("SerializationException", f"{kind} can not be converted to a {wanted}")
