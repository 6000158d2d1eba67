"""`python -m pipeline_specs.reference` renews the tables of keys in docs/configuration.md.

Their source is project.schema.json, which editors read as well.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline_specs import ROOT

SCHEMA = ROOT / "pipeline_specs" / "project.schema.json"
PAGE = ROOT / "docs" / "configuration.md"
BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"


def tables() -> str:
    """Return the keys of `project.yaml` with type, default and meaning, in Markdown."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, key, required in _keys(schema, ""):
        default = "required" if required else _default(key)
        cells = (f"`{name}`", _type(key), default, key["description"].replace("|", "\\|"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _keys(schema: dict[str, Any], route: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    for key, inner in schema["properties"].items():
        name = f"{route}{key}"
        yield name, inner, key in schema.get("required", ())
        for nested, below in ((inner, f"{name}."), (inner.get("items", {}), f"{name}[].")):
            if "properties" in nested:
                yield from _keys(nested, below)


def _type(key: dict[str, Any]) -> str:
    if "enum" in key:
        return " \\| ".join(f"`{choice}`" for choice in key["enum"])
    kind = key["type"] if isinstance(key["type"], str) else key["type"][0]
    if kind == "object" and "properties" in key:
        return "section"
    words = {"string": "text", "integer": "whole number", "boolean": "flag"}
    return {**words, "object": "mapping", "array": "list"}.get(kind, kind)


def _default(key: dict[str, Any]) -> str:
    default = key.get("default", "")
    return f"`{json.dumps(default).strip(chr(34))}`" if default != "" else ""


def renewed(page: str) -> str:
    """Return the page with the tables as they should be."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + tables() + END + rest.split(END)[1]


def main(path: Path = PAGE) -> None:
    """Write the page anew."""
    path.write_text(renewed(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
