"""The person who started a version's run may not approve it, if the project requires four eyes."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import Execution, SageMaker
from headrace.domain.actions import Notify, RefreshInference, ReturnToPending
from headrace.domain.cause import Cause
from headrace.domain.events import PackageReviewed, RunRequested, RunStatusChanged
from headrace.domain.lane import Lane, Rollout, Run
from headrace.domain.people import Starters, why_not
from headrace.domain.project import Project
from headrace.rules.decide import decide
from headrace.use_cases.starters import with_starters

from tests.headrace.samples import INFERENCE, NOW, RUN, TRAINING, package

ADA = "arn:aws:sts::123456789012:assumed-role/Scientist/ada@example.com"
BOB = "arn:aws:sts::123456789012:assumed-role/Scientist/bob@example.com"
ADVANCE = "arn:aws:sts::123456789012:assumed-role/headrace-AdvanceRunRole-1/headrace-advance-run"


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
    assert "may not approve it too" in why_not(approver, Starters((ADVANCE, starter), known=True))


@pytest.mark.parametrize("approver", [BOB, "bob", "arn:aws:iam::123456789012:user/bob"])
def test_somebody_else_may_approve(approver: str) -> None:
    assert why_not(approver, Starters((ADVANCE, ADA), known=True)) == ""


def test_nobody_may_approve_if_two_people_are_not_known() -> None:
    assert "says who started the run" in why_not(BOB, Starters((), known=False))
    assert "does not say who approved" in why_not("", Starters((ADA,), known=True))


def test_anybody_may_approve_what_nobody_started() -> None:
    assert why_not(BOB, Starters((), known=True)) == ""


@pytest.fixture
def strict(project: Project) -> Project:
    return replace(project, four_eyes=True)


def reviewed(by: str, *started_by: str) -> PackageReviewed:
    return PackageReviewed(
        package(1, modified_by=by, started_by=Starters(started_by, known=True)), None, NOW
    )


def test_an_approval_by_the_starter_goes_back_and_a_mail_says_who_may(strict: Project) -> None:
    decision = decide(strict, Lane(INFERENCE), reviewed(ADA, ADVANCE, ADA), NOW)
    back, notify = decision.actions
    assert isinstance(back, ReturnToPending)
    assert ADA in back.reason
    assert isinstance(notify, Notify)
    assert "anybody but headrace-advance-run, ada@example.com" in notify.message.text
    assert decision.lane.rollout.wanted is None
    (line,) = decision.audit
    assert (line.actor, line.outcome, line.reason) == (ADA, "returned-to-pending", back.reason)


def test_an_approval_by_somebody_else_goes_live(strict: Project) -> None:
    (action,) = decide(strict, Lane(INFERENCE), reviewed(BOB, ADVANCE, ADA), NOW).actions
    assert isinstance(action, RefreshInference)


def test_an_edit_of_the_live_version_by_its_starter_takes_nothing_back(strict: Project) -> None:
    lane = Lane(INFERENCE, rollout=Rollout(live=package(1).arn))
    assert decide(strict, lane, reviewed(ADA, ADA), NOW).actions == ()


def test_the_boards_reference_is_asked_for_first(strict: Project) -> None:
    event = reviewed(ADA, ADA)
    retuned = event.package._replace(metadata={"kind": "training-hpo"})
    _, notify = decide(strict, Lane(INFERENCE), event._replace(package=retuned), NOW).actions
    assert isinstance(notify, Notify)
    assert notify.message.kind == "review-missing"


# --- where the people come from -------------------------------------------------------------------


def describing(execution: Execution | None) -> SageMaker:
    """Return a SageMaker that knows one execution, or none."""
    sagemaker = SageMaker(client=None)
    sagemaker.describe = lambda execution_arn: execution  # type: ignore[method-assign]
    return sagemaker


@pytest.fixture
def known_run(ledger: Ledger, project: Project) -> Callable[..., Starters]:
    """Run a request as the control plane does; return who is behind the version of its run."""

    def run(*asked: str, names: tuple[str, ...] = (), identity: str = ADVANCE) -> Starters:
        lane = ledger.lane(TRAINING)
        if names:
            lane, _ = lane.join(why="upload", key="k", now=NOW, quiet_at=NOW, names=names)
        for number, who in enumerate(asked):
            requested = RunRequested(TRAINING, str(number), Cause("request", who), NOW)
            lane = decide(project, lane, requested, NOW).lane
        assert lane.waiting is not None
        waiting = lane.waiting
        run = Run(waiting.id, NOW, waiting.description, requested_by=waiting.requested_by)
        held = replace(lane, waiting=None, current=run)
        ended = RunStatusChanged(TRAINING, RUN, "Succeeded", waiting.id, NOW)
        decision = decide(project, held, ended, NOW)
        ledger.commit(project, ledger.lane(TRAINING), decision, [ended.business_key], NOW)
        execution = Execution(RUN, "Succeeded", waiting.id, NOW, created_by=identity)
        version = with_starters(ledger, describing(execution), package(1, metadata={"run": RUN}))
        assert version.started_by is not None
        return version.started_by

    return run


def test_a_file_cannot_pass_for_a_person(known_run: Callable[..., Starters]) -> None:
    found = known_run(names=("x; by hand, ada.csv", "y; requested by ada.csv"))
    assert found == Starters((ADVANCE,), known=True)
    assert why_not("ada.csv", found) == ""


def test_each_of_many_who_asked_is_known(known_run: Callable[..., Starters]) -> None:
    people = [f"arn:aws:iam::123456789012:user/{'x' * 60}-{number}" for number in range(60)]
    found = known_run(*people, names=("a.csv",))
    assert sum(map(len, people)) > 3072  # more than a description holds
    assert found.people == (ADVANCE, *people)
    assert all("may not approve it too" in why_not(one, found) for one in people)


@pytest.mark.parametrize("asked", [(), (ADA,)])
def test_a_run_without_an_identity_is_known_by_the_ledger(
    known_run: Callable[..., Starters], asked: tuple[str, ...]
) -> None:
    assert known_run(*asked, names=("a.csv",), identity="") == Starters(asked, known=True)


@pytest.mark.parametrize(
    ("created", "known"),
    [
        ((ADA, "my run"), True),
        (("", "my run"), False),
        ((ADVANCE, "request-20261102-074500-1a2b3c4d5e"), False),  # of the release before
        (None, False),
    ],
)
def test_a_run_that_the_ledger_does_not_know_has_its_creator(
    ledger: Ledger, created: tuple[str, str] | None, known: bool
) -> None:
    by, name = created or ("", "")
    execution = Execution(RUN, "Succeeded", name, NOW, created_by=by) if created else None
    version = package(1, metadata={"run": RUN}, created_by="role")
    version = with_starters(ledger, describing(execution), version)
    assert version.started_by is not None
    assert version.started_by.known == known
    assert version.started_by.people == (*filter(None, [by]), "role")
