"""Turns a status event into the message people get, if they should get one. Decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.eventbridge import parse_json
from headrace.adapters.ledger import Ledger
from headrace.adapters.messaging import Queue, Topic
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import PermanentError
from headrace.domain.events import (
    Event,
    GitLabTokenEnds,
    ModelPackageChanged,
    RunStatusChanged,
    StepStatusChanged,
    execution_id_of,
    has_ended,
    has_failed,
    key_of_drift,
    key_of_notification,
    key_of_refusal,
    key_of_registration,
)
from headrace.domain.message import EVERY_PROJECT, Message
from headrace.domain.model_version import ModelPackage
from headrace.domain.project import PipelineKind, Project
from headrace.domain.quality import MODEL_QUALITY_STEP, Verdict
from headrace.notifications import run_messages, version_messages
from headrace.notifications.format import ReportedRun
from headrace.use_cases.starters import with_starters

DATA_QUALITY_STEP = "DataQualityCheck"

KeyedMessage = tuple[str, Message]


class Notifier(NamedTuple):
    """What notifying needs: the adapters, the time, and where to log what was sent."""

    ledger: Ledger
    bucket: DataBucket
    sagemaker: SageMaker
    topic: Topic
    now: Callable[[], float]
    info: Callable[..., None]

    def notify(self, record: dict[str, Any]) -> None:
        """Notify people of the event in a queue message, each change once."""
        event = parse_json(record["body"])
        for key, message in messages_for(self.ledger, self.bucket, self.sagemaker, event):
            self._once(key, message, record["messageId"])

    def refuse(self, dead_letters: Queue, record: dict[str, Any], error: PermanentError) -> None:
        """Put a message that will never be handled into the dead-letter queue; notify people."""
        from headrace.notifications.stack_messages import NOTICES, event_refused  # seldom needed

        now, reason, message_id = self.now(), str(error), record["messageId"]
        message = event_refused(EVERY_PROJECT, NOTICES, message_id, record["body"], reason, now)
        self._once(key_of_refusal(reason, now), message, message_id)
        dead_letters.put_aside(record["body"], reason)

    def _once(self, key: str, message: Message, message_id: str) -> None:
        once = key_of_notification(key)
        if self.ledger.claim_notification(once, self.now(), message_id):
            self.topic.publish(message)
            self.ledger.mark_notified(once, self.now())
            self.info("notified", extra={"kind": message.kind, "project": message.project})


def messages_for(
    ledger: Ledger, bucket: DataBucket, sagemaker: SageMaker, event: Event
) -> list[KeyedMessage]:
    """Return (key, message) pairs for an event; a key is the same however often it is reported.

    The end of a run also yields the messages of its steps, whose own events may be lost.
    """
    found: list[KeyedMessage | None] = []
    match event:
        case GitLabTokenEnds():
            message = version_messages.gitlab_token_ends(
                EVERY_PROJECT, event.expires, event.within_days, event.secret_arn, event.time
            )
            found = [(event.business_key, message)]
        case ModelPackageChanged():
            found = [_package(ledger, bucket, sagemaker, event)]
        case RunStatusChanged():
            if project := ledger.project_of("pipeline", event.pipeline):
                found = [_run(project, bucket, sagemaker, event), _drift_of(project, bucket, event)]
        case StepStatusChanged():
            if project := ledger.project_of("pipeline", event.pipeline):
                found = [_step(project, bucket, event)]
        case _:
            pass
    return [message for message in found if message is not None]


def _package(
    ledger: Ledger, bucket: DataBucket, sagemaker: SageMaker, event: ModelPackageChanged
) -> KeyedMessage | None:
    project = ledger.project_of("group", event.group) if event.group else None
    if project is None or event.approval != "PendingManualApproval":
        return None
    package = sagemaker.version(event.arn)
    if package is None:
        return None
    if project.four_eyes:
        package = with_starters(ledger, sagemaker, package)
    live_arn = ledger.lane(project.pipelines.inference).rollout.live
    live = sagemaker.version(live_arn) if live_arn else None
    value, live_value = _value(bucket, package), _value(bucket, live) if live else None
    threshold = package.metadata.get("threshold", "?")
    beside = f"version {live.version}, {_quality(live, live_value)}" if live else "nothing yet"
    message = version_messages.registered(
        project.name,
        package,
        f"{_quality(package, value)}, threshold {threshold}",
        beside,
        {
            "metric": package.metadata.get("metric", ""),
            "value": value,
            "threshold": _number(threshold),
            "live": {"model_package_arn": live.arn, "value": live_value} if live else None,
        },
        four_eyes=project.four_eyes,
    )
    # Once per version: the decision to return one to pending sends a message of its own.
    return key_of_registration(package.arn), message


def _value(bucket: DataBucket, package: ModelPackage) -> float | None:
    """Return a version's metric from its evaluation report, None where there is none."""
    name = package.metadata.get("metric", "")
    report = bucket.read_json(package.evaluation_uri) if package.evaluation_uri else None
    for group in (report or {}).values():
        value = group.get(name, {}).get("value") if isinstance(group, dict) else None
        if value is not None:
            return float(value)
    return None


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _quality(package: ModelPackage, value: float | None) -> str:
    """Return the metric of a version in words."""
    name = package.metadata.get("metric") or "metric"
    if value is None:
        return f"{name} unknown (no report at {package.evaluation_uri or 'any URI'})"
    return f"{name} {value:.4g}"


