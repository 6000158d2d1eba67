"""The account that is asked: clients, and what the probes make in it for a short time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conformance.gitlab_project import GitLabProject
from tests.conformance.journal import Journal

TAG = "headrace:conformance"
TRUSTED = ("sagemaker.amazonaws.com", "states.amazonaws.com")
# What a job of the probes may do: read and write the run's own bucket, and log.
LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
REGISTRY = ["sagemaker:CreateModelPackage", "sagemaker:CreateModelPackageGroup"]
JOBS = [
    *("sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"),
    *("sagemaker:StopProcessingJob", "sagemaker:AddTags"),
]

_T = TypeVar("_T")


class Account:
    """An AWS account under one profile. Everything made in it has the run's name and tag.

    `patience` is how long, in seconds, a probe waits for something that should happen.
    """

    def __init__(
        self,
        session: boto3.Session,
        journal: Journal,
        patience: float = 900.0,
        gitlab: GitLabProject | None = None,
    ) -> None:
        self.session, self.journal, self.patience = session, journal, patience
        self._gitlab = gitlab
        self._made: dict[str, Any] = {}
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        return self.session.client(service, config=Config(retries={"mode": "standard"}))

    @property
    def gitlab(self) -> GitLabProject:
        """The GitLab project; facts that need it are not asked without one."""
        if self._gitlab is None:
            raise RuntimeError("no GitLab was given")
        return self._gitlab

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": TAG, "Value": self.journal.run}]

    def name(self, purpose: str) -> str:
        """Return a name of this run's, e.g. `headrace-conformance-1a2b3c4d-queue`."""
        return f"{self.journal.run}-{purpose}"

    def once(self, key: str, make: Callable[[], _T]) -> _T:
        """Return what the first call made: probes share what is dear."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]  # type: ignore[no-any-return]

    def wait(self, what: str, ask: Callable[[], _T | None], seconds: float | None = None) -> _T:
        """Return the first answer that is not None; TimeoutError names what did not come."""
        limit = self.patience if seconds is None else min(seconds, self.patience)
        deadline, pause = time.monotonic() + limit, 0.2
        while (found := ask()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come within {limit:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 10.0)
        return found

    # --- what probes make ---------------------------------------------------------------------

    def queue(self, purpose: str) -> tuple[str, str]:
        """Make a queue; return its URL and ARN."""
        name = self.name(purpose)
        self.journal.add("queue", name)
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name, tags={TAG: self.journal.run})["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, asked["Attributes"]["QueueArn"]

    def role(self) -> str:
        """Make the role that the probes' pipelines and state machines run under; return its ARN."""

        def make() -> str:
            name, iam = self.name("role"), self.client("iam")
            self.journal.add("role", name)
            trust = [{"Effect": "Allow", "Principal": {"Service": list(TRUSTED)},
                      "Action": "sts:AssumeRole"}]  # fmt: skip
            arn: str = iam.create_role(
                RoleName=name, AssumeRolePolicyDocument=_policy(trust), Tags=self.tags
            )["Role"]["Arn"]
            bucket = f"arn:{arn.split(':')[1]}:s3:::{self.name('bucket')}"
            allow: list[dict[str, Any]] = [
                {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
                 "Resource": [bucket, f"{bucket}/*"]},
                {"Effect": "Allow", "Action": [*LOGS, *REGISTRY, *JOBS], "Resource": "*"},
                {"Effect": "Allow", "Action": "iam:PassRole", "Resource": arn},
            ]  # fmt: skip
            iam.put_role_policy(RoleName=name, PolicyName="probes", PolicyDocument=_policy(allow))
            return arn

        return self.once("role", make)

    def let_send(self, url: str, queue_arn: str, service: str, source_arn: str) -> None:
        """Let a rule or topic send into a queue."""
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
        }
        self.client("sqs").set_queue_attributes(
            QueueUrl=url, Attributes={"Policy": _policy([allow])}
        )

    def rule_to_queue(self, purpose: str, pattern: Any) -> str:
        """Route the events of a pattern into a queue; return its URL."""
        name, (url, arn) = self.name(f"{purpose}-events"), self.queue(f"{purpose}-events")
        events = self.client("events")
        self.journal.add("rule", name)
        rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern), Tags=self.tags)
        self.let_send(url, arn, "events.amazonaws.com", rule["RuleArn"])
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def topic(self, purpose: str) -> str:
        """Make a topic; return its ARN."""
        name = self.name(purpose)
        self.journal.add("topic", name)
        arn: str = self.client("sns").create_topic(Name=name, Tags=self.tags)["TopicArn"]
        return arn

    def table(self) -> str:
        """Make the run's table, on demand, of the partition key `pk`; return its name."""

        def make() -> str:
            name, dynamodb = self.name("table"), self.client("dynamodb")
            self.journal.add("table", name)
            dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                Tags=self.tags,
            )
            dynamodb.get_waiter("table_exists").wait(
                TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
            )
            return name

        return self.once("table", make)

    def bucket(self, purpose: str = "bucket") -> str:
        """Make a bucket; return its name. The one without a purpose is the jobs'."""

        def make() -> str:
            name, region = self.name(purpose), self.session.region_name
            self.journal.add("bucket", name)
            where = {} if region == "us-east-1" else {
                "CreateBucketConfiguration": {"LocationConstraint": region}
            }  # fmt: skip
            self.client("s3").create_bucket(Bucket=name, **where)
            self.client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": self.tags})
            return name

        return self.once(f"bucket {purpose}", make)

    def pipeline(self, purpose: str, definition: Any) -> str:
        """Make a pipeline, waiting while its new role is not known everywhere; return its name."""
        name = self.name(purpose)
        self.journal.add("pipeline", name)
        self._created(name, definition)
        return name

    def _created(self, name: str, definition: Any) -> None:
        def create() -> bool | None:
            try:
                self.client("sagemaker").create_pipeline(
                    PipelineName=name,
                    PipelineDefinition=json.dumps(definition),
                    RoleArn=self.role(),
                    ClientRequestToken=f"{name}-{'0' * 32}"[:128],
                    Tags=self.tags,
                )
            except ClientError as error:
                if "assume" in str(error).lower():  # IAM takes seconds to be known everywhere
                    return None
                raise
            return True

        self.wait(f"pipeline {name}", create, 120)

    def run(self, pipeline: str) -> str:
        """Start a pipeline and wait for its end; return the execution's ARN."""
        sagemaker = self.client("sagemaker")
        arn: str = sagemaker.start_pipeline_execution(PipelineName=pipeline)["PipelineExecutionArn"]

        def ended() -> bool | None:
            asked = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return asked["PipelineExecutionStatus"] not in ("Executing", "Stopping") or None

        self.wait(f"the end of {arn}", ended)
        return arn

    def steps(self, execution: str) -> dict[str, dict[str, Any]]:
        """Return the steps of an execution by name."""
        asked = self.client("sagemaker").list_pipeline_execution_steps(
            PipelineExecutionArn=execution
        )
        return {step["StepName"]: step for step in asked["PipelineExecutionSteps"]}


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
