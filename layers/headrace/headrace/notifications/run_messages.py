"""What people read about files, runs and their data: what happened, why, and the next command."""

import json
from typing import Any

from headrace.domain.events import ENDED, execution_id_of
from headrace.domain.message import Message
from headrace.domain.quality import Verdict
from headrace.notifications.format import ReportedRun, detail_lines, in_studio, iso, lines, when

_NAME_SHOWN = 50  # characters of a file's name in a subject, which must fit what happened as well
_SHOWN = 10  # violations in a mail; the report has all


def waits_for_model(
    project: str, group: str, request: str, names: tuple[str, ...], objects: int, since: float
) -> Message:
    """Scoring input arrived before any version was live."""
    files = "1 file" if objects == 1 else f"{objects} files"
    return Message(
        kind="drop-waits",
        project=project,
        subject=f"{project}: scoring input waits, no model is live yet",
        text=lines(
            f"Scoring input arrived ({', '.join(names) or files}), but no version is live yet.",
            "The input is scored automatically once a version is live; nothing is lost.",
            "",
            *detail_lines(since=when(since), request=request),
            "",
            "To list the versions that wait for approval:",
            "",
            "  aws sagemaker list-model-packages \\",
            f"    --model-package-group-name {group} \\",
            "    --model-approval-status PendingManualApproval",
        ),
        detail={"request": request, "files": objects, "names": list(names), "since": iso(since)},
    )


def not_taken(project: str, key: str, reason: str) -> Message:
    """An uploaded file was ignored."""
    name = key.rsplit("/", 1)[-1]
    name = name if len(name) <= _NAME_SHOWN else f"{name[: _NAME_SHOWN - 3]}..."
    return Message(
        kind="file-not-taken",
        project=project,
        subject=f"{project}: {name} was ignored",
        text=lines(
            f"{key!r} was ignored: {reason}",
            "",
            "The file is still where you uploaded it. Fix the file and upload it again.",
        ),
        detail={"key": key, "reason": reason},
    )


def run_not_started(
    project: str, pipeline: str, request: str, error: str, *, because: str, at: float, waits: bool
) -> Message:
    """A run could not be started; its request was given up, or waits to be tried again."""
    next_step = (
        "The start is retried every ten minutes, until the problem is fixed."
        if waits
        else "Once the problem is fixed, upload the files again or start the pipeline by hand."
    )
    return Message(
        kind="run-not-started",
        project=project,
        subject=f"{project}: {pipeline} could not be started",
        text=lines(
            f"{pipeline} was not started for request {request}.",
            "",
            *detail_lines(reason=plain(error), cause=because, at=when(at)),
            "",
            f"Its files are kept. {next_step}",
            "",
            "To see what waits and what runs:",
            "",
            "  headrace lanes",
        ),
        detail={
            "pipeline": pipeline,
            "request": request,
            "reason": plain(error),
            "error": error,
            "because": because,
            "waits": waits,
            "time": iso(at),
        },
    )


def retune_declined(
    project: str, execution_arn: str, verdict: Verdict, reason: str, at: float
) -> Message:
    """A missed threshold did not start a retuning, by the project's policy."""
    return Message(
        kind="retune-declined",
        project=project,
        subject=f"{project}: {verdict.metric} missed its threshold, not retuned",
        text=lines(
            f"Run {execution_id_of(execution_arn)} missed its threshold: {verdict}.",
            f"No retuning was started: {reason}",
            "",
            *detail_lines(at=when(at), run=execution_arn),
            "",
            "To retune anyway:",
            "",
            f"  headrace pipelines start {project} training-hpo",
            "",
            *in_studio(execution_arn),
        ),
        detail={
            "run": execution_arn,
            **verdict_values(verdict),
            "reason": reason,
            "time": iso(at),
        },
    )


