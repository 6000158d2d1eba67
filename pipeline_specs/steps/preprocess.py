"""Checks raw CSV files and turns them into features: `fit` for training, `transform` for scoring.

Runs inside a processing container that is given this one file: no import from the project, and
longer than our files should be. What `fit` learns from the
training rows (means, categories, fill values) is written to preprocessor.json, and `transform`
applies exactly that to other data. Bad input ends in one line that names file, row and column.
"""

from __future__ import annotations

import argparse
import codecs
import csv
import hashlib
import json
import math
import os
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

MISSING = frozenset({"", "nan", "na", "n/a", "null"})
MOST_CATEGORIES = 1000
PARTS = ("train", "validation", "test")


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


@dataclass(frozen=True)
class RawColumn:
    """One column of the raw data."""

    name: str
    numeric: bool


@dataclass(frozen=True)
class Layout:
    """What every file must look like: all columns when fitting, all but the target otherwise."""

    columns: tuple[RawColumn, ...]
    header: bool
    target: str

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def labelled(self) -> bool:
        return self.target in self.names

    def rows(self, path: Path, name: str) -> Iterator[list[str]]:
        """The file's rows, checked: cells stripped, a missing one is the empty string."""
        count = 0
        for count, (row, cells, _) in enumerate(read_rows(path, name), 1):
            where = f"{name} row {row}"
            if len(cells) != len(self.columns):
                raise BadInput(f"{where} {self._wrong_width(len(cells), first=count == 1)}")
            if count == 1 and self.header:
                if [cell.strip() for cell in cells] != self.names:
                    raise BadInput(
                        f"{where}: expected the header {','.join(self.names)},"
                        f" found {quoted(','.join(cells))}"
                    )
            elif count == 1 and self._looks_like_header(cells):
                raise BadInput(
                    f"{where} looks like a header: {quoted(','.join(cells))}; data is expected from"
                    " row 1 on: remove it, or set data.header to true in project.yaml"
                )
            else:
                yield [self._clean(where, at, cell) for at, cell in enumerate(cells)]
        if count == 0:
            raise BadInput(f"{name} is empty: at least one row is expected")
        if count == 1 and self.header:
            raise BadInput(f"{name} has a header and no rows: at least one row is expected")

    def _wrong_width(self, found: int, first: bool) -> str:
        expected = len(self.columns)
        text = f"has {found} columns where {expected} are expected"
        if not first:
            return f"{text}, as in the rows above"
        if self.labelled and found == expected - 1:
            return f"{text}: is the label ({self.target}) missing?"
        if not self.labelled and found == expected + 1:
            return f"{text}: is the label ({self.target}) still there?"
        if found == 1:
            return f"{text}: are its cells separated by commas?"
        return text

    def _looks_like_header(self, cells: list[str]) -> bool:
        if any(
            cell.strip().lower() == c.name.lower()
            for cell, c in zip(cells, self.columns, strict=True)
        ):
            return True
        numeric = [cell for cell, column in zip(cells, self.columns, strict=True) if column.numeric]
        return bool(numeric) and all(parse_number(cell) is None for cell in numeric)

    def _clean(self, where: str, at: int, cell: str) -> str:
        column, text = self.columns[at], cell.strip()
        label = column.name == self.target
        where = f"{where} column {at + 1} ({column.name})"
        if not column.numeric:
            if label and not text:
                raise BadInput(f"{where}: expected a label, found an empty cell")
            return text
        if text.lower() in MISSING and not label:
            return ""
        value = parse_number(text)
        if value is None or not math.isfinite(value):
            expected = "a finite number as label" if label else "a finite number"
            raise BadInput(f"{where}: expected {expected}, found {quoted(cell)}")
        return text


def parse_number(text: str) -> float | None:
    """The number a cell holds, NaN for a missing one, or None if it holds something else."""
    if text.strip().lower() in MISSING:
        return math.nan
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


