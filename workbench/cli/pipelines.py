"""`headrace pipelines`: creates, starts and deletes a project's SageMaker pipelines.

The account and region are the environment's (variables, profile, role) unless options name them.
"""

from __future__ import annotations

import json
import os
import uuid
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from headrace.domain.errors import PermanentError

from workbench.cli import putting
from workbench.cli.context import USUAL, Common

if TYPE_CHECKING:  # SageMaker's SDK takes seconds to import, and boto3 a large part of one
    from pipeline_specs.config.settings import Settings
    from pipeline_specs.deploy.account import Account

Kind = Literal["training", "training-hpo", "inference"]
Definable = Literal["training", "training-hpo", "inference", "model-quality"]
# Options of several commands, with their help.
Project = Annotated[str, Parameter(help="A folder of pipeline_specs with a project.yaml.")]
ModelPackageArn = Annotated[str, Parameter(help="The approved version.")]
CiPipeline = Annotated[
    int | None, Parameter(help="The number of the CI pipeline; CI_PIPELINE_ID if not given.")
]
Offline = Annotated[bool, Parameter(help="Ask no account.")]
WithData = Annotated[bool, Parameter(help="Delete data as well.")]

app = App(
    name="pipelines",
    help="Put a project's pipelines into an account; start, delete them.",
    version=version("headrace"),
)


def _opened(project: str, common: Common) -> tuple[Settings, Account]:
    """Return a project's settings and the account; errors in the file are reported first."""
    from pipeline_specs.config import settings
    from pipeline_specs.deploy.account import Account

    loaded = settings.load(project)[0]
    stack = common.deployed()
    return loaded, Account(stack, stack.session)


@app.command
def init(project: str, csv: Path, /, *, target: str | None = None, common: Common = USUAL) -> None:
    """Write the first settings of a project from a CSV file.

    Parameters
    ----------
    project
        The project's name.
    csv
        A labelled file, like those that will be uploaded.
    target
        The column to predict, instead of a guess.
    """
    from pipeline_specs import ROOT
    from pipeline_specs.config import init_project

    for line in init_project.write(project, csv, target, ROOT / "pipeline_specs"):
        common.say(line)


@app.command
def check(project: Project, /, *, offline: Offline = False, common: Common = USUAL) -> None:
    """Check that the project fits the account: settings, images, stack. Changes nothing."""
    from pipeline_specs.config import settings
    from pipeline_specs.deploy import images

    if offline:
        loaded = settings.load(project)[0]
        checked = "project.yaml"
        if region := common.chosen_region():
            images.refuse_missing(region)
            checked += f" and the images of {region}"
    else:
        loaded, account = _opened(project, common)
        account.refuse_misfit(loaded)
        account.refuse_recipients(loaded)
        checked = f"project.yaml and stack {common.stack} in {account.deployment.region}"
    common.say(f"{loaded.project.name}: nothing is wrong with {checked}")


@app.command
def upsert(project: Project, /, *, recreate: bool = False, common: Common = USUAL) -> None:
    """Create or update the pipelines, the settings and the recipients.

    An account that scores with another one's registry keeps the version that is live there.

    Parameters
    ----------
    recreate
        Delete existing pipelines first, with their history.
    """
    loaded, account = _opened(project, common)
    account.refuse_misfit(loaded)
    recreate = recreate or loaded.recreate_pipelines
    if account.stack.registry_account:
        _upsert_elsewhere(loaded, account, recreate, common)
        return
    account.refuse_recipients(loaded)
    from pipeline_specs.pipelines import training

    group = f"model package group {loaded.project.model_package_group}"
    if account.put_group(loaded):
        common.say(f"{group}: created")
    if shared := account.share_group(loaded):
        common.say(f"{group}: {shared}")
    for kind in ("training", "training-hpo"):
        built = training.build(loaded, account.deployment, kind)
        putting.put(loaded, account, built, recreate, common)
    change = account.put_settings(loaded.project)
    common.say(f"settings of {loaded.project.name} in the ledger: {change}")
    for line in account.subscribe(loaded.project.name, loaded.recipients):
        common.say(line)
    package = putting.to_score_with(loaded, account)
    if package is None:
        group = loaded.project.model_package_group
        name = loaded.project.pipelines.inference
        common.say(f"{name}: will be created once a version of {group} is approved")
    else:
        putting.put_scoring(loaded, account, package, recreate, common)
    # Last, since they start runs of the new pipelines.
    for line in (*account.put_schedules(loaded), *account.upload(loaded)):
        common.say(line)


def _upsert_elsewhere(loaded: Settings, account: Account, recreate: bool, common: Common) -> None:
    """Write what scores in an account without a registry, around the version that is live there."""
    from pipeline_specs.deploy import promotion

    live = account.inference_lane(loaded.project).rollout.live
    if live is None:
        common.say(f"{loaded.project.name}: no version is live here; `promote` brings the first")
        return
    package = putting.approved(loaded, account, live)
    for line in promotion.prepare(loaded, account, package):
        common.say(line)
    putting.put_scoring(loaded, account, package, recreate, common)
    for line in account.put_schedules(promotion.schedules_here(loaded)):
        common.say(line)


