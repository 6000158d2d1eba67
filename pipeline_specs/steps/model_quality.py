"""Compares predictions with ground truth and fails when the metric misses its threshold.

Runs inside a processing container, with the modules beside it and nothing else of the project. The
exit message is the verdict as one line of JSON, whether passed or missed, so that a missed
threshold differs from a crash, whose message is plain text.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from array import array
from pathlib import Path

import numpy as np
from container import BadInput, leave_message, run
from csv_files import named_files, quoted, read_rows
from metrics import METRICS
from reports import evaluation

_ABOVE_A_RUNS_FILES = 2  # folders: the run's and `predictions`


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
    parser.add_argument(
        "--of-runs",
        action="store_true",
        help="predictions of several runs: each lies under {execution id}/predictions/",
    )
    args = parser.parse_args()

    ground_truth = GroundTruth(args.preprocessor)
    labels, predictions, lacking = array("d"), array("d"), []
    for path, relative, _ in named_files(args.predictions, "", ""):
        if args.of_runs:
            relative = relative.split("/", _ABOVE_A_RUNS_FILES)[-1]
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
