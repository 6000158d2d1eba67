"""One laptop cloud of three accounts, through which a version goes once: registry to production."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from checks import permissions
from demo import stages
from demo.commands import commands_in
from demo.data import Shells, shells
from demo.loop import Loop
from demo.results import Live, Scored, Trained
from local_cloud.cloud import INFO, Cloud
from tests.accounts.three_accounts import ACCOUNTS, CI_SECONDS, Jobs
from tests.working_tree import pushed


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree as a push leaves it, with settings that let the other accounts read."""
    copy = pushed(tmp_path_factory.mktemp("repository"))
    settings = copy / "pipeline_specs" / "abalone" / "project.yaml"
    readers = ", ".join(f'"{number}"' for number in ACCOUNTS.values())
    settings.write_text(f"{settings.read_text()}\naccounts:\n  readers: [{readers}]\n")
    return copy


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("cloud")
    three = Cloud(home, repository=repository, further_accounts=ACCOUNTS)
    with three as cloud, permissions.measured(cloud):
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


@pytest.fixture(scope="session")
def live(registry: Loop, trained: Trained) -> Live:
    """The version is approved where the registry is; CI brought it to staging, too."""
    return stages.approve(registry, trained.version, commands_in(trained.mail.text)[0])


@pytest.fixture(scope="session")
def refresh(cloud: Cloud, registry: Loop, live: Live) -> Jobs:
    """The CI pipeline of the approval."""
    refresh = Jobs.named(cloud, registry, f"refresh {live.version.arn} ")
    registry.wait("the end of the CI pipeline", lambda: refresh.status == "success", CI_SECONDS)
    return refresh


@pytest.fixture(scope="session")
def promoted(refresh: Jobs) -> str:
    """Production's gate is opened: what the job said."""
    return refresh.play("promote production")


@pytest.fixture(scope="session")
def scored(production: Loop, data: Shells, promoted: str) -> Scored:
    return stages.score(production, data.kept_back, "heavy-kept-back.csv")
