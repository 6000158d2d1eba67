"""What people read about files, runs and their data: what happened, why, and the next command."""

from typing import Any

from headrace.events import execution_id_of
from headrace.facts import Verdict
from headrace.message import Message, lines

_NAME_SHOWN = 50  # of a file's name in a subject, which must say what became of it


def waits_for_model(project: str, request: str, names: tuple[str, ...]) -> Message:
    """Scoring input arrived before any version was live."""
    return Message(
        kind="drop-waits",
        project=project,
        subject=f"{project}: scoring input waits, no model is live yet",
        text=lines(
            f"Scoring input arrived ({', '.join(names)}), but no version of the model is live.",
            "It waits and runs by itself as soon as one is approved and live. Nothing is lost.",
            "",
            f"Request  {request}",
        ),
        detail={"request": request},
    )


def not_taken(project: str, key: str, reason: str) -> Message:
    """A file was uploaded that starts nothing."""
    name = key.rsplit("/", 1)[-1]
    name = name if len(name) <= _NAME_SHOWN else f"{name[: _NAME_SHOWN - 3]}..."
    return Message(
        kind="file-not-taken",
        project=project,
        subject=f"{project}: {name} was not taken",
        text=lines(f"{key!r} started nothing: {reason}", "", "The file is where you put it."),
        detail={"key": key, "reason": reason},
    )


def run_not_started(
    project: str, pipeline: str, request: str, error: str, *, waits: bool = False
) -> Message:
    """A run could not be started; its request is over, or it waits and is tried again."""
    next_step = (
        "It is tried again every ten minutes, and starts when the reason is mended."
        if waits
        else "When the reason is mended, drop the files again or start the pipeline by hand."
    )
    return Message(
        kind="run-not-started",
        project=project,
        subject=f"{project}: {pipeline} could not be started",
        text=lines(
            f"{pipeline} was not started for request {request}.",
            "",
            f"Reason  {error}",
            "",
            f"Its files are kept. {next_step}",
        ),
        detail={"pipeline": pipeline, "request": request, "error": error},
    )


def retune_declined(project: str, execution_arn: str, verdict: Verdict, reason: str) -> Message:
    """A missed threshold did not start a retuning, by the project's policy."""
    return Message(
        kind="retune-declined",
        project=project,
        subject=f"{project}: {verdict.metric} missed its threshold, not retuned",
        text=lines(
            f"{str(verdict).capitalize()} in run {execution_id_of(execution_arn)},",
            f"but no retuning was started: {reason}",
            "",
            f"Run  {execution_arn}",
        ),
        detail={"run": execution_arn, "metric": verdict.metric, "value": verdict.value},
    )


def run_changed(
    project: str,
    pipeline: str,
    status: str,
    execution_arn: str,
    causes: list[str],
    headline: str = "",
) -> Message:
    """A run ended or changed; `causes` are lines that say why, `headline` a few words."""
    verb = {"Succeeded": "succeeded", "Failed": "failed", "Stopped": "was stopped"}.get(
        status, f"is {status.lower()}"
    )
    return Message(
        kind=f"run-{status.lower()}",
        project=project,
        subject=f"{project}: {pipeline} {verb}" + (f": {headline}" if headline else ""),
        text=lines(
            f"Run {execution_id_of(execution_arn)} of {pipeline} {verb}.",
            "",
            *causes,
            "",
            "To see its steps:",
            "",
            "  aws sagemaker list-pipeline-execution-steps \\",
            f"    --pipeline-execution-arn {execution_arn}",
        ),
        detail={"pipeline": pipeline, "status": status, "run": execution_arn, "causes": causes},
    )


def step_changed(
    project: str, pipeline: str, step: str, status: str, execution_arn: str
) -> Message:
    """A step that the project has a text of its own for has a status it asked to hear of."""
    return Message(
        kind="step-status",
        project=project,
        subject=f"{project}: {step} {status.lower()} in {pipeline}",
        text=lines(f"Step {step} of run {execution_arn} is {status}."),
        detail={"pipeline": pipeline, "step": step, "status": status, "run": execution_arn},
    )


def with_custom_text(message: Message, text: str) -> Message:
    """Return a message that begins with the project's own words."""
    return Message(
        message.kind,
        message.project,
        message.subject,
        lines(text, "", message.text),
        {**message.detail, "message": text},
    )


def drift(
    project: str, pipeline: str, execution_arn: str, uri: str, violations: list[Any]
) -> Message:
    """Scoring input is unlike the data that the live model was trained on."""
    shown = [
        f"  {v.get('feature_name')}: {v.get('description')}"
        for v in violations[:10]
        if isinstance(v, dict)
    ]
    if len(violations) > len(shown):
        shown.append(f"  and {len(violations) - len(shown)} more")
    return Message(
        kind="data-quality",
        project=project,
        subject=f"{project}: {len(violations)} data-quality violations in the scoring input",
        text=lines(
            f"The input of run {execution_id_of(execution_arn)} of {pipeline} is unlike what the",
            "live model was trained on. The predictions were made; look before you rely on them.",
            "",
            *shown,
            "",
            f"Report  {uri}",
        ),
        detail={"pipeline": pipeline, "run": execution_arn, "violations": len(violations)},
    )
