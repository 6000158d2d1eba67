"""The verdict of `model_quality.py`: passed, missed, or a crash that is neither."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.steps.step_process import Finished, RunStep


@pytest.fixture
def check(run_step: RunStep, tmp_path: Path) -> RunStep:
    def run(
        predictions: dict[str, str],
        truths: dict[str, str],
        metric: str = "mse",
        threshold: float = 10.0,
        *more: object,
    ) -> Finished:
        for folder, files in (("predictions", predictions), ("truth", truths)):
            (tmp_path / folder).mkdir()
            for name, content in files.items():
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        return run_step(
            *("model_quality.py", "--predictions", tmp_path / "predictions"),
            *("--ground-truth", tmp_path / "truth", "--metric", metric),
            *("--threshold", threshold, "--output", tmp_path / "out", *more),
        )

    return run


@pytest.fixture
def report(tmp_path: Path) -> Callable[[], Any]:
    return lambda: json.loads((tmp_path / "out/evaluation.json").read_text())


def verdict(metric: str = "mse", threshold: float = 10.0, **found: Any) -> dict[str, Any]:
    return {"metric": metric, "threshold": threshold, **found}


def test_a_metric_within_the_threshold_passes(check: RunStep, report: Callable[[], Any]) -> None:
    step = check({"a.csv": "x,1\nx,2\n"}, {"a.csv": "2\n4\n"})
    assert step.code == 0, step.stderr
    assert json.loads(step.message) == verdict(value=2.5, passed=True, rows=2)
    assert report()["regression_metrics"]["mse"] == {"value": 2.5, "standard_deviation": "NaN"}


def test_a_missed_threshold_fails_with_the_verdict_as_message(
    check: RunStep, report: Callable[[], Any]
) -> None:
    step = check({"a.csv": "x,1\n"}, {"a.csv": "5\n"})
    assert step.code == 1
    assert "\n" not in step.message
    assert json.loads(step.message) == verdict(value=16.0, passed=False, rows=1)
    assert report()["verdict"]["passed"] is False
    assert "Traceback" not in step.stderr


def test_exactly_the_threshold_passes(check: RunStep) -> None:
    assert check({"a.csv": "1\n"}, {"a.csv": "5\n"}, "mae", 4.0).code == 0


@pytest.mark.parametrize(
    ("metric", "value"), [("rmse", 2.5**0.5), ("mae", 1.5), ("f1", 0.8), ("accuracy", 0.75)]
)
def test_each_metric_is_what_it_is_called(check: RunStep, metric: str, value: float) -> None:
    truth, predicted = ("2\n4\n", "1\n2\n") if metric in ("rmse", "mae") else (None, None)
    step = check(
        {"a.csv": predicted or "0.9\n0.6\n0.7\n0.1\n"},
        {"a.csv": truth or "1\n1\n0\n0\n"},
        metric,
    )
    assert json.loads(step.message)["value"] == pytest.approx(value)


def test_auc_counts_ties_as_half(check: RunStep) -> None:
    step = check({"a.csv": "0.1\n0.5\n0.5\n0.9\n"}, {"a.csv": "0\n1\n0\n1\n"}, "auc", 0.8)
    assert json.loads(step.message) == verdict("auc", 0.8, value=0.875, passed=True, rows=4)


def test_a_classification_misses_below_its_threshold(check: RunStep) -> None:
    step = check({"a.csv": "0.9\n0.1\n"}, {"a.csv": "1\n1\n"}, "accuracy", 0.9)
    assert step.code == 1
    assert json.loads(step.message)["passed"] is False


def test_auc_of_one_class_is_a_crash_and_no_verdict(check: RunStep) -> None:
    step = check({"a.csv": "0.9\n0.1\n"}, {"a.csv": "1\n1\n"}, "auc", 0.9)
    assert (step.code, step.message) == (1, "auc is not defined: all 2 labels are 1")


def test_only_files_with_ground_truth_count(check: RunStep, report: Callable[[], Any]) -> None:
    step = check({"a.csv": "1\n", "b/c.csv": "100\n"}, {"a.csv": "1\n", "old.csv": "7\n"})
    assert step.code == 0
    assert json.loads(step.message)["rows"] == 1
    assert "no ground truth for 1 files: b/c.csv" in step.stdout
    assert report()["dataset"] == {"item_count": 1, "files_without_ground_truth": 1}


def test_predictions_of_several_runs_are_judged_together(check: RunStep) -> None:
    step = check(
        {"run1/predictions/a.csv": "1\n", "run2/predictions/b/predictions/c.csv": "3\n"},
        {"a.csv": "2\n", "b/predictions/c.csv": "5\n", "elsewhere.csv": "9\n"},
        *("mse", 10.0, "--of-runs"),
    )
    assert json.loads(step.message) == verdict(value=2.5, passed=True, rows=2)


@pytest.mark.parametrize(
    ("truths", "complaint"),
    [
        ({}, "no ground truth in s3://b/gt/ for a.csv: it must have the same relative name"),
        ({"a.csv": "1\n2\n3\n"}, "s3://b/gt/a.csv has 3 values where 2 rows were predicted"),
        ({"a.csv": ""}, "s3://b/gt/a.csv has 0 values where 2 rows were predicted"),
        ({"a.csv": "1\nx\n"}, "a.csv row 2 column 1 (label): expected a finite number as label, f"),
        ({"a.csv": "1\nnan\n"}, "s3://b/gt/a.csv row 2 column 1 (label): expected a finite number"),
        ({"a.csv": "1,2\n3,4\n"}, "s3://b/gt/a.csv row 1 has 2 columns where 1 is expected"),
        ({"a.csv": "rings\n1\n2\n"}, 's3://b/gt/a.csv row 1 looks like a header: "rings"'),
    ],
    ids=["none", "too many", "empty", "text", "NaN", "columns", "header"],
)
def test_ground_truth_that_cannot_be_used_is_a_crash_with_plain_text(
    check: RunStep, truths: dict[str, str], complaint: str
) -> None:
    step = check({"a.csv": "x,1\nx,2\n"}, truths, "mse", 10.0, "--source", "s3://b/gt/")
    assert step.code == 1
    assert complaint in step.message
    assert not step.message.startswith("{")


def test_headers_are_skipped_where_the_project_has_them(check: RunStep) -> None:
    step = check({"a.csv": "x,prediction\n7,1\n"}, {"a.csv": "rings\n1\n"})
    assert json.loads(step.message) == verdict(value=0.0, passed=True, rows=1)


def test_a_full_row_and_labels_of_text_are_read_with_the_preprocessor(
    check: RunStep, tmp_path: Path
) -> None:
    fitted = tmp_path / "preprocessor.json"
    names = [{"name": "grade"}, {"name": "size"}]
    classes = ["bad", "good"]
    fitted.write_text(json.dumps({"columns": names, "target": "grade", "target_classes": classes}))
    step = check(
        {"a.csv": "1,0.9\n2,0.2\n"},
        {"a.csv": "good,1\nbad,2\n"},
        *("accuracy", 0.9, "--preprocessor", fitted),
    )
    assert json.loads(step.message) == verdict("accuracy", 0.9, value=1.0, passed=True, rows=2)
