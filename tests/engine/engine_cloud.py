"""The environment of the engine's tests: a bucket, roles, and a host that records its calls."""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from local_cloud.sagemaker.engine.engine import Engine
from local_cloud.sagemaker.host import Execution

ACCOUNT = "000000000000"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
SECONDS = 120
JOBS_PYTHON = Path(sys.executable).parents[2] / "jobs/bin/python"


class EndpointSession(boto3.Session):  # type: ignore[misc]  # boto3 ships no types
    """A session bound to the test's endpoint."""

    endpoint = ""

    def client(self, *args: Any, **kwargs: Any) -> Any:
        return super().client(*args, **{"endpoint_url": self.endpoint, **kwargs})


def allow(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


MODEL = botocore.session.get_session().get_service_model("sagemaker")


def _check(operation: str, response: dict[str, Any]) -> None:
    """The host is called with what SageMaker's API may return."""
    shape = MODEL.operation_model(operation).output_shape
    report = ParamValidator().validate(response, shape)
    assert not report.has_errors(), report.generate_report()


@dataclass
class Cloud:
    endpoint: str
    root: boto3.Session
    bucket: str

    @staticmethod
    def with_new_bucket(endpoint: str, root: boto3.Session, name: str) -> Cloud:
        cloud = Cloud(endpoint, root, f"b-{name.replace('_', '-').lower()}"[:60].rstrip("-"))
        cloud.client("s3").create_bucket(Bucket=cloud.bucket)
        return cloud

    def client(self, service: str) -> Any:
        return self.root.client(service, endpoint_url=self.endpoint)

    def role(self, name: str, *statements: dict[str, Any]) -> str:
        """A role that may do what the statements say; by default all of this test's bucket."""
        iam = self.client("iam")
        trust = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
        full = f"{self.bucket[:40]}-{name}"
        arn: str = iam.create_role(RoleName=full, AssumeRolePolicyDocument=json.dumps(trust))[
            "Role"
        ]["Arn"]
        allowed = list(statements) or [allow(["s3:*"], "*")]
        document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_role_policy(RoleName=full, PolicyName="p", PolicyDocument=document)
        return arn

    def assume(self, role_arn: str) -> boto3.Session:
        got = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="SageMaker")
        keys = got["Credentials"]
        session = EndpointSession(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1"
        )
        session.endpoint = self.endpoint
        return session

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def put(self, key: str, text: str | bytes) -> str:
        body = text.encode() if isinstance(text, str) else text
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return self.uri(key)

    def get(self, key: str) -> str:
        got: bytes = self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return got.decode()

    def keys(self, prefix: str = "") -> list[str]:
        listed = self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]


