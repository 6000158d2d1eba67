"""The quality metrics a project can choose from, read from the table of the step scripts."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for mypy the modules of steps/ have the names they have in a container
    from metrics import METRICS, Metric, Objective
else:
    from pipeline_specs.steps.metrics import METRICS, Metric, Objective

__all__ = ["METRICS", "Metric", "Objective"]
