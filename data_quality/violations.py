"""Compares a dataset with the constraints and statistics of its baseline."""

from __future__ import annotations

import math
from collections import Counter

from distances import (
    categorical_distance,
    chi_squared_p_value,
    most_changed,
    numeric_distance,
    percent,
)
from measures import MOST_CATEGORIES, BadInput, Column, Json, Sketch, by_frequency, to_float

# Option of monitoring_config: its default and, if it is a choice, the choices.
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
TOP_LEVEL = tuple(OPTIONS)[:4]  # the others are in the section
DISTRIBUTION = "distribution_constraints"


def monitoring_config(environment: dict[str, str], given: Json) -> Json:
    """The effective options: the environment's, else those given, else the defaults."""
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
    """The monitoring config with one feature's own options applied."""
    return {
        key: merged(value, overrides.get(key, {}))
        if isinstance(value, dict)
        else overrides.get(key, value)
        for key, value in config.items()
    }
