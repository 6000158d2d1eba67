"""Uses a deployed project as any client can: with boto3 and `cloud.json`, waiting for results."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.exceptions import ClientError
from headrace.adapters import sagemaker

from demo.mailbox import Mail, about, mails
from pipeline_specs.config import settings

ROOT = Path(__file__).parents[1]
PROJECT = "abalone"
TRAINING = "training/data/raw/"
SCORING = "batch-scoring/data/raw/"
GROUND_TRUTH = "batch-scoring/data/ground-truth/"
POLL_SECONDS = 0.2
EVENT_SECONDS = 60.0  # for what the control plane does by itself
RUN_SECONDS = 240.0  # for a whole run of a pipeline

_T = TypeVar("_T")
Watch = Callable[[str, float, bool], None]


class StageFailed(Exception):
    """A stage of the main job failed; the message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a run; `said` is its job's exit message."""

    name: str
    status: str
    reason: str
    said: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """A pipeline execution as SageMaker describes it."""

    arn: str
    pipeline: str
    status: str
    display_name: str
    description: str
    reason: str
    steps: tuple[Step, ...] = field(repr=False)

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    def step(self, name: str) -> Step:
        """Return the step of that name."""
        for step in self.steps:
            if step.name == name:
                return step
        names = ", ".join(step.name for step in self.steps)
        raise StageFailed(f"run {self.id} of {self.pipeline} has no step {name}, only {names}")

    def why(self) -> str:
        """Return why the run failed: each failed step with its exit message or reason."""
        failed = [
            f"step {step.name}: {step.said or step.reason or 'no reason was given'}"
            for step in self.steps
            if step.status == "Failed"
        ]
        return "; ".join(failed) or self.reason or "no reason was given"


class Loop:
    """A deployed project. `watch(what, seconds, is_done)` is called while waiting."""

    def __init__(
        self,
        info: dict[str, Any],
        watch: Watch = lambda what, seconds, done: None,
        project: str = PROJECT,
    ):
        self.settings, _ = settings.load(project)
        self.info, self._watch = info, watch
        self.project, self.prefix = project, self.settings.project.prefix
        self.group = self.settings.project.model_package_group
        self.recipient = self.settings.recipients[0].email
        names = self.settings.project.pipelines
        self.training, self.training_hpo = names.training, names.training_hpo
        self.inference, self.model_quality = names.inference, names.model_quality
        self.metric, self.threshold = self.settings.metric.name, self.settings.project.threshold
        self.quiet_period = self.settings.project.quiet_period
        self.bucket: str = info["outputs"]["DataBucketName"]
        self.session = boto3.Session(
            aws_access_key_id=info["access_key_id"],
            aws_secret_access_key=info["secret_access_key"],
            region_name=info["region"],
        )
        self.s3, self.sagemaker = self.client("s3"), self.client("sagemaker")
        self.adapter = sagemaker.SageMaker(self.sagemaker)  # the adapter that the functions use
        self.sqs, self._dynamodb = self.client("sqs"), self.client("dynamodb")

    @classmethod
    def of(
        cls,
        cloud_json: Path,
        watch: Watch = lambda what, seconds, done: None,
        project: str = PROJECT,
    ) -> Loop:
        """Return a project's loop in a cloud that runs."""
        return cls(json.loads(cloud_json.read_text(encoding="utf-8")), watch, project)

    def client(self, service: str) -> Any:
        """Return a client that talks to this cloud."""
        return self.session.client(service, endpoint_url=self.info["endpoint_url"])

    # --- waiting ----------------------------------------------------------------------------------

    def wait(self, what: str, ask: Callable[[], _T | None], seconds: float = EVENT_SECONDS) -> _T:
        """Poll until the answer is truthy; return it."""
        started = time.monotonic()
        while True:
            answer = ask()
            waited = time.monotonic() - started
            self._watch(what, waited, bool(answer))
            if answer:
                return answer
            if waited > seconds:
                raise StageFailed(f"timed out after {waited:.0f} s waiting for {what}")
            time.sleep(POLL_SECONDS)

    # --- the bucket -------------------------------------------------------------------------------

    def key(self, folder: str, name: str) -> str:
        """Return the key of a file in a folder of the project."""
        return f"{self.prefix}/{folder}{name}"

    def upload(self, folder: str, name: str, body: bytes) -> str:
        """Put a file into a folder of the project; return its key."""
        key = self.key(folder, name)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def run_folder(self, run: Run) -> str:
        """Return the prefix under which a run writes."""
        return f"{self.prefix}/runs/{run.id}/"

    def keys(self, prefix: str) -> list[str]:
        """Return all keys below a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key_or_uri: str) -> bytes:
        """Return an object, by key in the data bucket or by S3 URI."""
        bucket, key = self.bucket, key_or_uri
        if key_or_uri.startswith("s3://"):
            bucket, _, key = key_or_uri.removeprefix("s3://").partition("/")
        try:
            body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            raise StageFailed(f"cannot read s3://{bucket}/{key}: {error}") from error
        return body

    def read_json(self, key_or_uri: str) -> Any:
        """Return a JSON object's content."""
        return json.loads(self.read(key_or_uri))

    # --- runs -------------------------------------------------------------------------------------

    def run_arns(self, pipeline: str) -> list[str]:
        """Return the ARNs of a pipeline's executions, oldest first; empty if it does not exist."""
        return [run.arn for run in reversed(self.adapter.recent(pipeline))]

    def run(self, arn: str) -> Run:
        """Return the current state of an execution, with its steps in the order of their start."""
        found = self.adapter.describe(arn)
        if found is None:
            raise StageFailed(f"run {arn} was deleted")
        steps = tuple(self._step(step) for step in self.adapter.steps(arn))
        return Run(
            arn=arn,
            pipeline=arn.rsplit("/", 3)[-3],
            status=found.status,
            display_name=found.display_name,
            description=found.description,
            reason=found.failure_reason,
            steps=steps,
        )

    def _step(self, step: sagemaker.Step) -> Step:
        said = self.adapter.exit_message(step) if step.status != "Executing" else ""
        return Step(step.name, step.status, step.reason, said, step.metadata)

    def new_run(self, pipeline: str, before: list[str]) -> str:
        """Wait for a new run; return its ARN."""
        new = self.wait(
            f"a run of {pipeline}",
            lambda: [arn for arn in self.run_arns(pipeline) if arn not in before],
        )
        return new[0]

    def ended(self, arn: str, wanted: str = "Succeeded") -> Run:
        """Wait for the end of a run; raise unless it ended with the wanted status."""

        def over() -> bool:
            found = self.adapter.describe(arn)
            return found is not None and found.ended

        name = arn.rsplit("/", 3)[-3]
        self.wait(f"the end of {name} run {arn.rsplit('/', 1)[-1]}", over, RUN_SECONDS)
        run = self.run(arn)
        if run.status != wanted:
            raise StageFailed(
                f"run {run.id} of {run.pipeline} is {run.status}, not {wanted}: {run.why()}"
            )
        return run

    # --- people -----------------------------------------------------------------------------------

    def mails(self) -> list[Mail]:
        """Return the mails to the project's recipient, the oldest first."""
        found = mails(Path(self.info["mail_dir"]))
        return [mail for mail in found if self.recipient in mail.recipients]

    def mail(self, what: str, *words: str) -> Mail:
        """Wait for the mail whose subject or text contains all of the words."""
        return self.wait(f"the mail {what}", lambda: about(self.mails(), *words))[-1]

    # --- the audit log ----------------------------------------------------------------------------

    def audit(self) -> list[dict[str, Any]]:
        """Return the project's audit log, the oldest entries first."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self.info["outputs"]["LedgerTableName"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"AUDIT#{self.project}"}},
            ConsistentRead=True,
        )
        return [json.loads(item["doc"]["S"]) for page in pages for item in page["Items"]]

    def decided(self, what: str, cause: str) -> dict[str, Any]:
        """Wait for an event's decision; return its audit line. `cause` is in the event's key."""

        def line() -> dict[str, Any] | None:
            for entry in self.audit():
                for one in entry["decided"]:
                    if cause in one["event"]:
                        found: dict[str, Any] = one
                        return found
            return None

        return self.wait(f"the decision on {what}", line)
