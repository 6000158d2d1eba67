"""Values of a definition's expressions: Get, Std:Join, Std:JsonGet, and conditions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud.sagemaker.engine.errors import StepFailed

_PART = re.compile(r"\['([^']*)'\]|\[\"([^\"]*)\"\]|\[(\d+)\]|([^.\[\]]+)")


@dataclass(frozen=True)
class Scope:
    """What expressions of one execution may refer to.

    `properties` grows as steps end; `property_files` maps a step to its property files' S3
    URIs by name; `read` fetches the text of an S3 URI.
    """

    parameters: Mapping[str, Any]
    execution: Mapping[str, Callable[[], str]]
    properties: Mapping[str, Any]
    property_files: Mapping[str, Mapping[str, str]]
    read: Callable[[str], str]

    def resolve(self, value: Any) -> Any:
        """The value with every expression in it, at any depth, replaced by what it stands for."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Get"}:
            return self._get(value["Get"])
        if set(value) == {"Std:Join"}:
            parts = [_text(self.resolve(part)) for part in value["Std:Join"]["Values"]]
            return str(value["Std:Join"].get("On", "")).join(parts)
        if set(value) == {"Std:JsonGet"}:
            return self._json_get(value["Std:JsonGet"])
        return {key: self.resolve(inner) for key, inner in value.items()}

    def holds(self, condition: Mapping[str, Any]) -> bool:
        """Whether a condition of a Condition step is true."""
        kind = condition["Type"]
        if kind == "Not":
            return not self.holds(condition["Condition"])
        if kind == "Or":
            return any(self.holds(inner) for inner in condition["Conditions"])
        if kind == "In":
            members: list[Any] = self.resolve(condition["Values"])
            return self.resolve(condition["QueryValue"]) in members
        if kind not in _COMPARISONS:
            raise StepFailed(f"ClientError: Unknown condition type {kind}")
        left = self.resolve(condition["LeftValue"])
        right = self.resolve(condition["RightValue"])
        try:
            return _COMPARISONS[kind](left, right)
        except TypeError as error:
            raise StepFailed(
                f"ClientError: {kind} cannot compare {left!r} with {right!r}; "
                "both must be numbers or both text"
            ) from error

    def _get(self, reference: str) -> Any:
        kind, _, rest = reference.partition(".")
        if kind == "Parameters":
            return self.parameters[rest]
        if kind == "Execution":
            if rest not in self.execution:
                raise StepFailed(
                    f"ClientError: There is no variable Execution.{rest}; there are "
                    f"{', '.join(sorted(self.execution))}"
                )
            return self.execution[rest]()
        if kind == "Steps":
            name, _, path = rest.partition(".")
            return look_up(self.properties[name], path, f"the properties of step {name}")
        raise StepFailed(f"ClientError: Cannot resolve {reference}: it names no known scope")

    def _json_get(self, expression: Mapping[str, Any]) -> Any:
        if "S3Uri" in expression:
            uri = self.resolve(expression["S3Uri"])
        else:
            _, step, _, name = expression["PropertyFile"]["Get"].split(".", 3)
            files = self.property_files.get(step, {})
            if name not in files:
                raise StepFailed(f"ClientError: Step {step} has no property file {name}")
            uri = files[name]
        try:
            document = json.loads(self.read(uri))
        except ValueError as error:
            raise StepFailed(f"ClientError: {uri} is not JSON: {error}") from error
        return look_up(document, expression["Path"], uri)


def look_up(document: Any, path: str, where: str) -> Any:
    """The value at a path such as `a.b[0]['c']`.

    A text in brackets on a list means the element so named, as a step's properties show
    `Outputs['train']` where the request has a list.
    """
    value = document
    for match in _PART.finditer(path.removeprefix("$").removeprefix(".")):
        quoted, double_quoted, index, plain = match.groups()
        key = next((k for k in (quoted, double_quoted, plain) if k is not None), None)
        try:
            value = value[int(index)] if key is None else _member(value, key)
        except (KeyError, IndexError, TypeError) as error:
            raise StepFailed(f"ClientError: There is no {path} in {where}") from error
    return value


def _member(value: Any, key: str) -> Any:
    if isinstance(value, list):
        for item in value:
            if key in (item.get(name) for name in _NAMES):
                return item
        raise KeyError(key)
    return value[key]


_NAMES = ("OutputName", "InputName", "ChannelName", "Name")

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda a, b: bool(a == b),
    "GreaterThan": lambda a, b: bool(a > b),
    "GreaterThanOrEqualTo": lambda a, b: bool(a >= b),
    "LessThan": lambda a, b: bool(a < b),
    "LessThanOrEqualTo": lambda a, b: bool(a <= b),
}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
