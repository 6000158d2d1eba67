"""What goes live: an approval, and for a retuned version the review board's reference."""

from headrace.domain.actions import AdvanceRun, Notify, RefreshInference, ReturnToPending
from headrace.domain.events import (
    ApprovalOverdue,
    LaneDue,
    PackageReviewed,
    Refreshed,
    RefreshEnded,
    VersionGone,
)
from headrace.domain.lane import Lane, Request, Rollout
from headrace.domain.model_version import ModelPackage
from headrace.domain.project import Project
from headrace.rules.decide import decide

from tests.headrace.samples import INFERENCE, NOW, package

RETUNED = {"kind": "training-hpo", "metric": "mse"}


def reviewed(version: ModelPackage, back: str | None = None) -> PackageReviewed:
    return PackageReviewed(version, back, NOW)


def ended(
    arn: str, succeeded: bool = True, approved: bool = True, back: str | None = None
) -> Refreshed:
    event = RefreshEnded("headrace-abalone", arn, "refresh-1", succeeded, "the page", NOW)
    return Refreshed(event, approved, back)


def test_an_approved_version_is_refreshed_once(project: Project) -> None:
    first = decide(project, Lane(INFERENCE), reviewed(package(1)), NOW)
    (action,) = first.actions
    assert isinstance(action, RefreshInference)
    assert action.arn == package(1).arn
    assert first.lane.rollout.wanted == package(1).arn
    edited = package(1)._replace(modified=NOW + 60)
    assert decide(project, first.lane, reviewed(edited), NOW).actions == ()


def test_an_edit_of_metadata_refreshes_nothing_that_is_live_or_on_its_way(project: Project) -> None:
    """SageMaker reports edits of metadata alone, with the approval as it was."""
    edited = package(1, modified=NOW + 60, metadata={"kind": "training", "note": "x"})
    for rollout in (Rollout(live=edited.arn), Rollout(wanted=edited.arn)):
        lane = Lane(INFERENCE, rollout=rollout)
        decision = decide(project, lane, reviewed(edited), NOW + 60)
        assert (decision.lane, decision.actions) == (lane, ())
        assert decision.audit[0].outcome == "ignored"


def test_an_edit_of_an_older_version_does_not_replace_the_newer_live_one(project: Project) -> None:
    edited = PackageReviewed(package(1, modified=NOW + 60), None, NOW + 60, edited=True)
    lanes = [
        Lane(INFERENCE, rollout=Rollout(live=package(2).arn)),
        Lane(INFERENCE, rollout=Rollout(live=package(0).arn, wanted=package(2).arn)),
    ]
    for lane in lanes:
        decision = decide(project, lane, edited, NOW + 60)
        assert (decision.lane, decision.actions) == (lane, ())
    approved_anew = decide(project, lanes[0], edited._replace(edited=False), NOW + 60)
    newer = decide(project, Lane(INFERENCE, rollout=Rollout(live=package(0).arn)), edited, NOW)
    for decision in (approved_anew, newer):
        assert isinstance(decision.actions[0], RefreshInference)


def test_an_edit_of_metadata_is_judged_like_an_approval_without_an_earlier_event(
    project: Project,
) -> None:
    edited = package(2, metadata={**RETUNED, "review_board_reference": "RB-1", "note": "x"})
    decision = decide(project, Lane(INFERENCE), reviewed(edited), NOW)
    assert isinstance(decision.actions[0], RefreshInference)
    bare = edited._replace(metadata={**RETUNED, "note": "x"})
    assert isinstance(
        decide(project, Lane(INFERENCE), reviewed(bare), NOW).actions[0], ReturnToPending
    )


def test_a_retuned_version_without_the_boards_reference_goes_back(project: Project) -> None:
    version = package(2, metadata=RETUNED)
    decision = decide(project, Lane(INFERENCE), reviewed(version), NOW)
    back, notify = decision.actions
    assert isinstance(back, ReturnToPending)
    assert isinstance(notify, Notify)
    assert "review_board_reference" in notify.message.text
    assert version.arn in notify.message.text
    assert decision.lane.rollout.wanted is None
    assert decision.audit[0].actor == "ada"


def test_a_blank_reference_is_none_and_an_unknown_kind_is_held_to_the_stricter_rule(
    project: Project,
) -> None:
    for metadata in ({**RETUNED, "review_board_reference": "  "}, {}):
        decision = decide(project, Lane(INFERENCE), reviewed(package(2, metadata=metadata)), NOW)
        assert isinstance(decision.actions[0], ReturnToPending)


def test_a_retuned_version_with_the_reference_goes_live(project: Project) -> None:
    version = package(2, metadata={**RETUNED, "review_board_reference": "RB-2026-17"})
    decision = decide(project, Lane(INFERENCE), reviewed(version), NOW)
    assert isinstance(decision.actions[0], RefreshInference)
    assert decision.audit[0].reason == "board reference RB-2026-17"


def test_a_version_that_is_pending_again_is_not_refreshed(project: Project) -> None:
    version = package(1, approval="PendingManualApproval")
    assert decide(project, Lane(INFERENCE), reviewed(version), NOW).actions == ()


def test_the_live_version_rejected_goes_back_to_the_newest_approved(project: Project) -> None:
    lane = Lane(INFERENCE, rollout=Rollout(live=package(3).arn))
    rejected = package(3, approval="Rejected")
    (action,) = decide(project, lane, reviewed(rejected, package(2).arn), NOW).actions
    assert isinstance(action, RefreshInference)
    assert action.arn == package(2).arn
    (notify,) = decide(project, lane, reviewed(rejected, None), NOW).actions
    assert isinstance(notify, Notify)
    assert notify.message.kind == "rollback-impossible"


def test_a_version_rejected_before_its_refresh_ended_is_called_off(project: Project) -> None:
    lane = Lane(INFERENCE, rollout=Rollout(live=package(1).arn, wanted=package(2).arn))
    rejected = package(2, approval="Rejected")
    decision = decide(project, lane, reviewed(rejected, package(1).arn), NOW)
    assert decision.lane.rollout.wanted is None
    assert decision.actions == ()


def test_a_version_that_is_not_live_may_be_rejected_in_peace(project: Project) -> None:
    lane = Lane(INFERENCE, rollout=Rollout(live=package(1).arn))
    rejected = package(2, approval="Rejected")
    assert decide(project, lane, reviewed(rejected, package(1).arn), NOW).actions == ()


def test_going_live_is_reported_and_dispatches_the_waiting_drop(project: Project) -> None:
    waiting = Request("upload-1", NOW - 500, NOW - 498, objects=1, names=("a.csv",))
    lane = Lane(
        INFERENCE, waiting=waiting, rollout=Rollout(wanted=package(1).arn, refresh_id="refresh-1")
    )
    decision = decide(project, lane, ended(package(1).arn), NOW)
    advance, notify = decision.actions
    assert isinstance(advance, AdvanceRun)
    assert isinstance(notify, Notify)
    assert notify.message.kind == "model-live"
    assert (decision.lane.rollout.live, decision.lane.rollout.wanted) == (package(1).arn, None)


def test_a_failed_refresh_leaves_the_live_version_and_is_reported(project: Project) -> None:
    lane = Lane(
        INFERENCE,
        rollout=Rollout(live=package(1).arn, wanted=package(2).arn, refresh_id="refresh-1"),
    )
    decision = decide(project, lane, ended(package(2).arn, succeeded=False), NOW)
    (notify,) = decision.actions
    assert isinstance(notify, Notify)
    assert notify.message.kind == "refresh-failed"
    assert "the page" in notify.message.text
    assert decision.lane.rollout.live == package(1).arn
    assert decision.lane.rollout.wanted is None


def test_an_earlier_refresh_of_the_version_that_failed_does_not_call_off_the_later(
    project: Project,
) -> None:
    """Approved, rejected, approved again: the first refresh ends while the second is under way."""
    lane = Lane(INFERENCE, rollout=Rollout(wanted=package(1).arn, refresh_id="refresh-2"))
    decision = decide(project, lane, ended(package(1).arn, succeeded=False), NOW)
    assert decision.lane == lane


def test_a_refresh_whose_end_is_reported_days_late_does_not_count_as_live(project: Project) -> None:
    """A dead letter, redriven: CI has put another version there since."""
    early, late = ended(package(1).arn), ended(package(2).arn)
    early = early._replace(ended=early.ended._replace(ci_pipeline=7))
    late = late._replace(ended=late.ended._replace(ci_pipeline=8))
    lane = decide(project, Lane(INFERENCE), late, NOW).lane
    decision = decide(project, lane, early, NOW)
    assert (decision.lane, decision.actions) == (lane, ())
    assert decision.audit[0].outcome == "ignored"
    assert (
        decide(project, decide(project, Lane(INFERENCE), early, NOW).lane, late, NOW).lane == lane
    )


def test_a_version_rejected_while_ci_was_at_it_is_left_at_once(project: Project) -> None:
    waiting = Request("upload-1", NOW - 500, NOW - 498, objects=1, names=("a.csv",))
    lane = Lane(INFERENCE, waiting=waiting, rollout=Rollout(live=package(1).arn))
    gone = ended(package(2).arn, approved=False, back=package(1).arn)
    decision = decide(project, lane, gone, NOW)
    _, refresh = decision.actions
    assert isinstance(refresh, RefreshInference)
    assert refresh.arn == decision.lane.rollout.wanted == package(1).arn
    assert decision.lane.rollout.live == package(2).arn  # the truth, until CI has put it right


def test_the_live_version_deleted_raises_the_alarm(project: Project) -> None:
    gone = VersionGone("headrace-abalone", package(1).arn, NOW)
    lane = Lane(INFERENCE, rollout=Rollout(live=package(1).arn))
    (notify,) = decide(project, lane, gone, NOW).actions
    assert isinstance(notify, Notify)
    assert notify.message.kind == "live-version-gone"
    assert "--model-package-group-name headrace-abalone" in notify.message.text
    assert decide(project, Lane(INFERENCE), gone, NOW).actions == ()


def test_people_are_reminded_of_a_version_that_waits(project: Project) -> None:
    overdue = ApprovalOverdue("headrace-abalone", package(2).arn, 3, NOW)
    (notify,) = decide(project, Lane(INFERENCE), overdue, NOW).actions
    assert isinstance(notify, Notify)
    assert "has waited 3 days" in notify.message.subject
    assert package(2).arn in notify.message.text


def test_a_refresh_that_hangs_is_sent_for_again_under_its_own_id(project: Project) -> None:
    first = decide(project, Lane(INFERENCE), reviewed(package(1)), NOW)
    refresh_id = first.lane.rollout.refresh_id
    assert refresh_id is not None
    due = LaneDue(INFERENCE, refresh_id, NOW + 4000)
    (again,) = decide(project, first.lane, due, NOW + 4000).actions
    (before,) = first.actions
    assert isinstance(again, RefreshInference)
    assert isinstance(before, RefreshInference)
    assert again.refresh_id == before.refresh_id
    assert again.name != before.name