@dataclass
class RecordingHost:
    """Records everything it is called with; models and packages are dictionaries."""

    cloud: Cloud
    executions: dict[str, list[tuple[str, str | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    steps: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    logged: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    cache: dict[str, dict[str, Any]] = field(default_factory=dict)
    authorized: list[tuple[str, str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    packages: list[dict[str, Any]] = field(default_factory=list)
    throttle: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def within(self, account_id: str, region: str) -> RecordingHost:
        return self

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, request))
        if self.throttle:
            self.throttle -= 1
            raise ClientError(
                {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, operation
            )
        if operation == "CreateModel":
            return {"ModelArn": f"arn:model/{request['ModelName']}"}
        if operation == "DescribeModel":
            made = [r for o, r in self.calls if o == "CreateModel"]
            return next(r for r in made if r["ModelName"] == request["ModelName"])
        if operation == "CreateModelPackage":
            arn = f"arn:package/{len(self.packages) + 1}"
            self.packages.append({**request, "ModelPackageArn": arn})
            return {"ModelPackageArn": arn}
        if operation == "ListModelPackages":
            return {"ModelPackageSummaryList": self.packages[-1:]}
        if operation == "DescribeModelPackage":
            wanted = request["ModelPackageName"]
            return next(p for p in self.packages if p["ModelPackageArn"] == wanted)
        raise AssertionError(operation)

    def authorize(self, role_arn: str, operation: str, request: dict[str, Any]) -> None:
        self.authorized.append((role_arn, operation))
        if operation in self.refused:
            denial = {"Code": "AccessDeniedException", "Message": f"may not {operation}"}
            raise ClientError({"Error": denial}, operation)

    def job_changed(self, kind: str, record: dict[str, Any]) -> None:
        _check(f"Describe{kind}", record)
        with self.changed:
            self.jobs.append((kind, record))
            self.changed.notify_all()

    def step_changed(self, execution_arn: str, step: dict[str, Any]) -> None:
        listed = {k: v for k, v in step.items() if k != "StepType"}
        _check("ListPipelineExecutionSteps", {"PipelineExecutionSteps": [listed]})
        with self.changed:
            self.steps.append({**step, "_execution": execution_arn})
            self.changed.notify_all()

    def execution_changed(
        self, execution_arn: str, status: str, failure_reason: str | None = None
    ) -> None:
        with self.changed:
            self.executions[execution_arn].append((status, failure_reason))
            self.changed.notify_all()

    def session(self, role_arn: str, source_arn: str) -> boto3.Session:
        return self.cloud.assume(role_arn)

    def log(self, group: str, stream: str, lines: list[str]) -> None:
        with self.changed:
            self.logged[group].extend(lines)
            self.changed.notify_all()

    def cached_step(
        self, pipeline_arn: str, key: str, max_age_seconds: float
    ) -> dict[str, Any] | None:
        return self.cache.get(pipeline_arn + key)

    def remember_step(self, pipeline_arn: str, key: str, step: dict[str, Any]) -> None:
        self.cache[pipeline_arn + key] = json.loads(json.dumps(step))

    # --- what tests ask ---

    def wait_for(self, what: str, predicate: Any) -> None:
        with self.changed:
            assert self.changed.wait_for(predicate, SECONDS), f"never seen: {what}; {self.steps}"

    def wait_end(self, arn: str) -> tuple[str, str | None]:
        ends = ("Succeeded", "Failed", "Stopped")
        seen = self.executions[arn]
        self.wait_for("the end", lambda: bool(seen) and seen[-1][0] in ends)
        return seen[-1]

    def step(self, name: str) -> dict[str, Any]:
        """The newest state of a step."""
        return [s for s in self.steps if s["StepName"] == name][-1]

    def statuses(self, name: str) -> list[str]:
        return [s["StepStatus"] for s in self.steps if s["StepName"] == name]

    def job(self, kind: str, part: str = "") -> dict[str, Any]:
        """The newest state of a job whose name has `part`."""
        member = f"{kind}Name"
        return [r for k, r in self.jobs if k == kind and part in r[member]][-1]

    def log_text(self, group: str) -> str:
        return "\n".join(self.logged[f"/aws/sagemaker/{group}"])


def execution(
    cloud: Cloud,
    steps: list[dict[str, Any]],
    *,
    role: str,
    number: int = 1,
    parameters: list[dict[str, Any]] | None = None,
    given: dict[str, str] | None = None,
    max_parallel_steps: int = 0,
) -> Execution:
    identity = f"exec{number:08d}"
    pipeline = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:pipeline/probe"
    document = {"Version": "2020-12-01", "Parameters": parameters or [], "Steps": steps}
    return Execution(
        arn=f"{pipeline}/execution/{identity}",
        execution_id=identity,
        pipeline_arn=pipeline,
        pipeline_name="probe",
        role_arn=role,
        definition=document,
        parameters=given or {},
        max_parallel_steps=max_parallel_steps,
    )


def run(engine: Engine, host: RecordingHost, made: Execution) -> tuple[str, str | None]:
    engine.start(made)
    return host.wait_end(made.arn)


def jobs_left(work_dir: Path) -> list[Path]:
    return list((work_dir / "jobs").iterdir())
