"""One laptop cloud for the whole session; each stage of the main job runs once, when it is needed.

Stages are fixtures that depend on each other in the order of the story, so that a test of a late
stage brings about the earlier ones, and every test looks at the same runs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks import permissions
from demo import stages
from demo.commands import commands_in
from demo.data import Shells, shells, unlabelled
from demo.loop import SCORING, Loop
from demo.mailbox import Mail
from demo.results import Crashed, Drifted, Reviewed, Scored, Trained
from local_cloud.cloud import INFO, Cloud
from tests.loop.loop_books import WentLive

ALERTS = "platform@example.com"
EARLY = "too-early.csv"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("cloud")
    with Cloud(home, alert_email=ALERTS) as cloud, permissions.measured(cloud):
        yield cloud


@pytest.fixture(scope="session")
def data() -> Shells:
    return shells()


@pytest.fixture(scope="session")
def loop(cloud: Cloud) -> Loop:
    """Stage 1."""
    cloud.run_ci({"HEADRACE_ACTION": "upsert"})
    return Loop.of(cloud.home / INFO)


@pytest.fixture(scope="session")
def trained(loop: Loop, data: Shells) -> Trained:
    """Stage 2."""
    stages.created(loop)
    return stages.train(loop, data.heavy)


@pytest.fixture(scope="session")
def early(loop: Loop, data: Shells, trained: Trained) -> Mail:
    """Scoring input that arrives before any model is live, and the mail about it."""
    loop.upload(SCORING, EARLY, unlabelled(data.kept_back[:3]))
    return loop.mail("that the input waits", "scoring input waits", EARLY)


@pytest.fixture(scope="session")
def went_live(loop: Loop, trained: Trained, early: Mail) -> WentLive:
    before = loop.run_arns(loop.inference)
    command = commands_in(trained.mail.text)[0]
    return WentLive(stages.approve(loop, trained.version, command), before)


@pytest.fixture(scope="session")
def early_run(loop: Loop, went_live: WentLive) -> str:
    """The run of the drop that waited; it ends before others begin."""
    arn = loop.new_run(loop.inference, went_live.runs_before)
    return loop.ended(arn).arn


@pytest.fixture(scope="session")
def scored(loop: Loop, data: Shells, early_run: str) -> Scored:
    """Stage 4."""
    return stages.score(loop, data.kept_back, "heavy-kept-back.csv")


@pytest.fixture(scope="session")
def drifted(loop: Loop, data: Shells, scored: Scored) -> Drifted:
    """Stage 5."""
    return stages.drift(loop, data.light, "light.csv")


@pytest.fixture(scope="session")
def reviewed(loop: Loop, drifted: Drifted) -> Reviewed:
    """Stage 6."""
    return stages.review(loop, drifted.retuned)


@pytest.fixture(scope="session")
def crashed(loop: Loop, data: Shells, reviewed: Reviewed) -> Crashed:
    """Stage 7."""
    return stages.crash(loop, data.kept_back[:60], "lacks-a-label.csv")
