"""The definitions of the projects' pipelines, byte for byte."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pipeline_specs.config import settings
from tests.pipeline_specs import golden_files
from tests.pipeline_specs.pipeline_samples import KINDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("project", golden_files.PROJECTS)
def test_the_definition_is_the_one_that_was_reviewed(build: Any, project: str, kind: str) -> None:
    found = golden_files.shown(build(settings.load(project)[0], kind).built)
    assert found == golden_files.path(project, kind).read_text(), (
        f"changed on purpose? `python -m {golden_files.__name__}` renews the files"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("project", golden_files.PROJECTS)
def test_a_golden_file_names_its_code_by_script(project: str, kind: str) -> None:
    text = golden_files.path(project, kind).read_text()
    assert re.search(r"/code/(preprocess|model_quality)\.py/", text)
    assert not re.search(r"/code/[0-9a-f]{64}", text)
