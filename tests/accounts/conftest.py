"""One laptop cloud of three accounts, through which a version goes once: registry to production."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gitlab as python_gitlab
import pytest

from demo import stages
from demo.commands import commands_in
from demo.data import Shells, shells
from demo.loop import Loop
from demo.results import Live, Scored, Trained
from local_cloud.cloud import INFO, Cloud
from local_cloud.gitlab.repository import Repository

ROOT = Path(__file__).parents[2]
ACCOUNTS = {"staging": "111111111111", "production": "222222222222"}
CI_SECONDS = 120.0


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree as a push leaves it, with settings that let the other accounts read."""
    folder = tmp_path_factory.mktemp("repository")
    pushed = Repository(ROOT, folder / "repository.git")
    copy = folder / "project"
    pushed.clone("main", pushed.push(), copy, "http://127.0.0.1/headrace/headrace.git")
    settings = copy / "pipeline_specs" / "abalone" / "project.yaml"
    readers = ", ".join(f'"{number}"' for number in ACCOUNTS.values())
    settings.write_text(f"{settings.read_text()}\naccounts:\n  readers: [{readers}]\n")
    return copy


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("cloud")
    with Cloud(home, repository=repository, further_accounts=ACCOUNTS) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def registry(cloud: Cloud) -> Loop:
    """The account that trains, registers and approves."""
    cloud.run_ci({"HEADRACE_ACTION": "upsert", "HEADRACE_PROJECT": "abalone"})
    return Loop.of(cloud.home / INFO)


@pytest.fixture(scope="session")
def staging(cloud: Cloud) -> Loop:
    return Loop(cloud.info["accounts"]["staging"])


@pytest.fixture(scope="session")
def production(cloud: Cloud) -> Loop:
    return Loop(cloud.info["accounts"]["production"])


@pytest.fixture(scope="session")
def data() -> Shells:
    return shells()


@pytest.fixture(scope="session")
def trained(registry: Loop, data: Shells) -> Trained:
    return stages.train(registry, data.heavy)


class Refresh:
    """The CI pipeline of an approval."""

    def __init__(self, cloud: Cloud, loop: Loop, arn: str) -> None:
        url, token = cloud.info["gitlab_url"], cloud.info["gitlab_api_token"]
        self._project = python_gitlab.Gitlab(url, private_token=token).projects.get(
            cloud.info["gitlab_project_id"]
        )
        (found,) = [p for p in self._project.pipelines.list() if f"refresh {arn} " in p.name]
        self.number: int = found.id
        self._loop = loop

    @property
    def status(self) -> str:
        return str(self._project.pipelines.get(self.number).status)

    def jobs(self) -> dict[str, Any]:
        listed = self._project.pipelines.get(self.number).jobs.list(get_all=True)
        return {job.name: job for job in listed}

    def play(self, name: str) -> str:
        """Click on a job that waits for it; return its log, once it succeeded."""
        job = self._project.jobs.get(self.jobs()[name].id, lazy=True)
        job.play()
        over = ("success", "failed", "canceled")
        self._loop.wait(f"{name} to end", lambda: self.jobs()[name].status in over, CI_SECONDS)
        log = str(job.trace().decode())
        assert self.jobs()[name].status == "success", log
        return log


@pytest.fixture(scope="session")
def live(registry: Loop, trained: Trained) -> Live:
    """The version is approved where the registry is; CI brought it to staging, too."""
    return stages.approve(registry, trained.version, commands_in(trained.mail.text)[0])


@pytest.fixture(scope="session")
def refresh(cloud: Cloud, registry: Loop, live: Live) -> Refresh:
    refresh = Refresh(cloud, registry, live.version.arn)
    registry.wait("the end of the CI pipeline", lambda: refresh.status == "success", CI_SECONDS)
    return refresh


@pytest.fixture(scope="session")
def promoted(refresh: Refresh) -> str:
    """Production's gate is opened: what the job said."""
    return refresh.play("promote production")


@pytest.fixture(scope="session")
def scored(production: Loop, data: Shells, promoted: str) -> Scored:
    return stages.score(production, data.kept_back, "heavy-kept-back.csv")
