"""Puts built pipelines, a project's settings and its recipients into an account."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import boto3
from botocore.exceptions import ClientError
from headrace.adapters.client import from_aws
from headrace.adapters.ledger import Ledger
from headrace.domain.errors import PermanentError
from headrace.domain.lane import Lane
from headrace.domain.project import Project

from pipeline_specs.config.recipients import Recipient
from pipeline_specs.config.schedules import PREFIX
from pipeline_specs.config.settings import Settings
from pipeline_specs.deploy import images, s3_files, sharing, uploads
from pipeline_specs.deploy.recipients import Subscriptions
from pipeline_specs.deploy.schedules import Rules
from pipeline_specs.deploy.stack import Stack
from pipeline_specs.pipelines.built import BuiltPipeline, Deployment

Change = Literal["created", "updated", "unchanged"]


class Account:
    """The account and region of a boto3 session, with the stack that is deployed there."""

    def __init__(self, stack: Stack, session: boto3.Session) -> None:
        self.stack = stack
        self.sagemaker = session.client("sagemaker")
        self._s3 = session.client("s3")
        self._sns = session.client("sns")
        self._ledger = Ledger(stack.output("LedgerTableName"), session.client("dynamodb"))
        self.deployment = Deployment(
            bucket=stack.output("DataBucketName"),
            role_arn=stack.output("PipelineRoleArn"),
            region=session.region_name,
        )
        self._prefix = stack.outputs.get("PipelinePrefix", PREFIX)
        self._rules = Rules(
            session.client("events"),
            stack.output("InboxQueueArn"),
            stack.output("RuleDeadLettersArn"),
            self._prefix,
        )

    def misfits(self, settings: Settings) -> Iterator[str]:
        """Yield why pipelines of these settings cannot be built for, or run in, this stack."""
        name, region = self.stack.name, self.deployment.region
        yield from images.missing(region)
        named = (*settings.project.pipelines.all, settings.project.model_package_group)
        if foreign := [one for one in named if not one.startswith(self._prefix)]:
            yield (
                f"{settings.project.name} has names that stack {name} may not use: "
                f"{', '.join(foreign)}; start them with {self._prefix} in project.yaml, or deploy "
                f"the stack with another PipelinePrefix"
            )
        in_vpc = settings.subnets and not settings.role_arn
        if in_vpc and self.stack.outputs.get("JobsInVpc") != "true":
            yield (
                f"{settings.project.name} sets subnets, and the jobs' role of stack {name} may not "
                "use a VPC; deploy the stack with `sam deploy --parameter-overrides JobsInVpc=true "
                f"--region {region}`, or set role_arn to a role that may"
            )

    def refuse_misfit(self, settings: Settings) -> None:
        """Raise PermanentError, before anything is written, if settings do not fit the stack."""
        if found := list(self.misfits(settings)):
            raise PermanentError("; ".join(found))

    def put_group(self, settings: Settings) -> bool:
        """Create the model package group if it is missing; return whether it was."""
        group = settings.project.model_package_group
        try:
            self.sagemaker.describe_model_package_group(ModelPackageGroupName=group)
        except ClientError as error:
            # SageMaker has no specific error for a missing group.
            if error.response["Error"]["Code"] != "ValidationException":
                raise from_aws(error, f"looking up the model package group {group}") from error
        else:
            return False
        try:
            self.sagemaker.create_model_package_group(
                ModelPackageGroupName=group,
                ModelPackageGroupDescription=f"Versions of {settings.project.name}",
                Tags=[{"Key": key, "Value": value} for key, value in settings.tags],
            )
        except ClientError as error:
            raise from_aws(error, f"creating the model package group {group}") from error
        return True

    def put(self, settings: Settings, built: BuiltPipeline, recreate: bool = False) -> Change:
        """Create or update a pipeline and upload its code; write nothing that is unchanged.

        With `recreate` an existing pipeline is deleted first, and its history with it.
        """
        prefix = settings.project.prefix
        for bundle in built.code:
            s3_files.upload(self._s3, self.deployment.bucket, prefix, bundle, settings.kms_key)
        try:
            there = self._described(built.name)
            if there and recreate:
                self.delete(built.name)
                there = None
            if there is None:
                self.sagemaker.create_pipeline(
                    **_request(built), Tags=[{"Key": k, "Value": v} for k, v in built.tags]
                )
                return "created"
            changed = [
                member for member, value in _request(built).items() if there.get(member) != value
            ]
            if changed:
                self.sagemaker.update_pipeline(**_request(built))
            tagged = self._tagged(there["PipelineArn"], dict(built.tags))
        except ClientError as error:
            raise from_aws(error, f"putting the pipeline {built.name}") from error
        return "updated" if changed or tagged else "unchanged"

    def put_settings(self, project: Project) -> Change:
        """Write a project's settings for the control plane into the ledger."""
        there = self._ledger.project_of("name", project.name)
        owners = (
            self._ledger.project_of("pipeline", name.lower()) for name in project.pipelines.all
        )
        # Older settings that lack a pipeline parse to the same project, but do not own it.
        if there == project and all(owner == project for owner in owners):
            return "unchanged"
        self._ledger.put_project(project)
        return "updated" if there else "created"

    def projects(self) -> list[Project]:
        """Return the projects in the ledger."""
        return list(self._ledger.projects())

    def forget(self, project: Project) -> None:
        """Remove a project from the ledger; its audit stays."""
        self._ledger.forget(project)

    def put_schedules(self, settings: Settings) -> Iterator[str]:
        """Make the schedules exactly the project's; yield a line for each change."""
        project = settings.project
        return self._rules.put(project.name, project.pipelines, settings.schedules)

    def delete_schedules(self, project: Project) -> Iterator[str]:
        """Delete the project's schedules; yield a line for each."""
        return self._rules.put(project.name, project.pipelines, ())

    def upload(self, settings: Settings) -> Iterator[str]:
        """Upload the project's own data if the settings say so; yield a line for each file."""
        for drop in uploads.wanted(settings):
            yield from uploads.put(self._s3, self.deployment.bucket, settings, drop)

    def share_group(self, settings: Settings) -> str:
        """Let exactly the project's reader accounts read its versions; return what changed."""
        group = settings.project.model_package_group
        return sharing.share(self.sagemaker, group, settings.readers)

    def inference_lane(self, project: Project) -> Lane:
        """Return the inference pipeline's lane, which says what is live and why."""
        return self._ledger.lane(project.pipelines.inference)

    def is_live(self, project: Project, arn: str, ci_pipeline: int) -> bool:
        """Return whether, by the ledger, a version is live that this CI pipeline deployed."""
        rollout = self.inference_lane(project).rollout
        return (rollout.live, rollout.deployed_by) == (arn, ci_pipeline)

    def version_there(self, project: Project) -> str:
        """Return the ARN of the version in the inference pipeline, or an empty text.

        The ledger may lag: the event that ends a refresh may not have arrived yet.
        """
        lane = self.inference_lane(project)
        there = self._described(project.pipelines.inference) if lane.rollout.wanted else None
        put = there and json.dumps(lane.rollout.wanted) in there["PipelineDefinition"]
        return (lane.rollout.wanted if put else lane.rollout.live) or ""

    def delete(self, name: str) -> bool:
        """Delete a pipeline; return whether it was there."""
        try:
            self.sagemaker.delete_pipeline(PipelineName=name)
        except self.sagemaker.exceptions.ResourceNotFound:
            return False
        except ClientError as error:
            raise from_aws(error, f"deleting the pipeline {name}") from error
        return True

    def refuse_recipients(self, settings: Settings) -> None:
        """Raise PermanentError, before anything is written, if SNS would refuse a recipient."""
        topic = Subscriptions(self._sns, self.stack.output("AlertsTopicArn"))
        try:
            found = list(topic.misfits(settings.project.name, settings.recipients))
        except ClientError as error:
            raise from_aws(error, f"reading the subscriptions of {topic.arn}") from error
        if found:
            raise PermanentError("; ".join(found))

    def subscribe(self, project: str, recipients: tuple[Recipient, ...]) -> Iterator[str]:
        """Subscribe exactly these recipients to a project; yield a line for each change."""
        return Subscriptions(self._sns, self.stack.output("AlertsTopicArn")).put(
            project, recipients
        )

    def _described(self, name: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self.sagemaker.describe_pipeline(PipelineName=name)
        except self.sagemaker.exceptions.ResourceNotFound:
            return None
        return {"PipelineDescription": "", **answer}

    def _tagged(self, arn: str, tags: dict[str, str]) -> bool:
        listed = self.sagemaker.list_tags(ResourceArn=arn)["Tags"]
        there = {tag["Key"]: tag["Value"] for tag in listed}
        missing = {key: value for key, value in tags.items() if there.get(key) != value}
        if missing:
            self.sagemaker.add_tags(
                ResourceArn=arn, Tags=[{"Key": k, "Value": v} for k, v in missing.items()]
            )
        return bool(missing)


def _request(built: BuiltPipeline) -> dict[str, Any]:
    parallel = built.max_parallel_steps
    return {
        **(
            {"ParallelismConfiguration": {"MaxParallelExecutionSteps": parallel}}
            if parallel
            else {}
        ),
        "PipelineName": built.name,
        "PipelineDescription": built.description,
        "PipelineDefinition": built.definition,
        "RoleArn": built.role_arn,
    }