class Numeric:
    """Standardises a number; a missing one becomes the mean of the training rows."""

    def __init__(self, name: str) -> None:
        self.name, self.count, self.mean, self.squares = name, 0, 0.0, 0.0

    def see(self, cell: str) -> None:
        """Take one training cell into account (Welford's update)."""
        if cell:
            self.count += 1
            step = float(cell) - self.mean
            self.mean += step / self.count
            self.squares += step * (float(cell) - self.mean)

    def learnt(self) -> dict[str, Any]:
        if not self.count:
            raise BadInput(f"column {self.name}: every training row lacks a value")
        std = math.sqrt(self.squares / self.count) or 1.0
        return {"type": "numeric", "mean": self.mean, "std": std, "fill": self.mean}


class Categorical:
    """One column per category; a missing cell becomes the most frequent one, a new one all 0."""

    def __init__(self, name: str) -> None:
        self.name, self.counts = name, Counter[str]()

    def see(self, cell: str) -> None:
        """Take one training cell into account."""
        if cell:
            self.counts[cell] += 1
            if len(self.counts) > MOST_CATEGORIES:
                raise BadInput(
                    f"column {self.name} has more than {MOST_CATEGORIES} categories: is it an"
                    " identifier? remove it, or make it numeric in project.yaml"
                )

    def learnt(self) -> dict[str, Any]:
        if not self.counts:
            raise BadInput(f"column {self.name}: every training row lacks a value")
        fill = min(self.counts, key=lambda category: (-self.counts[category], category))
        return {"type": "categorical", "categories": sorted(self.counts), "fill": fill}


def encode(cells: list[str], features: list[dict[str, Any]]) -> list[str]:
    """Feature values of one row, as text with the nine digits a 32-bit float holds."""
    values = []
    for cell, feature in zip(cells, features, strict=True):
        if feature["type"] == "numeric":
            number = float(cell) if cell else feature["fill"]
            values.append(f"{(number - feature['mean']) / feature['std']:.9g}")
        else:
            cell = cell or feature["fill"]
            values += ["1" if cell == category else "0" for category in feature["categories"]]
    return values


