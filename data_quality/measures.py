"""What is measured of each column, in one pass and little memory."""

from __future__ import annotations

import csv
import heapq
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Json = dict[str, Any]
BLOCK = 20_000  # rows measured at a time
MOST_CATEGORIES = 1_000  # more distinct values than these are counted, but not kept
MOST_DOMAIN_VALUES = 120
BUCKETS = 10
INTEGRAL = re.compile(r"[-+]?\d+")


class BadInput(Exception):
    """Something the owner of the data can fix: where, what was expected, what was found."""


class Sketch:
    """Quantiles of a stream in little memory (KLL: Karnin, Lang, Liberty 2016).

    Level h holds values that stand for 2**h of the stream. A level above its capacity is sorted
    and every other value goes one level up, beginning at a coin's toss from a fixed seed. Two
    sketches merge level by level; new values are a sketch of one level.
    """

    K, C = 2048, 0.64

    def __init__(self, levels: Iterable[Iterable[float]] = ()) -> None:
        self.levels: list[Values] = []
        self._coin = np.random.default_rng(0)
        self.merge([np.asarray(level, dtype=np.float64) for level in levels])

    def merge(self, levels: list[Values]) -> None:
        """Take in the levels of another sketch."""
        self.levels += [np.empty(0)] * (len(levels) - len(self.levels))
        for height, values in enumerate(levels):
            self.levels[height] = np.concatenate([self.levels[height], values])
        height = 0
        while height < len(self.levels):
            capacity = max(2, math.ceil(self.K * self.C ** (len(self.levels) - 1 - height)))
            if len(self.levels[height]) > capacity:
                self._compact(height)
            height += 1

    def _compact(self, height: int) -> None:
        if height + 1 == len(self.levels):
            self.levels.append(np.empty(0))
        ordered = np.sort(self.levels[height])
        even = len(ordered) // 2 * 2
        promoted = ordered[int(self._coin.integers(2)) : even : 2]
        self.levels[height] = ordered[even:]
        self.levels[height + 1] = np.concatenate([self.levels[height + 1], promoted])

    def weighted(self) -> tuple[Values, Values]:
        """Values in order, and the number of the stream's values each stands for."""
        values = np.concatenate([*self.levels, np.empty(0)])
        weights = np.repeat(2.0 ** np.arange(len(self.levels)), [len(v) for v in self.levels])
        order = np.argsort(values, kind="stable")
        return values[order], weights[order]


class Distinct:
    """Number of distinct values from the 1,024 smallest hashes (k minimum values)."""

    SIZE, SPACE = 1024, 2**32

    def __init__(self) -> None:
        self._heap: list[int] = []  # negated: the largest of the smallest comes first
        self._held: set[int] = set()

    def add(self, values: Iterable[str]) -> None:
        for value in values:
            code = zlib.crc32(value.encode())
            if code in self._held:
                continue
            if len(self._heap) < self.SIZE:
                heapq.heappush(self._heap, -code)
            elif code < -self._heap[0]:
                self._held.remove(-heapq.heappushpop(self._heap, -code))
            else:
                continue
            self._held.add(code)

    def estimate(self) -> int:
        if len(self._heap) < self.SIZE:
            return len(self._heap)
        return round((self.SIZE - 1) * self.SPACE / -self._heap[0])


