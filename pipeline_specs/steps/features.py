"""What is learnt from training rows, and how it turns a row into features."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from container import BadInput

MOST_CATEGORIES = 1000


class Numeric:
    """Standardises a number; a missing one becomes the mean of the training rows."""

    def __init__(self, name: str) -> None:
        self.name, self.count, self.mean, self.squares = name, 0, 0.0, 0.0

    def see(self, cell: str) -> None:
        """Take one training cell into account (Welford's update)."""
        if cell:
            self.count += 1
            step = float(cell) - self.mean
            self.mean += step / self.count
            self.squares += step * (float(cell) - self.mean)

    def learnt(self) -> dict[str, Any]:
        if not self.count:
            raise BadInput(f"column {self.name}: every training row lacks a value")
        std = math.sqrt(self.squares / self.count) or 1.0
        return {"type": "numeric", "mean": self.mean, "std": std, "fill": self.mean}


class Categorical:
    """One column per category; a missing cell becomes the most frequent one, a new one all 0."""

    def __init__(self, name: str) -> None:
        self.name, self.counts = name, Counter[str]()

    def see(self, cell: str) -> None:
        """Take one training cell into account."""
        if cell:
            self.counts[cell] += 1
            if len(self.counts) > MOST_CATEGORIES:
                raise BadInput(
                    f"column {self.name} has more than {MOST_CATEGORIES} categories: is it an"
                    " identifier? let its type be ignored in project.yaml"
                )

    def learnt(self) -> dict[str, Any]:
        if not self.counts:
            raise BadInput(f"column {self.name}: every training row lacks a value")
        fill = min(self.counts, key=lambda category: (-self.counts[category], category))
        return {"type": "categorical", "categories": sorted(self.counts), "fill": fill}


def encode(cells: list[str], features: list[dict[str, Any]]) -> list[str]:
    """Feature values of one row, as text with the nine digits a 32-bit float holds."""
    values = []
    for cell, feature in zip(cells, features, strict=True):
        if feature["type"] == "numeric":
            number = float(cell) if cell else feature["fill"]
            values.append(f"{(number - feature['mean']) / feature['std']:.9g}")
        else:
            cell = cell or feature["fill"]
            values += ["1" if cell == category else "0" for category in feature["categories"]]
    return values
