"""Every entry of the table of metrics, by a worked example: a new metric needs one here."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from metrics import METRICS, Undefined

from tests.steps.step_process import RunStep

ROOT = Path(__file__).parents[2]
TRUE = [2.0, 4.0, 6.0, 8.0]
CLASSES = [1.0, 1.0, 0.0, 0.0]
# By metric: labels, predictions, the value worked out by hand, and predictions that are worse.
EXAMPLES = {
    "mse": (TRUE, [1.0, 4.0, 6.0, 5.0], 2.5, [9.0, 9.0, 9.0, 9.0]),
    "rmse": (TRUE, [1.0, 4.0, 6.0, 5.0], math.sqrt(2.5), [9.0, 9.0, 9.0, 9.0]),
    "mae": (TRUE, [1.0, 4.0, 6.0, 5.0], 1.0, [9.0, 9.0, 9.0, 9.0]),
    "r2": (TRUE, [1.0, 4.0, 6.0, 5.0], 1 - 2.5 / 5, [9.0, 9.0, 9.0, 9.0]),
    "mape": (TRUE, [1.0, 4.0, 6.0, 6.0], (0.5 + 0.25) / 4, [9.0, 9.0, 9.0, 9.0]),
    "f1": (CLASSES, [0.9, 0.6, 0.7, 0.1], 0.8, [0.9, 0.1, 0.7, 0.6]),
    "auc": (CLASSES, [0.9, 0.5, 0.5, 0.1], 0.875, [0.1, 0.5, 0.5, 0.9]),
    "accuracy": (CLASSES, [0.9, 0.6, 0.7, 0.1], 0.75, [0.1, 0.1, 0.9, 0.1]),
    "precision": (CLASSES, [0.9, 0.6, 0.7, 0.1], 2 / 3, [0.9, 0.1, 0.7, 0.6]),
    "recall": (CLASSES, [0.9, 0.1, 0.7, 0.1], 0.5, [0.1, 0.1, 0.9, 0.9]),
}
each_metric = pytest.mark.parametrize("name", METRICS)


def lines(values: list[float]) -> str:
    return "".join(f"{value}\n" for value in values)


@each_metric
def test_a_metric_is_what_it_is_called(name: str) -> None:
    labels, predictions, value, _ = EXAMPLES[name]
    assert METRICS[name].name == name
    assert METRICS[name].formula(np.array(labels), np.array(predictions)) == pytest.approx(value)


@each_metric
def test_better_predictions_pass_where_worse_ones_miss(name: str) -> None:
    metric = METRICS[name]
    labels, predictions, _, worse = (np.array(given) for given in EXAMPLES[name])
    value = metric.formula(labels, predictions)
    assert metric.passes(value, value)
    assert not metric.passes(metric.formula(labels, worse), value)


@each_metric
def test_perfect_predictions_have_the_best_value(name: str) -> None:
    labels = np.array(EXAMPLES[name][0])
    best = 0 if METRICS[name].lower_is_better else 1
    assert METRICS[name].formula(labels, labels) == best


@each_metric
def test_the_model_quality_step_judges_by_each_metric(
    name: str, run_step: RunStep, tmp_path: Path
) -> None:
    labels, predictions, value, worse = EXAMPLES[name]
    threshold = value - 1e-9 if not METRICS[name].lower_is_better else value + 1e-9
    for folder in ("predictions", "truth"):
        (tmp_path / folder).mkdir()
    (tmp_path / "truth/a.csv").write_text(lines(labels))
    for given, passed in ((predictions, True), (worse, False)):
        (tmp_path / "predictions/a.csv").write_text(lines(given))
        step = run_step(
            *("model_quality.py", "--predictions", tmp_path / "predictions"),
            *("--ground-truth", tmp_path / "truth", "--metric", name),
            *("--threshold", threshold, "--output", tmp_path / "out"),
        )
        assert step.code == (0 if passed else 1), step.stderr
        verdict = json.loads(step.message)
        assert (verdict["metric"], verdict["passed"]) == (name, passed)
        report = json.loads((tmp_path / "out/evaluation.json").read_text())
        section, _, _ = METRICS[name].path.split(".")
        assert report[section][name]["value"] == verdict["value"]


@pytest.mark.parametrize(
    ("name", "labels", "why"),
    [
        ("auc", [1.0, 1.0], "all 2 labels are 1"),
        ("r2", [3.0, 3.0], "all 2 labels are 3"),
        ("mape", [0.0, 3.0], "1 of 2 labels are 0"),
    ],
)
def test_a_metric_without_a_value_says_why(name: str, labels: list[float], why: str) -> None:
    with pytest.raises(Undefined, match=why):
        METRICS[name].formula(np.array(labels), np.array([0.1, 0.9]))


def test_auc_counts_pairs_as_its_definition_does() -> None:
    random = np.random.default_rng(7)
    labels, scores = random.integers(0, 2, 200).astype(float), random.integers(0, 20, 200) / 20
    pairs = [
        1.0 if one > other else 0.5 if one == other else 0.0
        for one in scores[labels == 1]
        for other in scores[labels == 0]
    ]
    assert METRICS["auc"].formula(labels, scores) == pytest.approx(np.mean(pairs))


def test_the_table_needs_no_library() -> None:
    program = "import sys; sys.modules['numpy'] = None; import pipeline_specs.config.metrics as m"
    subprocess.run([sys.executable, "-c", f"{program}; m.METRICS['r2']"], cwd=ROOT, check=True)


@each_metric
def test_a_search_aims_the_way_of_its_objective(name: str) -> None:
    errors = {"rmse", "mae", "mse", "error", "logloss"}
    objective = METRICS[name].objective
    minimizes = objective.name.removeprefix("validation:") in errors
    assert objective.aim == ("Minimize" if minimizes else "Maximize")
