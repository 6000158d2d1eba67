"""SageMaker's pipeline executions: start one, find one, and why did it fail?"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import client, from_aws
from headrace.domain.errors import NotThere
from headrace.domain.events import ENDED
from headrace.domain.quality import Verdict

CLOCKS_APART = 60.0  # seconds between our clock and SageMaker's


def start(request: dict[str, Any]) -> str:
    """Start an execution, with the arguments of StartPipelineExecution; return its ARN."""
    return str(_call("start_pipeline_execution", **request)["PipelineExecutionArn"])


class Execution(NamedTuple):
    """A pipeline execution as it is listed; `started` is in seconds since 1970."""

    arn: str
    status: str
    display_name: str
    started: float


def recent(pipeline: str, since: float) -> list[Execution]:
    """Return a pipeline's executions since a time; none while there is no such pipeline."""
    pages = _pages(
        "list_pipeline_executions",
        "PipelineExecutionSummaries",
        PipelineName=pipeline,
        CreatedAfter=datetime.fromtimestamp(since, UTC),
    )
    try:
        return [
            Execution(
                arn=summary["PipelineExecutionArn"],
                status=summary["PipelineExecutionStatus"],
                display_name=summary.get("PipelineExecutionDisplayName", ""),
                started=summary["StartTime"].timestamp(),
            )
            for summary in pages
        ]
    except NotThere:
        return []


def find(pipeline: str, display_name: str, since: float) -> str | None:
    """Return the ARN of the execution with a display name, among those created since a time."""
    found = (run.arn for run in recent(pipeline, since) if run.display_name == display_name)
    return next(found, None)


def first(pipeline: str, display_name: str, since: float) -> tuple[str, str] | None:
    """Return (ARN, status) of the first execution with a display name since a time, if any.

    However long ago: executions are gone through from that time on.
    """
    pages = _pages(
        "list_pipeline_executions",
        "PipelineExecutionSummaries",
        PipelineName=pipeline,
        CreatedAfter=datetime.fromtimestamp(since, UTC),
        SortBy="CreationTime",
        SortOrder="Ascending",
    )
    for summary in pages:
        if summary.get("PipelineExecutionDisplayName") == display_name:
            return str(summary["PipelineExecutionArn"]), str(summary["PipelineExecutionStatus"])
    return None


def parameters(execution_arn: str) -> dict[str, str]:
    """Return the parameters that an execution was started with, or has by default."""
    pages = _pages(
        "list_pipeline_parameters_for_execution",
        "PipelineParameters",
        PipelineExecutionArn=execution_arn,
    )
    return {one["Name"]: one["Value"] for one in pages}


def ended_as(execution_arn: str) -> tuple[str, str] | None:
    """Return (status, display name) of an execution that came to its end, else None."""
    answer = _call("describe_pipeline_execution", PipelineExecutionArn=execution_arn)
    status = answer["PipelineExecutionStatus"]
    if status not in ENDED:
        return None
    return str(status), str(answer.get("PipelineExecutionDisplayName", ""))


def why(execution_arn: str) -> tuple[str, float]:
    """Return what a run is for, as it says itself, and when it started; ("", 0) if it is gone."""
    try:
        answer = _call("describe_pipeline_execution", PipelineExecutionArn=execution_arn)
    except NotThere:
        return "", 0.0
    because = str(answer.get("PipelineExecutionDescription", ""))
    created = answer.get("CreationTime")
    return because, created.timestamp() if created else 0.0


def creator(execution_arn: str) -> tuple[str, str] | None:
    """Return (who started an execution, its display name), None if it is gone.

    The first is empty where SageMaker does not say.
    """
    try:
        execution = _call("describe_pipeline_execution", PipelineExecutionArn=execution_arn)
    except NotThere:
        return None
    name = str(execution.get("PipelineExecutionDisplayName", ""))
    return identity(execution.get("CreatedBy") or {}), name


def failed_steps(execution_arn: str) -> list[tuple[str, str, str]]:
    """Return (step, reason, what its job said as it exited) for each failed step of a run."""
    steps = _pages(
        "list_pipeline_execution_steps",
        "PipelineExecutionSteps",
        PipelineExecutionArn=execution_arn,
    )
    return [
        (step["StepName"], step.get("FailureReason", ""), _exit_message(step))
        for step in steps
        if step.get("StepStatus") == "Failed"
    ]


def exit_message_of_failed(execution_arn: str, step: str) -> str | None:
    """Return what a failed step's job said as it exited, or None if that step did not fail."""
    for name, _, message in failed_steps(execution_arn):
        if name == step:
            return message
    return None


def parse_verdict(exit_message: str) -> Verdict | None:
    """Return the verdict in a job's exit message.

    None if there is none: the step crashed before it knew.
    """
    try:
        said = json.loads(exit_message)
        return Verdict(
            metric=str(said["metric"]),
            value=float(said["value"]),
            threshold=float(said["threshold"]),
            passed=said["passed"] is True,
            rows=int(said["rows"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _exit_message(step: dict[str, Any]) -> str:
    arn = step.get("Metadata", {}).get("ProcessingJob", {}).get("Arn", "")
    if not arn:
        return ""
    name = arn.rsplit("/", 1)[-1]
    answer = _call("describe_processing_job", ProcessingJobName=name)
    return str(answer.get("ExitMessage", ""))


def _call(operation: str, **request: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(client("sagemaker"), operation)(**request)
    except (ClientError, BotoCoreError) as error:
        raise from_aws(error, f"sagemaker {operation}") from error
    return answer


def _pages(operation: str, member: str, **request: Any) -> Iterator[dict[str, Any]]:
    try:
        for page in client("sagemaker").get_paginator(operation).paginate(**request):
            yield from page[member]
    except (ClientError, BotoCoreError) as error:
        raise from_aws(error, f"sagemaker {operation}") from error


def identity(context: Mapping[str, Any]) -> str:
    """Return whom SageMaker's UserContext means: a user profile's name, or the caller's ARN."""
    return str(context.get("UserProfileName") or context.get("IamIdentity", {}).get("Arn", ""))
