"""Checks a pipeline's definition and the parameters of a start, as the API does."""

from __future__ import annotations

from typing import Any

from local_cloud.sagemaker.core.errors import invalid
from local_cloud.sagemaker.core.operations import parsed_json
from local_cloud.sagemaker.definition import rules
from local_cloud.sagemaker.definition.errors import DefinitionError


def check(text: str) -> None:
    """Raise ValidationException, naming what is wrong, unless the text is a definition."""
    try:
        document = parsed_json(text)
    except ValueError as error:
        raise invalid(f"Unable to parse pipeline definition. It is not JSON: {error}.") from error
    try:
        rules.check(document)
    except DefinitionError as error:
        raise invalid(str(error)) from error


def check_parameters(document: dict[str, Any], given: list[dict[str, str]]) -> None:
    """Check the parameters of a start against the definition; raises ValidationException."""
    declared = {parameter["Name"]: parameter for parameter in document.get("Parameters", [])}
    values = {parameter["Name"]: parameter["Value"] for parameter in given}
    if len(values) < len(given):
        raise invalid("Pipeline parameter names must be unique")
    unknown = sorted(values.keys() - declared.keys())
    if unknown:
        raise invalid(f"Pipeline parameters {unknown} are not defined in the pipeline definition")
    without = sorted(
        name
        for name, parameter in declared.items()
        if name not in values and parameter.get("DefaultValue") is None
    )
    if without:
        raise invalid(f"Pipeline parameters {without} have no default and were given no value")
    for name, value in values.items():
        _check_value(declared[name], value)


def _check_value(parameter: dict[str, Any], value: str) -> None:
    kind, name = parameter["Type"], parameter["Name"]
    if value == "":
        raise invalid('[string "" is too short (length: 0, required minimum: 1)]')
    if not _readable_as(kind, value):
        raise invalid(f"Pipeline parameter {name} is of type {kind}; '{value}' is not")
    allowed = parameter.get("EnumValues")
    if allowed and value not in [str(item) for item in allowed]:
        raise invalid(f"Pipeline parameter {name} must be one of {allowed}; '{value}' is not")


def _readable_as(kind: str, value: str) -> bool:
    if kind == "Boolean":
        return value.lower() in ("true", "false")
    reader = {"Integer": int, "Float": float}.get(kind, str)
    try:
        reader(value)
    except ValueError:
        return False
    return True
