"""Measures a dataset as SageMaker Model Monitor does, and checks it against a baseline.

A stand-alone program with the contract of Model Monitor's analyzer container, so that the same
files come out where that service is not to be had. One file, because a container is given one.

Environment: `dataset_format` ({"csv": {"header": true}}), `dataset_source` (folder or file),
`output_path`, and for a check `baseline_constraints` and `baseline_statistics` (files).
`publish_cloudwatch_metrics` is accepted, but nothing is published. The names in OPTIONS below
override the monitoring_config that is written into, or read from, constraints.json:
- comparison_method: Robust (default) takes from the largest difference of two distributions what
  sampling explains (1.8 * sqrt((n + m) / (n * m)), Kolmogorov-Smirnov, p = 0.3 %); Simple does not.
- comparison_threshold (0.1), categorical_comparison_threshold (0.1): the distance that is drift;
  under categorical_drift_method ChiSquared the p-value below which it is, under LInfinity
  (default) the largest difference of a category's share.
- datatype_check_threshold, domain_content_threshold (1.0): the least share of values that must
  have the baseline's type, or be among its categories.

Files are read in blocks, so a dataset may be larger than memory. The exit code is 0 with and
without violations; 1 means that the data could not be read.
"""

from __future__ import annotations

import csv
import heapq
import json
import math
import os
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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

# Option of monitoring_config: default and, for those that are words, the words.
OPTIONS: dict[str, tuple[str | float, tuple[str, ...]]] = {
    "evaluate_constraints": ("Enabled", ("Enabled", "Disabled")),
    "emit_metrics": ("Enabled", ("Enabled", "Disabled")),
    "datatype_check_threshold": (1.0, ()),
    "domain_content_threshold": (1.0, ()),
    "perform_comparison": ("Enabled", ("Enabled", "Disabled")),
    "comparison_threshold": (0.1, ()),
    "comparison_method": ("Robust", ("Robust", "Simple")),
    "categorical_comparison_threshold": (0.1, ()),
    "categorical_drift_method": ("LInfinity", ("LInfinity", "ChiSquared")),
}
TOP_LEVEL = tuple(OPTIONS)[:4]  # the others stand in the section
DISTRIBUTION = "distribution_constraints"


class BadInput(Exception):
    """Something the owner of the data can put right: where, what was expected, what was found."""


