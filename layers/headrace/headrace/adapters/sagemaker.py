"""The part of SageMaker that Headrace uses: pipeline executions and the model registry."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import from_aws
from headrace.domain.errors import NotThere
from headrace.domain.events import has_ended
from headrace.domain.model_version import PACKAGE_VARIABLE, ModelPackage

CLOCKS_APART = 60.0  # tolerance, in seconds, between our clock and SageMaker's
_GONE = (
    "does not exist",
    "not found",
    "could not find",
)  # a missing version has no error code of its own


class Execution(NamedTuple):
    """A pipeline execution; `started` is in seconds since 1970.

    A list of executions leaves the fields from `description` on empty.
    """

    arn: str
    status: str
    display_name: str
    started: float
    description: str = ""
    failure_reason: str = ""
    created_by: str = ""

    @property
    def ended(self) -> bool:
        """Whether its status is final."""
        return has_ended(self.status)


class Step(NamedTuple):
    """A step of an execution; `metadata` names the job or model it made, by kind."""

    name: str
    status: str
    reason: str
    metadata: Mapping[str, Any]


class Scoring(NamedTuple):
    """What an inference pipeline's definition scores with, empty where it names nothing.

    `version` is the ARN of a model package, `artefact` the S3 URI of a model. `changed` is when
    the pipeline was last changed, in Unix seconds.
    """

    pipeline_arn: str
    version: str
    artefact: str
    changed: float


class SageMaker:
    """Pipeline executions and the model registry, over a client that is handed in.

    Methods raise RetryableError while SageMaker throttles or does not answer, and PermanentError
    for a request that it refuses.
    """

    def __init__(self, client: Annotated[Any, "sagemaker"]) -> None:
        self._client = client

    # --- pipeline executions --------------------------------------------------------------------

    def start(self, request: dict[str, Any]) -> str:
        """Start an execution, with the arguments of StartPipelineExecution; return its ARN."""
        return str(self._call("start_pipeline_execution", **request)["PipelineExecutionArn"])

    def recent(self, pipeline: str, since: float = 0.0, most: int | None = None) -> list[Execution]:
        """Return a pipeline's executions created since a time, newest first, or the first of them.

        Returns an empty list if there is no such pipeline.
        """
        try:
            return list(islice(self._executions(pipeline, since, "Descending"), most))
        except NotThere:
            return []

    def find(self, pipeline: str, display_name: str, since: float) -> str | None:
        """Return the ARN of the newest execution with a display name created since a time."""
        executions = self.recent(pipeline, since)
        return next((run.arn for run in executions if run.display_name == display_name), None)

    def first(self, pipeline: str, display_name: str, since: float) -> Execution | None:
        """Return the first execution with a display name created since a time, if there is one.

        Reads pages from that time on and stops at the match, however long ago that was.
        """
        executions = self._executions(pipeline, since, "Ascending")
        try:
            return next((run for run in executions if run.display_name == display_name), None)
        except NotThere:
            return None

    def describe(self, execution_arn: str) -> Execution | None:
        """Return an execution as it is now, or None if it was deleted with its pipeline."""
        try:
            answer = self._call("describe_pipeline_execution", PipelineExecutionArn=execution_arn)
        except NotThere:
            return None
        created = answer.get("CreationTime")
        return Execution(
            arn=execution_arn,
            status=str(answer["PipelineExecutionStatus"]),
            display_name=str(answer.get("PipelineExecutionDisplayName", "")),
            started=created.timestamp() if created else 0.0,
            description=str(answer.get("PipelineExecutionDescription", "")),
            failure_reason=str(answer.get("FailureReason", "")),
            created_by=identity(answer.get("CreatedBy") or {}),
        )

    def parameters(self, execution_arn: str) -> dict[str, str]:
        """Return the parameters that an execution was started with, or has by default."""
        pages = self._pages(
            "list_pipeline_parameters_for_execution",
            "PipelineParameters",
            PipelineExecutionArn=execution_arn,
        )
        return {one["Name"]: one["Value"] for one in pages}

    def steps(self, execution_arn: str) -> Iterator[Step]:
        """Yield the steps of a run in the order in which they began."""
        pages = self._pages(
            "list_pipeline_execution_steps",
            "PipelineExecutionSteps",
            PipelineExecutionArn=execution_arn,
            SortOrder="Ascending",
        )
        for step in pages:
            yield Step(
                name=step["StepName"],
                status=step.get("StepStatus", ""),
                reason=step.get("FailureReason", ""),
                metadata=step.get("Metadata", {}),
            )

    def failed_steps(self, execution_arn: str) -> list[tuple[str, str, str]]:
        """Return (step, reason, exit message of its job) for each failed step of a run.

        Returns an empty list if the run was deleted.
        """
        try:
            failed = [step for step in self.steps(execution_arn) if step.status == "Failed"]
        except NotThere:
            return []
        return [(step.name, step.reason, self.exit_message(step)) for step in failed]

    def exit_message(self, step: Step) -> str:
        """Return what a step's processing job said as it ended; empty for any other step."""
        arn = step.metadata.get("ProcessingJob", {}).get("Arn", "")
        if not arn:
            return ""
        name = arn.rsplit("/", 1)[-1]
        answer = self._call("describe_processing_job", ProcessingJobName=name)
        return str(answer.get("ExitMessage", ""))

    def exit_message_of_failed(self, execution_arn: str, step: str) -> str | None:
        """Return the exit message of a failed step's job, or None if that step did not fail."""
        for name, _, message in self.failed_steps(execution_arn):
            if name == step:
                return message
        return None

    def started_between(
        self, pipeline: str, since: float, before: float, most: int
    ) -> list[Execution]:
        """Return the first executions created between two times, the oldest first."""
        executions = self._executions(pipeline, since, "Ascending", before)
        try:
            return list(islice(executions, most))
        except NotThere:
            return []

    def models_of(self, execution_arn: str) -> list[str]:
        """Return the names of the models that a run created; none if the run was deleted."""
        try:
            steps = list(self.steps(execution_arn))
        except NotThere:
            return []
        arns = [str(step.metadata.get("Model", {}).get("Arn", "")) for step in steps]
        return [arn.rsplit("/", 1)[-1] for arn in arns if arn]

    def delete_model(self, name: str) -> bool:
        """Delete a model; its artefact stays. Return False if it is gone, or not the stack's own.

        The role may delete what bears the stack's tag, and what is gone bears none: IAM refuses
        both alike.
        """
        try:
            self._client.delete_model(ModelName=name)
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            if code == "AccessDeniedException" or (code and _is_gone(error)):
                return False
            raise from_aws(error, f"deleting the model {name}") from error
        return True

    def scoring(self, pipeline: str) -> Scoring | None:
        """Return what an inference pipeline scores with, or None if there is no such pipeline."""
        try:
            answer = self._call("describe_pipeline", PipelineName=pipeline)
        except NotThere:
            return None
        changed = answer.get("LastModifiedTime") or answer["CreationTime"]
        containers = [
            step.get("Arguments", {}).get("PrimaryContainer", {})
            for step in json.loads(answer["PipelineDefinition"]).get("Steps", [])
            if step.get("Type") == "Model"
        ]
        container = containers[0] if containers else {}
        version = container.get("Environment", {}).get(PACKAGE_VARIABLE, "")
        artefact = container.get("ModelDataUrl", "")
        arn = str(answer["PipelineArn"])
        return Scoring(arn, str(version), str(artefact), changed.timestamp())

    def _executions(
        self, pipeline: str, since: float, order: str, before: float | None = None
    ) -> Iterator[Execution]:
        until = {} if before is None else {"CreatedBefore": datetime.fromtimestamp(before, UTC)}
        pages = self._pages(
            "list_pipeline_executions",
            "PipelineExecutionSummaries",
            PipelineName=pipeline,
            CreatedAfter=datetime.fromtimestamp(since, UTC),
            **until,
            SortBy="CreationTime",
            SortOrder=order,
        )
        for summary in pages:
            yield Execution(
                arn=summary["PipelineExecutionArn"],
                status=summary["PipelineExecutionStatus"],
                display_name=summary.get("PipelineExecutionDisplayName", ""),
                started=summary["StartTime"].timestamp(),
            )

    # --- model registry -------------------------------------------------------------------------

    def version(self, arn: str) -> ModelPackage | None:
        """Return a version as the registry has it now, or None if it was deleted."""
        answer = self.described_version(arn)
        return None if answer is None else package_of(answer)

    def described_version(self, arn: str) -> dict[str, Any] | None:
        """Return what DescribeModelPackage answers, containers included, or None if deleted."""
        try:
            answer: dict[str, Any] = self._client.describe_model_package(ModelPackageName=arn)
        except ClientError as error:
            if _is_gone(error):
                return None
            raise from_aws(error, f"reading {arn}") from error
        except BotoCoreError as error:
            raise from_aws(error, f"reading {arn}") from error
        return answer

    def versions(self, group: str, approval: str = "") -> Iterator[str]:
        """Yield the ARNs of a group's versions, newest first; with an approval status if given.

        Yields nothing if there is no such group: the registry may be another account's.
        """
        status = {"ModelApprovalStatus": approval} if approval else {}
        try:
            pages = self._client.get_paginator("list_model_packages").paginate(
                ModelPackageGroupName=group,
                SortBy="CreationTime",
                SortOrder="Descending",
                **status,
            )
            for page in pages:
                for summary in page["ModelPackageSummaryList"]:
                    yield str(summary["ModelPackageArn"])
        except ClientError as error:
            if not _is_gone(error):
                raise from_aws(error, f"listing versions of {group}") from error
        except BotoCoreError as error:
            raise from_aws(error, f"listing versions of {group}") from error

    def newest(self, group: str, approval: str, other_than: str = "") -> str | None:
        """Return the ARN of a group's newest version with that approval status, leaving one out."""
        return next((arn for arn in self.versions(group, approval) if arn != other_than), None)

    # --- calls ----------------------------------------------------------------------------------

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except (ClientError, BotoCoreError) as error:
            raise from_aws(error, f"sagemaker {operation}") from error
        return answer

    def _pages(self, operation: str, member: str, **request: Any) -> Iterator[dict[str, Any]]:
        try:
            for page in self._client.get_paginator(operation).paginate(**request):
                yield from page[member]
        except (ClientError, BotoCoreError) as error:
            raise from_aws(error, f"sagemaker {operation}") from error


