"""EventBridge envelopes: parse events from them, once, at the edge, and build new ones.

Reconcile builds envelopes for events that were never delivered.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from headrace.domain.cause import Cause
from headrace.domain.errors import PermanentError
from headrace.domain.events import (
    SOURCE,
    ApprovalOverdue,
    Event,
    GitLabTokenEnds,
    LaneDue,
    LiveDiffers,
    ModelPackageChanged,
    ObjectCreated,
    RefreshEnded,
    RunNotStarted,
    RunRequested,
    RunStatusChanged,
    StepStatusChanged,
    VersionGone,
    pipeline_of,
)


def timestamp_of(text: str) -> float:
    """Return seconds since 1970 for an ISO 8601 time as EventBridge writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class _Fields:
    """Fields of an event, with an error that names the one that is missing or mistyped."""

    def __init__(self, fields: Any, where: str) -> None:
        if not isinstance(fields, Mapping):
            raise PermanentError(f"{where} should be an object, not {type(fields).__name__}")
        self._fields, self._where = fields, where

    def text(self, name: str, default: str | None = None) -> str:
        value = self._fields.get(name, default)
        if not isinstance(value, str):
            found = "missing" if value is None else type(value).__name__
            raise PermanentError(f"{self._where}.{name} should be a string, but is {found}")
        return value

    def whole(self, name: str, default: int) -> int:
        value = self._fields.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise PermanentError(f"{self._where}.{name} should be a whole number: {value!r:.80}")
        return value

    def flag(self, name: str) -> bool:
        value = self._fields.get(name)
        if not isinstance(value, bool):
            raise PermanentError(f"{self._where}.{name} should be true or false: {value!r:.80}")
        return value

    def value(self, name: str) -> Any:
        return self._fields.get(name)

    def part(self, name: str) -> "_Fields":
        return _Fields(self._fields.get(name), f"{self._where}.{name}")


def _object_created(detail: _Fields, time: float) -> Event:
    thing = detail.part("object")
    # An unversioned bucket gives no version: etag and sequencer identify the upload.
    version = thing.text("version-id", "") or "-".join(
        [thing.text("etag", ""), thing.text("sequencer", "").rjust(32, "0")]
    )
    return ObjectCreated(
        bucket=detail.part("bucket").text("name"),
        key=thing.text("key"),
        version_id=version,
        size=thing.whole("size", 0),
        time=time,
    )


def _run_status(detail: _Fields, time: float) -> Event:
    return RunStatusChanged(
        pipeline=pipeline_of(detail.text("pipelineArn")),
        execution_arn=detail.text("pipelineExecutionArn"),
        status=detail.text("currentPipelineExecutionStatus"),
        display_name=detail.text("pipelineExecutionDisplayName", ""),
        time=time,
    )


def _step_status(detail: _Fields, time: float) -> Event:
    return StepStatusChanged(
        pipeline=pipeline_of(detail.text("pipelineArn")),
        execution_arn=detail.text("pipelineExecutionArn"),
        step=detail.text("stepName"),
        status=detail.text("currentStepStatus"),
        reason=detail.text("failureReason", ""),
        time=time,
    )


def _model_package(detail: _Fields, time: float) -> Event:
    return ModelPackageChanged(
        group=detail.text("ModelPackageGroupName", ""),
        arn=detail.text("ModelPackageArn"),
        approval=detail.text("ModelApprovalStatus", ""),
        time=time,
        edited=_edited(detail.value("UpdatedModelPackageFields")),
    )


def _edited(updated: Any) -> bool:
    """Whether fields were updated and the approval was not; events of registrations name none."""
    return isinstance(updated, dict) and bool(updated) and "ModelApprovalStatus" not in updated


def _run_requested(detail: _Fields, time: float) -> Event:
    return RunRequested(
        pipeline=detail.text("pipeline").lower(),
        id=detail.text("id"),
        cause=Cause.parse(detail.value("cause"), "event.detail.cause"),
        time=time,
    )


def _run_not_started(detail: _Fields, time: float) -> Event:
    return RunNotStarted(
        detail.text("pipeline").lower(), detail.text("request_id"), detail.text("error"), time
    )


def _refresh_ended(detail: _Fields, time: float) -> Event:
    return RefreshEnded(
        group=detail.text("group"),
        arn=detail.text("arn"),
        refresh_id=detail.text("refresh_id"),
        succeeded=detail.flag("succeeded"),
        detail=detail.text("detail"),
        time=time,
        ci_pipeline=detail.whole("ci_pipeline", 0),
    )


def _approval_overdue(detail: _Fields, time: float) -> Event:
    return ApprovalOverdue(detail.text("group"), detail.text("arn"), detail.whole("days", 0), time)