def leave_message(text: str) -> None:
    """Write what DescribeProcessingJob shows as ExitMessage (at most 1 KB)."""
    path = Path(os.environ.get("MESSAGE_FILE", "/opt/ml/output/message"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.encode()[:1024].decode(errors="ignore"), encoding="utf-8")
    except OSError as error:
        print(f"cannot write the exit message: {error}", file=sys.stderr)


def run(main: Callable[[], int]) -> int:
    """Run `main`; bad input becomes one line, a crash keeps its traceback; both exit with 1."""
    try:
        return main()
    except BadInput as error:
        print(error, file=sys.stderr)
        leave_message(str(error))
        return 1
    except Exception as error:
        leave_message(f"{Path(__file__).name} crashed: {type(error).__name__}: {error}")
        raise


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

    def __init__(self, name: str) -> None:
        self.name = name
        self.present = self.missing = self.numbers = self.integral = self.negative = 0
        self.mean = self.squares = self.total = 0.0
        self.minimum, self.maximum = math.inf, -math.inf
        self.sketch = Sketch()
        self.categories: Counter[str] | None = Counter()  # None: too many
        self.distinct = Distinct()

    def add(self, cells: Iterable[str]) -> None:
        """Measure one block. Empty cells and NaN are missing; infinity is no number."""
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
        elif not finite.all():
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
        if self.numbers < self.present:
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


def measure(source: Path, header: bool) -> list[Column]:
    """Every column of all files in the folder; they must have the same columns."""
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    columns: list[Column] = []
    for path in files:
        for names, block in read_blocks(path, header):
            columns = columns or [Column(name) for name in names]
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


def monitoring_config(environment: dict[str, str], given: Json) -> Json:
    """The options in force: the environment's, else those given, else the defaults."""
    flat = {**given, **given.get("distribution_constraints", {})}
    config: Json = {}
    for option, (default, words) in OPTIONS.items():
        value = environment.get(option) or flat.get(option, default)
        if words and value not in words:
            raise BadInput(f"{option} is {value!r}: expected {' or '.join(words)}")
        if not words:
            given_value, value = value, to_float(str(value))
            if not 0 <= value <= 1:
                raise BadInput(f"{option} is {given_value!r}: expected 0 to 1")
        section = config if option in TOP_LEVEL else config.setdefault(DISTRIBUTION, {})
        section[option] = value
    return config


def percent(share: float) -> str:
    """A share as a percentage, rounded down so that 99.999 % is not called 100 %."""
    return f"{math.floor(share * 10_000) / 100:g}%"


class Check:
    """Compares columns with a baseline and collects the violations."""

    def __init__(self, constraints: Json, statistics: Json, environment: dict[str, str]) -> None:
        self.constraints = constraints
        self.baseline = {feature["name"]: feature for feature in statistics.get("features", [])}
        self.environment = environment
        self.config = monitoring_config(environment, constraints.get("monitoring_config", {}))
        self.violations: list[dict[str, str]] = []

    def run(self, columns: list[Column]) -> list[dict[str, str]]:
        """All violations, in the order of the baseline's columns."""
        if self.config["evaluate_constraints"] == "Disabled":
            return []
        current = {column.name: column for column in columns}
        expected = {feature["name"]: feature for feature in self.constraints["features"]}
        widths = f"{len(current)} columns where the baseline has {len(expected)}"
        for name, feature in expected.items():
            if name in current:
                self._feature(current[name], feature)
            else:
                self._add(name, "missing_column_check", f"The column is missing: {widths}.")
        for name in current:
            if name not in expected:
                self._add(name, "extra_column_check", f"The column is not expected: {widths}.")
        return self.violations

    def _add(self, name: str, check: str, description: str) -> None:
        self.violations.append(
            {"feature_name": name, "constraint_check_type": check, "description": description}
        )

    def _feature(self, column: Column, feature: Json) -> None:
        overrides = feature.get("monitoringConfigOverrides") or {}
        config = merged(self.config, overrides)
        self._data_type(column, feature, config["datatype_check_threshold"])
        self._completeness(column, feature.get("completeness", 0.0))
        domain = feature.get("string_constraints", {}).get("domains")
        if domain:
            self._domain(column, domain, config["domain_content_threshold"])
        options = config[DISTRIBUTION]
        if options["perform_comparison"] == "Enabled" and column.name in self.baseline:
            self._drift(column, self.baseline[column.name], options)

    def _data_type(self, column: Column, feature: Json, threshold: float) -> None:
        expected = feature.get("inferred_type", "Unknown")
        share = column.share_of(expected)
        if share < threshold:
            self._add(
                column.name,
                "data_type_check",
                "Data type match requirement is not met."
                f" Expected data type: {expected}, Expected match: {percent(threshold)}."
                f" Observed: Only {percent(share)} of data is {expected}.",
            )
        if column.negative and feature.get("num_constraints", {}).get("is_non_negative"):
            self._add(
                column.name,
                "data_type_check",
                "Non-negative requirement is not met."
                f" Observed: {column.negative} of {column.numbers} values are below zero,"
                f" the least is {column.minimum:g}.",
            )

    def _completeness(self, column: Column, expected: float) -> None:
        """More missing cells than chance explains at the baseline's rate; at a rate of 0, any.

        Chance is three standard deviations of the binomial distribution and one cell, for data
        so small that the deviations say nothing.
        """
        count = column.present + column.missing
        likely = count * (1 - expected)
        if expected < 1:
            likely += 3 * math.sqrt(likely * expected) + 1
        if column.missing > likely:
            self._add(
                column.name,
                "completeness_check",
                "Data completeness requirement is not met."
                f" Expected completeness: {percent(expected)}."
                f" Observed: {percent(column.completeness)},"
                f" {column.missing} of {count} values are missing.",
            )

    def _domain(self, column: Column, domain: list[str], threshold: float) -> None:
        if column.categories is None:
            share, found = 0.0, f"more than {MOST_CATEGORIES} different ones"
        else:
            unknown = Counter({v: n for v, n in column.categories.items() if v not in domain})
            share = 1 - unknown.total() / max(1, column.present)
            found = ", ".join(f"{v[:40]} ({n} times)" for v, n in by_frequency(unknown)[:5])
        if share < threshold:
            self._add(
                column.name,
                "categorical_values_check",
                f"Domain requirement is not met. Expected: {percent(threshold)} of the values"
                f" among {', '.join(domain[:10])}{', ...' if len(domain) > 10 else ''}."
                f" Observed: {percent(share)}; the others are {found}.",
            )

    def _drift(self, column: Column, baseline: Json, options: Json) -> None:
        robust = options["comparison_method"] == "Robust"
        numeric = baseline.get("numerical_statistics")
        if numeric and column.numbers and "sketch" in numeric["distribution"]["kll"]:
            before = Sketch(numeric["distribution"]["kll"]["sketch"]["data"])
            distance = numeric_distance(before, column.sketch, robust)
            change = f"The mean was {numeric['mean']:.4g} and is {column.mean:.4g}."
            self._exceeds(column, change, distance, options["comparison_threshold"])
            return
        strings = baseline.get("string_statistics", {}).get("distribution", {})
        buckets = strings.get("categorical", {}).get("buckets")
        if not buckets or not column.categories:
            return
        counts = {bucket["value"]: bucket["count"] for bucket in buckets}
        change = most_changed(counts, column.categories)
        threshold = options["categorical_comparison_threshold"]
        if options["categorical_drift_method"] == "LInfinity":
            distance = categorical_distance(counts, column.categories, robust)
            self._exceeds(column, change, distance, threshold)
            return
        p_value = chi_squared_p_value(counts, column.categories)
        if p_value < threshold:
            text = f"{change} Baseline drift p-value: {p_value:.4g} is below threshold: {threshold}"
            self._add(column.name, "baseline_drift_check", text)

    def _exceeds(self, column: Column, change: str, distance: float, threshold: float) -> None:
        if distance > threshold:
            text = f"Baseline drift distance: {distance:.4g} exceeds threshold: {threshold:g}"
            self._add(column.name, "baseline_drift_check", f"{change} {text}")


def merged(config: Json, overrides: Json) -> Json:
    """The monitoring config with one feature's own options laid over it."""
    return {
        key: merged(value, overrides.get(key, {}))
        if isinstance(value, dict)
        else overrides.get(key, value)
        for key, value in config.items()
    }


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


def read_json(path: str, name: str) -> Json:
    """A baseline file: the variable names the file, or the folder that holds it."""
    file = Path(path)
    file = file / name if file.is_dir() else file
    if not file.is_file():
        raise BadInput(f"the baseline {file} is not there")
    document: Json = json.loads(file.read_text(encoding="utf-8"))
    return document


def write_json(path: Path, document: Json) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def main() -> int:
    """Do what the environment says; write the files to output_path."""
    environment = dict(os.environ)
    absent = [
        name
        for name in ("dataset_format", "dataset_source", "output_path")
        if not environment.get(name)
    ]
    if absent:
        raise BadInput(f"environment variables are missing: {', '.join(absent)}")
    dataset_format = json.loads(environment["dataset_format"])
    if "csv" not in dataset_format:
        raise BadInput(f"dataset_format is {environment['dataset_format']}: only csv is supported")
    header = bool(dataset_format["csv"].get("header"))
    columns = measure(Path(environment["dataset_source"]), header)
    output = Path(environment["output_path"])
    output.mkdir(parents=True, exist_ok=True)
    rows = columns[0].present + columns[0].missing
    statistics = {"version": 0, "dataset": {"item_count": rows}}
    write_json(
        output / "statistics.json",
        {**statistics, "features": [column.statistics() for column in columns]},
    )
    write_json(
        output / "constraints.json",
        {
            "version": 0,
            "features": [column.constraints() for column in columns],
            "monitoring_config": monitoring_config(environment, {}),
        },
    )
    message = f"Completed: {rows} rows measured."
    if environment.get("baseline_constraints"):
        constraints = read_json(environment["baseline_constraints"], "constraints.json")
        baseline = environment.get("baseline_statistics")
        known = read_json(baseline, "statistics.json") if baseline else {}
        violations = Check(constraints, known, environment).run(columns)
        write_json(output / "constraint_violations.json", {"violations": violations})
        message = f"Completed: Job completed successfully with no violations in {rows} rows."
        if violations:
            message = (
                "CompletedWithViolations: Job completed successfully with"
                f" {len(violations)} violations in {rows} rows."
            )
    print(message)
    leave_message(message)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
