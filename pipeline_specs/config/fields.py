"""The types of the keys of `project.yaml`, whose errors are in plain English.

Each type states its rules once, for the parser and, as JSON schema, for editors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    WithJsonSchema,
)


class Section(BaseModel):
    """An immutable section. The texts below its fields are their descriptions."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True
    )


class Wrong(ValueError):
    """What is wrong with a value; `route` leads from the checked value to the key at fault."""

    def __init__(self, complaint: str, *route: str | int) -> None:
        super().__init__(complaint)
        self.route = route


def shown(value: Any) -> str:
    """Return a value as errors show it: at most 60 characters."""
    return f"{value!r:.60}"


@dataclass(frozen=True, slots=True)
class Shape:
    """Text that matches `pattern`, a regular expression for both Python and JavaScript.

    `says` completes "should be ..."; `longest` is in characters.
    """

    pattern: str
    says: str
    longest: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Check what pydantic read."""
        return AfterValidator(self._checked).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> Any:
        """Add the schema for editors."""
        longest = {"maxLength": self.longest} if self.longest else {}
        return {**handler(core), "pattern": f"^({self.pattern})$", **longest}

    def _checked(self, value: str) -> str:
        too_long = self.longest is not None and len(value) > self.longest
        if too_long or not re.fullmatch(self.pattern, value):
            raise Wrong(f"should be {self.says}, but is {shown(value)}")
        return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several texts that another module defines."""

    choices: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Check what pydantic read."""
        return AfterValidator(self._checked).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> Any:
        """Add the schema for editors."""
        return {**handler(core), "enum": list(self.choices)}

    def _checked(self, value: str) -> str:
        if value not in self.choices:
            raise Wrong(f"should be one of {', '.join(self.choices)}, but is {shown(value)}")
        return value


@dataclass(frozen=True, slots=True)
class OrNothing:
    """A section or list that is empty if its key has no value, as in `folders:`."""

    kind: type[dict[str, Any]] | type[tuple[Any, ...]]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Replace a missing value by an empty section or list before pydantic checks it."""
        return BeforeValidator(self._given).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> Any:
        """Add the schema for editors."""
        return {"anyOf": [handler(core), {"type": "null"}]}

    def _given(self, value: Any) -> Any:
        return self.kind() if value is None else value


def _pairs(values: Any) -> tuple[tuple[str, str], ...]:
    """Return a mapping's entries, sorted, as the texts that SageMaker takes."""
    if values is None:
        return ()
    if not isinstance(values, Mapping):
        raise Wrong(f"should hold keys and values, but is {shown(values)}")
    for key, value in values.items():
        if not isinstance(value, (str, int, float)):
            raise Wrong(f"should be a text or a number, but is {shown(value)}", str(key))
    return tuple(sorted((str(key), _as_text(value)) for key, value in values.items()))


def _as_text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


NAME = r"[A-Za-z0-9](-*[A-Za-z0-9])*"

OPTIONAL_SECTION = OrNothing(dict)
OPTIONAL_LIST = OrNothing(tuple)
Text = Annotated[StrictStr, Field(min_length=1)]
Flag = StrictBool
Count = Annotated[StrictInt, Field(ge=1)]
CountOrNone = Annotated[StrictInt, Field(ge=0)]
Number = Annotated[StrictFloat, Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(ge=0)]
Share = Annotated[Positive, Field(le=1)]
Texts = Annotated[tuple[Text, ...], OPTIONAL_LIST]
Pairs = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_pairs),
    WithJsonSchema(
        {
            "type": ["object", "null"],
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        }
    ),
]