class Column:
    """What is known of one column after the blocks seen so far."""

    def __init__(self, name: str, categorical: bool = False) -> None:
        self.name, self.categorical = name, categorical
        self.present = self.missing = self.numbers = self.integral = self.negative = 0
        self.mean = self.squares = self.total = 0.0
        self.minimum, self.maximum = math.inf, -math.inf
        self.sketch = Sketch()
        self.categories: Counter[str] | None = Counter()  # None: too many
        self.distinct = Distinct()

    def add(self, cells: Iterable[str]) -> None:
        """Measure one block. Empty cells and NaN are missing; infinity is not a number."""
        stripped = [cell.strip() for cell in cells]
        present = [cell for cell in stripped if cell and cell.lower() != "nan"]
        self.present += len(present)
        self.missing += len(stripped) - len(present)
        try:
            parsed = np.array(present, dtype=np.float64)
        except ValueError:
            parsed = np.array([to_float(cell) for cell in present], dtype=np.float64)
        finite = np.isfinite(parsed)
        for at in np.flatnonzero(finite & (parsed == np.floor(parsed))):
            self.integral += INTEGRAL.fullmatch(present[at]) is not None
        if finite.any():
            self._add_numbers(parsed[finite])
        if self.categories is not None:
            self.categories.update(present)
            if len(self.categories) > MOST_CATEGORIES:
                self.distinct.add(self.categories)
                self.categories = None
        elif self.categorical or not finite.all():
            self.distinct.add(present)

    def _add_numbers(self, values: Values) -> None:
        count, mean = len(values), float(values.mean())
        both, step = self.numbers + count, mean - self.mean
        self.squares += float(((values - mean) ** 2).sum())
        self.squares += step * step * self.numbers * count / both
        self.mean += step * count / both
        self.numbers = both
        self.total += float(values.sum())
        self.negative += int((values < 0).sum())
        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))
        self.sketch.merge([values])

    @property
    def inferred_type(self) -> str:
        if not self.present:
            return "Unknown"
        if self.categorical or self.numbers < self.present:
            return "String"
        return "Integral" if self.integral == self.present else "Fractional"

    def share_of(self, inferred_type: str) -> float:
        """Share of the present values that could be of this type: every value could be text."""
        fitting = {"Integral": self.integral, "Fractional": self.numbers}
        return fitting.get(inferred_type, self.present) / self.present if self.present else 1.0

    @property
    def completeness(self) -> float:
        return self.present / max(1, self.present + self.missing)

    def statistics(self) -> Json:
        """This column's entry in statistics.json."""
        entry: Json = {"name": self.name, "inferred_type": self.inferred_type}
        common = {"num_present": self.present, "num_missing": self.missing}
        if self.inferred_type in ("Integral", "Fractional"):
            values, weights = self.sketch.weighted()
            edges = np.linspace(self.minimum, self.maximum, BUCKETS + 1)
            counts = np.histogram(values, edges, weights=weights)[0]
            kll: Json = {
                "buckets": [
                    {"lower_bound": low, "upper_bound": high, "count": count}
                    for low, high, count in zip(
                        edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True
                    )
                ],
                "sketch": {
                    "parameters": {"c": Sketch.C, "k": float(Sketch.K)},
                    "data": [level.tolist() for level in self.sketch.levels],
                },
            }
            entry["numerical_statistics"] = {
                "common": common,
                "mean": self.mean,
                "sum": self.total,
                "std_dev": math.sqrt(self.squares / self.numbers),
                "min": self.minimum,
                "max": self.maximum,
                "distribution": {"kll": kll},
            }
        elif self.categories is None:
            distinct = self.distinct.estimate()
            entry["string_statistics"] = {"common": common, "distinct_count": distinct}
        else:
            buckets = [{"value": v, "count": n} for v, n in by_frequency(self.categories)]
            entry["string_statistics"] = {
                "common": common,
                "distinct_count": len(self.categories),
                "distribution": {"categorical": {"buckets": buckets}},
            }
        return entry

    def constraints(self) -> Json:
        """This column's entry in constraints.json.

        The domain is closed only if a category was seen 10 times on average: otherwise the next
        dataset is bound to bring new ones.
        """
        entry: Json = {
            "name": self.name,
            "inferred_type": self.inferred_type,
            "completeness": self.completeness,
        }
        if self.inferred_type in ("Integral", "Fractional"):
            entry["num_constraints"] = {"is_non_negative": self.negative == 0}
        elif self.inferred_type == "String":
            known = self.categories or Counter()
            closed = 0 < len(known) <= min(MOST_DOMAIN_VALUES, self.present // 10)
            entry["string_constraints"] = {"domains": sorted(known) if closed else []}
        return entry


def to_float(cell: str) -> float:
    """The number in a cell, NaN if it holds text."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def by_frequency(counts: Counter[str]) -> list[tuple[str, int]]:
    """Categories with their counts, most frequent first, in an order that never varies."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def read_blocks(path: Path, header: bool) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Column names and the next rows of a CSV file, until it ends."""
    names: list[str] = []
    seen = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = (row for row in csv.reader(file, strict=True) if row)
            if header:
                names, seen = next(rows, []), 1
            while block := list(islice(rows, BLOCK)):
                names = names or [f"_c{at}" for at in range(len(block[0]))]
                for at, row in enumerate(block):
                    if len(row) != len(names):
                        raise BadInput(
                            f"{path.name} row {seen + at + 1} has {len(row)} columns"
                            f" where {len(names)} are expected"
                        )
                seen += len(block)
                yield names, block
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name}, below row {seen}, is not valid CSV: {error}") from error


def measure(source: Path, header: bool, categorical: frozenset[str] = frozenset()) -> list[Column]:
    """Every column of all files in the folder; they must have the same columns.

    The `categorical` ones are text even where they look like numbers: codes.
    """
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    columns: list[Column] = []
    for path in files:
        for names, block in read_blocks(path, header):
            columns = columns or [Column(name, name in categorical) for name in names]
            if len(set(names)) < len(names):
                raise BadInput(f"{path.name} has a column name twice: {', '.join(names)}")
            if names != [column.name for column in columns]:
                raise BadInput(
                    f"{path.name} has the columns {', '.join(names)}"
                    f" where {', '.join(column.name for column in columns)} are expected"
                )
            for column, cells in zip(columns, zip(*block, strict=True), strict=True):
                column.add(cells)
    if not columns:
        raise BadInput(f"no rows in {source} ({len(files)} files): at least one is expected")
    return columns
