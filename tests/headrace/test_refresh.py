"""One approval is one CI pipeline, however many executions handle its refresh."""

from dataclasses import replace

import pytest
from headrace.adapters.gitlab_ci import CiJob, CiPipeline, GitLab, Settings
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import Conflict, RetryableError
from headrace.domain.project import Project
from headrace.use_cases.refresh_inference import refresh

from tests.headrace.samples import INFERENCE, NOW, package

GITLAB = GitLab(Settings("https://gitlab.example", "group/project", "main", "t", "a"))
SAGEMAKER = SageMaker(None)
ARN = package(1).arn


@pytest.fixture
def triggered(
    ledger: Ledger, project: Project, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, str]]:
    """What GitLab was asked to start; it knows no pipeline by name."""
    started: list[dict[str, str]] = []

    def trigger(variables: dict[str, str]) -> CiPipeline:
        started.append(variables)
        return CiPipeline(7, "created", "the page")

    ledger.put_project(project)
    lane = ledger.lane(INFERENCE)
    rollout = replace(lane.rollout, wanted=ARN, refresh_id="refresh-1")
    ledger.claim(lane, replace(lane, rollout=rollout))
    monkeypatch.setattr(GITLAB, "trigger", trigger)
    monkeypatch.setattr(GITLAB, "find", lambda name: None)
    monkeypatch.setattr(SAGEMAKER, "version", lambda arn: package(1))
    return started


def driven(ledger: Ledger, now: float, refresh_id: str = "refresh-1") -> str:
    answer = refresh(ledger, SAGEMAKER, GITLAB, "headrace-abalone", ARN, refresh_id, None, now)
    return str(answer.status)


def test_a_second_driver_waits_while_the_first_may_be_starting_the_pipeline(
    ledger: Ledger, triggered: list[dict[str, str]]
) -> None:
    assert driven(ledger, NOW) == "running"
    with pytest.raises(RetryableError, match="another execution may be starting"):
        driven(ledger, NOW + 1)
    assert len(triggered) == 1
    assert driven(ledger, NOW + 61) == "running"  # the first died: GitLab knows no such name
    assert len(triggered) == 2


def test_of_two_drivers_that_found_no_pipeline_one_starts_it(
    ledger: Ledger, triggered: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> None:
        monkeypatch.setattr(GITLAB, "find", lambda name: None)
        driven(ledger, NOW)  # the other one, between this one's look and its claim

    monkeypatch.setattr(GITLAB, "find", find)
    with pytest.raises(Conflict):
        driven(ledger, NOW)
    assert len(triggered) == 1


def test_the_driver_of_an_earlier_refresh_of_the_version_stands_back(
    ledger: Ledger, triggered: list[dict[str, str]]
) -> None:
    assert driven(ledger, NOW, "refresh-0") == "superseded"
    assert triggered == []


@pytest.mark.parametrize(
    ("ended", "jobs", "status"),
    [
        ("failed", {"refresh": "failed"}, "failed"),
        ("failed", {"refresh": "success", "promote staging": "failed"}, "succeeded"),
        ("canceled", {"refresh": "success", "promote staging": "canceled"}, "succeeded"),
        ("canceled", {"refresh": "canceled"}, "failed"),
    ],
)
def test_a_refresh_is_done_when_its_own_job_is_even_if_a_promotion_fails(
    ledger: Ledger,
    triggered: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    ended: str,
    jobs: dict[str, str],
    status: str,
) -> None:
    monkeypatch.setattr(GITLAB, "status", lambda number: CiPipeline(number, ended, "the page"))
    listed = [CiJob(name, state, f"page of {name}") for name, state in jobs.items()]
    monkeypatch.setattr(GITLAB, "jobs", lambda number: listed)
    answer = refresh(ledger, SAGEMAKER, GITLAB, "headrace-abalone", ARN, "refresh-1", 7, NOW)
    assert answer.status == status
    assert [name for name, state in jobs.items() if state == "failed"] == [
        name for name in jobs if f"{name} (page of {name})" in answer.detail
    ]
