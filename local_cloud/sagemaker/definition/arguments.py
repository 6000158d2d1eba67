"""The Arguments of a step held against botocore's model of the operation that they call.

Expressions stand for values that only a run knows: of those the type is checked, as far as the
definition says it. What CreatePipeline leaves to the run (the greatest lengths, #2554 of the
SageMaker SDK) is left to it here as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session

from local_cloud.sagemaker.definition.errors import DefinitionError, Unparsable
from local_cloud.sagemaker.definition.step_types import UNKNOWN_MEMBERS, StepType

EXPRESSIONS = ("Get", "Std:Join", "Std:JsonGet")
# By botocore's types: the name that messages have, the parameters that may stand there.
_TYPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "string": ("String", ("String",)),
    "integer": ("Integer", ("Integer",)),
    "long": ("Long", ("Integer",)),
    "float": ("Float", ("Float", "Integer")),
    "double": ("Double", ("Float", "Integer")),
    "boolean": ("Boolean", ("Boolean",)),
    "structure": ("Structure", ()),
    "list": ("List", ()),
    "map": ("Map", ()),
    "timestamp": ("Timestamp", ("String",)),
}
_LITERALS: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Long": (int,),
    "Float": (int, float),
    "Double": (int, float),
    "Boolean": (bool,),
}


@cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def is_expression(value: Any) -> bool:
    """Whether a value is computed when the pipeline runs."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in EXPRESSIONS


def check_function(kind: str, inner: Any) -> None:
    """Raise Unparsable unless this is what a function of a definition is made of."""
    if not isinstance(inner, Mapping):
        raise Unparsable("Expecting start of Json Object.")
    if kind == "Std:Join" and not isinstance(inner.get("Values"), list):
        raise Unparsable("Expecting start of Json Array.")
    if kind == "Std:JsonGet" and ("Path" not in inner or len(inner) != 2):
        raise Unparsable("Std:JsonGet needs a PropertyFile or an S3Uri, and a Path.")


def check_arguments(kind: StepType, arguments: Any, parameters: Mapping[str, str]) -> None:
    """Raise DefinitionError for the first thing in Arguments that the operation would not take.

    `parameters` are the declared ones' types by name.
    """
    shape = _model().operation_model(kind.operation).input_shape
    _Check(parameters, kind.unknown).structure(shape, arguments, given=(kind.named,))


class _Check:
    """One walk through the Arguments of one step."""

    def __init__(self, parameters: Mapping[str, str], unknown: tuple[str, ...]) -> None:
        self._parameters = parameters
        self._unknown = unknown

    def visit(self, shape: Any, value: Any) -> None:
        if is_expression(value):
            self._expression(shape, value)
        elif shape.type_name == "structure":
            self.structure(shape, value)
        elif shape.type_name == "list":
            self._list(shape, value)
        elif shape.type_name == "map":
            self._map(shape, value)
        else:
            self._literal(shape, value)

    def structure(self, shape: Any, value: Any, *, given: tuple[str, ...] = ()) -> None:
        if not isinstance(value, Mapping):
            raise Unparsable("Expecting start of Json Object.")
        unknown = (*UNKNOWN_MEMBERS.get(shape.name, ()), *(self._unknown if given else ()))
        for name in value:
            if name not in shape.members or name in unknown:
                raise Unparsable(f"Unknown Argument member '{name}'.")
        for name in shape.required_members:
            if name not in value and name not in given:
                raise _failed(f"Member '{name}' of '{shape.name}' is required.")
        for name, inner in value.items():
            self.visit(shape.members[name], inner)

    def _list(self, shape: Any, value: Any) -> None:
        if not isinstance(value, list):
            raise Unparsable("Expecting start of Json Array.")
        _check_least(shape, value)
        for inner in value:
            self.visit(shape.member, inner)

    def _map(self, shape: Any, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise Unparsable("Expecting start of Json Object.")
        _check_least(shape, value)
        for inner in value.values():
            self.visit(shape.value, inner)

    def _literal(self, shape: Any, value: Any) -> None:
        name, _ = _TYPES.get(shape.type_name, ("", ()))
        wanted = _LITERALS.get(name)
        if wanted is None:
            return
        if isinstance(value, bool) != (name == "Boolean") or not isinstance(value, wanted):
            shown = json.dumps(value)[:200]
            raise _failed(f"Value {shown} for '{shape.name}' is not of type [{name}].")
        if shape.type_name == "string" and shape.enum and value not in shape.enum:
            allowed = ", ".join(shape.enum)
            raise _failed(
                f"Value '{value}' for '{shape.name}' failed to satisfy enum value set: [{allowed}]"
            )
        least = shape.metadata.get("min")
        if least is not None and isinstance(value, str) and len(value) < least:
            raise _failed(
                f"Length of string {shape.name}={len(value)} cannot be less than min={least}."
            )
        if least is not None and isinstance(value, int | float) and value < least:
            raise _failed(f"Value of {shape.name}={value} cannot be less than min={least}.")

    def _expression(self, shape: Any, value: Mapping[str, Any]) -> None:
        name, takes = _TYPES.get(shape.type_name, ("", ()))
        if shape.type_name == "list":
            raise Unparsable("Expecting start of Json Array.")
        (kind, inner) = next(iter(value.items()))
        if kind == "Std:Join" and name not in ("String", "Timestamp"):
            raise DefinitionError(f"Cannot assign Std:Join to argument of type [{name}]")
        if kind != "Get":
            check_function(kind, inner)
            return
        if not isinstance(inner, str):
            raise Unparsable("Expecting Json String.")
        scope, _, rest = inner.partition(".")
        known = {"Parameters": self._parameters.get(rest), "Execution": "String"}.get(scope)
        # What a step's property is, only the run knows; a whole structure it cannot stand for.
        if (known is not None and known not in takes) or not takes:
            raise DefinitionError(
                f"Cannot assign property reference [{inner}] to argument of type [{name}]"
            )


def _check_least(shape: Any, value: Any) -> None:
    least = shape.metadata.get("min", 0)
    if len(value) < least:
        raise _failed(
            f"Length of container {shape.name}={len(value)} cannot be less than min={least}."
        )


def _failed(reason: str) -> Unparsable:
    return Unparsable(f"Model Validation failed: {reason}")
