"""Lanes are freed by the run that holds them; only a missed threshold retunes."""

from dataclasses import replace

import pytest
from headrace.domain.actions import AdvanceRun, Notify
from headrace.domain.cause import Cause
from headrace.domain.events import (
    LaneDue,
    ModelQualityFailed,
    RunNotStarted,
    RunRequested,
    RunStatusChanged,
)
from headrace.domain.lane import Lane, Request, Run
from headrace.domain.project import Project
from headrace.domain.quality import Verdict
from headrace.rules.decide import decide
from headrace.rules.uploads import FilesArrived

from tests.headrace.samples import HPO, NOW, RUN, TRAINING, package, uploaded

MISSED = Verdict("mse", 16.2, 10.0, False, 1200)
WAITING = Request("upload-2", NOW, NOW + 2, objects=1, names=("b.csv",))
OTHER = RUN.replace("9v2kq0x4w7ab", "another")

NIGHTLY = Cause("schedule", reference="rate(1 day)")


def changed(status: str, arn: str = RUN, name: str = "upload-1") -> RunStatusChanged:
    return RunStatusChanged(TRAINING, arn, status, name, NOW)


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped", "CompletedWithFailures"])
def test_a_run_that_ends_frees_its_lane_and_sends_for_what_waits(
    project: Project, training: Lane, status: str
) -> None:
    busy = replace(training, current=Run("upload-1", NOW, "", RUN), waiting=WAITING)
    decision = decide(project, busy, changed(status), NOW)
    assert decision.lane.current is None
    assert decision.actions == (AdvanceRun(TRAINING, "upload-2", 2, NOW + 2),)


@pytest.mark.parametrize("status", ["Executing", "Stopping", "Pausing", "Queued", "InProgress"])
def test_a_run_that_goes_on_holds_its_lane_be_its_status_known_or_not(
    project: Project, training: Lane, status: str
) -> None:
    busy = replace(training, current=Run("upload-1", NOW, "", RUN), waiting=WAITING)
    decision = decide(project, busy, changed(status), NOW)
    assert decision.lane.current == busy.current
    assert decision.actions == ()


def test_a_run_is_known_by_its_name_before_its_arn_is(project: Project, training: Lane) -> None:
    claimed = replace(training, current=Run("upload-1", NOW, ""))
    started = decide(project, claimed, changed("Executing"), NOW)
    assert started.lane.current == Run("upload-1", NOW, "", RUN)
    assert decide(project, claimed, changed("Failed"), NOW).lane.current is None


def test_the_end_of_another_run_frees_nothing(project: Project, training: Lane) -> None:
    busy = replace(training, current=Run("upload-1", NOW, "", RUN), waiting=WAITING)
    decision = decide(project, busy, changed("Succeeded", OTHER, "by-hand"), NOW)
    assert decision.lane.current == busy.current
    assert decision.actions == ()


def test_a_run_started_by_hand_is_respected(project: Project, training: Lane) -> None:
    decision = decide(project, training, changed("Executing", OTHER, "by-hand"), NOW)
    assert decision.lane.current == Run(None, NOW, "started outside Headrace", OTHER)
    waits = decide(
        project,
        decision.lane,
        FilesArrived((uploaded("abalone/training/data/raw/a.csv"),)),
        NOW,
    )
    assert waits.actions == ()
    freed = decide(project, waits.lane, changed("Succeeded", OTHER, "by-hand"), NOW + 9)
    assert len(freed.actions) == 1


def test_a_start_event_after_the_end_holds_no_lane(project: Project, training: Lane) -> None:
    ended = decide(project, training, changed("Succeeded", OTHER), NOW)
    assert decide(project, ended.lane, changed("Executing", OTHER), NOW).lane.current is None


def test_a_missed_threshold_starts_one_retuning_that_names_its_cause(project: Project) -> None:
    decision = decide(project, Lane(HPO), ModelQualityFailed(RUN, MISSED, NOW), NOW)
    request = decision.lane.waiting
    assert request is not None
    assert decision.actions == (AdvanceRun(HPO, request.id, 1, NOW),)
    assert RUN in request.description
    assert "mse 16.2 is above the threshold 10 on 1,200 rows" in request.description


def test_a_crash_starts_nothing(project: Project) -> None:
    decision = decide(project, Lane(HPO), ModelQualityFailed(RUN, None, NOW), NOW)
    assert decision.lane == Lane(HPO)
    assert decision.actions == ()
    assert "crashed" in decision.audit[0].reason


def test_a_pass_that_crashed_afterwards_starts_nothing(project: Project) -> None:
    passed = MISSED._replace(passed=True)
    decision = decide(project, Lane(HPO), ModelQualityFailed(RUN, passed, NOW), NOW)
    assert decision.actions == ()


@pytest.mark.parametrize(
    ("lane", "says"),
    [
        (Lane(HPO, current=Run("retune-1", NOW, "", RUN)), "already in progress"),
        (Lane(HPO, waiting=WAITING), "already in progress"),
        (Lane(HPO, retuned_at=(NOW - 3600,)), "cool-down is 24 hours; the next may start in 23.0"),
        (Lane(HPO, retuned_at=(NOW - 90000, NOW - 180000)), "2 retunings in a week are the most"),
    ],
)
def test_the_policy_declines_and_says_why_and_until_when(
    project: Project, lane: Lane, says: str
) -> None:
    decision = decide(project, lane, ModelQualityFailed(OTHER, MISSED, NOW), NOW)
    (notify,) = decision.actions
    assert isinstance(notify, Notify)
    assert notify.message.kind == "retune-declined"
    assert says in notify.message.text
    assert decision.lane == lane