def split_points(hashes: array[int], where: str) -> tuple[int, int]:
    """Hash values where validation and test begin, so that 70/15/15 % of the rows fall to each.

    A row's part depends on its content alone, not on the order of rows and files, and equal rows
    share a part: none is tested on that was trained on.
    """
    share = max(1, len(hashes) * 15 // 100)
    ranks = len(hashes) - 2 * share, len(hashes) - share
    if ranks[0] < 1:
        found = "1 row" if len(hashes) == 1 else f"{len(hashes)} rows"
        raise BadInput(
            f"{where} holds {found}: at least 3 are needed to split into train, validation and test"
        )
    ordered = np.partition(np.frombuffer(hashes, dtype=np.uint64), ranks)
    return int(ordered[ranks[0]]), int(ordered[ranks[1]])


def parse_columns(text: str) -> tuple[RawColumn, ...]:
    """Columns in file order: [{"name": ..., "type": "numeric" | "categorical"}, ...]."""
    columns: list[RawColumn] = []
    for entry in json.loads(text):
        if entry["type"] not in ("numeric", "categorical"):
            raise BadInput(
                f"column {entry['name']}: type is numeric or categorical,"
                f" not {quoted(str(entry['type']))}"
            )
        if entry["name"] in [column.name for column in columns]:
            raise BadInput(f"column {entry['name']} is there twice")
        columns.append(RawColumn(entry["name"], entry["type"] == "numeric"))
    return tuple(columns)


def fit(args: argparse.Namespace) -> int:
    """Learn from labelled data; write the three parts, the baseline and preprocessor.json."""
    columns = args.columns
    if not columns.lstrip().startswith("["):
        columns = Path(columns).read_text(encoding="utf-8")
    layout = Layout(parse_columns(columns), args.header, args.target)
    if not layout.labelled:
        raise BadInput(f"the target {args.target} is none of the columns {', '.join(layout.names)}")
    label_at = layout.names.index(args.target)
    inputs = [column for column in layout.columns if column.name != args.target]
    files = named_files(args.data, args.suffix, args.source)
    where = files[0][2] if len(files) == 1 else args.source or str(args.data)

    def rows() -> Iterator[tuple[str, list[str]]]:
        for path, _, name in files:
            for cells in layout.rows(path, name):
                yield cells.pop(label_at), cells

    hashes, classes = array("Q"), set[str]()
    with open_csv(args.output / "baseline" / "baseline.csv") as file:
        baseline = csv.writer(file, lineterminator="\n")
        baseline.writerow([column.name for column in inputs])
        for label, cells in rows():
            content = "\x1f".join([str(args.seed), label, *cells]).encode()
            hashes.append(int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big"))
            baseline.writerow(cells)
            if not layout.columns[label_at].numeric:
                classes.add(label)
    begin_validation, begin_test = split_points(hashes, where)
    part_of_row = bytes((h >= begin_validation) + (h >= begin_test) for h in hashes)
    sizes = {part: part_of_row.count(number) for number, part in enumerate(PARTS)}
    if not all(sizes.values()):
        raise BadInput(f"{where}: {len(hashes)} rows cannot be split, too many are equal: {sizes}")

    learners = [Numeric(c.name) if c.numeric else Categorical(c.name) for c in inputs]
    for part, (_, cells) in zip(part_of_row, rows(), strict=True):
        if part == 0:
            for learner, cell in zip(learners, cells, strict=True):
                learner.see(cell)
    preprocessor = {
        "version": 1,
        "header": args.header,
        "target": args.target,
        "target_classes": sorted(classes),
        "columns": json.loads(columns),
        "features": [{"name": learner.name, **learner.learnt()} for learner in learners],
        "rows": sizes,
    }
    codes = {name: str(code) for code, name in enumerate(preprocessor["target_classes"])}
    with ExitStack() as stack:
        outputs = [
            stack.enter_context(open_csv(args.output / part / f"{part}.csv")) for part in PARTS
        ]
        for part, (label, cells) in zip(part_of_row, rows(), strict=True):
            values = [codes.get(label) or repr(float(label))]
            values += encode(cells, preprocessor["features"])
            outputs[part].write(",".join(values) + "\n")
    path = args.output / "preprocessor" / "preprocessor.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(preprocessor, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"{len(files)} files, {len(hashes)} rows: {sizes}")
    return 0


def transform(args: argparse.Namespace) -> int:
    """Apply what `fit` learnt to rows without label, file by file, row by row in their order."""
    preprocessor = json.loads(args.preprocessor.read_text(encoding="utf-8"))
    columns = parse_columns(json.dumps(preprocessor["columns"]))
    inputs = tuple(column for column in columns if column.name != preprocessor["target"])
    layout = Layout(inputs, preprocessor["header"], preprocessor["target"])
    total = 0
    with open_csv(args.output / "monitored" / "monitored.csv") as file:
        monitored = csv.writer(file, lineterminator="\n")
        monitored.writerow(layout.names)
        for path, relative, name in named_files(args.data, args.suffix, args.source):
            with open_csv(args.output / "features" / relative) as features:
                for cells in layout.rows(path, name):
                    monitored.writerow(cells)
                    features.write(",".join(encode(cells, preprocessor["features"])) + "\n")
                    total += 1
    print(f"{total} rows transformed")
    return 0


def open_csv(path: Path) -> TextIO:
    """A new file with Unix line ends, in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", newline="")


def main() -> int:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("fit", "transform"):
        command = commands.add_parser(name)
        command.add_argument("--data", type=Path, required=True, help="folder, searched deeply")
        command.add_argument("--output", type=Path, required=True)
        command.add_argument("--source", default="", help="where the data came from, for errors")
        command.add_argument("--suffix", default=".csv", help="other files are skipped")
        if name == "fit":
            command.add_argument("--columns", required=True, help="JSON, or a file of it")
            command.add_argument("--target", required=True, help="the column that is the label")
            command.add_argument("--header", action="store_true", help="files begin with a header")
            command.add_argument("--seed", type=int, default=0, help="of the split")
        else:
            command.add_argument("--preprocessor", type=Path, required=True)
    args = parser.parse_args()
    return fit(args) if args.command == "fit" else transform(args)


if __name__ == "__main__":
    sys.exit(run(main))
