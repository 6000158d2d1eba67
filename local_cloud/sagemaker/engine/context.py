"""The context of a running step."""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local_cloud.sagemaker.core.open_facts import OpenFacts
from local_cloud.sagemaker.engine.s3_data import JobStorage
from local_cloud.sagemaker.engine.sandbox import Sandbox
from local_cloud.sagemaker.engine.stopping import StopSignal
from local_cloud.sagemaker.host import Execution, Host

SECONDS_A_SESSION_LASTS = 600


@dataclass(frozen=True)
class StepResult:
    """A step that succeeded: its properties for later steps, and its metadata for people."""

    properties: Mapping[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    property_files: Mapping[str, str] = field(default_factory=dict)


class RoleSessions:
    """Sessions and S3 clients by role, cached for a while, since creating one is slow.

    Whether the role may be assumed is asked for each job and pipeline in whose name that happens.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, boto3.Session, Any]] = {}
        self._asked: dict[tuple[str, str], float] = {}

    def get(self, role_arn: str, source_arn: str) -> tuple[boto3.Session, Any]:
        """The role's session and its S3 client, for the job or pipeline `source_arn`."""
        pair, never = (role_arn, source_arn), -math.inf
        with self._lock:
            old = time.monotonic() - SECONDS_A_SESSION_LASTS
            if self._asked.get(pair, never) < old:
                session = self._host.session(role_arn, source_arn)
                self._asked[pair] = now = time.monotonic()
                if role_arn not in self._kept or self._kept[role_arn][0] < old:
                    client = session.client("s3", config=Config(max_pool_connections=64))
                    self._kept[role_arn] = (now, session, client)
            _, session, client = self._kept[role_arn]
            return session, client


@dataclass(frozen=True)
class Site:
    """What all steps of one execution share."""

    execution: Execution
    host: Host
    sessions: RoleSessions
    jobs_dir: Path
    jobs_python: Path
    facts: OpenFacts = field(default_factory=OpenFacts)
    stop: StopSignal = field(default_factory=StopSignal)

    def storage(self, role_arn: str, source_arn: str) -> JobStorage:
        """S3 with the rights of a role that the job or pipeline `source_arn` assumes."""
        _, client = self.sessions.get(role_arn, source_arn)
        return JobStorage(client, role_arn, self.execution.region, self.stop, self.facts)


@dataclass(frozen=True)
class StepContext:
    """One step of one execution.

    `arguments` are resolved; `document` is the whole step, resolved as well; `executing` reports
    that the job exists (its metadata shows in ListPipelineExecutionSteps from then on).
    """

    name: str
    arguments: dict[str, Any]
    document: Mapping[str, Any]
    site: Site
    executing: Callable[[dict[str, Any]], None]

    @property
    def execution(self) -> Execution:
        """The execution the step is of."""
        return self.site.execution

    @property
    def host(self) -> Host:
        """The SageMaker API around."""
        return self.site.host

    def arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource such as `processing-job/name`."""
        run = self.execution
        return f"arn:aws:sagemaker:{run.region}:{run.account_id}:{resource.lower()}"

    def authorize(self, operation: str, request: dict[str, Any]) -> None:
        """Check with IAM what is done in the name of the execution's role."""
        self.host.authorize(self.execution.role_arn, operation, request)

    def creates_job(self, kind: str, request: dict[str, Any]) -> None:
        """Check with IAM that the execution's role may create and describe a job."""
        self.authorize(f"Create{kind}", request)
        self.authorize(f"Describe{kind}", request)

    def storage(self, role_arn: str, job_arn: str) -> JobStorage:
        """S3 with the rights of the job's role."""
        return self.site.storage(role_arn, job_arn)

    def sandbox(
        self, job: str, log_group: str, *, role_arn: str, job_arn: str, network: bool = True
    ) -> Sandbox:
        """A folder and an environment for a job. Without network it gets no credentials."""
        group, stream = f"/aws/sagemaker/{log_group}", f"{job}/algo-1-{int(time.time() * 1000)}"
        environment = {
            "AWS_REGION": self.execution.region,
            "AWS_DEFAULT_REGION": self.execution.region,
        }
        if network:
            environment |= self._access(role_arn, job_arn)
        return Sandbox(
            jobs_dir=self.site.jobs_dir,
            name=job,
            jobs_python=self.site.jobs_python,
            on_lines=lambda lines: self.host.log(group, stream, lines),
            stop=self.site.stop,
            network=network,
            environment=environment,
        )

    def _access(self, role_arn: str, job_arn: str) -> dict[str, str]:
        session, client = self.site.sessions.get(role_arn, job_arn)
        credentials = session.get_credentials().get_frozen_credentials()
        access = {
            "AWS_ENDPOINT_URL": client.meta.endpoint_url,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        }
        if credentials.token:
            access["AWS_SESSION_TOKEN"] = credentials.token
        return access


class JobRecord:
    """A job's Describe* response as it grows; every change is reported to the host."""

    def __init__(self, host: Host, kind: str, record: dict[str, Any]) -> None:
        self._host = host
        self._kind = kind
        self.record = {**record, "CreationTime": now()}

    def change(self, **members: Any) -> None:
        """Set members and report them to the host."""
        if self._kind != "TransformJob":  # whose description has no such member
            members["LastModifiedTime"] = now()
        self.record.update(members)
        self._host.job_changed(self._kind, copy.deepcopy(self.record))


def now() -> datetime:
    """The time, aware of its zone as AWS's are."""
    return datetime.now(UTC)
