"""How far two distributions are apart, by the measures that Model Monitor offers."""

from __future__ import annotations

import math

import numpy as np
from measures import Sketch, Values


def percent(share: float) -> str:
    """A share as a percentage, rounded down so that 99.999 % is not called 100 %."""
    return f"{math.floor(share * 10_000) / 100:g}%"


def sampling_noise(first: float, second: float) -> float:
    """The difference that two samples of one distribution exceed in 0.3 % of cases."""
    return 1.8 * math.sqrt((first + second) / (first * second))


def numeric_distance(before: Sketch, now: Sketch, robust: bool) -> float:
    """Largest difference of the two cumulative distributions."""
    (old, old_weights), (new, new_weights) = before.weighted(), now.weighted()
    points = np.concatenate([old, new])
    totals = float(old_weights.sum()), float(new_weights.sum())

    def cumulative(values: Values, weights: Values) -> Values:
        sums = np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
        return np.asarray(sums[np.searchsorted(values, points, side="right")])

    distance = np.abs(cumulative(old, old_weights) - cumulative(new, new_weights)).max()
    return max(0.0, float(distance) - (sampling_noise(*totals) if robust else 0.0))


def shares(before: dict[str, int], now: dict[str, int]) -> dict[str, tuple[float, float]]:
    """Each category's share of the baseline and of the current data."""
    old, new = sum(before.values()), sum(now.values())
    names = sorted({*before, *now})
    return {name: (before.get(name, 0) / old, now.get(name, 0) / new) for name in names}


def categorical_distance(before: dict[str, int], now: dict[str, int], robust: bool) -> float:
    """Largest difference of a category's share."""
    distance = max(abs(new - old) for old, new in shares(before, now).values())
    noise = sampling_noise(sum(before.values()), sum(now.values())) if robust else 0.0
    return max(0.0, distance - noise)


def most_changed(before: dict[str, int], now: dict[str, int]) -> str:
    """The category whose share changed most, in words."""
    name, (old, new) = max(shares(before, now).items(), key=lambda s: abs(s[1][1] - s[1][0]))
    return f"The share of {name[:40]} was {percent(old)} and is {percent(new)}."


def chi_squared_p_value(before: dict[str, int], now: dict[str, int]) -> float:
    """Probability of so different counts if both datasets had the same distribution.

    Categories of which fewer than 5 are expected in either dataset are counted as one.
    """
    totals = sum(before.values()), sum(now.values())
    rare = [0, 0]
    table = []
    for name in sorted({*before, *now}):
        counts = before.get(name, 0), now.get(name, 0)
        if sum(counts) * min(totals) / sum(totals) < 5:
            rare = [rare[0] + counts[0], rare[1] + counts[1]]
        else:
            table.append(counts)
    if any(rare):
        table.append((rare[0], rare[1]))
    statistic = 0.0
    for counts in table:
        for count, total in zip(counts, totals, strict=True):
            expected = sum(counts) * total / sum(totals)
            statistic += (count - expected) ** 2 / expected
    return chi_squared_tail(statistic, len(table) - 1)


def chi_squared_tail(x: float, degrees: int) -> float:
    """P(X > x) of the chi-squared distribution, by its finite sum for whole degrees."""
    if degrees < 1:
        return 1.0
    half = x / 2
    odd = degrees % 2
    tail = math.erfc(math.sqrt(half)) if odd else 0.0
    for k in range(degrees // 2):
        power = k + odd / 2
        log = power * math.log(half) if half else (0.0 if power == 0 else -math.inf)
        tail += math.exp(log - half - math.lgamma(power + 1))
    return min(1.0, tail)