def test_where_versions_are_only_promoted_to_nothing_is_retuned(project: Project) -> None:
    here = replace(project, retune=replace(project.retune, max_per_week=0))
    decision = decide(here, Lane(HPO), ModelQualityFailed(RUN, MISSED, NOW), NOW)
    (notify,) = decision.actions
    assert isinstance(notify, Notify)
    assert "start it in the registry's account" in notify.message.text


def test_the_next_week_may_retune_again(project: Project) -> None:
    lane = Lane(HPO, retuned_at=(NOW - 8 * 86400, NOW - 9 * 86400))
    decision = decide(project, lane, ModelQualityFailed(RUN, MISSED, NOW), NOW)
    assert isinstance(decision.actions[0], AdvanceRun)


def test_a_schedule_redriven_after_a_later_one_starts_nothing_and_the_audit_says_so(
    project: Project, training: Lane
) -> None:
    day = 86400.0
    later = decide(project, training, RunRequested(TRAINING, "2", NIGHTLY, NOW), NOW).lane
    free = replace(later, waiting=None)  # its run is over
    dead_letter = RunRequested(TRAINING, "1", NIGHTLY, NOW - day)
    decision = decide(project, free, dead_letter, NOW + 6 * day)
    assert (decision.lane, decision.actions) == (free, ())
    (line,) = decision.audit
    assert (line.outcome, line.event) == ("superseded", f"request/{TRAINING}/1")


def test_a_schedule_redriven_days_later_with_none_after_it_is_the_run_that_was_missed(
    project: Project, training: Lane
) -> None:
    weekly = Cause("schedule", reference="rate(7 days)")
    before = decide(project, training, RunRequested(TRAINING, "1", weekly, NOW - 7 * 86400), NOW)
    free = replace(before.lane, waiting=None)
    missed = decide(project, free, RunRequested(TRAINING, "2", weekly, NOW), NOW + 6 * 86400)
    assert [type(action) for action in missed.actions] == [AdvanceRun]
    assert missed.lane.scheduled_at == NOW


def test_what_a_person_asked_for_is_not_superseded_by_a_schedule(
    project: Project, training: Lane
) -> None:
    lane = replace(training, scheduled_at=NOW + 60)
    asked = RunRequested(TRAINING, "1", Cause("request", "ada"), NOW)
    assert decide(project, lane, asked, NOW + 90).lane.waiting is not None


def test_a_request_by_a_schedule_joins_the_drop_that_waits(
    project: Project, training: Lane
) -> None:
    lane = replace(training, waiting=WAITING)
    decision = decide(project, lane, RunRequested(TRAINING, "1", NIGHTLY, NOW), NOW)
    assert decision.actions == ()
    assert decision.lane.waiting is not None
    assert decision.lane.waiting.description == "upload of 1 file: b.csv; schedule rate(1 day)"


def test_a_run_that_could_not_start_frees_its_lane_and_is_reported(
    project: Project, training: Lane
) -> None:
    lane = replace(training, current=Run("upload-1", NOW, ""), waiting=WAITING)
    event = RunNotStarted(TRAINING, "upload-1", "no such pipeline", NOW)
    decision = decide(project, lane, event, NOW)
    advance, notify = decision.actions
    assert isinstance(advance, AdvanceRun)
    assert isinstance(notify, Notify)
    assert "no such pipeline" in notify.message.text
    assert decide(project, decision.lane, event, NOW).actions == ()


def test_a_request_that_could_not_be_claimed_is_reported_and_keeps_waiting(
    project: Project, training: Lane
) -> None:
    """Otherwise it would fail every ten minutes, and nobody would know."""
    lane = replace(training, waiting=WAITING)
    decision = decide(project, lane, RunNotStarted(TRAINING, WAITING.id, "no data", NOW), NOW)
    (notify,) = decision.actions
    assert isinstance(notify, Notify)
    assert "no data" in notify.message.text
    assert "retried every ten minutes" in notify.message.text
    assert decision.lane == lane


def test_reconcile_dispatches_a_stalled_claim_again_under_a_new_name(
    project: Project, training: Lane
) -> None:
    lane = replace(training, current=Run("upload-1", NOW - 900, ""))
    decision = decide(project, lane, LaneDue(TRAINING, "upload-1", NOW), NOW)
    (action,) = decision.actions
    assert isinstance(action, AdvanceRun)
    assert action.request_id == "upload-1"
    assert action.name != "upload-1-1"


def test_reconcile_does_not_drive_what_was_served(project: Project, training: Lane) -> None:
    assert decide(project, training, LaneDue(TRAINING, "upload-1", NOW), NOW).actions == ()
    assert package().version == 1


def test_what_waits_is_not_sent_for_while_a_run_holds_the_lane(
    project: Project, training: Lane
) -> None:
    lane = replace(training, current=Run("upload-1", NOW, "", RUN), waiting=WAITING)
    assert decide(project, lane, LaneDue(TRAINING, WAITING.id, NOW), NOW).actions == ()
