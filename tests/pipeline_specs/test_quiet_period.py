"""Real projects wait a minute for the next file; only the demo's projects hurry."""

from pathlib import Path

import pytest
from headrace.domain.project import Project

from pipeline_specs.config import document, init_project, settings


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The settings that `headrace pipelines init` writes."""
    csv = tmp_path / "shells.csv"
    csv.write_text("length,rings\n" + "".join(f"0.{n},{n}\n" for n in range(10, 50)))
    list(init_project.write("shells", csv, "rings", tmp_path))
    return tmp_path / "shells" / "project.yaml"


def test_a_new_project_waits_a_minute(written: Path) -> None:
    assert settings.Settings.parse(document.load(written)).project.quiet_period == 60


def test_a_project_that_does_not_say_waits_a_minute(written: Path) -> None:
    lines = written.read_text("utf-8").splitlines(keepends=True)
    written.write_text("".join(line for line in lines if "quiet_period" not in line))
    project = settings.Settings.parse(document.load(written)).project
    stored = project.document()
    del stored["drops"]["quiet_period"]

    assert project.quiet_period == 60
    assert Project.parse(stored, "the ledger").quiet_period == 60
