"""Whether stack and pipelines match this checkout and the ledger."""

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from botocore.exceptions import ClientError
from headrace.domain.errors import PermanentError
from headrace.domain.model_version import PACKAGE_VARIABLE
from headrace.domain.project import Project

from workbench.doctor.findings import Finding, Severity
from workbench.doctor.target import Target


def stack(target: Target) -> Iterator[Finding]:
    """Check that the stack exists, is healthy, and has this checkout's version."""
    name, here = target.stack.name, version("headrace")
    try:
        there = target.stack.outputs.get("Version", "")
    except PermanentError as error:
        seen = str(error).partition(";")[0]
        command = f"sam build && sam deploy --guided --region {target.region}"
        yield Finding("stack", "error", seen, command)
        return
    status = target.stack.status
    if status.endswith("_FAILED") or "ROLLBACK" in status:
        # An update that was rolled back leaves a stack that works, as it was before.
        severity: Severity = "warning" if status == "UPDATE_ROLLBACK_COMPLETE" else "error"
        history = ("cloudformation", "describe-stack-events", "--stack-name", name)
        yield Finding("stack", severity, f"stack {name} is {status}", target.aws(*history))
    if there == here:
        yield Finding("stack", "ok", f"stack {name} is of version {there}, like this checkout")
    elif _numbers(there) < _numbers(here):
        seen = f"stack {name} is of {f'version {there}' if there else 'a version before 0.1.0'}"
        yield Finding("stack", "warning", f"{seen}, this checkout is {here}", target.sam())
    else:
        seen = f"stack {name} is of version {there}, newer than this checkout ({here})"
        yield Finding("stack", "warning", seen, "git pull")


def files(target: Target) -> Iterator[Finding]:
    """Check the settings of each project in this checkout."""
    for settings, wrong in target.files:
        if settings is None:
            yield Finding("settings", "error", wrong)
    yield Finding("settings", "ok", f"{len(target.settings)} project.yaml files are valid")


def pipelines(target: Target) -> Iterator[Finding]:
    """Compare the pipelines in the account with the projects and versions in the ledger."""
    if not target.known:
        names = [one.project.name for one in target.settings]
        command = target.headrace("pipelines", "upsert", names[0] if names else "PROJECT")
        yield Finding("pipelines", "warning", "the control plane knows no project yet", command)
    for project in target.known:
        upsert = target.headrace("pipelines", "upsert", project.name)
        trained_here = not target.stack.parameters.get("RegistryAccountId")
        missing = [
            name
            for name in (project.pipelines.training, project.pipelines.training_hpo)
            if trained_here and _definition(target, name) is None
        ]
        for name in missing:
            yield Finding("pipelines", "error", f"the pipeline {name} is not there", upsert)
        if trained_here and not missing:
            yield Finding("pipelines", "ok", f"{project.name} has its training pipelines")
        yield from _scoring(target, project)


def _scoring(target: Target, project: Project) -> Iterator[Finding]:
    """Compare the version in the inference pipeline with the one that is live."""
    name = project.pipelines.inference
    rollout = target.ledger.lane(name).rollout
    definition = _definition(target, name)
    scores = scores_with(definition) if definition else None
    live = rollout.live
    refresh = target.headrace(
        "pipelines", "refresh", project.name, "--model-package-arn", live or "VERSION"
    )
    if target.stack.parameters.get("RegistryAccountId"):
        refresh = refresh.replace(" refresh ", " promote ", 1)
    if scores == live:
        said = f"scores with {live}" if live else "waits for the first approved version"
        yield Finding("pipelines", "ok", f"{name} {said}")
    elif scores and scores == rollout.wanted:
        yield Finding("pipelines", "ok", f"{name} has {scores}, whose refresh goes on")
    elif live is None:
        seen = f"{name} has {scores}, and the ledger says that nothing is live"
        command = target.headrace("audit", project.name)
        yield Finding("pipelines", "error", seen, command)
    elif definition is None:
        seen = f"the pipeline {name} is not there, while {live} is live"
        yield Finding("pipelines", "error", seen, refresh)
    else:
        there = scores or "no version that it names"
        seen = f"{name} scores with {there}, and the ledger says that {live} is live"
        yield Finding("pipelines", "error", seen, refresh)


def scores_with(definition: str) -> str | None:
    """Return the ARN of the version that an inference pipeline's definition scores with."""
    return _find(json.loads(definition))


def _find(value: Any) -> str | None:
    if isinstance(value, dict):
        found = value.get(PACKAGE_VARIABLE)
        if isinstance(found, str):
            return found
        value = list(value.values())
    if isinstance(value, list):
        return next((found for one in value if (found := _find(one))), None)
    return None


def _definition(target: Target, name: str) -> str | None:
    """Return a pipeline's definition, or None if there is no such pipeline."""
    try:
        answer = target.client("sagemaker").describe_pipeline(PipelineName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return None
    return str(answer["PipelineDefinition"])


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))
