"""The seven stages of the main job, each a function that returns what happened or raises.

Each check here is one that a user would make by hand; the tests examine the results further.
"""

from __future__ import annotations

import json
import re
from typing import Any

from headrace.adapters.sagemaker import package_of

from demo import commands
from demo.data import Rows, labelled, labels, unlabelled
from demo.loop import GROUND_TRUTH, SCORING, TRAINING, Loop, Run, StageFailed
from demo.results import Crashed, Drifted, Live, Reviewed, Scored, Trained, Version

BOARD_REFERENCE = "MRB-2025-017"
PLACEHOLDER = re.compile(r"(?<=review_board_reference=)(\"[^\"]*\"|\S+)")


def created(loop: Loop) -> list[str]:
    """Stage 1: the pipelines that CI created; inference has none before a model is approved."""
    names = [pipeline["PipelineName"] for pipeline in _pipelines(loop)]
    wanted = [loop.training, loop.training_hpo]
    if not set(wanted) <= set(names) or loop.inference in names:
        raise StageFailed(f"CI should have created {wanted}, but there are {names}")
    return wanted


def train(loop: Loop, rows: Rows, name: str = "heavy.csv") -> Trained:
    """Stage 2: labelled data is uploaded; one run registers a version; a mail asks for review."""
    before = loop.run_arns(loop.training)
    loop.upload(TRAINING, name, labelled(rows))
    run = loop.ended(loop.new_run(loop.training, before))
    only_one(loop, loop.training, before)
    return _registered(loop, run, "training")


def approve(loop: Loop, version: Version, command: str) -> Live:
    """Stage 3: the mail's own command approves a version, and CI puts it into inference."""
    commands.run(loop.session, command, loop.info["endpoint_url"])
    mail = loop.mail(
        f"that version {version.number} is live", f"version {version.number} is live", version.arn
    )
    definition = inference_definition(loop)
    texts = set(_texts(definition))
    needed = {
        "artefact": version.artefact,
        "preprocessor": version.metadata["preprocessor"],
        "statistics": version.metadata["baseline_statistics"],
        "constraints": version.metadata["baseline_constraints"],
    }
    lacking = [f"{what} {uri}" for what, uri in needed.items() if uri not in texts]
    if lacking:
        raise StageFailed(f"{loop.inference} does not use {'; '.join(lacking)} of {version.arn}")
    return Live(describe(loop, version.arn), definition, mail)


def score(loop: Loop, rows: Rows, name: str) -> Scored:
    """Stage 4: input like the training data gets its predictions and passes all checks."""
    run = loop.ended(_drop(loop, name, unlabelled(rows), labels(rows)))
    scored = _scored(loop, run, {name: len(rows)})
    if scored.violations:
        raise StageFailed(f"data like the training data has violations: {scored.violations}")
    if scored.verdict.get("passed") is not True:
        raise StageFailed(f"model quality should have passed, but said {scored.verdict}")
    return scored


def drift(loop: Loop, rows: Rows, name: str) -> Drifted:
    """Stage 5: drifted data is reported, misses the threshold, and starts one retuning."""
    before = loop.run_arns(loop.training_hpo)
    run = loop.ended(_drop(loop, name, unlabelled(rows), labels(rows)), "Failed")
    scored = _scored(loop, run, {name: len(rows)})
    failed = [step.name for step in run.steps if step.status == "Failed"]
    if failed != ["ModelQuality"] or scored.verdict.get("passed") is not False:
        raise StageFailed(f"model quality alone should have missed its threshold: {run.why()}")
    if not scored.violations:
        raise StageFailed(f"run {run.id} found no violation in data unlike the training data")
    violations_mail = loop.mail("about violations", "data-quality violations", run.id)
    failure_mail = loop.mail("about the missed threshold", "missed its threshold", run.id)
    retuning = loop.ended(loop.new_run(loop.training_hpo, before))
    only_one(loop, loop.training_hpo, before)
    metric = scored.verdict["metric"]
    if run.arn not in retuning.description or metric not in retuning.description:
        raise StageFailed(f"the retuning does not name {run.arn}: {retuning.description!r}")
    retuned = _registered(loop, retuning, "training-hpo")
    return Drifted(scored, violations_mail, failure_mail, retuned)


def review(loop: Loop, retuned: Trained, reference: str = BOARD_REFERENCE) -> Reviewed:
    """Stage 6: a retuned version goes live only with the board's reference, and back without."""
    version = retuned.version
    loop.sagemaker.update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus="Approved")
    mail = loop.mail(
        "that the board's reference is missing", "has no review_board_reference", version.arn
    )
    returned = loop.wait(
        f"version {version.number} to be pending again", lambda: _pending(loop, version)
    )
    command = with_reference(commands.commands_in(mail.text)[0], reference)
    return Reviewed(returned, mail, approve(loop, version, command))


def crash(loop: Loop, rows: Rows, name: str) -> Crashed:
    """Stage 7: ground truth that lacks a row crashes model quality: a mail, and nothing else."""
    before = {pipeline: loop.run_arns(pipeline) for pipeline in (loop.training, loop.training_hpo)}
    run = loop.ended(_drop(loop, name, unlabelled(rows), labels(rows[:-1])), "Failed")
    decided = loop.decided("the crash", f"model-quality/{run.arn}")
    mail = loop.mail("about the crash", "ModelQuality failed", run.id)
    started = [arn for name in before for arn in loop.run_arns(name) if arn not in before[name]]
    if started:
        raise StageFailed(f"a crash of model quality should start nothing, but did: {started}")
    return Crashed(run, mail, decided)


