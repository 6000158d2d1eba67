"""GitLab down, GitLab refusing: a refresh waits, or is reported as failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from demo import stages
from demo.loop import Loop
from demo.mailbox import about
from demo.results import Crashed, Reviewed, Trained
from local_cloud.cloud import Cloud
from local_cloud.gitlab.requests import Answer
from local_cloud.gitlab.server import Faults
from tests.loop.loop_books import lane


@contextmanager
def down(cloud: Cloud) -> Iterator[list[Answer]]:
    """Take GitLab down; the list grows with what it answers meanwhile."""
    faults = cloud.gitlab._server.faults
    answers: list[Answer] = []

    def answer() -> Answer | None:
        given = Faults.answer(faults)
        answers.extend([given] if given else [])
        return given

    faults.answer = answer  # type: ignore[method-assign] # as it is, and counted
    cloud.gitlab.down(True)
    try:
        yield answers
    finally:
        cloud.gitlab.down(False)
        del faults.answer


def test_a_rejection_while_gitlab_is_down_rolls_back_once_it_is_up(
    loop: Loop, cloud: Cloud, trained: Trained, reviewed: Reviewed, crashed: Crashed
) -> None:
    first, second = trained.version.arn, reviewed.live.version.arn
    told = len(about(loop.mails(), "version 1 is live"))
    with down(cloud) as answers:
        before = stages.inference_definition(loop)
        loop.sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Rejected")
        loop.wait("the decision", lambda: lane(loop, loop.inference)["rollout"]["wanted"] == first)
        loop.wait("tries that fail", lambda: len(answers) >= 2)
        assert stages.inference_definition(loop) == before
        assert lane(loop, loop.inference)["rollout"]["live"] == second
    # The next try may be some seconds away by then, and CI takes its time.
    loop.wait(
        "the version before to be live",
        lambda: lane(loop, loop.inference)["rollout"]["live"] == first,
        150,
    )
    text = str(stages.inference_definition(loop))
    assert trained.version.artefact in text
    assert reviewed.live.version.artefact not in text
    loop.wait("the mail", lambda: len(about(loop.mails(), "version 1 is live")) == told + 1)
    assert about(loop.mails(), "could not go live") == []


def test_a_token_that_gitlab_refuses_is_reported_and_the_live_version_stays(
    loop: Loop, cloud: Cloud, reviewed: Reviewed, crashed: Crashed
) -> None:
    arn = reviewed.live.version.arn
    loop.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval"
    )
    before, live = stages.inference_definition(loop), lane(loop, loop.inference)["rollout"]["live"]
    service = cloud.gitlab._service
    tokens = service.tokens
    service.tokens = replace(tokens, api="glpat-another", trigger="glptt-another")
    try:
        loop.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        mail = loop.mail("that it could not go live", "version 2 is approved but could not go live")
    finally:
        service.tokens = tokens
    assert "GitLab refused the API token (401)" in mail.text
    assert f"refresh abalone --model-package-arn {arn}" in mail.text
    assert tokens.api not in mail.text
    assert stages.inference_definition(loop) == before
    assert lane(loop, loop.inference)["rollout"]["live"] == live
