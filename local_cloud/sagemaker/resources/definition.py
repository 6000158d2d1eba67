"""Checks a pipeline's definition and the parameters of a start, as the API does."""

from __future__ import annotations

from typing import Any

from local_cloud.sagemaker.core.errors import ApiError, invalid
from local_cloud.sagemaker.core.operations import parsed_json

TYPES = ("String", "Integer", "Float", "Boolean")


def parsed(text: str) -> dict[str, Any]:
    """The definition, or ValidationException naming what is wrong with it."""
    try:
        document = parsed_json(text)
    except ValueError as error:
        raise _unparsable(f"It is not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Steps"), list):
        raise _unparsable("It must be a JSON object with a list of Steps")
    if not document["Steps"]:
        raise _unparsable("Steps must not be empty")
    _check_parameters(document)
    _check_steps(document["Steps"])
    return document


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


def _check_parameters(document: dict[str, Any]) -> None:
    names = set()
    for parameter in document.get("Parameters", []):
        if not isinstance(parameter, dict) or not isinstance(parameter.get("Name"), str):
            raise _unparsable("Each of Parameters must be an object with a Name")
        if parameter.get("Type") not in TYPES:
            raise _unparsable(f"Parameter {parameter['Name']} must have a Type of {list(TYPES)}")
        if parameter["Name"] in names:
            raise _unparsable(f"Parameter names must be unique: {parameter['Name']} is there twice")
        names.add(parameter["Name"])


def _check_steps(steps: list[Any]) -> None:
    found = _flattened(steps)
    names = [step["Name"] for step in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _unparsable(f"Step names must be unique: {twice} are there more than once")
    for step in found:
        unknown = sorted(set(step.get("DependsOn") or []) - set(names))
        if unknown:
            raise _unparsable(f"Step {step['Name']} depends on steps that are not there: {unknown}")


def _flattened(steps: list[Any]) -> list[dict[str, Any]]:
    found = []
    for step in steps:
        if not isinstance(step, dict) or not all(
            isinstance(step.get(member), str) for member in ("Name", "Type")
        ):
            raise _unparsable("Each of Steps must be an object with a Name and a Type")
        found.append(step)
        if step["Type"] == "Condition":
            arguments = step.get("Arguments") or {}
            for branch in ("IfSteps", "ElseSteps"):
                found += _flattened(arguments.get(branch) or [])
    return found


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


def _unparsable(why: str) -> ApiError:
    return invalid(f"Unable to parse pipeline definition. {why}.")
