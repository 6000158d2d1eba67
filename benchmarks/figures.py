"""What the benchmarks report: one measured figure a line, with what it must be and should be."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table. `limit` is the most it may be, `aim` the most it should be.

    Figures that have a limit are the project's promises: RESULTS.md begins with them.
    """

    what: str
    value: float
    unit: str = ""
    limit: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the limit holds; without one, whether the aim does, if there is one."""
        most = self.aim if self.limit is None else self.limit
        return most is None or self.value <= most

    @property
    def verdict(self) -> str:
        """How the figure stands, in a word or two."""
        if self.limit is None and self.aim is None:
            return ""
        if not self.met:
            return "MISSED"
        if self.limit is not None and self.aim is not None:
            return "met" if self.value > self.aim else "met, aim too"
        return "met"

    def __str__(self) -> str:
        goal = ", ".join(
            f"{word} {most:g}"
            for word, most in (("at most", self.limit), ("aim", self.aim))
            if most is not None
        )
        line = f"{self.what:<58} {number(self.value):>9} {self.unit:<3} {goal:<22} {self.note}"
        return line.rstrip() if self.met else f"{line.rstrip()}  MISSED"


def number(value: float) -> str:
    """A figure with three digits that count, and no more zeros than it needs."""
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value):,}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| what | measured | at most | aim | | note |", "|---|---:|---:|---:|---|---|"]
    for figure in figures:
        limits = ["" if most is None else f"{most:g}" for most in (figure.limit, figure.aim)]
        cells = [
            figure.what,
            f"{number(figure.value)} {figure.unit}".strip(),
            *limits,
            figure.verdict,
            figure.note,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def median(values: Sequence[float]) -> float:
    """The median of what was measured."""
    return float(statistics.median(values))


def spread(values: Sequence[float]) -> str:
    """How far what was measured lies apart: `lowest to highest of n`."""
    return f"{number(min(values))} to {number(max(values))} of {len(values)}"
