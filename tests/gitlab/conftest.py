"""A GitLab that hosts the project of `hosted_project`, and a checkout of our own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.gitlab.gitlab import GitLab, start_gitlab
from tests.gitlab.hosted_project import CI_FILE, Pipeline, client, finished
from tests.gitlab.own_project import COMMAND_LINE
from tests.working_tree import pushed


@pytest.fixture
def project_dir(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / ".gitlab-ci.yml").write_text(CI_FILE)
    (root / ".gitignore").write_text("*.tmp\n")
    return root


@pytest.fixture
def hosted(project_dir: Path, tmp_path: Path) -> Iterator[GitLab]:
    gitlab = start_gitlab(project_dir, tmp_path / "state", {"DATABASE_PASSWORD": "correct-horse"})
    yield gitlab
    gitlab.stop()


@pytest.fixture
def project(hosted: GitLab) -> Iterator[Any]:
    with client(hosted) as api:
        yield api.projects.get(hosted.project_id)


@pytest.fixture
def run(project: Any, hosted: GitLab) -> Callable[..., Pipeline]:
    """Trigger a pipeline with these variables and wait until it goes no further."""

    def trigger(**variables: str) -> Pipeline:
        return finished(project.trigger_pipeline("main", hosted.trigger_token, variables))

    return trigger


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working tree as a push would leave it."""
    copy = pushed(tmp_path_factory.mktemp("checkout"))
    (copy / "workbench" / "cli" / "app.py").write_text(COMMAND_LINE)
    return copy
