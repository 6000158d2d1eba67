"""The parts of the analyzer that are mathematics, against what is known of them."""

import math
import random

import numpy as np
import pytest
from distances import chi_squared_p_value, chi_squared_tail, numeric_distance
from measures import Distinct, Sketch


def rank_error(sketch: Sketch, values: np.ndarray) -> float:
    """The largest difference of the sketch's cumulative distribution from the true one."""
    held, weights = sketch.weighted()
    true = np.searchsorted(np.sort(values), held, side="right") / len(values)
    return float(np.abs(np.cumsum(weights) / weights.sum() - true).max())


@pytest.mark.parametrize("order", ["random", "ascending", "descending"])
def test_a_sketch_of_a_million_values_is_small_and_within_half_a_percent(order: str) -> None:
    values = np.random.default_rng(1).normal(size=1_000_000)
    if order != "random":
        values = np.sort(values)[:: 1 if order == "ascending" else -1]
    sketch = Sketch()
    for block in np.array_split(values, 100):
        sketch.merge([block])
    assert sum(len(level) for level in sketch.levels) < 6_000
    assert sketch.weighted()[1].sum() == len(values)
    assert rank_error(sketch, values) < 0.005


def test_merged_sketches_are_as_good_as_one() -> None:
    parts = np.random.default_rng(2).exponential(size=(20, 50_000))
    merged = Sketch()
    for part in parts:
        merged.merge(Sketch([part]).levels)
    assert merged.weighted()[1].sum() == parts.size
    assert rank_error(merged, parts.ravel()) < 0.005


def test_few_values_are_kept_as_they_are() -> None:
    values, weights = Sketch([[3.0, 1.0, 2.0]]).weighted()
    assert values.tolist() == [1, 2, 3]
    assert weights.tolist() == [1, 1, 1]


def test_the_distance_of_two_distributions_is_the_largest_gap_between_them() -> None:
    first, second = Sketch([np.arange(100.0)]), Sketch([np.arange(30.0, 130.0)])
    assert numeric_distance(first, second, robust=False) == pytest.approx(0.3)
    noise = 1.8 * math.sqrt(200 / 10_000)
    assert numeric_distance(first, second, robust=True) == pytest.approx(0.3 - noise)
    assert numeric_distance(first, first, robust=True) == 0


def test_ties_are_no_distance() -> None:
    first, second = Sketch([[1.0] * 60 + [2.0] * 40]), Sketch([[2.0] * 20 + [1.0] * 30])
    assert numeric_distance(first, second, robust=False) == pytest.approx(0)


@pytest.mark.parametrize(
    ("x", "degrees", "tail"),
    [  # from tables of the distribution
        (3.841, 1, 0.05),
        (5.991, 2, 0.05),
        (7.815, 3, 0.05),
        (23.209, 10, 0.01),
        (43.773, 30, 0.05),
        (0.0, 2, 1.0),
        (0.0, 3, 1.0),
        (1e5, 4, 0.0),
    ],
)
def test_the_tail_of_chi_squared_is_as_in_the_tables(x: float, degrees: int, tail: float) -> None:
    assert chi_squared_tail(x, degrees) == pytest.approx(tail, abs=5e-5)


def test_rare_categories_are_counted_as_one() -> None:
    common = {"a": 500, "b": 500}
    once = {f"rare{i}": 1 for i in range(8)}
    assert chi_squared_p_value(common | once, common | once) == pytest.approx(1)
    assert chi_squared_p_value(common, common | once) < 0.05


def test_equal_samples_are_rarely_called_different() -> None:
    rng = random.Random(7)  # noqa: S311 - draws samples, guards nothing
    tells = 0
    for _ in range(300):
        before, now = (dict.fromkeys("abcd", 0) for _ in range(2))
        for counts, size in ((before, 400), (now, 150)):
            for _ in range(size):
                counts[rng.choice("abcd")] += 1
        tells += chi_squared_p_value(before, now) < 0.05
    assert 3 <= tells <= 30


def test_distinct_values_are_estimated_within_ten_percent() -> None:
    few, many = Distinct(), Distinct()
    few.add(str(i % 500) for i in range(5_000))
    many.add(str(i % 60_000) for i in range(90_000))
    assert few.estimate() == 500
    assert many.estimate() == pytest.approx(60_000, rel=0.1)
