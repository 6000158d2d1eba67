"""The parameters that a definition declares: their types, defaults and enumerations."""

from __future__ import annotations

from typing import Any

from local_cloud.sagemaker.definition.errors import Unparsable

MEMBERS = ("Name", "Type", "DefaultValue", "EnumValues")
TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}


def check_parameters(parameters: Any) -> None:
    """Raise Unparsable for the first parameter that is not sound."""
    if not isinstance(parameters, list):
        raise Unparsable("Expecting start of Json Array.")
    names = set()
    for parameter in parameters:
        if not isinstance(parameter, dict) or not isinstance(parameter.get("Name"), str):
            raise Unparsable("Each of Parameters must be an object with a Name.")
        name = parameter["Name"]
        for member in parameter:
            if member not in MEMBERS:
                raise Unparsable(f"Cannot parse object, unknown property '{member}'.")
        if str(parameter.get("Type")) not in TYPES:
            raise Unparsable(f"Parameter {name} must have a Type of {list(TYPES)}.")
        if name in names:
            raise Unparsable(f"Parameter names must be unique: {name} is there twice.")
        names.add(name)
        _check_values(name, parameter)


def _check_values(name: str, parameter: dict[str, Any]) -> None:
    kind, allowed = parameter["Type"], parameter.get("EnumValues")
    if allowed is not None and (not isinstance(allowed, list) or not allowed):
        raise Unparsable(f"EnumValues of parameter {name} must be a list that is not empty.")
    default = [parameter["DefaultValue"]] if "DefaultValue" in parameter else []
    for value in (*default, *(allowed or ())):
        if isinstance(value, bool) != (kind == "Boolean") or not isinstance(value, TYPES[kind]):
            raise Unparsable(f"Parameter {name} is of type {kind}; {value!r} is not.")
    if default and allowed and default[0] not in allowed:
        raise Unparsable(
            f"The DefaultValue of parameter {name} must be one of {allowed}, not {default[0]!r}."
        )
