"""The quality metrics a project can choose from: one entry each, defined only here.

Step scripts take formula and direction from here inside their containers; the pipeline builders
read the same table through `pipeline_specs.config.metrics`. So it imports no library: formulas use
only the methods of the NumPy arrays they are given.

A formula takes the labels and the predictions, which are scores of class 1 in a classification,
and returns the metric; it raises `Undefined` with the reason where the labels allow no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
else:
    Values = Any  # NumPy is in the containers, and not needed where pipelines are built

CLASS_1_FROM = 0.5  # the lowest score that counts as class 1


class Undefined(Exception):
    """A metric has no value for these labels; the text says why."""


def _mse(labels: Values, predictions: Values) -> float:
    return float(((predictions - labels) ** 2).mean())


def _rmse(labels: Values, predictions: Values) -> float:
    return math.sqrt(_mse(labels, predictions))


def _mae(labels: Values, predictions: Values) -> float:
    return float(abs(predictions - labels).mean())


def _r2(labels: Values, predictions: Values) -> float:
    """The share of the labels' variance that the predictions explain; 1 is perfect."""
    if labels.min() == labels.max():
        raise Undefined(_all_equal(labels))
    return 1 - _mse(labels, predictions) / float(labels.var())


def _mape(labels: Values, predictions: Values) -> float:
    """The mean error relative to the label, as a fraction: 0.1 is ten percent."""
    if zeros := int((labels == 0).sum()):
        raise Undefined(f"{zeros} of {len(labels)} labels are 0")
    return float((abs(predictions - labels) / abs(labels)).mean())


def _accuracy(labels: Values, scores: Values) -> float:
    return float(((labels == 1) == (scores >= CLASS_1_FROM)).mean())


def _hits(labels: Values, scores: Values) -> int:
    return int(((labels == 1) & (scores >= CLASS_1_FROM)).sum())


def _precision(labels: Values, scores: Values) -> float:
    return _hits(labels, scores) / max(1, int((scores >= CLASS_1_FROM).sum()))


def _recall(labels: Values, scores: Values) -> float:
    return _hits(labels, scores) / max(1, int((labels == 1).sum()))


def _f1(labels: Values, scores: Values) -> float:
    precision, recall = _precision(labels, scores), _recall(labels, scores)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _auc(labels: Values, scores: Values) -> float:
    """The probability that a row of class 1 scores above one of class 0; a tie counts as half."""
    positive = labels == 1
    positives = int(positive.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        raise Undefined(_all_equal(labels))
    ordered, found = scores.copy(), scores[positive]
    ordered.sort()
    below_or_tied = ordered.searchsorted(found, "left") + ordered.searchsorted(found, "right")
    ranks = float(((below_or_tied + 1) / 2).sum())  # from 1; equal scores share the mean rank
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def _all_equal(labels: Values) -> str:
    return f"all {len(labels)} labels are {labels[0]:g}"


class Objective(NamedTuple):
    """What a search for hyperparameters optimises: a metric of the built-in XGBoost, and how.

    The names and directions are those of AWS's table "Evaluation Metrics Computed by the XGBoost
    Algorithm" (https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html).
    """

    name: str
    aim: Literal["Minimize", "Maximize"]


_BY_RMSE = Objective("validation:rmse", "Minimize")
_BY_MAE = Objective("validation:mae", "Minimize")
_BY_F1 = Objective("validation:f1", "Maximize")
_BY_AUC = Objective("validation:auc", "Maximize")
_BY_ACCURACY = Objective("validation:accuracy", "Maximize")


class Metric(NamedTuple):
    """A quality metric: its kind of problem, its direction, what tuning aims at, its formula.

    `objective` orders models as the metric does where AWS documents such an objective.
    """

    name: str
    problem: Literal["regression", "binary_classification"]
    lower_is_better: bool
    objective: Objective
    formula: Callable[[Values, Values], float]

    @property
    def report(self) -> str:
        """The section of an evaluation report, as SageMaker names it."""
        return f"{self.problem}_metrics"

    @property
    def path(self) -> str:
        """Where an evaluation report keeps the value."""
        return f"{self.report}.{self.name}.value"

    def passes(self, value: float, threshold: float) -> bool:
        """Return whether a value is at least as good as the threshold."""
        return value <= threshold if self.lower_is_better else value >= threshold


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("mse", "regression", True, _BY_RMSE, _mse),
        Metric("rmse", "regression", True, _BY_RMSE, _rmse),
        Metric("mae", "regression", True, _BY_MAE, _mae),
        # On the same labels the model with the lowest RMSE has the highest R².
        Metric("r2", "regression", False, _BY_RMSE, _r2),
        # XGBoost computes a MAPE, but AWS's table of objectives has none; MAE is the nearest.
        Metric("mape", "regression", True, _BY_MAE, _mape),
        Metric("f1", "binary_classification", False, _BY_F1, _f1),
        Metric("auc", "binary_classification", False, _BY_AUC, _auc),
        Metric("accuracy", "binary_classification", False, _BY_ACCURACY, _accuracy),
        # AWS's table has neither precision nor recall; F1 is their harmonic mean.
        Metric("precision", "binary_classification", False, _BY_F1, _precision),
        Metric("recall", "binary_classification", False, _BY_F1, _recall),
    )
}
