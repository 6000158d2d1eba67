"""Changes whose events were lost are re-queued, once."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from headrace.adapters import client as aws
from headrace.adapters.eventbridge import parse
from headrace.adapters.ledger import Ledger
from headrace.adapters.marks import Marks
from headrace.adapters.sagemaker import Execution, SageMaker, Scoring
from headrace.domain.errors import PermanentError, RetryableError
from headrace.domain.events import ObjectCreated, RunStatusChanged
from headrace.domain.lane import Lane, Request, Rollout, Run
from headrace.domain.model_version import ModelPackage
from headrace.domain.project import Pipelines, Project
from headrace.rules.decide import decide
from headrace.use_cases.reconcile import Reconciler

from tests.headrace import handed_in
from tests.headrace.samples import INFERENCE, NOW, RUN, TRAINING, package

PIPELINE = RUN.partition("/execution/")[0]


@dataclass
class World:
    """A reconciler whose sent events are kept, and a registry that the test sets."""

    ledger: Ledger
    project: Project
    bucket: str
    versions: dict[str, ModelPackage] = field(default_factory=dict)
    put: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    sagemaker: SageMaker = field(default_factory=lambda: SageMaker(None))
    scoring: tuple[Scoring | None, ...] = ()
    forgotten: float = 600.0

    def reconcile(self, now: float = NOW, inventory: bool = False) -> list[dict[str, Any]]:
        """Return what one look put back."""
        self.put.clear()
        start = lambda name, _: self.started.append(name)  # noqa: E731
        inbox = handed_in.inbox(self.ledger, start, lambda: now, name=self.bucket)
        inbox = replace(inbox, sagemaker=self.sagemaker)
        put: Any = SimpleNamespace(send=self.put.append)
        told: Any = SimpleNamespace(send=self.told.append)
        marks = Marks(self.ledger._table.name, aws.client("dynamodb"))
        reconciler = Reconciler(inbox, put, told, self.forgotten, marks, 0)
        reconciler.run(begin=True, hourly=inventory, request_id="")
        return list(self.put)

    def scores(self, pipeline: str) -> Scoring | None:
        """Return what the pipeline scores with: the live version, unless a test has set it."""
        live = self.ledger.lane(pipeline).rollout.live or ""
        return self.scoring[0] if self.scoring else Scoring(PIPELINE, live, "", 0.0)

    def change(self, **changes: Any) -> None:
        pipeline = changes.pop("pipeline", TRAINING)
        lane = self.ledger.lane(pipeline)
        self.ledger.claim(lane, replace(lane, **changes))


@pytest.fixture
def world(ledger: Ledger, project: Project, monkeypatch: pytest.MonkeyPatch) -> World:
    ledger.put_project(project)
    bucket = f"data-{uuid.uuid4().hex[:8]}"
    aws.client("s3").create_bucket(Bucket=bucket)
    enabled = {"Status": "Enabled"}
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    made = World(ledger, project, bucket)

    def newest(group: str, approval: str, other_than: str = "") -> str | None:
        arns = [v.arn for v in made.versions.values() if v.approval == approval]
        return max(arns, default=None)

    going_on = Execution(RUN, "Executing", "upload-1", NOW)
    monkeypatch.setattr(made.sagemaker, "newest", newest)
    monkeypatch.setattr(made.sagemaker, "version", lambda arn: made.versions.get(arn))
    monkeypatch.setattr(made.sagemaker, "describe", lambda arn: going_on)
    monkeypatch.setattr(made.sagemaker, "scoring", made.scores)
    monkeypatch.setattr(made.sagemaker, "recent", lambda pipeline, since, most: [])
    return made


def test_nothing_is_put_back_where_nothing_is_missing(world: World) -> None:
    world.change(current=Run("upload-1", NOW - 9000, "", RUN))
    assert world.reconcile(inventory=False) == []


@pytest.mark.parametrize("status", ["Failed", "CompletedWithFailures"])
def test_a_run_whose_end_was_lost_is_reported_and_requeued(
    world: World, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    world.change(current=Run("upload-1", NOW - 9000, "", RUN))
    ended = Execution(RUN, status, "upload-1", NOW)
    monkeypatch.setattr(world.sagemaker, "describe", lambda arn: ended)
    (envelope,) = world.reconcile()
    event = parse(envelope)
    assert event.business_key == f"run/{RUN}/{status}"
    assert world.told == [envelope]


def test_a_run_that_was_deleted_holds_its_lane_no_longer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """API_DeletePipeline deletes the executions; a run just claimed may not be there yet."""
    monkeypatch.setattr(world.sagemaker, "describe", lambda arn: None)
    world.change(current=Run("upload-1", NOW - 60, "", RUN))
    assert world.reconcile() == []
    world.change(current=Run("upload-1", NOW - 9000, "", RUN))
    (envelope,) = world.reconcile()
    event = parse(envelope)
    assert isinstance(event, RunStatusChanged)
    assert world.told == [envelope]
    lane = world.ledger.lane(TRAINING)
    assert decide(world.project, lane, event, NOW).lane.current is None


def by_hand(status: str, started: float) -> Execution:
    return Execution(f"{RUN}-by-hand", status, "mine", started)


@pytest.mark.parametrize(
    ("lane", "run", "heard"),
    [
        ({}, by_hand("Failed", NOW - 60), "Failed"),
        ({"current": Run("upload-1", NOW, "")}, by_hand("Failed", NOW - 60), "Failed"),
        ({}, by_hand("Executing", NOW - 700), "Executing"),
        ({}, by_hand("Executing", NOW - 60), ""),  # its event may be on its way
        ({"current": Run("upload-1", NOW, "")}, by_hand("Executing", NOW - 700), ""),
    ],
)
def test_a_manual_run_whose_start_was_lost_is_requeued_once(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    lane: dict[str, Any],
    run: Execution,
    heard: str,
) -> None:
    world.change(**lane)
    runs = {TRAINING: [run]}
    monkeypatch.setattr(world.sagemaker, "recent", lambda name, *_: runs.get(name.lower(), []))
    found = [parse(envelope).business_key for envelope in world.reconcile()]
    assert found == [f"run/{run.arn}/{heard}"] * bool(heard)
    assert [parse(envelope).business_key for envelope in world.told] == found
    world.ledger.mark_notified(f"run/{run.arn}/{heard}", NOW)
    assert world.reconcile() == []


@pytest.mark.parametrize(
    "lane",
    [
        {"current": Run("upload-1", NOW - 700, "")},
        {"waiting": Request("upload-1", NOW - 900, NOW - 700, objects=1)},
    ],
)
def test_a_stalled_request_is_due_until_it_was_just_dispatched(
    world: World, lane: dict[str, Any]
) -> None:
    world.change(**lane)
    (envelope,) = world.reconcile()
    assert envelope["detail"] == {"pipeline": TRAINING, "request_id": "upload-1"}
    ((name, value),) = lane.items()
    world.change(**{name: replace(value, driven_at=NOW - 10)})
    assert world.reconcile() == []


def test_a_drop_without_its_trigger_file_or_without_a_live_model_is_not_due(
    world: World,
) -> None:
    world.change(waiting=Request("upload-1", NOW - 9000, None))
    waiting = Request("upload-2", NOW - 9000, NOW - 9000, objects=1)
    world.change(pipeline=INFERENCE, waiting=waiting)
    assert world.reconcile() == []


def test_a_trigger_file_alone_has_nothing_to_run_and_is_not_due(world: World) -> None:
    world.change(waiting=Request("upload-1", NOW - 9000, NOW - 9000))
    assert world.reconcile() == []


def test_a_refresh_that_hangs_is_dispatched_again_under_its_own_id(world: World) -> None:
    arn = package(1).arn
    world.change(
        pipeline=INFERENCE,
        rollout=Rollout(wanted=arn, refresh_id="refresh-1", dispatched_at=NOW - 3700),
    )
    (envelope,) = world.reconcile()
    assert envelope["detail"] == {"pipeline": INFERENCE, "request_id": "refresh-1"}


def test_an_approval_whose_event_was_lost_is_requeued_once(world: World) -> None:
    version = package(1, modified=NOW - 3600)
    world.versions[version.arn] = version
    (envelope,) = world.reconcile()
    assert envelope["detail"]["ModelPackageArn"] == version.arn
    world.ledger.mark_notified(version.business_key, NOW)
    assert world.reconcile() == []
    world.change(pipeline=INFERENCE, rollout=Rollout(live=version.arn))
    assert world.reconcile() == []


def test_a_lost_rejection_or_deletion_of_the_live_version_is_requeued(world: World) -> None:
    version = package(1, approval="Rejected", modified=NOW - 3600)
    world.versions[version.arn] = version
    world.change(pipeline=INFERENCE, rollout=Rollout(live=version.arn))
    (envelope,) = world.reconcile()
    assert envelope["detail"]["ModelApprovalStatus"] == "Rejected"
    world.ledger.mark_notified(version.business_key, NOW)
    world.versions.clear()
    (envelope,) = world.reconcile()
    assert envelope["detail-type"] == "Version Gone"
    world.ledger.mark_notified(parse(envelope).business_key, NOW)
    assert world.reconcile() == []


def test_a_registration_without_a_notification_is_sent_again(world: World) -> None:
    version = package(1, approval="PendingManualApproval", created=NOW - 3600)
    world.versions[version.arn] = version
    assert world.reconcile() == []
    assert [e["detail"]["ModelPackageArn"] for e in world.told] == [version.arn]
    world.ledger.mark_notified(f"told/registered/{version.arn}", NOW)
    world.told.clear()
    world.reconcile()
    assert world.told == []


def test_a_version_that_waits_too_long_is_reminded_of_once_a_period(world: World) -> None:
    version = package(1, approval="PendingManualApproval", modified=NOW)
    world.versions[version.arn] = version
    world.ledger.mark_notified(f"told/registered/{version.arn}", NOW)
    day = 86400.0
    assert world.reconcile(NOW + 2.9 * day) == []
    (envelope,) = world.reconcile(NOW + 3.1 * day)
    assert envelope["detail"]["days"] == 3
    world.ledger.mark_notified(parse(envelope).business_key, NOW)
    assert world.reconcile(NOW + 5.9 * day) == []
    assert world.reconcile(NOW + 6.1 * day)[0]["detail"]["days"] == 6


def test_reconcile_hands_over_what_no_delivery_did(
    world: World, upload: Callable[[str], dict[str, Any]]
) -> None:
    def away(name: str, action: dict[str, Any]) -> None:
        raise RetryableError("Step Functions is away")

    inbox = handed_in.inbox(world.ledger, away, lambda: NOW)
    inbox.handle([upload("abalone/training/data/raw/a.csv")])
    world.reconcile()
    assert len(world.started) == 1
    assert world.ledger.outbox() == []


@pytest.mark.parametrize(
    "error", [PermanentError("no such model package group"), KeyError("a bug")]
)
def test_one_projects_trouble_is_not_anothers(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    other = replace(world.project, name="zebra", prefix="zebra", model_package_group="zebra")
    names = Pipelines("z-training", "z-training-hpo", "z-inference", "z-model-quality")
    world.ledger.put_project(replace(other, pipelines=names))
    world.change(pipeline="z-training", waiting=Request("upload-1", 1, 1, objects=1))

    def newest(group: str, approval: str, other_than: str = "") -> str | None:
        if group == "headrace-abalone":
            raise error
        return None

    monkeypatch.setattr(world.sagemaker, "newest", newest)
    with pytest.raises(type(error), match=error.args[0]):
        world.reconcile()
    assert [envelope["detail"]["pipeline"] for envelope in world.put] == ["z-training"]


def test_an_upload_that_never_came_through_is_found_by_the_inventory(world: World) -> None:
    s3, bucket = aws.client("s3"), world.bucket
    key = "abalone/training/data/raw/größe +1.csv"
    s3.put_object(Bucket=bucket, Key=key, Body=b"old")
    newest = s3.put_object(Bucket=bucket, Key=key, Body=b"1,2\n")["VersionId"]
    uploaded = s3.head_object(Bucket=bucket, Key=key)["LastModified"].timestamp()
    assert world.reconcile(uploaded + 60, inventory=True) == []
    assert world.reconcile(uploaded + 1800, inventory=False) == []
    found = world.reconcile(uploaded + 3600, inventory=True)
    event = next(e for e in map(parse, found) if isinstance(e, ObjectCreated) and e.key == key)
    assert (event.version_id, event.size) == (newest, 4)
    world.ledger.mark_notified(event.business_key, NOW)
    again = world.reconcile(uploaded + 3600, inventory=True)
    assert key not in [e["detail"]["object"]["key"] for e in again]
    assert json.dumps(found)
    assert world.ledger.lane(TRAINING) == Lane(TRAINING)


def test_a_pipeline_that_is_not_the_live_versions_is_reported_once(world: World) -> None:
    version = package(1, modified=NOW - 3600)
    world.versions[version.arn] = version
    world.change(pipeline=INFERENCE, rollout=Rollout(live=version.arn))
    assert world.reconcile(NOW, inventory=True) == []
    world.scoring = (Scoring(PIPELINE, package(2).arn, "", NOW - 700),)
    (envelope,) = world.reconcile(NOW, inventory=True)
    assert envelope["detail-type"] == "Live Differs"
    world.ledger.mark_notified(parse(envelope).business_key, NOW)
    assert world.reconcile(NOW + 3600, inventory=True) == []


def test_the_grace_period_before_events_are_sent_again_is_a_setting(world: World) -> None:
    world.change(current=Run("upload-1", NOW - 30, ""))
    for forgotten, due in ((60.0, 0), (20.0, 1)):
        world.forgotten = forgotten
        assert len(world.reconcile()) == due
