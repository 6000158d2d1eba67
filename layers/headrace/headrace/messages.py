"""What people read: each message says what happened, why, the numbers, and the next command."""

from dataclasses import dataclass, field
from typing import Any

from headrace.events import execution_id_of
from headrace.facts import ModelPackage, Verdict

_WITH_REFERENCE = "--customer-metadata-properties review_board_reference=REFERENCE"
_NAME_SHOWN = 50  # of a file's name in a subject, which must say what became of it
_SUBJECT_LIMIT = 99  # SNS: fewer than 100 printable ASCII characters


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a project's recipients; `kind` and `project` are what subscriptions filter by.

    `detail` goes to machines, as JSON, beside the text for people.
    """

    kind: str
    project: str
    subject: str
    text: str
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def subject_line(self) -> str:
        """The subject as SNS takes it: one line of printable ASCII, short enough."""
        line = " ".join(self.subject.split())
        ascii_only = line.encode("ascii", "replace").decode()
        printable = "".join(c if c.isprintable() else "?" for c in ascii_only)
        if len(printable) > _SUBJECT_LIMIT:
            printable = printable[: _SUBJECT_LIMIT - 3] + "..."
        return printable or "Headrace"

    def values(self) -> dict[str, Any]:
        """Return what machines get, and what the state machine hands to `sns:publish`."""
        return {"kind": self.kind, "project": self.project, **self.detail}


def _lines(*lines: str) -> str:
    return "\n".join(lines).rstrip() + "\n"


def registered(project: str, package: ModelPackage, metric: str, live: str) -> Message:
    """A version waits for approval; `metric` and `live` say its quality and the live one's."""
    facts = [f"Metric    {metric}", f"Live now  {live}"]
    review = ""
    if package.kind != "training":
        review = f" \\\n    {_WITH_REFERENCE}"
    return Message(
        kind="model-registered",
        project=project,
        subject=f"{project}: version {package.version} ({package.kind}) waits for your approval",
        text=_lines(
            f"Version {package.version} of {package.group} was registered by {package.kind}.",
            "",
            *facts,
            f"Report    {package.evaluation_uri}",
            f"Run       {package.metadata.get('run', 'unknown')}",
            "",
            "To approve it"
            + (" (a retuned model needs the review board's reference):" if review else ":"),
            "",
            "  aws sagemaker update-model-package \\",
            f"    --model-package-arn {package.arn} \\",
            f"    --model-approval-status Approved{review}",
            "",
            "Once approved, CI puts exactly this version into the inference pipeline.",
        ),
        detail={"model_package_arn": package.arn, "model_kind": package.kind, "metric": metric},
    )


def review_missing(project: str, package: ModelPackage) -> Message:
    """A retuned version was approved without the board's reference and went back to pending."""
    by = f" by {package.modified_by}" if package.modified_by else ""
    return Message(
        kind="review-missing",
        project=project,
        subject=f"{project}: version {package.version} needs the review board's reference",
        text=_lines(
            f"Version {package.version} of {package.group} was approved{by}, but it was retuned",
            f"(kind {package.kind or 'unknown'}) and has no review_board_reference.",
            "It is back to PendingManualApproval and did not go live.",
            "",
            "When the board has agreed, approve it together with the board's reference:",
            "",
            "  aws sagemaker update-model-package \\",
            f"    --model-package-arn {package.arn} \\",
            "    --model-approval-status Approved \\",
            f"    {_WITH_REFERENCE}",
        ),
        detail={"model_package_arn": package.arn, "missing": "review_board_reference"},
    )


def live(project: str, arn: str, detail: str) -> Message:
    """A version is in the inference pipeline."""
    version = arn.rsplit("/", 1)[-1]
    return Message(
        kind="model-live",
        project=project,
        subject=f"{project}: version {version} is live",
        text=_lines(
            f"The inference pipeline now uses exactly {arn}:",
            "its artefact, its preprocessor and its data-quality baseline.",
            "",
            f"CI pipeline {detail}",
        ),
        detail={"model_package_arn": arn, "ci_pipeline": detail},
    )


