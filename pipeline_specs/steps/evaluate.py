"""Evaluates a trained XGBoost model on the test part and writes evaluation.json.

Runs inside a processing container, with the modules beside it and nothing else of the project. The
condition step judges the report: a missed threshold is not a failure here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import xgboost
from container import BadInput, run
from metrics import METRICS, Values
from reports import evaluation


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
