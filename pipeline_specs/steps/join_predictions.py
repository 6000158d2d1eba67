"""Joins every input row with its prediction, in the order of the input.

Runs inside a processing container that is given this one file: no import from the project. A
row's own text is copied as it is; only the prediction is added, as the last column.
"""

from __future__ import annotations

import argparse
import codecs
import csv
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


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
    parser.add_argument("--scores", type=Path, required=True, help="<relative name>.out files")
    parser.add_argument("--preprocessor", type=Path, required=True, help="preprocessor.json")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--source", default="", help="where the data came from, for errors")
    parser.add_argument("--suffix", default=".csv", help="other files are skipped")
    args = parser.parse_args()

    header = json.loads(args.preprocessor.read_text(encoding="utf-8"))["header"]
    rows = 0
    for path, relative, name in named_files(args.data, args.suffix, args.source):
        scores = args.scores / f"{relative}.out"
        rows += join(path, name, scores, header, args.output / "predictions" / relative)
    print(f"{rows} rows joined with their predictions")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
