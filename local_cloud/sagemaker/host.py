"""The interface between the pipeline engine and the SageMaker API that it runs in.

The engine executes a pipeline definition; the API keeps the records, validates requests and
publishes events. Neither uses more of the other than these protocols.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import boto3


@dataclass(frozen=True)
class Execution:
    """One pipeline execution, as the engine needs it to run.

    `parameters` holds only the values given at the start; the definition has the defaults.
    """

    arn: str
    execution_id: str
    pipeline_arn: str
    pipeline_name: str
    role_arn: str
    definition: dict[str, Any]
    parameters: dict[str, str] = field(default_factory=dict)
    max_parallel_steps: int = 0  # 0: no limit was set
    start_time: datetime = field(default_factory=lambda: datetime.now().astimezone())
    region: str = "us-east-1"
    account_id: str = "000000000000"


class Host(Protocol):
    """The SageMaker API as the engine sees it. Every method may be called from any thread."""

    def within(self, account_id: str, region: str) -> Host:
        """The API of an account and region, where an execution's jobs and models are created."""

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Call a SageMaker operation in process, validated as over HTTP; times are datetimes.

        A refused request raises `botocore.exceptions.ClientError`, as boto3 would.
        """

    def authorize(self, role_arn: str, operation: str, request: dict[str, Any]) -> None:
        """Check with IAM what is done in the role's name; raises as `call` does."""

    def job_changed(self, kind: str, record: dict[str, Any]) -> None:
        """Store a job; a new status (or secondary status) becomes an event.

        `kind` is ProcessingJob, TrainingJob, HyperParameterTuningJob or TransformJob; `record`
        is the job's Describe* response so far, with its name, ARN, status and times (datetimes).
        """

    def step_changed(self, execution_arn: str, step: dict[str, Any]) -> None:
        """Store a step; a new status becomes an event.

        `step` is an item of ListPipelineExecutionSteps, plus `StepType` for the event.
        """

    def execution_changed(
        self, execution_arn: str, status: str, failure_reason: str | None = None
    ) -> None:
        """Store the execution's status; a new one becomes an event."""

    def session(self, role_arn: str, source_arn: str) -> boto3.Session:
        """A session of the assumed role, so that IAM bounds what a job reads and writes.

        The role's trust policy must let SageMaker in for `source_arn`, the job or pipeline.
        """

    def log(self, group: str, stream: str, lines: list[str]) -> None:
        """Append lines to a CloudWatch Logs stream, made when it does not exist."""

    def cached_step(
        self, pipeline_arn: str, key: str, max_age_seconds: float
    ) -> dict[str, Any] | None:
        """The step remembered under `key`, unless it is older than `max_age_seconds`."""

    def remember_step(self, pipeline_arn: str, key: str, step: dict[str, Any]) -> None:
        """Keep a succeeded step, so that a later execution may reuse its outputs."""


class PipelineEngine(Protocol):
    """The engine as the API sees it."""

    def start(self, execution: Execution) -> None:
        """Begin to run; returns at once."""

    def stop(self, execution_arn: str) -> None:
        """Begin to stop; `Host.execution_changed` reports the end."""

    def shutdown(self) -> None:
        """Stop everything and wait for it; the server is going down."""
