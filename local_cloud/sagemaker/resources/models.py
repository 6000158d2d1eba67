"""Models: what a transform job scores with."""

from __future__ import annotations

from typing import Any

from local_cloud.sagemaker.core import authorization, paging
from local_cloud.sagemaker.core.errors import invalid
from local_cloud.sagemaker.core.operations import Call, operation
from local_cloud.sagemaker.resources import groups, registry

Request = dict[str, Any]


def find(call: Call, name: str) -> dict[str, Any]:
    """The model of that name, or the service's ValidationException."""
    model: dict[str, Any] | None = call.table("models").get(name)
    if model is None:
        raise invalid(f'Could not find model "{call.arn("model", name)}".')
    return model


@operation("CreateModel")
def create(call: Call, request: Request) -> Request:
    """A new model of one container or several; a model package it names must exist."""
    name = request["ModelName"]
    arn = call.arn("model", name)
    if name in call.table("models"):
        raise invalid(f'Cannot create already existing model "{arn}".')
    containers = request.get("Containers", [])
    if ("PrimaryContainer" in request) == bool(containers):
        raise invalid("Exactly one of PrimaryContainer and Containers must be specified.")
    for container in containers or [request["PrimaryContainer"]]:
        if "ModelPackageName" in container:
            _check_package(call, container["ModelPackageName"])
        elif "Image" not in container:
            raise invalid("A container needs an Image or a ModelPackageName.")
    call.table("models")[name] = {
        "EnableNetworkIsolation": False,
        **{key: value for key, value in request.items() if key != "Tags"},
        "ModelArn": arn,
        "CreationTime": call.now,
    }
    if request.get("Tags"):
        call.table("tags")[arn] = request["Tags"]
    return {"ModelArn": arn}


def _check_package(call: Call, name_or_arn: str) -> None:
    parts = name_or_arn.split(":")
    if len(parts) < 6 or parts[4] == call.account_id:
        registry.find(call, name_or_arn)
        return
    theirs = call.of_account(parts[4])
    policy = groups.policy_for(theirs, name_or_arn)
    authorization.check_shared("CreateModel", name_or_arn, call.identity["Arn"], policy)
    registry.find(theirs, name_or_arn)


@operation("DescribeModel")
def describe(call: Call, request: Request) -> Request:
    """One model."""
    return find(call, request["ModelName"])


@operation("DeleteModel")
def delete(call: Call, request: Request) -> Request:
    """Remove a model; its artefact stays in S3."""
    model = find(call, request["ModelName"])
    del call.table("models")[model["ModelName"]]
    call.table("tags").pop(model["ModelArn"], None)
    return {}


@operation("ListModels")
def list_all(call: Call, request: Request) -> Request:
    """Summaries, the newest first unless asked otherwise."""
    rows = paging.named(call.table("models").values(), "ModelName", request.get("NameContains"))
    rows = paging.within(
        rows, "CreationTime", request.get("CreationTimeAfter"), request.get("CreationTimeBefore")
    )
    by = "ModelName" if request.get("SortBy") == "Name" else "CreationTime"
    rows = paging.ordered(rows, lambda row: row[by], request.get("SortOrder", "Descending"))
    chosen, token = paging.page(rows, request, lambda row: str(row["ModelArn"]))
    members = ("ModelName", "ModelArn", "CreationTime")
    return {"Models": [{member: row[member] for member in members} for row in chosen], **token}