def totals(loop: Loop, wanted: dict[str, int]) -> None:
    """Raise unless each pipeline ran the expected number of times, and nothing waits or runs."""
    found = {pipeline: len(loop.run_arns(pipeline)) for pipeline in wanted}
    if found != wanted:
        raise StageFailed(f"runs should be {wanted}, but are {found}")


# --- what the stages share ------------------------------------------------------------------------


def with_reference(command: str, reference: str) -> str:
    """Return the mail's command with the placeholder replaced by the board's reference."""
    filled, places = PLACEHOLDER.subn(reference, command)
    if places != 1:
        raise StageFailed(f"the command leaves no place for the board's reference: {command}")
    return filled


def describe(loop: Loop, arn: str) -> Version:
    """Return the current state of a version."""
    answer = loop.adapter.described_version(arn)
    if answer is None:
        raise StageFailed(f"version {arn} was deleted")
    package = package_of(answer)
    return Version(
        arn=arn,
        number=package.version,
        approval=package.approval,
        metadata=package.metadata,
        artefact=answer["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
        described=answer,
    )


def versions(loop: Loop) -> list[Version]:
    """Return all versions of the group, the oldest first."""
    arns = list(loop.adapter.versions(loop.group))
    return [describe(loop, arn) for arn in reversed(arns)]


def inference_definition(loop: Loop) -> dict[str, Any]:
    """Return the current definition of the inference pipeline."""
    answer = loop.sagemaker.describe_pipeline(PipelineName=loop.inference)
    definition: dict[str, Any] = json.loads(answer["PipelineDefinition"])
    return definition


def only_one(loop: Loop, pipeline: str, before: list[str]) -> None:
    """Raise unless there is exactly one new run."""
    new = [arn for arn in loop.run_arns(pipeline) if arn not in before]
    if len(new) != 1:
        raise StageFailed(f"one run of {pipeline} was expected, but there are {len(new)}: {new}")


def violations_of(loop: Loop, run: Run) -> list[dict[str, Any]]:
    """Return the violations that the data-quality check of a run found."""
    report = loop.read_json(f"{loop.run_folder(run)}data-quality/constraint_violations.json")
    violations: list[dict[str, Any]] = report["violations"]
    return violations


def predictions_of(loop: Loop, run: Run) -> dict[str, list[str]]:
    """Return the rows of each file of predictions, by the name of the input."""
    folder = f"{loop.run_folder(run)}predictions/"
    keys = loop.keys(folder)
    return {key.removeprefix(folder): loop.read(key).decode().splitlines() for key in keys}


def _drop(loop: Loop, name: str, scoring: bytes, truth: bytes) -> str:
    before = loop.run_arns(loop.inference)
    loop.upload(GROUND_TRUTH, name, truth)
    loop.upload(SCORING, name, scoring)
    arn = loop.new_run(loop.inference, before)
    only_one(loop, loop.inference, before)
    return arn


def _scored(loop: Loop, run: Run, rows: dict[str, int]) -> Scored:
    predictions = predictions_of(loop, run)
    found = {name: len(lines) for name, lines in predictions.items()}
    if found != rows:
        raise StageFailed(f"run {run.id} should have predicted {rows} rows, but did {found}")
    try:
        verdict = json.loads(run.step("ModelQuality").said)
    except ValueError:
        verdict = {}
    return Scored(run, predictions, violations_of(loop, run), verdict)


def _registered(loop: Loop, run: Run, kind: str) -> Trained:
    bad = [step.name for step in run.steps if step.status != "Succeeded"]
    mine = [one for one in versions(loop) if one.metadata.get("run") == run.arn]
    if bad or len(mine) != 1:
        raise StageFailed(f"run {run.id}: {bad} not succeeded, {len(mine)} versions registered")
    version = mine[0]
    if (version.approval, version.metadata.get("kind")) != ("PendingManualApproval", kind):
        raise StageFailed(
            f"version {version.number} should be pending and of kind {kind}, but is "
            f"{version.approval} and of kind {version.metadata.get('kind')}"
        )
    for uri in version.reports.values():
        loop.read_json(uri)
    mail = loop.mail(
        f"that version {version.number} waits for approval", "waits for your approval", version.arn
    )
    lacking = [
        word for word in (loop.metric, f"threshold {loop.threshold:g}") if word not in mail.text
    ]
    if lacking or not commands.commands_in(mail.text):
        raise StageFailed(f"the mail lacks {lacking or 'the command that approves'}:\n{mail.text}")
    return Trained(run, version, mail)


def _pending(loop: Loop, version: Version) -> Version | None:
    now = describe(loop, version.arn)
    return now if now.approval == "PendingManualApproval" else None


def _pipelines(loop: Loop) -> list[dict[str, Any]]:
    pages = loop.sagemaker.get_paginator("list_pipelines").paginate()
    return [one for page in pages for one in page["PipelineSummaries"]]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []
