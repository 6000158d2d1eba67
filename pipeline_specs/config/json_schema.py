"""The JSON schema of a model, for editors and people: short and without repetition."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_WIDTH = 100
# The keys that come first in each part of a schema.
_FIRST = (
    *("$schema", "$ref", "title", "description", "type", "enum", "default", "minimum", "maximum"),
    *("minLength", "maxLength", "pattern", "examples", "required", "dependentRequired"),
)


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    """Return the schema of a model's input.

    Sections are inlined; only those that are used twice get a name, in `$defs`.
    """
    found = model.model_json_schema(by_alias=True)
    named = found.pop("$defs", {})
    text = json.dumps([found, named])
    shared = {name for name in named if text.count(f'"#/$defs/{name}"') > 1}
    whole = {**_tidy(found, named, shared), "$schema": _DIALECT, "title": found["title"]}
    schema = _in_order(whole)
    if shared:
        schema["$defs"] = {name: _tidy(named[name], named, shared) for name in sorted(shared)}
    return schema


def _tidy(node: Schema, named: Mapping[str, Schema], shared: set[str]) -> Schema:
    """Return a part of a schema with references resolved and noise left out."""
    name = node.get("$ref", "").rpartition("/")[2]
    if name and name not in shared:
        own = {key: value for key, value in node.items() if key != "$ref"}
        return _tidy({**named[name], **own}, named, shared)
    node = {key: value for key, value in node.items() if not _is_noise(key, value)}
    if "description" in node:
        node["description"] = " ".join(node["description"].split())
    if "anyOf" in node:
        node["anyOf"] = [_tidy(one, named, shared) for one in node["anyOf"]]
        node = _nullable(node)
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            node[key] = _tidy(node[key], named, shared)
    if "properties" in node:
        node["properties"] = {
            key: _tidy(inner, named, shared) for key, inner in node["properties"].items()
        }
    return _in_order(node)


def _in_order(node: Schema) -> Schema:
    return {key: node[key] for key in (*_FIRST, *node) if key in node}


def _is_noise(key: str, value: Any) -> bool:
    """Whether an entry carries no information: titles derived from keys, empty defaults."""
    if key == "title":
        return isinstance(value, str)
    return key == "default" and (value is None or isinstance(value, (dict, list)))


def _nullable(node: Schema) -> Schema:
    """Return a schema of a value or null as one schema with two types."""
    something = [one for one in node["anyOf"] if one != {"type": "null"}]
    if len(something) == 1 and len(node["anyOf"]) == 2 and "type" in something[0]:
        outer = {key: value for key, value in node.items() if key != "anyOf"}
        choices = {"enum": [*something[0]["enum"], None]} if "enum" in something[0] else {}
        return {**something[0], **outer, **choices, "type": [something[0]["type"], "null"]}
    return node


def resolved(schema: Schema, node: Schema) -> Schema:
    """Return a part of a schema with its reference resolved."""
    name = node.get("$ref", "").rpartition("/")[2]
    return {**schema["$defs"][name], **node} if name else node


def properties(schema: Schema, route: tuple[str | int, ...]) -> Schema:
    """Return the schemas of the keys in the section at a route."""
    node = schema
    for key in route:
        inside = resolved(schema, node)
        node = (
            inside["items"] if isinstance(key, int) else _section(schema, node)["properties"][key]
        )
    known: Schema = _section(schema, node)["properties"]
    return known


def _section(schema: Schema, node: Schema) -> Schema:
    """Return the section: the schema itself, or the one of its alternatives that has keys."""
    node = resolved(schema, node)
    return next((one for one in node.get("anyOf", ()) if "properties" in one), node)


def written(node: Any, indent: int = 0, beside: int = 0) -> str:
    """Return JSON in which whatever fits on a line of 100 characters is on one.

    `indent` and `beside` count the characters left of the text, and left and right on its line.
    """
    flat = json.dumps(node, ensure_ascii=False)
    if not node or not isinstance(node, (dict, list)) or len(flat) + beside <= _WIDTH:
        return flat
    inner, margin = indent + 2, " " * (indent + 2)
    if isinstance(node, list):
        if all(isinstance(one, str) for one in node):
            return "[\n" + _filled(node, margin) + "\n" + " " * indent + "]"
        lines = [margin + written(one, inner, inner + 1) for one in node]
        return "[\n" + ",\n".join(lines) + "\n" + " " * indent + "]"
    lines = []
    for key, value in node.items():
        label = f"{margin}{json.dumps(key)}: "
        lines.append(label + written(value, inner, len(label) + 1))
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"


def _filled(texts: list[str], margin: str) -> str:
    """Return texts as JSON, as many on a line as fit."""
    lines = [margin]
    for text in texts:
        one = json.dumps(text, ensure_ascii=False) + ("," if text != texts[-1] else "")
        if lines[-1] != margin and len(lines[-1]) + 1 + len(one) > _WIDTH:
            lines.append(margin)
        lines[-1] += one if lines[-1] == margin else f" {one}"
    return "\n".join(lines)
