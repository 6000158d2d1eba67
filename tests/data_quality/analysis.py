"""What an analysis leaves behind, read for the tests."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Analysis:
    """What an analysis left behind."""

    code: int
    stdout: str
    stderr: str
    message: str
    folder: Path

    def read(self, name: str) -> Any:
        """One of the files, or None if it was not written."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def feature(self, name: str, of: str = "statistics") -> Any:
        """One column's entry."""
        return next(f for f in self.read(of)["features"] if f["name"] == name)

    @property
    def violations(self) -> list[tuple[str, str]]:
        """(column, check) of every violation."""
        found = self.read("constraint_violations")["violations"]
        return [(v["feature_name"], v["constraint_check_type"]) for v in found]

    @property
    def descriptions(self) -> str:
        """What people read, all together."""
        found = self.read("constraint_violations")["violations"]
        return "\n".join(v["description"] for v in found)


Analyze = Callable[..., Analysis]
