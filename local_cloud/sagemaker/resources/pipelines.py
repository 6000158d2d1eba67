"""Pipelines: created, updated, described, listed and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_cloud.sagemaker.core import paging
from local_cloud.sagemaker.core.errors import conflict, invalid, missing
from local_cloud.sagemaker.core.operations import Call, operation
from local_cloud.sagemaker.resources import definition

Request = dict[str, Any]
RUNNING = ("Executing", "Stopping")
CHANGEABLE = (
    "PipelineDisplayName",
    "PipelineDescription",
    "RoleArn",
    "ParallelismConfiguration",
    "PipelineDefinition",
)


def with_definition(request: Request, read: Callable[[str, str, str | None], bytes]) -> Request:
    """The request, with its definition fetched from S3 if it is given by location."""
    location = request.get("PipelineDefinitionS3Location")
    if location is None:
        return request
    if "PipelineDefinition" in request:
        raise invalid(
            "Exactly one of PipelineDefinition and PipelineDefinitionS3Location can be specified"
        )
    body = read(location["Bucket"], location["ObjectKey"], location.get("VersionId"))
    try:
        return {**request, "PipelineDefinition": body.decode()}
    except UnicodeDecodeError as error:
        raise invalid("Unable to parse pipeline definition. It is not UTF-8 text.") from error


def find(call: Call, name_or_arn: str) -> dict[str, Any]:
    """The pipeline of that name or ARN; in an ARN, as events write it, case does not count."""
    pipelines = call.table("pipelines")
    name = name_or_arn.rpartition("/")[2]
    if name in pipelines and name_or_arn in (name, call.arn("pipeline", name)):
        return dict(pipelines[name])
    if name_or_arn.startswith("arn:"):
        for known, pipeline in pipelines.items():
            if pipeline["PipelineArn"].lower() == name_or_arn.lower():
                return dict(pipelines[known])
    raise missing(f"Pipeline '{name_or_arn}' does not exist.")


@operation("CreatePipeline")
def create(call: Call, request: Request) -> Request:
    """A new pipeline under a name that is free."""
    name = request["PipelineName"]
    if name in call.table("pipelines"):
        raise invalid(
            "Pipeline names must be unique within an AWS account and region. "
            f"Pipeline with name ({name}) already exists."
        )
    if "PipelineDefinition" not in request:
        raise invalid("Either PipelineDefinition or PipelineDefinitionS3Location must be specified")
    definition.parsed(request["PipelineDefinition"])
    arn = call.arn("pipeline", name)
    call.table("pipelines")[name] = {
        "PipelineArn": arn,
        "PipelineName": name,
        "PipelineDisplayName": name,
        **{member: request[member] for member in CHANGEABLE if member in request},
        "PipelineStatus": "Active",
        "CreationTime": call.now,
        "LastModifiedTime": call.now,
        "CreatedBy": call.user(),
        "LastModifiedBy": call.user(),
        "version": 1,
    }
    if request.get("Tags"):
        call.table("tags")[arn] = request["Tags"]
    return {"PipelineArn": arn}


@operation("UpdatePipeline")
def update(call: Call, request: Request) -> Request:
    """Change what is given; running executions keep the definition they started with."""
    pipeline = find(call, request["PipelineName"])
    if "PipelineDefinition" in request:
        definition.parsed(request["PipelineDefinition"])
    pipeline.update({member: request[member] for member in CHANGEABLE if member in request})
    pipeline.update(
        LastModifiedTime=call.now, LastModifiedBy=call.user(), version=pipeline["version"] + 1
    )
    call.table("pipelines")[pipeline["PipelineName"]] = pipeline
    return {"PipelineArn": pipeline["PipelineArn"], "PipelineVersionId": pipeline["version"]}


@operation("DeletePipeline")
def delete(call: Call, request: Request) -> Request:
    """Remove a pipeline that is not running; its executions can still be described."""
    pipeline = find(call, request["PipelineName"])
    for execution in call.table("executions").values():
        told = execution["told"]
        if told["PipelineArn"] == pipeline["PipelineArn"] and (
            told["PipelineExecutionStatus"] in RUNNING
        ):
            raise conflict(
                f"Pipeline {pipeline['PipelineArn']} has an execution that is "
                f"{told['PipelineExecutionStatus']}: {told['PipelineExecutionArn']}"
            )
    del call.table("pipelines")[pipeline["PipelineName"]]
    call.table("tags").pop(pipeline["PipelineArn"], None)
    return {"PipelineArn": pipeline["PipelineArn"]}


@operation("DescribePipeline")
def describe(call: Call, request: Request) -> Request:
    """Everything about a pipeline, its definition included."""
    pipeline = find(call, request["PipelineName"])
    version = pipeline.pop("version")
    if request.get("PipelineVersionId", version) != version:
        raise missing(f"Pipeline version {request['PipelineVersionId']} does not exist.")
    return pipeline


@operation("ListPipelines")
def list_all(call: Call, request: Request) -> Request:
    """Summaries, the newest first unless asked otherwise."""
    prefix = request.get("PipelineNamePrefix", "")
    rows = [
        row for row in call.table("pipelines").values() if row["PipelineName"].startswith(prefix)
    ]
    rows = paging.within(
        rows, "CreationTime", request.get("CreatedAfter"), request.get("CreatedBefore")
    )
    by = "PipelineName" if request.get("SortBy") == "Name" else "CreationTime"
    rows = paging.ordered(rows, lambda row: row[by], request.get("SortOrder", "Descending"))
    chosen, token = paging.page(rows, request, lambda row: str(row["PipelineArn"]))
    return {"PipelineSummaries": [_summary(row) for row in chosen], **token}


def _summary(pipeline: dict[str, Any]) -> dict[str, Any]:
    members = (
        "PipelineArn",
        "PipelineName",
        "PipelineDisplayName",
        "PipelineDescription",
        "RoleArn",
        "CreationTime",
        "LastModifiedTime",
    )
    summary = {member: pipeline[member] for member in members if member in pipeline}
    if "LastRunTime" in pipeline:
        summary["LastExecutionTime"] = pipeline["LastRunTime"]
    return summary
