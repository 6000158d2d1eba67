"""Deploy a SAM template with CloudFormation, as `sam deploy` does, and wait for it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local_cloud.deploy import template as sam
from local_cloud.deploy.build import Builder

POLL_SECONDS = 0.1
DEPLOY_SECONDS = 300.0
NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")


class DeployError(Exception):
    """The stack could not be deployed; the message names resource and reason."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One stack from one template."""

    session: boto3.Session
    builder: Builder
    stack_name: str

    def deploy(self, path: Path, parameters: dict[str, str]) -> dict[str, str]:
        """Create or update the stack if anything changed; returns its outputs.

        Parameters that the template does not declare are left out.
        """
        template = sam.load(path)
        declared = template.get("Parameters", {})
        bucket = self._artefact_bucket()
        packaged = sam.package(
            template, path.parent, self.builder, lambda name, data: self._upload(bucket, name, data)
        )
        body = json.dumps(sam.expand(packaged, self.session), sort_keys=True, default=str)
        url = self._upload(bucket, f"{self.stack_name}.template.json", body.encode(), renew=True)
        self._apply(
            url.replace("s3://", f"{self._endpoint()}/"),
            {name: value for name, value in parameters.items() if name in declared},
        )
        return self.outputs()

    def outputs(self) -> dict[str, str]:
        """The stack's current outputs."""
        stack = self._stack()
        return {o["OutputKey"]: o["OutputValue"] for o in (stack or {}).get("Outputs", [])}

    def _endpoint(self) -> str:
        return str(self.session.client("s3").meta.endpoint_url)

    def _artefact_bucket(self) -> str:
        account = self.session.client("sts").get_caller_identity()["Account"]
        bucket = f"{self.stack_name}-artefacts-{account}-{self.session.region_name}"
        s3 = self.session.client("s3")
        try:
            s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
            s3.create_bucket(Bucket=bucket)
        return bucket

    def _upload(self, bucket: str, name: str, data: bytes, *, renew: bool = False) -> str:
        key = f"{self.stack_name}/{name}"
        s3 = self.session.client("s3")
        try:
            if renew:
                s3.put_object(Bucket=bucket, Key=key, Body=data)
            else:
                s3.head_object(
                    Bucket=bucket, Key=key
                )  # content-addressed: if it exists, it is identical
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
            s3.put_object(Bucket=bucket, Key=key, Body=data)
        return f"s3://{bucket}/{key}"

    def _stack(self) -> dict[str, Any] | None:
        try:
            answer = self.session.client("cloudformation").describe_stacks(
                StackName=self.stack_name
            )
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        stack: dict[str, Any] = answer["Stacks"][0]
        return stack

    def _apply(self, template_url: str, parameters: dict[str, str]) -> None:
        cloudformation = self.session.client("cloudformation")
        stack = self._stack()
        if stack and stack["StackStatus"] in ("ROLLBACK_COMPLETE", "CREATE_FAILED"):
            # The first creation failed and left nothing worth keeping; it cannot be updated.
            cloudformation.delete_stack(StackName=self.stack_name)
            self._wait(self._stack_status, "DELETE_COMPLETE")
            stack = None
        fresh = stack is None or stack["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
        started = time.time()
        try:
            change_set = cloudformation.create_change_set(
                StackName=self.stack_name,
                ChangeSetName=f"deploy-{int(started * 1000)}",
                ChangeSetType="CREATE" if fresh else "UPDATE",
                TemplateURL=template_url,
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": value}
                    for key, value in parameters.items()
                ],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            )["Id"]
        except ClientError as error:
            raise DeployError(f"stack {self.stack_name} refused: {error}") from error

        def change_set_status() -> tuple[str, str]:
            answer = cloudformation.describe_change_set(ChangeSetName=change_set)
            return answer["Status"], answer.get("StatusReason", "")

        status, reason = self._wait(change_set_status, "CREATE_COMPLETE")
        if status == "FAILED" and any(text in reason for text in NOTHING_TO_DO):
            cloudformation.delete_change_set(ChangeSetName=change_set)
            return
        if status != "CREATE_COMPLETE":
            raise DeployError(f"stack {self.stack_name}: change set {status}: {reason}")
        cloudformation.execute_change_set(ChangeSetName=change_set)
        wanted = "CREATE_COMPLETE" if fresh else "UPDATE_COMPLETE"
        status, reason = self._wait(self._stack_status, wanted)
        if status != wanted:
            raise DeployError(self._failure(status, reason, started))

    def _stack_status(self) -> tuple[str, str]:
        stack = self._stack() or {"StackStatus": "DELETE_COMPLETE"}
        return stack["StackStatus"], stack.get("StackStatusReason", "")

    def _wait(self, ask: Any, wanted: str) -> tuple[str, str]:
        """Poll until the operation ends: `(status, reason)`."""
        deadline = time.monotonic() + DEPLOY_SECONDS
        while time.monotonic() < deadline:
            status, reason = ask()
            over = not status.endswith(("_IN_PROGRESS", "_PENDING"))
            if status == wanted or (over and status != "REVIEW_IN_PROGRESS"):
                return status, reason
            time.sleep(POLL_SECONDS)
        raise DeployError(f"stack {self.stack_name}: still {status} after {DEPLOY_SECONDS:.0f} s")

    def _failure(self, status: str, reason: str, started: float) -> str:
        """The first failure, since the later ones are only cancellations and rollbacks."""
        events = self.session.client("cloudformation").describe_stack_events(
            StackName=self.stack_name
        )["StackEvents"]
        failed = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): "
            f"{event.get('ResourceStatusReason', 'no reason given')}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED")
            and event["Timestamp"].timestamp() >= started - 1
            and event["ResourceType"] != "AWS::CloudFormation::Stack"
        ]
        first = failed[0] if failed else reason or "no resource failed"
        return f"stack {self.stack_name} is {status}: {first}"
