"""Checks raw CSV files and turns them into features: `fit` for training, `transform` for scoring.

Runs inside a processing container, with the modules beside it and nothing else of the project.
What `fit` learns from the training rows (means, categories, fill values) is written to
preprocessor.json, and `transform` applies exactly that to other data. Bad input ends in one line
that names file, row and column.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import numpy as np
from container import BadInput, run
from csv_files import named_files
from features import Categorical, Numeric, encode
from layout import Layout, parse_columns

PARTS = ("train", "validation", "test")


def split_points(hashes: array[int], where: str) -> tuple[int, int]:
    """Hash values where validation and test begin, so that 70/15/15 % of the rows fall to each.

    A row's part depends on its content alone, not on the order of rows and files. Equal rows share
    a part, so that no row is both trained and tested on.
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


def fit(args: argparse.Namespace) -> int:
    """Learn from labelled data; write the three parts, the baseline and preprocessor.json."""
    columns = args.columns
    if not columns.lstrip().startswith("["):
        columns = Path(columns).read_text(encoding="utf-8")
    layout = Layout(parse_columns(columns), args.header, args.target)
    if not layout.labelled:
        raise BadInput(f"the target {args.target} is none of the columns {', '.join(layout.names)}")
    names = [column.name for column in layout.used]
    if args.target not in names or len(names) < 2:
        raise BadInput(f"the target {args.target} and one more column must not be ignored")
    label_at = names.index(args.target)
    inputs = [column for column in layout.used if column.name != args.target]
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
            if not layout.used[label_at].numeric:
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
        monitored.writerow(column.name for column in layout.used)
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