def package_of(answer: dict[str, Any]) -> ModelPackage:
    """Return the version in a DescribeModelPackage response."""
    created = answer["CreationTime"].timestamp()
    modified = answer.get("LastModifiedTime")
    containers = answer.get("InferenceSpecification", {}).get("Containers", [])
    metrics = answer.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
    return ModelPackage(
        arn=answer["ModelPackageArn"],
        group=answer["ModelPackageGroupName"],
        version=answer["ModelPackageVersion"],
        approval=answer.get("ModelApprovalStatus", ""),
        created=created,
        modified=modified.timestamp() if modified else created,
        modified_by=identity(answer.get("LastModifiedBy") or {}),
        created_by=identity(answer.get("CreatedBy") or {}),
        evaluation_uri=metrics.get("S3Uri", ""),
        metadata=answer.get("CustomerMetadataProperties", {}),
        artefact=containers[0].get("ModelDataUrl", "") if containers else "",
    )


def identity(context: Mapping[str, Any]) -> str:
    """Return who a SageMaker UserContext refers to: a user profile's name, or the caller's ARN."""
    return str(context.get("UserProfileName") or context.get("IamIdentity", {}).get("Arn", ""))


def _is_gone(error: ClientError) -> bool:
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    return any(phrase in text for phrase in _GONE)
