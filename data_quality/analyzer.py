"""Measures a dataset as SageMaker Model Monitor does, and checks it against a baseline.

A stand-alone program with the contract of Model Monitor's analyzer container, so that it writes the
same files where that service is not available. It runs in a container with the modules beside it.

Environment: `dataset_format` ({"csv": {"header": true}}), `dataset_source` (folder or file),
`output_path`, and for a check `baseline_constraints` and `baseline_statistics` (files).
`publish_cloudwatch_metrics` is accepted, but nothing is published. Unlike Model Monitor, it also
takes `column_types` (file: {"columns": [{"name": ..., "type": ...}]}): columns of the type
`categorical` are text even where they look like numbers. The names in OPTIONS (in violations.py)
override the monitoring_config that is written into, or read from, constraints.json:
- comparison_method: Robust (default) subtracts from the largest difference of two distributions
  what sampling explains (1.8 * sqrt((n + m) / (n * m)), Kolmogorov-Smirnov, p = 0.3 %); Simple
  does not.
- comparison_threshold (0.1), categorical_comparison_threshold (0.1): the distance that is drift;
  under categorical_drift_method ChiSquared the p-value below which it is, under LInfinity
  (default) the largest difference of a category's share.
- datatype_check_threshold, domain_content_threshold (1.0): the least share of values that must
  have the baseline's type, or be among its categories.

Files are read in blocks, so a dataset may be larger than memory. The exit code is 0 with and
without violations; 1 means that the data could not be read.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from measures import BadInput, Json, measure
from violations import Check, monitoring_config


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


def read_json(path: str, name: str) -> Json:
    """Return the JSON in a file; the variable names the file, or the folder that holds it."""
    file = Path(path)
    file = file / name if file.is_dir() else file
    if not file.is_file():
        raise BadInput(f"{file} is not there")
    document: Json = json.loads(file.read_text(encoding="utf-8"))
    return document


def categorical(types: Path) -> frozenset[str]:
    """Names of the columns that a file of types calls categorical."""
    columns = read_json(str(types), types.name)["columns"]
    return frozenset(column["name"] for column in columns if column["type"] == "categorical")


def write_json(path: Path, document: Json) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def main() -> int:
    """Run as the environment says; write the files to output_path."""
    environment = dict(os.environ)
    absent = [
        name
        for name in ("dataset_format", "dataset_source", "output_path")
        if not environment.get(name)
    ]
    if absent:
        raise BadInput(f"environment variables are missing: {', '.join(absent)}")
    dataset_format = json.loads(environment["dataset_format"])
    if "csv" not in dataset_format:
        raise BadInput(f"dataset_format is {environment['dataset_format']}: only csv is supported")
    header = bool(dataset_format["csv"].get("header"))
    types = environment.get("column_types")
    columns = measure(
        Path(environment["dataset_source"]),
        header,
        categorical(Path(types)) if types else frozenset(),
    )
    output = Path(environment["output_path"])
    output.mkdir(parents=True, exist_ok=True)
    rows = columns[0].present + columns[0].missing
    statistics = {"version": 0, "dataset": {"item_count": rows}}
    write_json(
        output / "statistics.json",
        {**statistics, "features": [column.statistics() for column in columns]},
    )
    write_json(
        output / "constraints.json",
        {
            "version": 0,
            "features": [column.constraints() for column in columns],
            "monitoring_config": monitoring_config(environment, {}),
        },
    )
    message = f"Completed: {rows} rows measured."
    if environment.get("baseline_constraints"):
        constraints = read_json(environment["baseline_constraints"], "constraints.json")
        baseline = environment.get("baseline_statistics")
        known = read_json(baseline, "statistics.json") if baseline else {}
        violations = Check(constraints, known, environment).run(columns)
        write_json(output / "constraint_violations.json", {"violations": violations})
        message = f"Completed: Job completed successfully with no violations in {rows} rows."
        if violations:
            message = (
                "CompletedWithViolations: Job completed successfully with"
                f" {len(violations)} violations in {rows} rows."
            )
    print(message)
    leave_message(message)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
