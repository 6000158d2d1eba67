"""The ledger commits a decision whole or not at all, on a real DynamoDB API."""

from dataclasses import replace

import pytest
from headrace.adapters.ledger import Ledger
from headrace.domain.cause import Cause
from headrace.domain.errors import Conflict, PermanentError, RetryableError
from headrace.domain.lane import Lane, Rollout, Run
from headrace.domain.project import Pipelines, Project
from headrace.rules.decide import decide
from headrace.rules.uploads import FilesArrived

from tests.headrace.samples import NOW, RUN, TRAINING, uploaded

RAW = "abalone/training/data/raw/"


def test_a_project_is_found_by_all_that_it_owns(ledger: Ledger, project: Project) -> None:
    ledger.put_project(project)
    assert ledger.project_of("name", "abalone") == project
    assert ledger.project_of("pipeline", TRAINING) == project
    assert ledger.project_of("group", "headrace-abalone") == project
    assert ledger.project_of_key(RAW + "x/y.csv") == project
    assert ledger.project_of_key("other/training/data/raw/a.csv") is None
    assert ledger.project_of_key("a.csv") is None
    assert list(ledger.projects()) == [project]


def test_the_longest_prefix_owns_a_key(ledger: Ledger, project: Project) -> None:
    nested = replace(
        project,
        name="small",
        prefix="abalone/small",
        model_package_group="small",
        pipelines=Pipelines("s-training", "s-hpo", "s-inference", "s-quality"),
    )
    ledger.put_project(project)
    ledger.put_project(nested)
    assert ledger.project_of_key("abalone/small/training/data/raw/a.csv") == nested
    assert ledger.project_of_key("abalone/training/data/raw/a.csv") == project


def test_a_prefix_that_another_project_owns_is_refused(ledger: Ledger, project: Project) -> None:
    ledger.put_project(project)
    ledger.put_project(replace(project, threshold=9.0))  # its own settings may change
    thief = replace(project, name="thief")
    with pytest.raises(PermanentError, match="belongs to another project"):
        ledger.put_project(thief)
    assert ledger.project_of("name", "thief") is None


def test_a_decision_is_written_whole(ledger: Ledger, project: Project) -> None:
    before = ledger.lane(TRAINING)
    items = (uploaded(RAW + "a.csv"), uploaded(RAW + "b.csv"))
    keys = [item.business_key for item in items]
    decision = decide(project, before, FilesArrived(items), NOW)
    ledger.commit(project, before, decision, keys, NOW)
    assert ledger.seen([*keys, "s3/other"]) == set(keys)
    assert ledger.lane(TRAINING) == replace(decision.lane, version=1)
    assert ledger.drop(decision.request_id) == [(i.key, i.version_id) for i in items]
    assert [name for name, _ in ledger.outbox()] == [decision.actions[0].name]
    (line,) = ledger.audit("abalone")
    assert line["actions"] == [decision.actions[0].name]
    assert [d["reason"] for d in line["decided"]] == [i.key for i in items]


def test_a_lane_that_changed_meanwhile_takes_nothing(ledger: Ledger, project: Project) -> None:
    before = ledger.lane(TRAINING)
    first = FilesArrived((uploaded(RAW + "a.csv"),))
    second = FilesArrived((uploaded(RAW + "b.csv"),))
    ledger.commit(project, before, decide(project, before, first, NOW), ["one"], NOW)
    with pytest.raises(Conflict):
        ledger.commit(project, before, decide(project, before, second, NOW), ["two"], NOW)
    assert ledger.seen(["one", "two"]) == {"one"}
    request = ledger.lane(TRAINING).waiting
    assert request is not None
    assert [key for key, _ in ledger.drop(request.id)] == [RAW + "a.csv"]


def test_an_event_that_was_seen_meanwhile_is_not_committed_again(
    ledger: Ledger, project: Project
) -> None:
    before = ledger.lane(TRAINING)
    decision = decide(project, before, FilesArrived((uploaded(RAW + "a.csv"),)), NOW)
    ledger.commit(project, before, decision, ["one"], NOW)
    again = ledger.lane(TRAINING)
    with pytest.raises(Conflict):
        ledger.commit(project, again, replace(decision, lane=again), ["one"], NOW + 1)


def test_a_lane_survives_the_round_trip(ledger: Ledger) -> None:
    lane = Lane(
        TRAINING,
        current=Run("upload-1", NOW, "why", RUN),
        retuned_at=(NOW, NOW - 1),
        ended=(RUN,),
        rollout=Rollout(live="arn"),
    ).join(
        why="upload",
        key="k",
        now=NOW,
        quiet_at=NOW + 2,
        names=("a",),
        cause=Cause("request", "ada"),
    )[0]
    ledger.claim(ledger.lane(TRAINING), lane)
    assert ledger.lane(TRAINING) == replace(lane, version=1)


def test_a_notification_is_sent_once(ledger: Ledger) -> None:
    assert ledger.claim_notification("told/x", NOW, "first")
    ledger.mark_notified("told/x", NOW)
    assert not ledger.claim_notification("told/x", NOW, "first")
    assert not ledger.claim_notification("told/x", NOW + 86400, "second")


def test_a_crashed_notification_is_sent_again_and_others_wait_for_its_claim(
    ledger: Ledger,
) -> None:
    assert ledger.claim_notification("told/x", NOW, "killed")
    assert ledger.claim_notification("told/x", NOW + 1, "killed")
    with pytest.raises(RetryableError, match="another invocation is sending told/x"):
        ledger.claim_notification("told/x", NOW + 30, "second")
    assert ledger.claim_notification("told/x", NOW + 90, "second")


def test_the_audit_is_asked_by_project_and_time(ledger: Ledger, project: Project) -> None:
    for n in range(3):
        lane = ledger.lane(TRAINING)
        event = FilesArrived((uploaded(f"{RAW}{n}.csv"),))
        decision = decide(project, lane, event, NOW + n * 86400)
        ledger.commit(project, lane, decision, [str(n)], NOW + n * 86400)
    times = [line["time"] for line in ledger.audit("abalone")]
    assert len(times) == 3
    assert times == sorted(times)
    assert [line["time"] for line in ledger.audit("abalone", times[1], times[1] + "~")] == times[
        1:2
    ]
    assert ledger.audit("other") == []
