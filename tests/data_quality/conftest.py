"""Runs the analyzer as its container does: a process whose environment says what to do."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VENV = ROOT / os.environ.get("VENV", ".venv")
# The containers' oldest Python with libraries as old as theirs, where `make test` found it.
OLD = VENV / "jobs310/bin/python"
JOBS_PYTHON = OLD if OLD.exists() else VENV / "jobs/bin/python"


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


@pytest.fixture
def analyze(tmp_path: Path) -> Analyze:
    """`analyze({"a.csv": text}, baseline=analysis, option="value")`."""
    count = iter(range(1000))

    def run(
        files: dict[str, str], baseline: Analysis | None = None, header: bool = True, **more: str
    ) -> Analysis:
        place = tmp_path / str(next(count))
        for name, content in files.items():
            path = place / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "MESSAGE_FILE": str(place / "message"),
            "dataset_format": json.dumps(
                {"csv": {"header": header, "output_columns_position": "START"}}
            ),
            "dataset_source": str(place / "in"),
            "output_path": str(place / "out"),
            "publish_cloudwatch_metrics": "Disabled",
        }
        if baseline:
            for name in ("statistics", "constraints"):
                environment[f"baseline_{name}"] = str(baseline.folder / f"{name}.json")
        process = subprocess.run(
            [str(JOBS_PYTHON), str(ROOT / "data_quality/analyzer.py")],
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
        )
        message = (place / "message").read_text(encoding="utf-8")
        return Analysis(process.returncode, process.stdout, process.stderr, message, place / "out")

    return run
