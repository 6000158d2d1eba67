"""Real data for a classification, with a natural drift: who has work, as the US census asked.

The package nannyml ships the American Community Survey of Massachusetts from 2015 to 2018. A model
of those who lived in households in 2015 has an F1 of 0.84 on those of 2016, and of 0.54 on people
in dormitories and shelters, whom it never saw.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pyarrow  # comes with the SageMaker SDK
from pyarrow import compute, parquet

from demo.data import Rows
from demo.loop import ROOT

FOLDER = ROOT / os.environ.get("VENV", ".venv") / "data"  # `make test` fills it
INSTITUTION, GROUP_QUARTERS = "16", "17"  # of RELP, the place in the household
TRAINING, SCORING = 3_000, 1_000  # so many are enough, the first ones of the file


@dataclass(frozen=True, slots=True)
class Census:
    """Rows of CSV: the first one names the columns, the last column is the label."""

    households: Rows
    next_year: Rows
    dormitories: Rows


def census() -> Census:
    """Return people in households of 2015 and of 2016, and in group quarters of 2018."""
    household = ~compute.field("RELP").isin([INSTITUTION, GROUP_QUARTERS])
    in_group_quarters = compute.field("RELP") == GROUP_QUARTERS
    return Census(
        households=_rows("reference", 2015, household, TRAINING),
        next_year=_rows("analysis", 2016, household, SCORING),
        dormitories=_rows("analysis", 2018, in_group_quarters, SCORING),
    )


def _rows(period: str, year: int, who: compute.Expression, count: int) -> Rows:
    people = _table(period, (compute.field("year") == year) & who).slice(0, count)
    if "employed" not in people.column_names:
        ids = compute.field("id").isin(people["id"])
        labels = _table(f"{period}_target", ids)
        assert labels["id"] == people["id"]
        people = people.append_column("employed", labels["employed"])
    features = [name for name in people.column_names if name.isupper()]  # what was asked
    people = people.select(["id", "year", *features, "employed"])
    cells = (map(str, column.to_pylist()) for column in people.columns)
    lines = (",".join(row) for row in zip(*cells, strict=True))
    return (",".join(people.column_names), *lines)


def _table(part: str, wanted: compute.Expression) -> pyarrow.Table:
    found = list(FOLDER.glob(f"**/nannyml/datasets/data/employment_MA_{part}.pq"))
    if not found:
        raise FileNotFoundError(
            f"no employment_MA_{part}.pq below {FOLDER}; `make test` installs it"
        )
    return parquet.read_table(found[0], filters=wanted)
