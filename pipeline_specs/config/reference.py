"""Writes what is derived from the model of `project.yaml`: run it after a change of the model.

`python -m pipeline_specs.config.reference` renews project.schema.json, which editors read, and
the table of keys in docs/configuration.md. Tests fail while either differs from the model.
"""

import json
from collections.abc import Iterator
from typing import Any

from pipeline_specs import ROOT
from pipeline_specs.config.json_schema import resolved, schema_of, written
from pipeline_specs.config.project_file import ProjectFile

SCHEMA = ROOT / "pipeline_specs" / "project.schema.json"
PAGE = ROOT / "docs" / "configuration.md"
BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"


def schema_text() -> str:
    """Return project.schema.json as it should be."""
    return written(schema_of(ProjectFile)) + "\n"


def tables() -> str:
    """Return the keys of `project.yaml` with type, default and meaning, in Markdown."""
    schema = schema_of(ProjectFile)
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, key, required in _keys(schema, schema, ""):
        default = "required" if required else _default(key)
        cells = (f"`{name}`", _type(key), default, key["description"].replace("|", "\\|"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _keys(
    schema: dict[str, Any], section: dict[str, Any], route: str
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield each key with its schema, and whether it must be there."""
    for key, found in section["properties"].items():
        name, inner = f"{route}{key}", resolved(schema, found)
        yield name, inner, key in section.get("required", ())
        items = inner.get("items", {})
        for nested in (inner, items, *items.get("anyOf", ())):
            if "properties" in nested:
                yield from _keys(schema, nested, f"{name}{'.' if nested is inner else '[].'}")


def _type(key: dict[str, Any]) -> str:
    if "enum" in key:
        return " \\| ".join(f"`{choice}`" for choice in key["enum"] if choice is not None)
    kind = key["type"] if isinstance(key["type"], str) else key["type"][0]
    if kind == "object" and "properties" in key:
        return "section"
    words = {"string": "text", "integer": "whole number", "boolean": "flag"}
    return {**words, "object": "mapping", "array": "list"}.get(kind, kind)


def _default(key: dict[str, Any]) -> str:
    default = key.get("default", "")
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{json.dumps(default).strip(chr(34))}`" if default != "" else ""


def renewed(page: str) -> str:
    """Return the page with the tables as they should be."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + tables() + END + rest.split(END)[1]


def main() -> None:
    """Rewrite the schema and the page."""
    SCHEMA.write_text(schema_text(), "utf-8")
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
