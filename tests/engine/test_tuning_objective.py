"""The built-in XGBoost computes whatever metric a search aims at, named in `eval_metric` or not."""

from __future__ import annotations

import random
from typing import Any

import pytest

from local_cloud.sagemaker.engine.engine import Engine
from tests.engine.engine_cloud import Cloud, RecordingHost, execution, run
from tests.engine.model_steps import tuning


def put_classes(cloud: Cloud) -> None:
    source = random.Random(5)  # noqa: S311 - test data
    for part in ("train", "validation"):
        cells = [(source.random(), source.random()) for _ in range(200)]
        lines = [f"{int(a + b > 1)},{a:.4f},{b:.4f}" for a, b in cells]
        cloud.put(f"data/{part}/a.csv", "\n".join(lines))


@pytest.mark.parametrize(
    ("metric", "objective", "type_"),
    [
        ("auc", "binary:logistic", "Maximize"),
        ("f1", "binary:logistic", "Maximize"),
        ("accuracy", "binary:logistic", "Maximize"),
        ("mae", "reg:squarederror", "Minimize"),
        ("mse", "reg:squarederror", "Minimize"),
    ],
)
def test_a_search_finds_the_metric_it_aims_at(
    engine: Engine,
    host: RecordingHost,
    cloud: Cloud,
    metric: str,
    objective: str,
    type_: str,
) -> None:
    put_classes(cloud)
    role = cloud.role("jobs")
    step: dict[str, Any] = tuning(cloud, role, strategy="Grid")
    fixed = step["Arguments"]["TrainingJobDefinition"]["StaticHyperParameters"]
    fixed["objective"] = objective
    del fixed["eval_metric"]
    aim = {"Type": type_, "MetricName": f"validation:{metric}"}
    step["Arguments"]["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"] = aim

    assert run(engine, host, execution(cloud, [step], role=role)) == ("Succeeded", None)
    best = host.job("HyperParameterTuningJob")["BestTrainingJob"]
    found = best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert found["MetricName"] == f"validation:{metric}"
    assert 0.8 < found["Value"] <= 1 if type_ == "Maximize" else 0 < found["Value"] < 0.2
