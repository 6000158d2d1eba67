"""Evaluation reports in SageMaker's model-quality shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from container import BadInput
from metrics import METRICS, Metric, Undefined, Values

Report = dict[str, Any]


def evaluation(name: str, threshold: float, labels: Values, predictions: Values) -> Report:
    """The report in the shape of SageMaker's model quality reports, with our verdict added.

    It has every metric of the table that is for the same kind of problem and has a value.
    """
    metric = METRICS[name]
    if metric.problem == "binary_classification":
        _check_classes(labels)
    numbers: dict[str, float] = {}
    for other in _of_the_same_problem(metric):
        try:
            numbers[other.name] = other.formula(labels, predictions)
        except Undefined as error:
            if other is metric:
                raise BadInput(f"{name} is not defined: {error}") from None
    return {
        "version": 0,
        "dataset": {"item_count": len(labels)},
        metric.report: {
            found: {"value": number, "standard_deviation": "NaN"}
            for found, number in numbers.items()
        },
        "verdict": {
            "metric": name,
            "value": numbers[name],
            "threshold": threshold,
            "passed": metric.passes(numbers[name], threshold),
            "rows": len(labels),
        },
    }


def _of_the_same_problem(metric: Metric) -> list[Metric]:
    return [other for other in METRICS.values() if other.problem == metric.problem]


def _check_classes(labels: Values) -> None:
    strange = labels[~np.isin(labels, (0, 1))]
    if strange.size:
        raise BadInput(f"labels must be 0 or 1, found {strange[0]:g}")
