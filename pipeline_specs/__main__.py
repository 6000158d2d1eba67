"""`python -m pipeline_specs`: puts a project's SageMaker pipelines into an account.

The account, region and endpoint are boto3's defaults (environment, profile, role).
"""

import argparse
import json
import logging
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pipeline_specs import ROOT
from pipeline_specs.config import init_project, settings
from pipeline_specs.deploy import (  # first: it makes the layer importable
    promotion,
    teardown,
    versions,
)
from pipeline_specs.deploy.account import Account
from pipeline_specs.deploy.stack import Stack
from pipeline_specs.pipelines.built import BuiltPipeline
from pipeline_specs.pipelines.model_version import ModelPackage

# isort: split
from headrace.adapters import eventbridge
from headrace.domain.errors import HeadraceError, PermanentError
from headrace.domain.people import BY_HAND

Command = Callable[[settings.Settings, Account, argparse.Namespace], None]
KINDS = ("training", "training-hpo", "inference")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    logging.getLogger("botocore").setLevel(logging.WARNING)  # the SDK asks for INFO of everything
    options = _parser().parse_args(arguments)
    try:
        if options.command == "init":
            projects = ROOT / "pipeline_specs"
            for line in init_project.write(options.project, options.csv, options.target, projects):
                print(line)
            return 0
        project = None if options.command == "destroy" else settings.load(options.project)[0]
        session = boto3.Session()
        if not session.region_name:
            raise PermanentError("no region; set AWS_DEFAULT_REGION or choose a profile")
        account = Account(Stack(options.stack, session), session)
        if project is None:
            for line in teardown.stack(account, options.with_data):
                print(line, flush=True)
        else:
            options.run(project, account, options)
    except (HeadraceError, ClientError, BotoCoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline_specs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("project", help="a folder of pipeline_specs with a project.yaml")
        command.add_argument("--stack", default="headrace", help="the stack (default headrace)")
        command.set_defaults(run=run)
        return command

    init = commands.add_parser(
        "init",
        help=(text := "write the first settings of a project from a CSV file"),
        description=text,
    )
    init.add_argument("project", help="what the project is called")
    init.add_argument("csv", type=Path, help="a labelled file, as it would be dropped")
    init.add_argument("--target", help="the column to predict, instead of a guess")
    upsert = add(
        "upsert", _upsert, "create or update the pipelines, the settings and the recipients"
    )
    upsert.add_argument(
        "--recreate",
        action="store_true",
        help="delete existing pipelines first, with their history",
    )
    refresh = add(
        "refresh", _refresh, "put exactly one approved version into the inference pipeline"
    )
    refresh.add_argument("--model-package-arn", required=True)
    refresh.add_argument("--refresh-id", default=os.environ.get("HEADRACE_REFRESH_ID", ""))
    promote = add(
        "promote", _promote, "score here with exactly one version of another account's registry"
    )
    promote.add_argument("--model-package-arn", required=True)
    for command in (refresh, promote):
        command.add_argument(
            "--ci-pipeline", type=int, default=int(os.environ.get("CI_PIPELINE_ID") or 0)
        )
    delete = add("delete", _delete, "delete a project: all of it but data and audit")
    text = "delete every project and the stack, all but the data bucket and the ledger"
    destroy = commands.add_parser("destroy", help=text, description=text)
    destroy.add_argument("--stack", default="headrace", help="the stack (default headrace)")
    for command in (delete, destroy):
        command.add_argument("--with-data", action="store_true", help="delete data as well")
    start = add("start", _start, "ask the control plane for a run, in turn with all others")
    start.add_argument("pipeline", choices=KINDS)
    definition = add("definition", _definition, "print a pipeline's definition")
    definition.add_argument("pipeline", choices=(*KINDS, "model-quality"))
    definition.add_argument("--model-package-arn", help="this version instead of the live one")
    return parser


def _upsert(project: settings.Settings, account: Account, options: argparse.Namespace) -> None:
    from pipeline_specs.pipelines import training  # the SDK takes seconds to import

    recreate = options.recreate or project.recreate_pipelines
    group = f"model package group {project.project.model_package_group}"
    if account.put_group(project):
        print(f"{group}: created")
    if shared := account.share_group(project):
        print(f"{group}: {shared}")
    for kind in ("training", "training-hpo"):
        _put(project, account, training.build(project, account.deployment, kind), recreate)
    change = account.put_settings(project.project)
    print(f"settings of {project.project.name} in the ledger: {change}")
    for line in account.subscribe(project.project.name, project.recipients):
        print(line)
    package = _to_score_with(project, account)
    if package is None:
        group = project.project.model_package_group
        print(f"{project.project.pipelines.inference}: waits for an approved version of {group}")
    else:
        _put_scoring(project, account, package, recreate)
    # Last, since they start runs of what is now there.
    for line in (*account.put_schedules(project), *account.upload(project)):
        print(line)


def _refresh(project: settings.Settings, account: Account, options: argparse.Namespace) -> None:
    package = _approved(project, account, options.model_package_arn)
    lane = account.inference_lane(project.project)
    promotion.refuse_overtaken(lane, options.refresh_id, options.ci_pipeline)
    _put_scoring(project, account, package, recreate=False)
    print(f"live: {package.arn}")


def _promote(project: settings.Settings, account: Account, options: argparse.Namespace) -> None:
    package = _approved(project, account, options.model_package_arn)
    lane = account.inference_lane(project.project)
    promotion.refuse_overtaken(lane, "", options.ci_pipeline)
    for line in promotion.prepare(project, account, package):
        print(line)
    _put_scoring(project, account, package, recreate=False)
    page = os.environ.get("CI_PIPELINE_URL", "by hand")
    promotion.tell_live(account, project.project, package.arn, options.ci_pipeline, page)
    print(f"live: {package.arn}")
    for line in account.put_schedules(promotion.schedules_here(project)):
        print(line)


def _approved(project: settings.Settings, account: Account, arn: str) -> ModelPackage:
    """Return a version of the project's group that may go live; PermanentError says why not."""
    package = versions.describe(account.sagemaker, arn)
    if package.registered.group != project.project.model_package_group:
        raise PermanentError(
            f"{package.arn} is of group {package.registered.group}, not "
            f"{project.project.model_package_group}"
        )
    if not package.may_go_live:
        raise PermanentError(f"{package.arn} may not go live: {package.why_not}")
    return package


def _delete(project: settings.Settings, account: Account, options: argparse.Namespace) -> None:
    for line in teardown.project(account, project.project, options.with_data):
        print(line, flush=True)


def _start(project: settings.Settings, account: Account, options: argparse.Namespace) -> None:
    names = project.project.pipelines
    pipeline = {
        "training": names.training,
        "training-hpo": names.training_hpo,
        "inference": names.inference,
    }[options.pipeline]
    session = account.stack.session
    by = session.client("sts").get_caller_identity()["Arn"]
    request = {"pipeline": pipeline, "id": uuid.uuid4().hex, "cause": f"{BY_HAND}{by}"}
    envelope = eventbridge.own("Run Requested", request, datetime.now(UTC).timestamp())
    queue = account.stack.output("InboxQueueUrl")
    session.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(envelope))
    print(f"{pipeline}: a run is asked for; `python -m workbench lanes` shows when its turn is")


