"""What a run creates, written down before it is created, so that a killed run can be cleaned up."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Made(NamedTuple):
    """A resource: its kind (a key of `cleaning.DELETE`) and its name or ARN."""

    kind: str
    name: str


class Journal:
    """A file of JSON lines per run, named after it; it is there for as long as anything is left."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run(self) -> str:
        return self.path.stem

    def add(self, kind: str, name: str) -> None:
        """Write a resource down, on the disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([kind, name]) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def made(self) -> Iterator[Made]:
        """Return the resources, the newest first; a line that a kill cut short made nothing."""
        if not self.path.exists():
            return
        for line in reversed(self.path.read_text(encoding="utf-8").splitlines()):
            try:
                yield Made(*json.loads(line))
            except (ValueError, TypeError):
                continue

    def close(self) -> None:
        """Remove the file: nothing is left."""
        self.path.unlink(missing_ok=True)


def left_in(folder: Path) -> list[Journal]:
    """Return the journals of runs that were not cleaned up, the oldest first."""
    return [Journal(path) for path in sorted(folder.glob("*.jsonl"))]
