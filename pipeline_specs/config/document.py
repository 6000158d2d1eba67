"""Reads a project's YAML file so that every complaint names the file, the line and the key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from headrace.domain.errors import PermanentError

from pipeline_specs import ROOT

Route = tuple[str | int, ...]
_T = TypeVar("_T")
_Choice = TypeVar("_Choice", bound=str)


@dataclass(frozen=True, slots=True)
class Document:
    """A loaded YAML file: its values, its name in messages, and the line of each key."""

    values: Mapping[str, Any]
    where: str
    lines: Mapping[Route, int] = field(default_factory=dict)


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


class Section:
    """A mapping in the document; each reader checks one key's type and names it when wrong."""

    def __init__(self, document: Document, route: Route = (), values: Any = None) -> None:
        self._document, self._route = document, route
        self.values: Mapping[str, Any] = {}
        found = values if route else document.values
        if not isinstance(found, Mapping):
            self.fail("", f"should hold keys and values, but is {found!r:.60}")
        self.values = found

    def fail(self, key: str | int, complaint: str) -> NoReturn:
        """Raise PermanentError for a key of this section (an empty key means the section)."""
        route = (*self._route, key) if key != "" else self._route
        lines, known = self._document.lines, route
        while known and known not in lines:
            known = known[:-1]
        line = f":{lines[known]}" if known else ""
        name = ".".join(map(str, route))
        raise PermanentError(f"{self._document.where}{line}: {name} {complaint}")

    def only(self, *keys: str) -> "Section":
        """Return this section, having refused keys that nobody reads (mistyped ones)."""
        for key in self.values:
            if key not in keys:
                self.fail(str(key), f"is unknown; known here are {', '.join(sorted(keys))}")
        return self

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string that is not empty."""
        value = self._get(key, str, "text", default)
        return value or self.fail(key, "is empty")

    def optional(self, key: str) -> str | None:
        """Return a string, or None where the key is missing."""
        return self.text(key) if self.values.get(key) is not None else None

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        return self._get(key, bool, "true or false", default)

    def whole(self, key: str, default: int | None = None, least: int = 1) -> int:
        """Return a whole number of at least `least`."""
        value = self._get(key, int, "a whole number", default)
        if isinstance(value, bool) or value < least:
            self.fail(key, f"should be a whole number of at least {least}, but is {value!r}")
        return value

    def number(self, key: str, default: float | None = None, least: float | None = None) -> float:
        """Return a number, whole or not, of at least `least` where that is given."""
        value: Any = self._get(key, (int, float), "a number", default)
        if isinstance(value, bool):
            self.fail(key, f"should be a number, but is {value!r}")
        if least is not None and value < least:
            self.fail(key, f"should be at least {least:g}, but is {value!r}")
        return float(value)

    def choice(self, key: str, choices: tuple[_Choice, ...], default: str | None = None) -> _Choice:
        """Return one of `choices`."""
        value = self.text(key, default)
        for choice in choices:
            if choice == value:
                return choice
        return self.fail(key, f"should be one of {', '.join(choices)}, but is {value!r}")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, empty where the key is missing."""
        values = self.values.get(key) or []
        if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
            self.fail(key, f"should be a list of texts, but is {values!r:.60}")
        return tuple(values)

    def items(self, key: str) -> list["str | Section"]:
        """Return a list of texts and sections, empty where the key is missing."""
        values = self.values.get(key) or []
        if not isinstance(values, list) or "" in values:
            self.fail(key, f"should be a list, none of it empty, but is {values!r:.60}")
        route = (*self._route, key)
        return [
            value if isinstance(value, str) else Section(self._document, (*route, place), value)
            for place, value in enumerate(values)
        ]

    def section(self, key: str) -> "Section":
        """Return the section under a key, empty where the key is missing."""
        return Section(self._document, (*self._route, key), self.values.get(key) or {})

    def sections(self, key: str) -> list["Section"]:
        """Return the list of sections under a key."""
        values = self.values.get(key) or []
        if not isinstance(values, list):
            self.fail(key, f"should be a list, but is {values!r:.60}")
        route = (*self._route, key)
        return [Section(self._document, (*route, i), value) for i, value in enumerate(values)]

    def _get(self, key: str, kind: Any, kind_name: str, default: _T | None) -> _T:
        value: Any = self.values.get(key, default)
        if value is None:
            self.fail(key, "is missing")
        if not isinstance(value, kind):
            self.fail(key, f"should be {kind_name}, but is {value!r:.60}")
        return value  # type: ignore[no-any-return] # isinstance above
