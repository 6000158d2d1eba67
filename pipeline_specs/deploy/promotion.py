"""Brings a version of another account's registry into the account that scores with it.

The inference pipeline is built here from exactly that version; its artefacts stay where they are,
and are read across accounts. Then, as after a refresh, the control plane here gets a Refresh Ended
event with the live version.
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

DECIDED_SECONDS = 180.0  # a working inbox takes seconds
_POLL_SECONDS = 0.5


def refuse_overtaken(lane: Lane, refresh_id: str, ci_pipeline: int) -> None:
    """Raise PermanentError if a later refresh or CI pipeline deployed or will deploy a version.

    GitLab starts waiting jobs in any order, and an old job may be run again. A CI pipeline of 0 and
    an empty refresh id mean a manual call, which is not checked.
    """
    if refresh_id and lane.rollout.refresh_id not in (None, refresh_id):
        raise PermanentError(
            f"overtaken: {lane.rollout.wanted} was approved later and is being deployed"
        )
    if ci_pipeline and ci_pipeline < lane.rollout.deployed_by:
        raise PermanentError(
            f"overtaken: CI pipeline {lane.rollout.deployed_by} is newer than {ci_pipeline} and "
            f"deployed {lane.rollout.live}; approve a version again to have it live"
        )


def prepare(settings: Settings, account: Account, package: ModelPackage) -> Iterator[str]:
    """Write the project's settings for the control plane here; yield a line for each change.

    A missed threshold is reported here but retunes nothing: training is in the registry's account.
    """
    if package.arn.split(":")[4] == own_account(account):
        raise PermanentError(
            f"{package.arn} is in this account's own registry; use `refresh` to deploy it"
        )
    project = settings.project
    here = replace(project, retune=replace(project.retune, max_per_week=0))
    yield f"settings of {project.name} in the ledger: {account.put_settings(here)}"
    yield from account.subscribe(project.name, settings.recipients)


def own_account(account: Account) -> str:
    """Return the number of the account."""
    return str(account.stack.session.client("sts").get_caller_identity()["Account"])


def schedules_here(settings: Settings) -> Settings:
    """Return the settings without the schedules that only the registry's account runs."""
    scoring = tuple(one for one in settings.schedules if one.kind == "inference")
    return replace(settings, schedules=scoring)


def report_live(account: Account, project: Project, arn: str, ci_pipeline: int, page: str) -> None:
    """Report to the control plane that a version is live; return once the ledger says so.

    A later promotion then sees in the ledger that this version was live.
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
                f"{arn} is in the inference pipeline, but the control plane has not recorded it in "
                f"{DECIDED_SECONDS:.0f} s; read the log of decide, then promote it again"
            )
        time.sleep(_POLL_SECONDS)
