"""Joins every input row with its prediction, in the order of the input.

Runs inside a processing container, with the modules beside it and nothing else of the project. A
row's own text is copied as it is; only the prediction is added, as the last column.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

from container import BadInput, run
from csv_files import input_folder, named_files, quoted, read_rows


def read_scores(path: Path, name: str) -> Iterator[str]:
    """The predictions that batch transform wrote, one a line."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            text = line.strip()
            if not text:
                continue
            try:
                finite = math.isfinite(float(text))
            except ValueError:
                finite = False
            if not finite:
                raise BadInput(
                    f"{name} row {number}: expected one number as prediction, found {quoted(text)}"
                )
            yield text


def join(path: Path, name: str, scores: Path, header: bool, output: Path) -> int:
    """Write one file's rows with their predictions; return how many there were."""
    if not scores.is_file():
        raise BadInput(f"{name} has no predictions: {scores.name} is not there")
    predictions = read_scores(scores, scores.name)
    rows = matched = 0
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="") as file:
        for _, _, text in read_rows(path, name):
            body = text.rstrip("\r\n")
            end = text[len(body) :] or "\n"
            if header:
                header = False
                file.write(f"{body},prediction{end}")
                continue
            rows += 1
            prediction = next(predictions, None)
            if prediction is not None:
                matched += 1
                file.write(f"{body},{prediction}{end}")
    matched += sum(1 for _ in predictions)
    if rows != matched:
        raise BadInput(
            f"{name} has {rows} rows but {matched} predictions: one prediction per row is expected"
        )
    return rows


def main() -> int:
    """Read the command line and join file by file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the input, searched deeply")
    parser.add_argument("--data-type", default="S3Prefix", help="S3DataType of the data")
    parser.add_argument("--key-prefix", default="", help="of the keys in a manifest")
    parser.add_argument("--scores", type=Path, required=True, help="<relative name>.out files")
    parser.add_argument("--preprocessor", type=Path, required=True, help="preprocessor.json")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--source", default="", help="where the data came from, for errors")
    parser.add_argument("--suffix", default=".csv", help="other files are skipped")
    args = parser.parse_args()

    header = json.loads(args.preprocessor.read_text(encoding="utf-8"))["header"]
    rows = 0
    prefix = input_folder(args.data_type, args.key_prefix)
    for path, relative, name in named_files(args.data, args.suffix, args.source, prefix):
        scores = args.scores / f"{relative}.out"
        rows += join(path, name, scores, header, args.output / "predictions" / relative)
    print(f"{rows} rows joined with their predictions")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
