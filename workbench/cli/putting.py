"""Puts built pipelines into an account, and reports the changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.domain.errors import PermanentError

from workbench.cli.context import Common

if TYPE_CHECKING:
    from pipeline_specs.config.settings import Settings
    from pipeline_specs.deploy.account import Account
    from pipeline_specs.pipelines.built import BuiltPipeline
    from pipeline_specs.pipelines.model_version import ModelPackage


def approved(project: Settings, account: Account, arn: str) -> ModelPackage:
    """Return a version of the project's group; PermanentError says why it may not go live."""
    from pipeline_specs.deploy import versions

    package = versions.describe(account.sagemaker, arn)
    if package.registered.group != project.project.model_package_group:
        raise PermanentError(
            f"{package.arn} is of group {package.registered.group}, not "
            f"{project.project.model_package_group}"
        )
    if not package.may_go_live:
        raise PermanentError(f"{package.arn} may not go live: {package.why_not}")
    return package


def to_score_with(project: Settings, account: Account) -> ModelPackage | None:
    """Return the live version, or the newest that may go live; None if there is none."""
    from pipeline_specs.deploy import versions

    group, there = project.project.model_package_group, account.version_there(project.project)
    return versions.to_score_with(account.sagemaker, group, there)


def put_scoring(
    project: Settings, account: Account, package: ModelPackage, recreate: bool, common: Common
) -> None:
    """Put the inference pipeline of a version, and the pipeline that checks predictions later."""
    from pipeline_specs.pipelines import inference, model_quality  # the SDK takes seconds

    # The inference pipeline last: with it the version is live.
    for module in (model_quality, inference):
        put(project, account, module.build(project, account.deployment, package), recreate, common)


def put(
    project: Settings, account: Account, built: BuiltPipeline, recreate: bool, common: Common
) -> None:
    """Put one pipeline."""
    common.say(f"{built.name}: {account.put(project, built, recreate)}")
