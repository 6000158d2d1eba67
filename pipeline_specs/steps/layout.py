"""What a raw file must look like, checked row by row."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from container import BadInput
from csv_files import quoted, read_rows

MISSING = frozenset({"", "nan", "na", "n/a", "null"})
TYPES = ("numeric", "categorical", "ignored")


@dataclass(frozen=True)
class RawColumn:
    """One column of the raw data."""

    name: str
    numeric: bool
    ignored: bool = False  # it may hold anything, and is no feature


@dataclass(frozen=True)
class Layout:
    """What every file must look like: all columns when fitting, all but the target otherwise."""

    columns: tuple[RawColumn, ...]
    header: bool
    target: str

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def used(self) -> list[RawColumn]:
        """The columns whose cells `rows` gives."""
        return [column for column in self.columns if not column.ignored]

    @property
    def labelled(self) -> bool:
        return self.target in self.names

    def rows(self, path: Path, name: str) -> Iterator[list[str]]:
        """The file's rows, checked: used cells stripped, a missing one is the empty string."""
        count = 0
        for count, (row, cells, _) in enumerate(read_rows(path, name), 1):
            where = f"{name} row {row}"
            if len(cells) != len(self.columns):
                raise BadInput(f"{where} {self._wrong_width(len(cells), first=count == 1)}")
            if count == 1 and self.header:
                if [cell.strip() for cell in cells] != self.names:
                    raise BadInput(
                        f"{where}: expected the header {','.join(self.names)},"
                        f" found {quoted(','.join(cells))}"
                    )
            elif count == 1 and self._looks_like_header(cells):
                raise BadInput(
                    f"{where} looks like a header: {quoted(','.join(cells))}; data is expected from"
                    " row 1 on: remove it, or set data.header to true in project.yaml"
                )
            else:
                yield [
                    self._clean(where, at, cell)
                    for at, cell in enumerate(cells)
                    if not self.columns[at].ignored
                ]
        if count == 0:
            raise BadInput(f"{name} is empty: at least one row is expected")
        if count == 1 and self.header:
            raise BadInput(f"{name} has a header and no rows: at least one row is expected")

    def _wrong_width(self, found: int, first: bool) -> str:
        expected = len(self.columns)
        text = f"has {found} columns where {expected} are expected"
        if not first:
            return f"{text}, as in the rows above"
        if self.labelled and found == expected - 1:
            return f"{text}: is the label ({self.target}) missing?"
        if not self.labelled and found == expected + 1:
            return f"{text}: is the label ({self.target}) still there?"
        if found == 1:
            return f"{text}: are its cells separated by commas?"
        return text

    def _looks_like_header(self, cells: list[str]) -> bool:
        if any(
            cell.strip().lower() == c.name.lower()
            for cell, c in zip(cells, self.columns, strict=True)
        ):
            return True
        numeric = [cell for cell, column in zip(cells, self.columns, strict=True) if column.numeric]
        return bool(numeric) and all(parse_number(cell) is None for cell in numeric)

    def _clean(self, where: str, at: int, cell: str) -> str:
        column, text = self.columns[at], cell.strip()
        label = column.name == self.target
        where = f"{where} column {at + 1} ({column.name})"
        if not column.numeric:
            if label and not text:
                raise BadInput(f"{where}: expected a label, found an empty cell")
            return text
        if text.lower() in MISSING and not label:
            return ""
        value = parse_number(text)
        if value is None or not math.isfinite(value):
            expected = "a finite number as label" if label else "a finite number"
            raise BadInput(f"{where}: expected {expected}, found {quoted(cell)}")
        return text


def parse_number(text: str) -> float | None:
    """The number a cell holds, NaN for a missing one, or None if it holds something else."""
    if text.strip().lower() in MISSING:
        return math.nan
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def parse_columns(text: str) -> tuple[RawColumn, ...]:
    """Columns in file order: [{"name": ..., "type": one of TYPES}, ...]."""
    columns: list[RawColumn] = []
    for entry in json.loads(text):
        if entry["type"] not in TYPES:
            raise BadInput(
                f"column {entry['name']}: type is {', '.join(TYPES[:-1])} or {TYPES[-1]},"
                f" not {quoted(str(entry['type']))}"
            )
        if entry["name"] in [column.name for column in columns]:
            raise BadInput(f"column {entry['name']} is there twice")
        columns.append(
            RawColumn(entry["name"], entry["type"] == "numeric", entry["type"] == "ignored")
        )
    return tuple(columns)
