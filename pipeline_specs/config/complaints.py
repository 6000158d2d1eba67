"""Says what is wrong with a project's settings: file, line, key and what should be there."""

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from headrace.domain.errors import PermanentError
from pydantic import BaseModel, ValidationError

from pipeline_specs.config.document import Document, Route
from pipeline_specs.config.fields import Wrong, shown
from pipeline_specs.config.json_schema import properties, schema_of

_Model = TypeVar("_Model", bound=BaseModel)

# Pydantic's error types in our words; the value found is added.
_SHOULD_BE = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "string_type": "a text",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "too_short": "a list of at least {min_length}",
}


def checked(model: type[_Model], source: Document) -> _Model:
    """Return a document's values as a model.

    Raises PermanentError with a line `FILE:LINE: dotted.key what is wrong` for each wrong key,
    in the order of the file.
    """
    try:
        return model.model_validate(source.values)
    except ValidationError as error:
        found = [_complaint(model, source, one) for one in error.errors(include_url=False)]
        lines = dict.fromkeys(text for _, text in sorted(found, key=lambda one: one[0]))
        raise PermanentError("\n".join(lines)) from None


def _complaint(model: type[BaseModel], source: Document, error: Any) -> tuple[int, str]:
    """Return the line of a wrong key, and the complaint."""
    cause = error.get("ctx", {}).get("error")
    route: Route = (*error["loc"], *(cause.route if isinstance(cause, Wrong) else ()))
    if error["type"] == "invalid_key":  # `1:` or `true:`, which YAML does not read as a text
        route = (*route[:-1], str(error["input"]).lower())
    name = ".".join(map(str, route))
    line = source.line(route)
    return line, f"{source.where}:{line}: {name} {_text(model, route, error)}"


def _text(model: type[BaseModel], route: Route, error: Any) -> str:
    kind, found, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind in ("extra_forbidden", "invalid_key"):
        return _unknown(model, route)
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_too_short":
        return "is empty"
    if found is None:
        return "has no value"
    if kind == "literal_error":
        choices = context["expected"].replace("'", "").replace(" or ", ", ")
        return f"should be one of {choices}, but is {shown(found)}"
    if kind in _SHOULD_BE:
        quotes = " in quotes" if kind == "string_type" and not isinstance(found, Mapping) else ""
        return f"should be {_SHOULD_BE[kind].format(**context)}{quotes}, but is {shown(found)}"
    return f"should hold keys and values, but is {shown(found)}"


def _unknown(model: type[BaseModel], route: Route) -> str:
    known = sorted(properties(schema_of(model), route[:-1]))
    near = difflib.get_close_matches(str(route[-1]), known, 1)
    meant = f"did you mean {near[0]}?" if near else f"known here are {', '.join(known)}"
    return f"is unknown; {meant}"