def refresh_failed(project: str, arn: str, detail: str) -> Message:
    """CI did not bring an approved version into the inference pipeline."""
    version = arn.rsplit("/", 1)[-1]
    return Message(
        kind="refresh-failed",
        project=project,
        subject=f"{project}: version {version} is approved but could not go live",
        text=_lines(
            f"The inference pipeline was not refreshed with {arn};",
            "what was live before is still live.",
            "",
            f"Reason  {detail}",
            "",
            "When the reason is mended, approve the version again, or run the job by hand:",
            "",
            f"  python -m pipeline_specs refresh {project} --model-package-arn {arn}",
        ),
        detail={"model_package_arn": arn, "reason": detail},
    )


def nothing_approved(project: str, arn: str) -> Message:
    """The live version was rejected and there is no other to go back to."""
    return Message(
        kind="rollback-impossible",
        project=project,
        subject=f"{project}: the live version was rejected and no other is approved",
        text=_lines(
            f"{arn} was rejected while it is live, and no other version of its group is",
            "approved. It stays in the inference pipeline until another version is approved.",
        ),
        detail={"model_package_arn": arn},
    )


def approval_overdue(project: str, arn: str, days: int) -> Message:
    """A version has waited for its approval for days."""
    version = arn.rsplit("/", 1)[-1]
    return Message(
        kind="approval-overdue",
        project=project,
        subject=f"{project}: version {version} has waited {days} days for your approval",
        text=_lines(
            f"{arn}",
            f"has been PendingManualApproval for {days} days. To look at it, and then approve or",
            "reject it:",
            "",
            f"  aws sagemaker describe-model-package --model-package-name {arn}",
            "",
            "  aws sagemaker update-model-package --model-approval-status Approved|Rejected \\",
            f"    --model-package-arn {arn}",
        ),
        detail={"model_package_arn": arn, "days": days},
    )


def waits_for_model(project: str, request: str, names: tuple[str, ...]) -> Message:
    """Scoring input arrived before any version was live."""
    return Message(
        kind="drop-waits",
        project=project,
        subject=f"{project}: scoring input waits, no model is live yet",
        text=_lines(
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
        text=_lines(f"{key!r} started nothing: {reason}", "", "The file is where you put it."),
        detail={"key": key, "reason": reason},
    )


def run_not_started(project: str, pipeline: str, request: str, error: str) -> Message:
    """SageMaker refused to start a run."""
    return Message(
        kind="run-not-started",
        project=project,
        subject=f"{project}: {pipeline} could not be started",
        text=_lines(
            f"SageMaker did not start {pipeline} for request {request}.",
            "",
            f"Reason  {error}",
            "",
            "Its files and its manifest are kept. When the reason is mended, drop the files again",
            "or start the pipeline by hand.",
        ),
        detail={"pipeline": pipeline, "request": request, "error": error},
    )


def retune_declined(project: str, execution_arn: str, verdict: Verdict, reason: str) -> Message:
    """A missed threshold did not start a retuning, by the project's policy."""
    return Message(
        kind="retune-declined",
        project=project,
        subject=f"{project}: {verdict.metric} missed its threshold, not retuned",
        text=_lines(
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
        text=_lines(
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
        text=_lines(f"Step {step} of run {execution_arn} is {status}."),
        detail={"pipeline": pipeline, "step": step, "status": status, "run": execution_arn},
    )


def with_custom_text(message: Message, text: str) -> Message:
    """Return a message that begins with the project's own words."""
    return Message(
        message.kind,
        message.project,
        message.subject,
        _lines(text, "", message.text),
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
        text=_lines(
            f"The input of run {execution_id_of(execution_arn)} of {pipeline} is unlike what the",
            "live model was trained on. The predictions were made; look before you rely on them.",
            "",
            *shown,
            "",
            f"Report  {uri}",
        ),
        detail={"pipeline": pipeline, "run": execution_arn, "violations": len(violations)},
    )
