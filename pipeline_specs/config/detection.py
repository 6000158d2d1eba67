"""Guesses what a CSV file holds: header, columns, their types, and what could be predicted."""

import csv
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from headrace.domain.errors import PermanentError

# What preprocessing reads as a missing value, and how many categories it allows.
MISSING = frozenset({"", "nan", "na", "n/a", "null"})
MOST_CATEGORIES = 1000
_TARGETS = ("target", "label", "y", "class", "outcome")


@dataclass(slots=True)
class Column:
    """A column as its cells show it; `values` are the distinct ones, up to a limit."""

    name: str
    values: set[str] = field(default_factory=set)
    numbers: bool = True
    missing: int = 0
    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def see(self, cell: str) -> None:
        """Take a cell into account."""
        if cell.lower() in MISSING:
            self.missing += 1
            return
        self.count += 1
        if len(self.values) <= MOST_CATEGORIES:
            self.values.add(cell)
        number = _number(cell)
        if number is None:
            self.numbers = False
        elif self.numbers:
            self.total += number
            self.squares += number * number

    @property
    def type(self) -> Literal["numeric", "categorical", "ignored"]:
        """Its type in `project.yaml`: identifiers and dates predict nothing and are ignored."""
        if self.name.lower() == "id" or self.name.lower().endswith("_id"):
            return "ignored"
        if self.numbers:
            return "numeric"
        return "ignored" if len(self.values) > MOST_CATEGORIES or self._dates else "categorical"

    @property
    def _dates(self) -> bool:
        with suppress(ValueError):
            return all(datetime.fromisoformat(value) for value in self.values)
        return False

    @property
    def variance(self) -> float:
        """The variance of the numbers, which is the MSE of predicting their mean."""
        mean = self.total / max(1, self.count)
        return max(0.0, self.squares / max(1, self.count) - mean * mean)

    @property
    def two_classes(self) -> bool:
        """Whether it can be the target of a classification: two texts, or 0 and 1."""
        if not self.numbers:
            return len(self.values) == 2
        return {_number(value) for value in self.values} == {0.0, 1.0}

    def __str__(self) -> str:
        if self.numbers:
            what = f"{len(self.values)} values" if len(self.values) < 10 else "many values"
        elif len(self.values) > MOST_CATEGORIES:
            what = f"more than {MOST_CATEGORIES} texts, as of an identifier"
        else:
            shown = ", ".join(sorted(self.values)[:5])
            what = f"{len(self.values)} texts: {shown}{', ...' if len(self.values) > 5 else ''}"
        return what + (f", {self.missing:,} missing" if self.missing else "")


@dataclass(frozen=True, slots=True)
class Detected:
    """A labelled file: its columns in order, and the one that seems to be predicted, and why."""

    header: bool
    rows: int
    columns: tuple[Column, ...]
    target: Column
    because: str


def detect(path: Path, target: str | None = None) -> Detected:
    """Return what a CSV file holds; `target` names the column to predict instead of a guess.

    Raises PermanentError for a file that is not a table, or whose target cannot be predicted.
    """
    rows = _rows(path)
    first = next(rows, None)
    if first is None or len(first) < 2:
        raise PermanentError(f"{path} should hold at least two columns, separated by commas")
    columns = [Column(name) for name in first]
    count = 0
    for count, cells in enumerate(rows, 1):
        if len(cells) != len(first):
            raise PermanentError(
                f"{path}: row {count + 1} has {len(cells)} columns, not {len(first)}"
            )
        for column, cell in zip(columns, cells, strict=True):
            column.see(cell)
    if not count:
        raise PermanentError(f"{path} should hold more than one row")
    header = _is_header(first, columns)
    if header:
        twice = sorted({name for name in first if first.count(name) > 1})
        if twice or "" in first:
            raise PermanentError(
                f"{path}: the header names {twice[0]!r} twice"
                if twice
                else f"{path}: the header leaves a column without a name"
            )
    else:
        for number, (column, cell) in enumerate(zip(columns, first, strict=True), 1):
            column.see(cell)
            column.name = f"column_{number}"
    found, because = _target(path, columns, target)
    return Detected(header, count + (not header), tuple(columns), found, because)


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for cells in csv.reader(file, strict=True):
                if cells:
                    yield [cell.strip() for cell in cells]
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise PermanentError(f"{path} is not CSV in UTF-8: {error}") from error


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_header(first: list[str], columns: list[Column]) -> bool:
    """A header is text above numbers; in a table of text only, a row whose cells never recur."""
    above_numbers = [
        _number(cell) is None and cell.lower() not in MISSING
        for cell, column in zip(first, columns, strict=True)
        if column.numbers and column.count
    ]
    if above_numbers:
        return all(above_numbers)
    return len(set(first)) == len(first) and not any(
        cell in column.values for cell, column in zip(first, columns, strict=True)
    )


def _target(path: Path, columns: list[Column], asked: str | None) -> tuple[Column, str]:
    by_name = {column.name: column for column in columns}
    if asked is not None:
        if asked not in by_name:
            raise PermanentError(f"{path} has no column {asked}; there are {', '.join(by_name)}")
        found, because = by_name[asked], "as you say"
    else:
        hinted = [column for column in columns if column.name.lower() in _TARGETS]
        used = [column for column in columns if column.type != "ignored"] or columns
        found = hinted[0] if hinted else used[-1]
        last = "the last column" if found is columns[-1] else "the last that is not ignored"
        because = "by its name" if hinted else last
    if not found.numbers and not found.two_classes:
        raise PermanentError(
            f"{found.name} ({because}) holds {found}; only numbers and two classes can be "
            f"predicted: name another column with --target"
        )
    return found, because
