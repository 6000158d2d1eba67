"""CSV files as people drop them, read with errors that name file, row and what to do."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from container import BadInput


def quoted(text: str) -> str:
    """A cell as it is shown in an error: on one line and short."""
    return json.dumps(text if len(text) <= 60 else text[:57] + "...", ensure_ascii=False)


def input_folder(data_type: str, key_prefix: str) -> str:
    """Where files of an input lie below its folder in the container, by its S3DataType.

    A manifest of the control plane begins at the bucket: its files have their whole keys as paths.
    """
    return key_prefix if data_type == "ManifestFile" else ""


def named_files(
    folder: Path, suffix: str, source: str, prefix: str = ""
) -> list[tuple[Path, str, str]]:
    """Files below `folder` as (path, relative name, name to show), sorted by relative name.

    A path that begins with `prefix` has its name without it.
    """
    found, others = [], 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        relative = path.relative_to(folder).as_posix().removeprefix(prefix)
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
    found.sort(key=lambda file: file[1])
    for (_, one, shown), (_, other, _) in pairwise(found):
        if one == other:
            raise BadInput(f"{shown} is there twice: {prefix}{one} and {one} of one manifest")
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