def run_changed(
    project: str,
    status: str,
    run: ReportedRun,
    causes: list[str],
    failed: list[dict[str, Any]],
    headline: str = "",
    *,
    missed: bool = False,
    predictions: str = "",
) -> Message:
    """A run ended or changed its status.

    `causes` are lines that say why, `headline` says why in a few words, `failed` says why to
    machines. `missed` is set if only the model-quality step failed. `predictions` is their S3 URI.
    """
    verb = {"Succeeded": "succeeded", "Failed": "failed", "Stopped": "was stopped"}.get(
        status, f"is {status.lower()}"
    )
    return Message(
        kind="threshold-missed" if missed else f"run-{status.lower()}",
        project=project,
        subject=f"{project}: {run.pipeline} {verb}" + (f": {headline}" if headline else ""),
        text=lines(
            f"Run {execution_id_of(run.arn)} of {run.pipeline} {verb}.",
            "",
            *causes,
            *([""] if causes else []),
            *detail_lines(
                cause=run.because,
                started=when(run.started),
                **{"ended" if status in ENDED else "changed": when(run.changed)},
            ),
            "",
            *(_list(predictions) if predictions else _steps(run.arn)),
            "",
            *in_studio(run.arn),
        ),
        detail={
            "status": status,
            **run_values(run),
            "causes": causes,
            "failed": failed,
            **({"predictions": predictions} if predictions else {}),
        },
    )


def _steps(execution_arn: str) -> tuple[str, ...]:
    return (
        "To see its steps:",
        "",
        "  aws sagemaker list-pipeline-execution-steps \\",
        f"    --pipeline-execution-arn {execution_arn}",
    )


def _list(predictions: str) -> tuple[str, ...]:
    return ("To list its predictions:", "", f"  aws s3 ls {predictions}")


def step_changed(project: str, step: str, status: str, reason: str, run: ReportedRun) -> Message:
    """A step reached a status for which the project has its own text."""
    return Message(
        kind="step-status",
        project=project,
        subject=f"{project}: {step} {status.lower()} in {run.pipeline}",
        text=lines(
            f"Step {step} of run {execution_id_of(run.arn)} of {run.pipeline} is {status}.",
            "",
            *detail_lines(reason=reason, changed=when(run.changed), run=run.arn),
            "",
            *in_studio(run.arn),
        ),
        detail={"step": step, "status": status, "reason": reason, **run_values(run)},
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


def drift(project: str, run: ReportedRun, uri: str, violations: list[Any]) -> Message:
    """Scoring input differs from the data that the live model was trained on."""
    shown = [
        f"  {v.get('feature_name')}: {v.get('description')}"
        for v in violations[:_SHOWN]
        if isinstance(v, dict)
    ]
    if len(violations) > len(shown):
        shown.append(f"  and {len(violations) - len(shown)} more")
    count = (
        "1 data-quality violation"
        if len(violations) == 1
        else (f"{len(violations)} data-quality violations")
    )
    return Message(
        kind="data-quality",
        project=project,
        subject=f"{project}: {count} in the scoring input",
        text=lines(
            f"The input of run {execution_id_of(run.arn)} of {run.pipeline} differs from the data",
            "that the live model was trained on. Predictions were made; check them before you rely",
            "on them.",
            "",
            *shown,
            "",
            *detail_lines(checked=when(run.changed)),
            "",
            "To read the whole report:",
            "",
            f"  aws s3 cp {uri} -",
            "",
            *in_studio(run.arn),
        ),
        detail={
            **run_values(run),
            "violations": len(violations),
            "first_violations": violations[:_SHOWN],
            "report": uri,
        },
    )


def run_values(run: ReportedRun) -> dict[str, Any]:
    """Return the fields of a run for machines."""
    known = {"because": run.because, "started": iso(run.started), "time": iso(run.changed)}
    return {"pipeline": run.pipeline, "run": run.arn, **{k: v for k, v in known.items() if v}}


def verdict_values(verdict: Verdict) -> dict[str, Any]:
    """Return the fields of a metric and its threshold for machines."""
    return {
        "metric": verdict.metric,
        "value": verdict.value,
        "threshold": verdict.threshold,
        "rows": verdict.rows,
    }


def plain(error: str) -> str:
    """Return an error's message without the JSON that Lambda wraps around it."""
    try:
        said = json.loads(error)
    except ValueError:
        return error
    return str(said.get("errorMessage") or error) if isinstance(said, dict) else error