@app.command
def refresh(
    project: Project,
    /,
    *,
    model_package_arn: ModelPackageArn,
    refresh_id: str | None = None,
    ci_pipeline: CiPipeline = None,
    common: Common = USUAL,
) -> None:
    """Put exactly one approved version into the inference pipeline.

    Parameters
    ----------
    refresh_id
        Which refresh this is; HEADRACE_REFRESH_ID if not given.
    """
    from pipeline_specs.deploy import promotion

    loaded, account = _opened(project, common)
    account.refuse_misfit(loaded)
    package = putting.approved(loaded, account, model_package_arn)
    lane = account.inference_lane(loaded.project)
    if refresh_id is None:
        refresh_id = os.environ.get("HEADRACE_REFRESH_ID", "")
    promotion.refuse_overtaken(lane, refresh_id, _ci_pipeline(ci_pipeline))
    putting.put_scoring(loaded, account, package, False, common)
    common.say(f"live: {package.arn}")


@app.command
def promote(
    project: Project,
    /,
    *,
    model_package_arn: ModelPackageArn,
    ci_pipeline: CiPipeline = None,
    common: Common = USUAL,
) -> None:
    """Score in this account with exactly one version of another account's registry."""
    from pipeline_specs.deploy import promotion

    loaded, account = _opened(project, common)
    account.refuse_misfit(loaded)
    number = _ci_pipeline(ci_pipeline)
    package = putting.approved(loaded, account, model_package_arn)
    lane = account.inference_lane(loaded.project)
    promotion.refuse_overtaken(lane, "", number)
    for line in promotion.prepare(loaded, account, package):
        common.say(line)
    putting.put_scoring(loaded, account, package, False, common)
    page = os.environ.get("CI_PIPELINE_URL", "by hand")
    promotion.report_live(account, loaded.project, package.arn, number, page)
    common.say(f"live: {package.arn}")
    for line in account.put_schedules(promotion.schedules_here(loaded)):
        common.say(line)


@app.command
def delete(project: Project, /, *, with_data: WithData = False, common: Common = USUAL) -> None:
    """Delete a project, except its data and audit log."""
    from pipeline_specs.deploy import teardown

    loaded, account = _opened(project, common)
    for line in teardown.project(account, loaded.project, with_data):
        common.say(line)


@app.command
def destroy(*, with_data: WithData = False, common: Common = USUAL) -> None:
    """Delete every project and the stack, except the data bucket and the ledger."""
    from pipeline_specs.deploy import teardown
    from pipeline_specs.deploy.account import Account

    stack = common.deployed()
    for line in teardown.stack(Account(stack, stack.session), with_data):
        common.say(line)


@app.command
def start(project: Project, pipeline: Kind, /, *, common: Common = USUAL) -> None:
    """Request a run from the control plane; it waits its turn.

    Parameters
    ----------
    pipeline
        Which of its pipelines.
    """
    from headrace.adapters import eventbridge
    from headrace.adapters.messaging import Queue
    from headrace.domain.project import PipelineKind

    loaded, account = _opened(project, common)
    name = loaded.project.pipelines.name_of(PipelineKind(pipeline))
    session = account.stack.session
    by = session.client("sts").get_caller_identity()["Arn"]
    cause = {"kind": "request", "actor": by}
    request = {"pipeline": name, "id": uuid.uuid4().hex, "cause": cause}
    envelope = eventbridge.own("Run Requested", request, datetime.now(UTC).timestamp())
    Queue(session.client("sqs"), account.stack.output("InboxQueueUrl")).send(envelope)
    common.say(f"{name}: run requested; `headrace lanes` shows what runs and waits")


@app.command
def definition(
    project: Project,
    pipeline: Definable,
    /,
    *,
    model_package_arn: str | None = None,
    common: Common = USUAL,
) -> None:
    """Print a pipeline's definition.

    Parameters
    ----------
    pipeline
        Which of its pipelines.
    model_package_arn
        This version instead of the live one.
    """
    from pipeline_specs.deploy import images, versions

    loaded, account = _opened(project, common)
    images.refuse_missing(account.deployment.region)
    if pipeline == "inference" or pipeline == "model-quality":
        from pipeline_specs.pipelines import inference, model_quality

        module = inference if pipeline == "inference" else model_quality
        package = (
            versions.describe(account.sagemaker, model_package_arn)
            if model_package_arn
            else putting.to_score_with(loaded, account)
        )
        if package is None:
            raise PermanentError(f"no version of {loaded.project.name} is approved; name one")
        built = module.build(loaded, account.deployment, package)
    else:
        from pipeline_specs.pipelines import training

        built = training.build(loaded, account.deployment, pipeline)
    print(json.dumps(json.loads(built.definition), indent=2))


def _ci_pipeline(given: int | None) -> int:
    return int(os.environ.get("CI_PIPELINE_ID") or 0) if given is None else given