def _version_gone(detail: _Fields, time: float) -> Event:
    return VersionGone(detail.text("group"), detail.text("arn"), time)


def _live_differs(detail: _Fields, time: float) -> Event:
    return LiveDiffers(
        group=detail.text("group"),
        arn=detail.text("arn"),
        artefact=detail.text("artefact"),
        pipeline_arn=detail.text("pipeline_arn"),
        found=detail.text("found"),
        found_artefact=detail.text("found_artefact"),
        changed=detail.whole("changed", 0),
        time=time,
    )


def _gitlab_token_ends(detail: _Fields, time: float) -> Event:
    return GitLabTokenEnds(
        token=detail.text("token"),
        expires=detail.text("expires"),
        within_days=detail.whole("within_days", 0),
        secret_arn=detail.text("secret_arn"),
        time=time,
    )


def _lane_due(detail: _Fields, time: float) -> Event:
    return LaneDue(detail.text("pipeline").lower(), detail.text("request_id"), time)


_PARSERS: Final[dict[tuple[str, str], Callable[[_Fields, float], Event]]] = {
    ("aws.s3", "Object Created"): _object_created,
    (
        "aws.sagemaker",
        "SageMaker Model Building Pipeline Execution Status Change",
    ): _run_status,
    (
        "aws.sagemaker",
        "SageMaker Model Building Pipeline Execution Step Status Change",
    ): _step_status,
    ("aws.sagemaker", "SageMaker Model Package State Change"): _model_package,
    (SOURCE, "Run Requested"): _run_requested,
    (SOURCE, "Run Not Started"): _run_not_started,
    (SOURCE, "Refresh Ended"): _refresh_ended,
    (SOURCE, "Approval Overdue"): _approval_overdue,
    (SOURCE, "Version Gone"): _version_gone,
    (SOURCE, "Live Differs"): _live_differs,
    (SOURCE, "GitLab Token Ends"): _gitlab_token_ends,
    (SOURCE, "Lane Due"): _lane_due,
}


def parse(envelope: Any) -> Event:
    """Return the event in an EventBridge envelope.

    Raises PermanentError, naming the field, for anything that is not one of ours.
    """
    fields = _Fields(envelope, "event")
    kind = (fields.text("source"), fields.text("detail-type"))
    if kind not in _PARSERS:
        raise PermanentError(f"unsupported event {kind[1]!r} from {kind[0]!r}")
    try:
        time = timestamp_of(fields.text("time"))
    except ValueError as error:
        raise PermanentError(f"event.time is not a time: {error}") from error
    return _PARSERS[kind](fields.part("detail"), time)


def parse_json(body: str) -> Event:
    """Return the event in a queue message's body."""
    try:
        return parse(json.loads(body))
    except json.JSONDecodeError as error:
        raise PermanentError(f"the message is not JSON: {error}") from error


# --- envelopes ------------------------------------------------------------------------------------


def own(detail_type: str, detail: dict[str, Any], now: float) -> dict[str, Any]:
    """Return the envelope of one of Headrace's own events."""
    return _envelope(SOURCE, detail_type, detail, now)


def run_status(execution_arn: str, status: str, display_name: str, now: float) -> dict[str, Any]:
    """Return the status change of a pipeline execution as SageMaker reports it."""
    return _envelope(
        "aws.sagemaker",
        "SageMaker Model Building Pipeline Execution Status Change",
        {
            "pipelineArn": execution_arn.rsplit("/execution/", 1)[0],
            "pipelineExecutionArn": execution_arn,
            "currentPipelineExecutionStatus": status,
            "pipelineExecutionDisplayName": display_name,
        },
        now,
    )


def model_package(group: str, arn: str, approval: str, now: float) -> dict[str, Any]:
    """Return the state change of a model package as SageMaker reports it."""
    return _envelope(
        "aws.sagemaker",
        "SageMaker Model Package State Change",
        {
            "ModelPackageGroupName": group,
            "ModelPackageArn": arn,
            "ModelApprovalStatus": approval,
        },
        now,
    )


def object_created(
    bucket: str, key: str, version_id: str, size: int, uploaded: float
) -> dict[str, Any]:
    """Return the upload of an object as S3 reports it."""
    return _envelope(
        "aws.s3",
        "Object Created",
        {
            "bucket": {"name": bucket},
            "object": {"key": key, "version-id": version_id, "size": size},
        },
        uploaded,
    )


def _envelope(source: str, kind: str, detail: dict[str, Any], at: float) -> dict[str, Any]:
    time = datetime.fromtimestamp(at, UTC).isoformat()
    return {"source": source, "detail-type": kind, "time": time, "detail": detail}
