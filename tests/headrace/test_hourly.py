"""What reconcile does once an hour: compares what is live, and deletes models of old runs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from headrace.adapters.eventbridge import parse
from headrace.adapters.sagemaker import Execution, SageMaker, Scoring
from headrace.domain.actions import Notify
from headrace.domain.events import LiveDiffers
from headrace.domain.lane import Lane, Rollout
from headrace.domain.marks import Mark
from headrace.domain.project import Project
from headrace.rules.decide import decide
from headrace.use_cases.live_definition import difference
from headrace.use_cases.old_models import RUNS, delete_models

from tests.headrace.samples import INFERENCE, NOW, RUN, package
from tests.pipeline_specs.pipeline_samples import model_package

LIVE = package(1, artefact="s3://b/1/model.tar.gz")
ROOT = Path(__file__).parents[2]
PIPELINE = RUN.partition("/execution/")[0]
RIGHT = Scoring(PIPELINE, LIVE.arn, LIVE.artefact, NOW - 9000)
GRACE, HOUR, DAY = 600.0, 3600.0, 86400.0


def found(
    project: Project, there: Scoring | None, rollout: Rollout | None = None
) -> LiveDiffers | None:
    lane = Lane(INFERENCE, rollout=rollout or Rollout(live=LIVE.arn))
    ledger: Any = SimpleNamespace(lane=lambda name: lane)
    sagemaker: Any = SimpleNamespace(version=lambda arn: LIVE, scoring=lambda name: there)
    envelope = difference(ledger, sagemaker, project, NOW, GRACE)
    event = parse(envelope) if envelope else None
    assert event is None or isinstance(event, LiveDiffers)
    return event


def test_the_live_versions_own_pipeline_is_no_difference(project: Project) -> None:
    assert found(project, RIGHT) is None
    assert found(project, RIGHT._replace(version="x"), Rollout()) is None  # nothing is live


@pytest.mark.parametrize(
    "there",
    [
        RIGHT._replace(version=package(2).arn),
        RIGHT._replace(version=""),
        RIGHT._replace(artefact="s3://b/other.tar.gz"),
        None,
    ],
)
def test_another_version_another_artefact_or_no_pipeline_is_a_difference(
    project: Project, there: Scoring | None
) -> None:
    event = found(project, there)
    assert event is not None
    assert event.arn == LIVE.arn


def test_the_pipeline_that_the_builder_makes_names_its_version_and_artefact() -> None:
    definition = (ROOT / "tests/pipeline_specs/golden/abalone-inference.json").read_text()
    answer = {
        "PipelineArn": PIPELINE,
        "PipelineDefinition": definition,
        "LastModifiedTime": datetime.fromtimestamp(NOW, UTC),
    }
    client = SimpleNamespace(describe_pipeline=lambda PipelineName: answer)
    there = SageMaker(client).scoring(INFERENCE)
    built_from = model_package()
    assert there == Scoring(PIPELINE, built_from.arn, built_from.model_data, NOW)


def test_a_refresh_in_progress_and_a_change_of_just_now_are_no_difference(
    project: Project,
) -> None:
    other = RIGHT._replace(version=package(2).arn)
    refreshing = Rollout(live=LIVE.arn, wanted=package(2).arn, refresh_id="refresh-1")
    assert found(project, other, refreshing) is None
    assert found(project, other._replace(changed=NOW - 60)) is None


def test_a_difference_is_one_mail_with_the_command_that_puts_the_live_version_back(
    project: Project,
) -> None:
    event = found(project, RIGHT._replace(version=package(2).arn))
    assert event is not None
    lane = Lane(INFERENCE, rollout=Rollout(live=LIVE.arn))
    decision = decide(project, lane, event, NOW)
    (notify,) = decision.actions
    assert isinstance(notify, Notify)
    assert notify.message.kind == "live-differs"
    command = f"headrace pipelines refresh abalone --model-package-arn {LIVE.arn}"
    assert command in notify.message.text
    assert decision.lane == lane
    again = found(project, RIGHT._replace(version=package(2).arn))
    later = found(project, RIGHT._replace(version=package(2).arn, changed=NOW - 8000))
    assert again is not None
    assert later is not None
    assert again.business_key == event.business_key != later.business_key


def test_a_difference_that_is_over_when_it_is_decided_says_nothing(project: Project) -> None:
    event = found(project, RIGHT._replace(version=package(2).arn))
    assert event is not None
    moved_on = Lane(INFERENCE, rollout=Rollout(live=package(2).arn))
    refreshing = Lane(INFERENCE, rollout=Rollout(live=LIVE.arn, refresh_id="refresh-2"))
    for lane in (moved_on, refreshing):
        assert decide(project, lane, event, NOW).actions == ()


class Runs:
    """Scoring runs, a day apart, each with a model."""

    def __init__(self, count: int, still_running: int = -1) -> None:
        self.runs = [
            Execution(
                f"{RUN}{n}", "Executing" if n == still_running else "Succeeded", "", NOW + n * DAY
            )
            for n in range(count)
        ]
        self.deleted: list[str] = []

    def started_between(
        self, pipeline: str, since: float, before: float, most: int
    ) -> list[Execution]:
        return [run for run in self.runs if since < run.started < before][:most]

    def models_of(self, arn: str) -> list[str]:
        return [f"pipelines-{arn.rpartition('/')[2]}"]

    def delete_model(self, name: str) -> bool:
        self.deleted.append(name)
        return True


def swept(runs: Runs, since: float, before: float) -> float:
    sagemaker: Any = runs
    return delete_models(sagemaker, INFERENCE, since, before, pytest.fail)


def test_models_of_old_runs_are_deleted_a_bounded_number_at_a_time() -> None:
    runs = Runs(RUNS + 5)
    first = swept(runs, 0.0, NOW + 1000 * DAY)
    assert (len(runs.deleted), first) == (RUNS, NOW + (RUNS - 1) * DAY)
    assert swept(runs, first, NOW + 1000 * DAY) == NOW + (RUNS + 4) * DAY
    assert len(set(runs.deleted)) == RUNS + 5
    assert swept(runs, NOW + (RUNS + 4) * DAY, NOW + 1000 * DAY) == NOW + (RUNS + 4) * DAY


def test_the_models_of_later_runs_and_of_one_that_goes_on_stay() -> None:
    runs = Runs(9, still_running=3)
    assert swept(runs, 0.0, NOW + 6.5 * DAY) == NOW + 2 * DAY
    assert len(runs.deleted) == 3
    assert Runs(9).deleted == []


@pytest.mark.parametrize(("days", "deleted"), [(0.0, 0), (5.0, 4)])
def test_models_are_kept_for_as_long_as_the_stack_says_and_for_ever_with_0(
    project: Project, days: float, deleted: int
) -> None:
    from headrace.use_cases.reconcile import Reconciler

    runs = Runs(9)
    nothing: Any = None
    inbox: Any = SimpleNamespace(sagemaker=runs, warn=pytest.fail)
    reconciler = Reconciler(inbox, nothing, nothing, GRACE, nothing, days)
    reconciler._without_models(project, Mark("abalone"), NOW + 8.5 * DAY)
    assert len(runs.deleted) == deleted


def test_a_page_of_runs_is_all_that_a_look_at_recent_ones_takes() -> None:
    pages: list[int] = []

    class Client:
        def get_paginator(self, operation: str) -> Any:
            return self

        def paginate(self, **_: Any) -> Any:
            while True:
                pages.append(1)
                yield {"PipelineExecutionSummaries": [_summary()] * 100}

    assert len(SageMaker(Client()).recent(INFERENCE, 0.0, 300)) == 300
    assert len(pages) == 3


def _summary() -> dict[str, Any]:
    started: Callable[[], float] = lambda: NOW  # noqa: E731
    return {
        "PipelineExecutionArn": RUN,
        "PipelineExecutionStatus": "Succeeded",
        "StartTime": SimpleNamespace(timestamp=started),
    }


def test_a_mark_looks_back_to_the_beginning_of_the_last_complete_inventory() -> None:
    first = Mark("abalone").begun(NOW)
    assert first.since == NOW - 48 * HOUR
    second = replace(first, place=None).begun(NOW + 70 * HOUR)
    assert second.since == NOW - 48 * HOUR
    assert [first.is_due(NOW), replace(first, place=None).is_due(NOW + 0.9 * HOUR)] == [True, False]
