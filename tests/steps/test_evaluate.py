"""What `evaluate.py` reports of a model in SageMaker's archive."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.steps.step_process import Finished, RunStep

REGRESSION = {"objective": "reg:squarederror", "max_depth": 2, "num_round": 30}
BINARY = {"objective": "binary:logistic", "max_depth": 2, "num_round": 30}
Write = Callable[[Callable[[int], float]], Path]
Evaluate = Callable[[Path, str, float], tuple[Finished, Any]]


@pytest.fixture
def test_part(tmp_path: Path) -> Write:
    def write(labels: Callable[[int], float]) -> Path:
        path = tmp_path / "test/test.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{labels(i)},{i},{i % 7}\n" for i in range(60)))
        return path

    return write


@pytest.fixture
def evaluate(run_step: RunStep, tmp_path: Path) -> Evaluate:
    def run(model: Path, metric: str, threshold: float) -> tuple[Finished, Any]:
        output = tmp_path / "evaluation"
        step = run_step(
            *("evaluate.py", "--model", model, "--test", tmp_path / "test", "--metric", metric),
            *("--threshold", threshold, "--output", output),
        )
        report = output / "evaluation.json"
        return step, json.loads(report.read_text()) if report.exists() else None

    return run


def test_a_regression_is_reported_in_sagemakers_shape(
    test_part: Write, train_model: Callable[..., Path], evaluate: Evaluate
) -> None:
    model = train_model(test_part(lambda i: i * 2), **REGRESSION)
    step, report = evaluate(model, "mse", 10)
    assert step.code == 0, step.stderr
    metrics = report["regression_metrics"]
    assert set(metrics) == {"mse", "rmse", "mae", "r2"}  # a label is 0: no mape
    assert metrics["mse"]["standard_deviation"] == "NaN"
    assert 0 < metrics["mse"]["value"] < 10
    assert metrics["rmse"]["value"] == pytest.approx(metrics["mse"]["value"] ** 0.5)
    assert report["verdict"]["passed"] is True
    assert report["dataset"] == {"item_count": 60}


def test_a_missed_threshold_is_reported_and_fails_nothing(
    test_part: Write, train_model: Callable[..., Path], evaluate: Evaluate
) -> None:
    model = train_model(test_part(lambda i: i * 2), **REGRESSION)
    step, report = evaluate(model, "mae", 0.0)
    assert step.code == 0
    assert report["verdict"]["passed"] is False


def test_a_higher_r2_passes_and_a_lower_one_misses(
    test_part: Write, train_model: Callable[..., Path], evaluate: Evaluate
) -> None:
    model = train_model(test_part(lambda i: i * 2), **REGRESSION)
    _, report = evaluate(model, "r2", 0.9)
    value = report["verdict"]["value"]
    assert 0.9 < value < 1
    assert report["verdict"]["passed"] is True
    assert report["regression_metrics"]["r2"]["value"] == value
    test_part(lambda i: 120 - i * 2)  # the opposite of what the model learnt
    _, report = evaluate(model, "r2", 0.9)
    assert report["verdict"]["value"] < 0
    assert report["verdict"]["passed"] is False


@pytest.mark.parametrize("metric", ["f1", "auc", "accuracy"])
def test_a_classification_is_reported_in_sagemakers_shape(
    test_part: Write, train_model: Callable[..., Path], evaluate: Evaluate, metric: str
) -> None:
    model = train_model(test_part(lambda i: int(i > 30)), **BINARY)
    step, report = evaluate(model, metric, 0.9)
    assert step.code == 0, step.stderr
    assert report["binary_classification_metrics"][metric]["value"] == 1.0
    assert report["verdict"]["passed"] is True


def test_labels_that_are_no_classes_are_refused(
    test_part: Write, train_model: Callable[..., Path], evaluate: Evaluate
) -> None:
    model = train_model(test_part(lambda i: i), **REGRESSION)
    step, _ = evaluate(model, "f1", 0.9)
    assert (step.code, step.message) == (1, "labels must be 0 or 1, found 2")


def test_a_model_of_other_features_is_refused(
    test_part: Write, train_model: Callable[..., Path], evaluate: Evaluate, tmp_path: Path
) -> None:
    model = train_model(test_part(lambda i: i), **REGRESSION)
    (tmp_path / "test/test.csv").write_text("1,2,3,4\n")
    step, _ = evaluate(model, "mse", 10)
    assert step.message == "the test part has 3 features, the model was trained on 2"


def test_a_model_of_several_values_a_row_is_refused(
    test_part: Write, train_model: Callable[..., Path], evaluate: Evaluate
) -> None:
    rows = test_part(lambda i: i % 3)
    model = train_model(rows, objective="multi:softprob", num_class=3, num_round=2)
    step, _ = evaluate(model, "mse", 10)
    assert "the model gives 3 values a row where one is expected" in step.message


def test_an_archive_without_a_model_is_refused(
    test_part: Write, evaluate: Evaluate, tmp_path: Path
) -> None:
    path = test_part(lambda i: i)
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(path, "other.bin")
    step, _ = evaluate(archive, "mse", 10)
    assert step.message == "model.tar.gz holds no xgboost-model: other.bin"
