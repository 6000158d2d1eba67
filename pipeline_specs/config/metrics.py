"""The quality metrics a project can choose from."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A quality metric: where reports keep it, which way is better, what tuning aims at."""

    name: str
    report: Literal["regression_metrics", "binary_classification_metrics"]
    lower_is_better: bool
    objective: str

    @property
    def path(self) -> str:
        """Where an evaluation report keeps the value."""
        return f"{self.report}.{self.name}.value"


# Objectives are metrics that the built-in XGBoost computes on its validation channel.
METRICS = {
    metric.name: metric
    for metric in (
        Metric("mse", "regression_metrics", True, "validation:rmse"),
        Metric("rmse", "regression_metrics", True, "validation:rmse"),
        Metric("mae", "regression_metrics", True, "validation:mae"),
        Metric("f1", "binary_classification_metrics", False, "validation:f1"),
        Metric("auc", "binary_classification_metrics", False, "validation:auc"),
        Metric("accuracy", "binary_classification_metrics", False, "validation:accuracy"),
    )
}
