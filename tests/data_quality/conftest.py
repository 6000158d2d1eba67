"""Runs the analyzer as its container does: a process whose environment says what to do."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.data_quality.analysis import Analysis, Analyze

ROOT = Path(__file__).parents[2]
VENV = ROOT / os.environ.get("VENV", ".venv")
# The containers' oldest Python with libraries as old as theirs, where `make test` found it.
OLD = VENV / "jobs310/bin/python"
JOBS_PYTHON = OLD if OLD.exists() else VENV / "jobs/bin/python"


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
