"""The built-in XGBoost algorithm of the sagemaker-xgboost container, in algorithm mode.

Run under the jobs' interpreter. Reads /opt/ml/input/config/hyperparameters.json (all values
text) and headerless CSV with the label first from the channels `train` and `validation`; prints
one line of metrics a round; saves /opt/ml/model/xgboost-model with Booster.save_model. What
went wrong is written to /opt/ml/output/failure, and the exit code is 1.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

# xgboost imports these when it finds them, which takes most of a second and is not needed here.
for _unneeded in ("pandas", "sklearn"):
    sys.modules[_unneeded] = None  # type: ignore[assignment]

import numpy as np  # noqa: E402
import xgboost as xgb  # noqa: E402

ML = Path("/opt/ml")
OBJECTIVE = "_tuning_objective_metric"  # of a tuning job: `validation:f1`
NOT_FOR_THE_BOOSTER = (
    "num_round", "early_stopping_rounds", "csv_weights", "save_model_on_termination",
    "deterministic_histogram", "sagemaker_job_name", "sagemaker_region", OBJECTIVE,
)  # fmt: skip


class UserError(Exception):
    """Input or hyperparameters that cannot be trained on; the text is for the user."""


def read_folder(folder: Path) -> tuple[Any, Any]:
    """Labels and features of all files of a channel."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    tables = [read_csv(path) for path in files if path.stat().st_size]
    if not tables:
        raise UserError(f"No data in channel {folder.name}: every file is empty")
    widths = {table.shape[1] for table in tables}
    if len(widths) > 1:
        raise UserError(f"The files of channel {folder.name} differ in columns: {sorted(widths)}")
    table = np.concatenate(tables) if len(tables) > 1 else tables[0]
    if table.shape[1] < 2:
        raise UserError(f"Channel {folder.name} has a label but no features (one column)")
    return table[:, 0], table[:, 1:]


def read_csv(path: Path) -> Any:
    """A file as float32; an empty field is a missing value."""
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2, comments=None)
    except ValueError:
        table = _read_csv_slowly(path)
    return table


def _read_csv_slowly(path: Path) -> Any:
    rows: list[list[float]] = []
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if not row:
                continue
            if rows and len(row) != len(rows[0]):
                raise UserError(
                    f"{path.name}, row {number}: {len(row)} columns, but row 1 has {len(rows[0])}"
                )
            rows.append([_number(path, number, *field) for field in enumerate(row, 1)])
    return np.array(rows, dtype=np.float32)


def _number(path: Path, row: int, column: int, text: str) -> float:
    try:
        return float(text) if text.strip() else float("nan")
    except ValueError:
        raise UserError(
            f"Non-numeric value {text!r} found in {path.name}, row {row}, column {column}; CSV "
            "must have no header and only numbers"
        ) from None


def typed(text: str) -> Any:
    """A hyperparameter as a JSON value where it is one, else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def wanted_metrics(given: dict[str, str]) -> tuple[list[str], list[str]]:
    """Metrics to compute: XGBoost's own, and those that the container adds.

    A tuning job's objective is computed besides what `eval_metric` asks for.
    """
    asked = typed(given["eval_metric"]) if "eval_metric" in given else []
    names = [name.strip() for name in asked.split(",")] if isinstance(asked, str) else asked
    if searched := given.get(OBJECTIVE, "").rpartition(":")[2]:
        names = [*names, *([] if searched in names else [searched])]
    return [n for n in names if n not in ADDED], [n for n in names if n in ADDED]


def booster_parameters(given: dict[str, str]) -> dict[str, Any]:
    """The hyperparameters that XGBoost itself takes."""
    values = {k: typed(v) for k, v in given.items() if k not in NOT_FOR_THE_BOOSTER}
    values.pop("eval_metric", None)
    own, _ = wanted_metrics(given)
    return values | ({"eval_metric": own} if own else {})


def accuracy(labels: Any, predictions: Any) -> float:
    """The share of rows whose class is right."""
    return float(np.mean(labels == predictions))


def macro_f1(labels: Any, predictions: Any) -> float:
    """F1, averaged over the classes."""
    scores = []
    for one in np.unique(np.concatenate([labels, predictions])):
        both = float(np.sum((labels == one) & (predictions == one)))
        scores.append(2 * both / float(np.sum(labels == one) + np.sum(predictions == one)))
    return float(np.mean(scores))


def mse(labels: Any, predictions: Any) -> float:
    """The mean squared error."""
    return float(np.mean((labels - predictions) ** 2))


ADDED = {"accuracy": accuracy, "f1": macro_f1, "mse": mse}


def added_metrics(names: list[str]) -> Any:
    """A function that computes the metrics of these names after each round, if there are any."""

    def compute(predictions: Any, data: Any) -> list[tuple[str, float]]:
        labels = data.get_label()
        classes = predictions.argmax(axis=1) if predictions.ndim == 2 else predictions >= 0.5
        return [
            (name, ADDED[name](labels, predictions if name == "mse" else classes.astype(float)))
            for name in names
        ]

    return compute if names else None


class MetricLines(xgb.callback.TrainingCallback):  # type: ignore[misc] # it has no types
    """Prints the metrics of each round as the container does, one line with tabs."""

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Print the newest value of every metric of every channel."""
        metrics = [
            f"{channel}-{metric}:{values[-1]:.5f}"
            for channel, logged in evals_log.items()
            for metric, values in logged.items()
        ]
        print("\t".join([f"[{epoch}]", *metrics]))
        return False


def train() -> None:
    """Train on the channels and save the model."""
    given: dict[str, str] = json.loads(
        (ML / "input/config/hyperparameters.json").read_text("utf-8")
    )
    if "num_round" not in given:
        raise UserError("Hyperparameter num_round is required")
    data = ML / "input/data"
    if not (data / "train").is_dir():
        raise UserError("Channel train is required")
    watched = []
    for channel in ("train", "validation"):
        if (data / channel).is_dir():
            label, features = read_folder(data / channel)
            watched.append((xgb.DMatrix(features, label=label), channel))
    stopping = given.get("early_stopping_rounds")
    print(f"INFO:sagemaker-containers:{watched[0][0].num_row()} training rows", flush=True)
    booster = xgb.train(
        booster_parameters(given),
        watched[0][0],
        num_boost_round=int(given["num_round"]),
        evals=watched,
        custom_metric=added_metrics(wanted_metrics(given)[1]),
        early_stopping_rounds=int(stopping) if stopping else None,
        callbacks=[MetricLines()],
        verbose_eval=False,
    )
    if stopping:
        booster = booster[: booster.best_iteration + 1]
    (ML / "model").mkdir(exist_ok=True)
    booster.save_model(ML / "model" / "xgboost-model")


def main() -> None:
    """Train; leave the reason of a failure where SageMaker looks for it."""
    try:
        train()
    except (UserError, xgb.core.XGBoostError, ValueError) as error:
        text = f"{type(error).__name__}: {error}"
        (ML / "output/failure").write_text(text, "utf-8")
        print(text, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
