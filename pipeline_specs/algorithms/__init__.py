"""What trains models, each algorithm in one module; the builders know none by name."""

from pipeline_specs.algorithms.xgboost import XGBOOST

# Trains every project's models: `project.yaml` offers no choice.
ALGORITHM = XGBOOST
