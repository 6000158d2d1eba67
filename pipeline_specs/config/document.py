"""Reads a project's YAML file so that every complaint names the file, the line and the key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from headrace.domain.errors import PermanentError

from pipeline_specs import ROOT

Route = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A loaded YAML file: its values, its name in messages, and the line of each key."""

    values: Mapping[str, Any]
    where: str
    lines: Mapping[Route, int] = field(default_factory=dict)

    def line(self, route: Route) -> int:
        """Return the line of a key, or of the nearest enclosing section that the file has."""
        while route and route not in self.lines:
            route = route[:-1]
        return self.lines[route] if route else 1


def load(path: Path) -> Document:
    """Return the file's content; raises PermanentError when it is not a YAML mapping."""
    where = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
    return parse(path.read_text("utf-8"), where)


def parse(text: str, where: str) -> Document:
    """Return a text's content; raises PermanentError when it is not a YAML mapping."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PermanentError(f"{where} is not YAML: {error}") from error
    if node is None or not isinstance(values, dict):
        raise PermanentError(f"{where} should hold keys and values")
    return Document(values, where, dict(_lines(node, ())))


def _lines(node: yaml.Node, route: Route) -> Iterator[tuple[Route, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*route, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*route, index), value.start_mark.line + 1
            yield from _lines(value, (*route, index))
