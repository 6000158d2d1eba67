"""The conditions of a Condition step, as the SageMaker SDK writes them."""

from __future__ import annotations

from typing import Any

from local_cloud.sagemaker.definition.errors import Unparsable

_COMPARED = ("LeftValue", "RightValue")
# By type, the members that a condition has beside its Type.
CONDITIONS: dict[str, tuple[str, ...]] = {
    "Equals": _COMPARED,
    "GreaterThan": _COMPARED,
    "GreaterThanOrEqualTo": _COMPARED,
    "LessThan": _COMPARED,
    "LessThanOrEqualTo": _COMPARED,
    "In": ("QueryValue", "Values"),
    "Not": ("Condition",),  # not Expression: aws/sagemaker-python-sdk#2746
    "Or": ("Conditions",),
}


def check_condition(condition: Any) -> None:
    """Raise Unparsable unless this is a condition."""
    if not isinstance(condition, dict):
        raise Unparsable("Expecting start of Json Object.")
    members = CONDITIONS.get(str(condition.get("Type")))
    if members is None:
        known = ", ".join(CONDITIONS)
        raise Unparsable(f"Condition type {condition.get('Type')!r} is not one of {known}.")
    for name in condition:
        if name not in ("Type", *members):
            raise Unparsable(f"Cannot parse object, unknown property '{name}'.")
    for name in members:
        if name not in condition:
            raise Unparsable(f"A condition of type {condition['Type']} needs {name}.")
    if "Condition" in members:
        check_condition(condition["Condition"])
    for name in ("Conditions", "Values"):
        if name in members and not isinstance(condition[name], list):
            raise Unparsable("Expecting start of Json Array.")
    for inner in condition["Conditions"] if "Conditions" in members else ():
        check_condition(inner)
