"""Compares predictions with ground truth and fails when the metric misses its threshold.

Runs inside a processing container that is given this one file: no import from the project. The
exit message is the verdict as one line of JSON, whether passed or missed, so that a missed
threshold can be told from a crash, whose message is plain text.
"""

from __future__ import annotations

import argparse
import codecs
import csv
import json
import math
import os
import sys
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

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


def quoted(text: str) -> str:
    """A cell as it is shown in an error: on one line and short."""
    return json.dumps(text if len(text) <= 60 else text[:57] + "...", ensure_ascii=False)


def named_files(folder: Path, suffix: str, source: str) -> list[tuple[Path, str, str]]:
    """Files below `folder` as (path, relative name, name to show), sorted by relative name."""
    found, others = [], 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        relative = path.relative_to(folder).as_posix()
        if relative.endswith(suffix):
            found.append((path, relative, source + relative))
        else:
            others += 1
            print(f"skipped {source}{relative}: its name does not end in {suffix}")
    if not found:
        raise BadInput(
            f"no file ending in {suffix or 'anything'} in {source or folder}"
            f" ({others} other files there)"
        )
    return found


def read_rows(path: Path, name: str) -> Iterator[tuple[int, list[str], str]]:
    """Rows of a CSV file as (line number as in an editor, cells, text as it stands)."""
    lines: list[str] = []

    def decoded() -> Iterator[str]:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    text = line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").decode()
                except UnicodeDecodeError as error:
                    raise BadInput(
                        f"{name} row {number}: byte 0x{line[error.start]:02x} is not UTF-8;"
                        " save the file as UTF-8"
                    ) from error
                lines.append(text)
                yield text

    reader = csv.reader(decoded(), strict=True)
    start, blank = 1, 0
    try:
        for cells in reader:
            text = "".join(lines)
            lines.clear()
            if len(cells) <= 1 and not text.strip():
                blank = blank or start
            elif blank:
                raise BadInput(f"{name} row {blank} is blank, with more rows below: remove it")
            else:
                yield start, cells, text
            start = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{name} row {start} is not valid CSV: {error}") from error


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


def read_number(where: str, what: str, cell: str, codes: dict[str, float]) -> float:
    """A label (by its code, if labels are text) or a prediction."""
    text = cell.strip()
    try:
        value = codes[text] if text in codes else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"{where}: expected {what}, found {quoted(cell)}")
    return value


def read_predictions(path: Path, name: str) -> tuple[bool, array[float]]:
    """Whether the file begins with a header, and the last column: one prediction a row."""
    header, values = False, array("d")
    for row, cells, _ in read_rows(path, name):
        if row == 1 and cells[-1] == "prediction":
            header = True
        else:
            where = f"{name} row {row} column {len(cells)} (prediction)"
            values.append(read_number(where, "a prediction", cells[-1], {}))
    return header, values


class GroundTruth:
    """How ground truth files are read: one value a row, or the full row of the training data."""

    def __init__(self, preprocessor: Path | None) -> None:
        self.names: list[str] = []
        self.target, self.codes = "label", dict[str, float]()
        if preprocessor:
            settings = json.loads(preprocessor.read_text(encoding="utf-8"))
            self.names = [column["name"] for column in settings["columns"]]
            self.target = settings["target"]
            self.codes = {text: float(i) for i, text in enumerate(settings["target_classes"])}

    def read(self, path: Path, name: str, header: bool) -> array[float]:
        """The labels; a first row that is text is a header where the predictions have one."""
        values, width = array("d"), 0
        for row, cells, _ in read_rows(path, name):
            if len(cells) not in ({1, len(self.names)} - {0}):
                full = f", or {len(self.names)} with {self.target}" if self.names else ""
                raise BadInput(
                    f"{name} row {row} has {len(cells)} columns where 1 is expected{full}"
                )
            if width and len(cells) != width:
                raise BadInput(
                    f"{name} row {row} has {len(cells)} columns where {width} are expected,"
                    " as in the rows above"
                )
            at = self.names.index(self.target) if len(cells) > 1 else 0
            first, width = not width, len(cells)
            if first and cells[at].strip() not in self.codes and is_text(cells[at]):
                if header:
                    continue
                raise BadInput(
                    f"{name} row {row} looks like a header: {quoted(','.join(cells))};"
                    " ground truth is expected from row 1 on"
                )
            where = f"{name} row {row} column {at + 1} ({self.target})"
            values.append(read_number(where, "a finite number as label", cells[at], self.codes))
        return values


def is_text(cell: str) -> bool:
    """Whether a cell holds neither a number nor nothing."""
    try:
        float(cell or "0")
    except ValueError:
        return True
    return False


def main() -> int:
    """Read the command line, compare file by file, write the report and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--ground-truth", type=Path, required=True, help="same relative names")
    parser.add_argument("--metric", choices=METRICS, required=True)
    parser.add_argument("--threshold", type=float, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--preprocessor", type=Path, help="allows full rows and labels of text")
    parser.add_argument("--source", default="", help="where ground truth came from, for errors")
    args = parser.parse_args()

    ground_truth = GroundTruth(args.preprocessor)
    labels, predictions, lacking = array("d"), array("d"), []
    for path, relative, _ in named_files(args.predictions, "", ""):
        truth, name = args.ground_truth / relative, args.source + relative
        if not truth.is_file():
            lacking.append(relative)
            continue
        header, predicted = read_predictions(path, relative)
        known = ground_truth.read(truth, name, header)
        if len(known) != len(predicted):
            raise BadInput(
                f"{name} has {len(known)} values where {len(predicted)} rows were predicted"
            )
        labels.extend(known)
        predictions.extend(predicted)
    if lacking:
        print(f"no ground truth for {len(lacking)} files: {', '.join(lacking[:10])}")
    if not labels:
        raise BadInput(
            f"no ground truth in {args.source or args.ground_truth} for {', '.join(lacking)[:500]}:"
            " it must have the same relative name as the input"
        )
    report = evaluation(args.metric, args.threshold, np.asarray(labels), np.asarray(predictions))
    report["dataset"]["files_without_ground_truth"] = len(lacking)
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "evaluation.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    verdict = json.dumps(report["verdict"])
    print(verdict)
    leave_message(verdict)
    return 0 if report["verdict"]["passed"] else 1


if __name__ == "__main__":
    sys.exit(run(main))
