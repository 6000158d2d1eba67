"""Tags of everything that has an ARN here."""

from __future__ import annotations

from typing import Any

from local_cloud.sagemaker.core import paging
from local_cloud.sagemaker.core.errors import ApiError, missing
from local_cloud.sagemaker.core.operations import Call, operation
from local_cloud.sagemaker.resources.jobs import KINDS

Request = dict[str, Any]
MOST_TAGS = 50
ARN_MEMBERS = {
    "pipelines": "PipelineArn",
    "groups": "ModelPackageGroupArn",
    "packages": "ModelPackageArn",
    "models": "ModelArn",
    **{kind: f"{kind}Arn" for kind in KINDS},
}


@operation("AddTags")
def add(call: Call, request: Request) -> Request:
    """Set tags; a new value replaces the old one of the same key."""
    tags = _of(call, request["ResourceArn"])
    tags |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    if len(tags) > MOST_TAGS:
        raise ApiError(
            "ResourceLimitExceeded",
            f"A resource has at most {MOST_TAGS} tags; this makes {len(tags)}",
        )
    return {"Tags": _keep(call, request["ResourceArn"], tags)}


@operation("ListTags")
def list_all(call: Call, request: Request) -> Request:
    """The tags of a resource."""
    rows = _rows(_of(call, request["ResourceArn"]))
    chosen, token = paging.page(rows, request, lambda tag: str(tag["Key"]), default=MOST_TAGS)
    return {"Tags": chosen, **token}


@operation("DeleteTags")
def delete(call: Call, request: Request) -> Request:
    """Remove tags; missing keys are ignored."""
    tags = _of(call, request["ResourceArn"])
    gone = set(request["TagKeys"])
    _keep(call, request["ResourceArn"], {k: v for k, v in tags.items() if k not in gone})
    return {}


def _of(call: Call, arn: str) -> dict[str, str]:
    known = any(
        row[member] == arn
        for table, member in ARN_MEMBERS.items()
        for row in call.table(table).values()
    )
    if not known:
        raise missing(f"Resource {arn} does not exist.")
    return {tag["Key"]: tag["Value"] for tag in call.table("tags").get(arn, [])}


def _keep(call: Call, arn: str, tags: dict[str, str]) -> list[dict[str, str]]:
    call.table("tags")[arn] = _rows(tags)
    return _rows(tags)


def _rows(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
