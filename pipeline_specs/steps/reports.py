"""Evaluation reports in SageMaker's model-quality shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from container import BadInput

ERROR_METRICS = ("mse", "rmse", "mae")  # lower is better; for the others higher is
METRICS = (*ERROR_METRICS, "f1", "auc", "accuracy")

Values = npt.NDArray[np.float64]
Report = dict[str, Any]


def regression_report(labels: Values, predictions: Values) -> dict[str, float]:
    """Mean squared error, its root, mean absolute error and, where defined, R squared."""
    errors = predictions - labels
    mse = float(np.mean(errors**2))
    report = {"mse": mse, "rmse": math.sqrt(mse), "mae": float(np.mean(np.abs(errors)))}
    if np.ptp(labels) > 0:
        report["r2"] = 1 - mse / float(np.var(labels))
    return report


def classification_report(labels: Values, scores: Values) -> dict[str, float]:
    """Accuracy, precision, recall and F1 of class 1 at a score of 0.5; AUC if both classes occur.

    AUC is the probability that a row of class 1 scores above one of class 0, a tie being half.
    """
    if not np.isin(labels, (0, 1)).all():
        raise BadInput(f"labels must be 0 or 1, found {labels[~np.isin(labels, (0, 1))][0]:g}")
    positive, chosen = labels == 1, scores >= 0.5
    hits = int(np.sum(positive & chosen))
    precision = hits / max(1, int(chosen.sum()))
    recall = hits / max(1, int(positive.sum()))
    report = {
        "accuracy": float(np.mean(positive == chosen)),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if hits else 0.0,
    }
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if positives and negatives:
        _, place, ties = np.unique(scores, return_inverse=True, return_counts=True)
        ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
        above = float(ranks[positive].sum()) - positives * (positives + 1) / 2
        report["auc"] = above / (positives * negatives)
    return report


def evaluation(metric: str, threshold: float, labels: Values, predictions: Values) -> Report:
    """The report in the shape of SageMaker's model quality reports, with our verdict added."""
    regression = metric in ERROR_METRICS
    report = (regression_report if regression else classification_report)(labels, predictions)
    if metric not in report:
        raise BadInput(f"{metric} is not defined: all {len(labels)} labels are {labels[0]:g}")
    value = report[metric]
    return {
        "version": 0,
        "dataset": {"item_count": len(labels)},
        "regression_metrics" if regression else "binary_classification_metrics": {
            name: {"value": number, "standard_deviation": "NaN"} for name, number in report.items()
        },
        "verdict": {
            "metric": metric,
            "value": value,
            "threshold": threshold,
            "passed": value <= threshold if regression else value >= threshold,
            "rows": len(labels),
        },
    }