def _run(
    project: Project, bucket: DataBucket, sagemaker: SageMaker, event: RunStatusChanged
) -> KeyedMessage | None:
    custom = project.custom_message(event.pipeline, "", event.status)
    scored = event.status == "Succeeded" and _scores(project, event)
    failed = has_failed(event.status)
    if not custom and not scored and not failed and event.status != "Stopped":
        return None
    why = _why_failed(sagemaker, event.execution_arn) if failed else _Why([], [], [])
    folder = f"s3://{bucket.name}/{project.prefix}/runs/{execution_id_of(event.execution_arn)}"
    run = sagemaker.describe(event.execution_arn)
    because, started = (run.description, run.started) if run else ("", 0.0)
    message = run_messages.run_changed(
        project.name,
        event.status,
        ReportedRun(event.pipeline, event.execution_arn, event.time, because, started),
        why.causes,
        why.steps,
        ", ".join(why.headlines),
        missed=why.missed,
        predictions=f"{folder}/predictions/" if scored else "",
    )
    return event.business_key, run_messages.with_custom_text(message, custom) if custom else message


@dataclass(frozen=True, slots=True)
class _Why:
    """Why a run failed: in a few words, in lines, and step by step for machines."""

    headlines: list[str]
    causes: list[str]
    steps: list[dict[str, Any]]

    @property
    def missed(self) -> bool:
        """Whether only the model-quality step failed."""
        return bool(self.steps) and all("threshold" in step for step in self.steps)


def _why_failed(sagemaker: SageMaker, execution_arn: str) -> _Why:
    """Return the reason of each failed step."""
    why = _Why([], [], [])
    for step, reason, said in sagemaker.failed_steps(execution_arn):
        verdict = Verdict.parse(said)
        if step == MODEL_QUALITY_STEP and verdict is not None:
            missed = f"{verdict.metric} {verdict.value:.4g} missed {verdict.threshold:g}"
            why.headlines.append(missed)
            why.causes.extend(
                (
                    f"Step {step} failed because the metric missed its threshold: {verdict}.",
                    "Predictions were made; check them before you rely on them. Retuning starts",
                    "automatically, or a mail says why the project's policy declined it.",
                )
            )
            why.steps.append({"step": step, **run_messages.verdict_values(verdict)})
        else:
            cause = said or reason or "no reason was given"
            why.headlines.append(f"step {step}")
            why.causes.append(f"Step {step} failed: {cause}")
            why.causes.extend(_how_to_raise_quota(cause))
            why.steps.append({"step": step, "reason": cause})
    return why


def _how_to_raise_quota(cause: str) -> tuple[str, ...]:
    """Return lines with the command that asks for more of the quota that a step failed for."""
    from headrace.domain.quota import quota_in  # seldom needed: keeps the cold start short
    from headrace.notifications.quota_messages import how_to_raise

    quota = quota_in(cause)
    return ("", *how_to_raise(quota)) if quota else ()


def _step(project: Project, bucket: DataBucket, event: StepStatusChanged) -> KeyedMessage | None:
    run = ReportedRun(event.pipeline, event.execution_arn, event.time)
    custom = project.custom_message(event.pipeline, event.step, event.status)
    if custom:
        message = run_messages.step_changed(
            project.name, event.step, event.status, event.reason, run
        )
        return event.business_key, run_messages.with_custom_text(message, custom)
    if event.step == DATA_QUALITY_STEP and event.status == "Succeeded":
        return _drift(project, bucket, run)
    return None


def _scores(project: Project, event: RunStatusChanged) -> bool:
    return project.pipelines.kind_of(event.pipeline) is PipelineKind.INFERENCE


def _drift_of(project: Project, bucket: DataBucket, event: RunStatusChanged) -> KeyedMessage | None:
    """Return the message about an ended run's data-quality violations, if there are any."""
    if not has_ended(event.status) or not _scores(project, event):
        return None
    if project.custom_message(event.pipeline, DATA_QUALITY_STEP, "Succeeded"):
        return None  # the project has its own text for that step
    return _drift(project, bucket, ReportedRun(event.pipeline, event.execution_arn, event.time))


def _drift(project: Project, bucket: DataBucket, run: ReportedRun) -> KeyedMessage | None:
    folder = f"s3://{bucket.name}/{project.prefix}/runs/{execution_id_of(run.arn)}"
    uri = f"{folder}/data-quality/constraint_violations.json"
    report = bucket.read_json(uri)
    violations = report.get("violations", []) if isinstance(report, dict) else []
    if not violations:
        return None
    return key_of_drift(run.arn), run_messages.drift(project.name, run, uri, violations)
