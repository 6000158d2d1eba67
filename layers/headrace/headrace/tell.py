"""Turns a status event into the message people get, if they should get one. Decides nothing."""

from headrace import messages, model_messages, registry, runs, storage
from headrace.events import (
    ENDED,
    Event,
    ModelPackageChanged,
    RunStatusChanged,
    StepStatusChanged,
    execution_id_of,
)
from headrace.facts import MODEL_QUALITY_STEP, ModelPackage
from headrace.ledger import Ledger
from headrace.message import Message
from headrace.project import Project

DATA_QUALITY_STEP = "DataQualityCheck"


Told = tuple[str, Message]


def messages_for(ledger: Ledger, bucket: str, event: Event) -> list[Told]:
    """Return (key, message) pairs for an event; a key is the same however often it is reported.

    The end of a run tells what its steps should have told: their own events may be lost.
    """
    found: list[Told | None] = []
    match event:
        case ModelPackageChanged():
            found = [_package(ledger, event)]
        case RunStatusChanged():
            if project := ledger.project_of("pipeline", event.pipeline):
                found = [_run(project, bucket, event), _drift_of(project, bucket, event)]
        case StepStatusChanged():
            if project := ledger.project_of("pipeline", event.pipeline):
                found = [_step(project, bucket, event)]
        case _:
            pass
    return [told for told in found if told is not None]


def _package(ledger: Ledger, event: ModelPackageChanged) -> Told | None:
    project = ledger.project_of("group", event.group) if event.group else None
    if project is None or event.approval != "PendingManualApproval":
        return None
    package = registry.describe(event.arn)
    if package is None:
        return None
    live_arn = ledger.lane(project.pipelines.inference).live
    live = registry.describe(live_arn) if live_arn else None
    said = f"{_quality(package)}, threshold {package.metadata.get('threshold', '?')}"
    beside = f"version {live.version}, {_quality(live)}" if live else "nothing yet"
    # Once per version: going back to pending is told with its reason by the decision itself.
    return f"registered/{package.arn}", model_messages.registered(
        project.name, package, said, beside
    )


def _quality(package: ModelPackage) -> str:
    """Return the metric of a version in words, from its evaluation report."""
    name = package.metadata.get("metric", "")
    report = storage.read_json(package.evaluation_uri) if package.evaluation_uri else None
    for group in (report or {}).values():
        value = group.get(name, {}).get("value") if isinstance(group, dict) else None
        if value is not None:
            return f"{name} {float(value):.4g}"
    return f"{name or 'metric'} unknown (no report at {package.evaluation_uri or 'any place'})"


def _run(project: Project, bucket: str, event: RunStatusChanged) -> Told | None:
    custom = project.custom_message(event.pipeline, "", event.status)
    scored = event.status == "Succeeded" and event.pipeline == project.pipelines.inference.lower()
    if not custom and not scored and event.status not in ("Failed", "Stopped"):
        return None
    headline, causes = "", list[str]()
    if event.status == "Failed":
        headline, causes = _why_failed(event.execution_arn)
    elif scored:
        place = f"s3://{bucket}/{project.prefix}/runs/{execution_id_of(event.execution_arn)}"
        causes = [f"Predictions  {place}/predictions/"]
    message = messages.run_changed(
        project.name, event.pipeline, event.status, event.execution_arn, causes, headline
    )
    return event.business_key, messages.with_custom_text(message, custom) if custom else message


def _why_failed(execution_arn: str) -> tuple[str, list[str]]:
    """Return a headline, and lines that say of each failed step what it said before it exited."""
    headlines, lines = [], []
    for step, reason, said in runs.failed_steps(execution_arn):
        verdict = runs.parse_verdict(said)
        if step == MODEL_QUALITY_STEP and verdict is not None:
            headlines.append(f"{verdict.metric} {verdict.value:.4g} missed {verdict.threshold:g}")
            lines += [
                f"Step {step} failed because the metric missed its threshold: {verdict}.",
                "Retuning starts by itself; if the project's policy declines it, a mail says why.",
            ]
        else:
            headlines.append(f"step {step}")
            lines.append(f"Step {step} failed: {said or reason or 'no reason was given'}")
    return ", ".join(headlines), lines


def _step(project: Project, bucket: str, event: StepStatusChanged) -> Told | None:
    custom = project.custom_message(event.pipeline, event.step, event.status)
    if custom:
        message = messages.step_changed(
            project.name, event.pipeline, event.step, event.status, event.execution_arn
        )
        return event.business_key, messages.with_custom_text(message, custom)
    if event.step == DATA_QUALITY_STEP and event.status == "Succeeded":
        return _drift(project, bucket, event.pipeline, event.execution_arn)
    return None


def _drift_of(project: Project, bucket: str, event: RunStatusChanged) -> Told | None:
    """Return what the data-quality step of a run that ended should have told, if it ran."""
    if event.status not in ENDED or event.pipeline != project.pipelines.inference.lower():
        return None
    if project.custom_message(event.pipeline, DATA_QUALITY_STEP, "Succeeded"):
        return None  # the project chose other words for that step
    return _drift(project, bucket, event.pipeline, event.execution_arn)


def _drift(project: Project, bucket: str, pipeline: str, execution_arn: str) -> Told | None:
    run = execution_id_of(execution_arn)
    uri = f"s3://{bucket}/{project.prefix}/runs/{run}/data-quality/constraint_violations.json"
    report = storage.read_json(uri)
    violations = report.get("violations", []) if isinstance(report, dict) else []
    if not violations:
        return None
    message = messages.drift(project.name, pipeline, execution_arn, uri, violations)
    return f"drift/{execution_arn}", message
