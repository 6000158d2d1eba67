"""Whoever started the run that made a version may not approve it, where a project asks for that."""

from dataclasses import replace
from typing import Any

import pytest
from headrace.adapters.sagemaker import starters
from headrace.domain.actions import RefreshInference, ReturnToPending, Tell
from headrace.domain.events import PackageReviewed
from headrace.domain.lane import Lane
from headrace.domain.people import why_not
from headrace.domain.project import Project
from headrace.rules.decide import decide

from tests.headrace.samples import INFERENCE, NOW, package

ADA = "arn:aws:sts::123456789012:assumed-role/Scientist/ada@example.com"
BOB = "arn:aws:sts::123456789012:assumed-role/Scientist/bob@example.com"
ADVANCE = "arn:aws:sts::123456789012:assumed-role/headrace-AdvanceRunRole-1/headrace-advance-run"


def execution(
    created_by: str = ADVANCE, description: str = "upload of 1 file: a.csv"
) -> dict[str, Any]:
    return {
        "CreatedBy": {"IamIdentity": {"Arn": created_by}},
        "PipelineExecutionDescription": description,
    }


def test_a_run_has_the_starters_that_asked_for_it_and_the_one_that_started_it() -> None:
    assert starters(execution()) == (ADVANCE,)
    assert starters(execution(description=f"upload of 1 file: a.csv; by hand, {ADA}")) == (
        ADVANCE,
        ADA,
    )
    assert starters(execution(ADA, "")) == (ADA,)
    assert starters({"CreatedBy": {"UserProfileName": "ada", "IamIdentity": {"Arn": BOB}}}) == (
        "ada",
    )
    assert starters({}) == ()


@pytest.mark.parametrize(
    ("approver", "starter"),
    [
        (ADA, ADA),
        ("arn:aws:sts::123456789012:assumed-role/Reviewer/ada@example.com", ADA),
        ("arn:aws:iam::123456789012:user/team/Ada", "ada"),
        ("arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"),
        (
            "arn:aws:sts::123456789012:assumed-role/Scientist/botocore-session-1",
            "arn:aws:sts::123456789012:assumed-role/Scientist/botocore-session-2",
        ),
    ],
)
def test_a_person_is_the_same_under_another_role_or_session(approver: str, starter: str) -> None:
    assert "may not approve it too" in why_not(approver, (ADVANCE, starter))


@pytest.mark.parametrize("approver", [BOB, "bob", "arn:aws:iam::123456789012:user/bob"])
def test_somebody_else_may_approve(approver: str) -> None:
    assert why_not(approver, (ADVANCE, ADA)) == ""


def test_where_two_people_cannot_be_told_nobody_may() -> None:
    assert "nobody can tell" in why_not(BOB, ())
    assert "does not say who approved" in why_not("", (ADA,))


@pytest.fixture
def strict(project: Project) -> Project:
    return replace(project, four_eyes=True)


def reviewed(by: str, *started_by: str) -> PackageReviewed:
    return PackageReviewed(package(1, modified_by=by, started_by=started_by), None, NOW)


def test_an_approval_by_the_starter_goes_back_and_people_are_told_who_may(strict: Project) -> None:
    decision = decide(strict, Lane(INFERENCE), reviewed(ADA, ADVANCE, ADA), NOW)
    back, tell = decision.actions
    assert isinstance(back, ReturnToPending)
    assert ADA in back.reason
    assert isinstance(tell, Tell)
    assert "anybody but headrace-advance-run, ada@example.com" in tell.message.text
    assert decision.lane.refreshing == ""
    (line,) = decision.audit
    assert (line.actor, line.outcome, line.reason) == (ADA, "returned to pending", back.reason)


def test_an_approval_by_somebody_else_goes_live(strict: Project) -> None:
    (action,) = decide(strict, Lane(INFERENCE), reviewed(BOB, ADVANCE, ADA), NOW).actions
    assert isinstance(action, RefreshInference)


def test_an_edit_of_the_live_version_by_its_starter_takes_nothing_back(strict: Project) -> None:
    lane = Lane(INFERENCE, live=package(1).arn)
    assert decide(strict, lane, reviewed(ADA, ADA), NOW).actions == ()


def test_the_boards_reference_is_asked_for_first(strict: Project) -> None:
    event = reviewed(ADA, ADA)
    retuned = event.package._replace(metadata={"kind": "training-hpo"})
    _, tell = decide(strict, Lane(INFERENCE), event._replace(package=retuned), NOW).actions
    assert isinstance(tell, Tell)
    assert tell.message.kind == "review-missing"
