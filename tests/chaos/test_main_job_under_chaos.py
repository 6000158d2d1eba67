"""The main job under chaos ends as it does on a calm day.

`CHAOS_SEED=8 python -m pytest tests/chaos/test_main_job_under_chaos.py` deals other faults.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checks import permissions
from local_cloud.chaos.chaos import Chaos
from tests.chaos.whole_job import End, deployed, whole_job

pytestmark = pytest.mark.timeout(600)
STORM = Chaos(
    seed=int(os.environ.get("CHAOS_SEED", "7")),
    lost_events=0.3,
    throttled_calls=0.15,
    lost_answers=0.15,
    killed_functions=0.4,
    gitlab=0.4,
)
HPO = "headrace-abalone-training-hpo"


class Ends:
    """Both days, lived at the same time, each in a cloud of its own."""

    def __init__(self, folder: Path) -> None:
        with (
            deployed(folder / "calm") as calm,
            deployed(folder / "chaos", STORM) as chaos,
            permissions.measured(calm),
            permissions.measured(chaos),
            ThreadPoolExecutor() as threads,
        ):
            under_way = [threads.submit(whole_job, cloud) for cloud in (calm, chaos)]
            self.calm, self.chaotic = (job.result() for job in under_way)
        self.faults = (folder / "chaos" / "logs" / "chaos.log").read_text().splitlines()

    def faults_of(self, kind: str) -> list[str]:
        return [line for line in self.faults if line.split()[1] == kind]


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Ends:
    return Ends(tmp_path_factory.mktemp("days"))


@pytest.fixture
def both(ends: Ends) -> tuple[End, End]:
    return ends.calm, ends.chaotic


def test_it_was_a_bad_day(ends: Ends) -> None:
    kinds = {line.split()[1] for line in ends.faults}
    assert kinds >= {"lost", "doubled", "late", "overtaken", "throttled", "answer", "killed"}
    assert any("GitLab" in line for line in ends.faults)


def test_the_registry_is_the_same(both: tuple[End, End]) -> None:
    calm, chaotic = both
    assert chaotic.versions == calm.versions
    assert [kind for _, kind, _, _ in chaotic.versions] == ["training", "training-hpo"]


def test_the_same_version_is_live(both: tuple[End, End]) -> None:
    calm, chaotic = both
    assert (chaotic.live, chaotic.inference_uses) == (calm.live, calm.inference_uses) == (2, 2)


def test_the_predictions_are_the_same(both: tuple[End, End]) -> None:
    calm, chaotic = both
    assert chaotic.predictions == calm.predictions
    assert len(chaotic.predictions["light.csv"]) == 1200


def test_each_run_happened_once(both: tuple[End, End]) -> None:
    calm, chaotic = both
    assert chaotic.runs == calm.runs
    assert chaotic.runs[HPO] == ["Succeeded"]


def test_the_lanes_are_the_same_and_nothing_is_left_over(both: tuple[End, End]) -> None:
    calm, chaotic = both
    assert chaotic.lanes == calm.lanes
    assert (chaotic.dead_letters, chaotic.unhanded) == (calm.dead_letters, calm.unhanded) == (0, 0)


def test_people_get_the_same_messages_and_duplicates_only_after_a_crash(
    ends: Ends,
) -> None:
    assert set(ends.chaotic.mails) == set(ends.calm.mails)
    assert set(ends.calm.mails.values()) == {1}
    killed = [line for line in ends.faults_of("killed") if "-notify" in line]
    again = ends.chaotic.mails - ends.calm.mails
    assert again.total() <= len(killed)