def _definition(project: settings.Settings, account: Account, options: argparse.Namespace) -> None:
    if options.pipeline in ("inference", "model-quality"):
        from pipeline_specs.pipelines import inference, model_quality

        module = inference if options.pipeline == "inference" else model_quality
        arn = options.model_package_arn
        package = (
            versions.describe(account.sagemaker, arn) if arn else _to_score_with(project, account)
        )
        if package is None:
            group = project.project.model_package_group
            raise PermanentError(f"no version of {group} is approved; name one")
        built = module.build(project, account.deployment, package)
    else:
        from pipeline_specs.pipelines import training

        built = training.build(project, account.deployment, options.pipeline)
    print(json.dumps(json.loads(built.definition), indent=2))


def _to_score_with(project: settings.Settings, account: Account) -> ModelPackage | None:
    group, there = project.project.model_package_group, account.version_there(project.project)
    return versions.to_score_with(account.sagemaker, group, there)


def _put_scoring(
    project: settings.Settings, account: Account, package: ModelPackage, recreate: bool
) -> None:
    """Put what a version scores with, and what checks its predictions later."""
    from pipeline_specs.pipelines import inference, model_quality

    # The inference pipeline last: with it the version is live.
    for module in (model_quality, inference):
        _put(project, account, module.build(project, account.deployment, package), recreate)


def _put(
    project: settings.Settings, account: Account, built: BuiltPipeline, recreate: bool
) -> None:
    print(f"{built.name}: {account.put(project, built, recreate)}")


if __name__ == "__main__":
    sys.exit(main())
