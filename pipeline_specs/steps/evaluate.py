"""Evaluates a trained XGBoost model on the test part and writes evaluation.json.

Runs inside a processing container that is given this one file: no import from the project. The
report is the condition step's to judge: a missed threshold is no failure here.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost

ERROR_METRICS = ("mse", "rmse", "mae")  # lower is better; for the others higher is
METRICS = (*ERROR_METRICS, "f1", "auc", "accuracy")

Values = npt.NDArray[np.float64]
Report = dict[str, Any]


class BadInput(Exception):
    """Something the owner of the data can put right: where, what was expected, what was found."""


def leave_message(text: str) -> None:
    """Write what DescribeProcessingJob shows as ExitMessage (at most 1 KB)."""
    path = Path(os.environ.get("MESSAGE_FILE", "/opt/ml/output/message"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.encode()[:1024].decode(errors="ignore"), encoding="utf-8")
    except OSError as error:
        print(f"cannot write the exit message: {error}", file=sys.stderr)


def run(main: Callable[[], int]) -> int:
    """Run `main`; bad input becomes one line, a crash keeps its traceback; both exit with 1."""
    try:
        return main()
    except BadInput as error:
        print(error, file=sys.stderr)
        leave_message(str(error))
        return 1
    except Exception as error:
        leave_message(f"{Path(__file__).name} crashed: {type(error).__name__}: {error}")
        raise


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


def load_model(archive: Path) -> xgboost.Booster:
    """The model in `model.tar.gz`, as SageMaker's XGBoost saves it: a member `xgboost-model`.

    It is read from the archive without extracting, so that no member can write anywhere.
    """
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if Path(member.name).name == "xgboost-model" and file is not None:
                booster = xgboost.Booster()
                booster.load_model(bytearray(file.read()))
                return booster
        raise BadInput(f"{archive.name} holds no xgboost-model: {', '.join(tar.getnames())}")


def read_test(folder: Path) -> Values:
    """All rows of the test part: label first, no header."""
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise BadInput(f"no file ending in .csv in {folder}")
    return np.concatenate([np.loadtxt(file, delimiter=",", ndmin=2) for file in files])


def main() -> int:
    """Read the command line, evaluate, write evaluation.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model.tar.gz")
    parser.add_argument("--test", type=Path, required=True, help="folder of the test part")
    parser.add_argument("--metric", choices=METRICS, required=True)
    parser.add_argument("--threshold", type=float, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()

    booster, rows = load_model(args.model), read_test(args.test)
    features = rows[:, 1:]
    if features.shape[1] != booster.num_features():
        raise BadInput(
            f"the test part has {features.shape[1]} features,"
            f" the model was trained on {booster.num_features()}"
        )
    predictions = booster.predict(xgboost.DMatrix(features))
    if predictions.ndim != 1:
        raise BadInput(
            f"the model gives {predictions.shape[1]} values a row where one is expected:"
            " use an objective that gives one, such as reg:squarederror or binary:logistic"
        )
    report = evaluation(args.metric, args.threshold, rows[:, 0], predictions.astype(np.float64))
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "evaluation.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(json.dumps(report["verdict"]))
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
