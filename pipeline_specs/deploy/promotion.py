"""Brings a version of another account's registry into the account that scores with it.

The inference pipeline is built here from exactly that version; its artefacts stay where they are,
and are read across accounts. Then the control plane here is told, as after a refresh, what is live.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from headrace.adapters import eventbridge
from headrace.adapters.messaging import Queue
from headrace.domain.errors import PermanentError
from headrace.domain.lane import Lane
from headrace.domain.project import Project

from pipeline_specs.config.settings import Settings
from pipeline_specs.deploy.account import Account
from pipeline_specs.pipelines.model_version import ModelPackage

DECIDED_SECONDS = 180.0  # an inbox that answers at all answers within seconds
_POLL_SECONDS = 0.5


def refuse_overtaken(lane: Lane, refresh_id: str, ci_pipeline: int) -> None:
    """Raise PermanentError if a later refresh or CI pipeline put, or is to put, a version there.

    GitLab starts jobs that wait for one another in any order, and an old job may be run again.
    0 and "" stand for somebody who calls by hand, and knows what he does.
    """
    if refresh_id and lane.rollout.refresh_id not in (None, refresh_id):
        raise PermanentError(
            f"overtaken: {lane.rollout.wanted} was approved later and is on its way"
        )
    if ci_pipeline and ci_pipeline < lane.rollout.deployed_by:
        raise PermanentError(
            f"overtaken: CI pipeline {lane.rollout.deployed_by} came after {ci_pipeline} and put "
            f"{lane.rollout.live} there; approve a version again to have it live"
        )


def prepare(settings: Settings, account: Account, package: ModelPackage) -> Iterator[str]:
    """Write what the control plane here needs to know of the project; yield a line for each change.

    A missed threshold is told here and retunes nothing: training is where the registry is.
    """
    if package.arn.split(":")[4] == own_account(account):
        raise PermanentError(
            f"{package.arn} is in this account's own registry; `refresh` puts it into the pipeline"
        )
    project = settings.project
    here = replace(project, retune=replace(project.retune, max_per_week=0))
    yield f"settings of {project.name} in the ledger: {account.put_settings(here)}"
    yield from account.subscribe(project.name, settings.recipients)


def own_account(account: Account) -> str:
    """Return the number of the account."""
    return str(account.stack.session.client("sts").get_caller_identity()["Account"])


def schedules_here(settings: Settings) -> Settings:
    """Return the settings without what only the registry's account does on schedule."""
    scoring = tuple(one for one in settings.schedules if one.kind == "inference")
    return replace(settings, schedules=scoring)


def tell_live(account: Account, project: Project, arn: str, ci_pipeline: int, page: str) -> None:
    """Tell the control plane that a version is live, and return once it has taken note.

    Who comes next, with another version, then sees in the ledger that this one was there.
    """
    number = ci_pipeline or account.inference_lane(project).rollout.deployed_by
    detail = {
        "group": project.model_package_group,
        "arn": arn,
        "refresh_id": f"promotion-{ci_pipeline or uuid.uuid4().hex}",
        "ci_pipeline": number,
        "succeeded": True,
        "detail": f"{page}, for account {own_account(account)}",
    }
    envelope = eventbridge.own("Refresh Ended", detail, datetime.now(UTC).timestamp())
    sqs, url = account.stack.session.client("sqs"), account.stack.output("InboxQueueUrl")
    Queue(sqs, url).send(envelope)
    deadline = time.monotonic() + DECIDED_SECONDS
    while not account.is_live(project, arn, number):
        if time.monotonic() > deadline:
            raise PermanentError(
                f"{arn} is in the inference pipeline, but the control plane has not taken note in "
                f"{DECIDED_SECONDS:.0f} s; read the log of decide, then promote it again"
            )
        time.sleep(_POLL_SECONDS)
