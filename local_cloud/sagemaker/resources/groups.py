"""Model package groups and their resource policies."""

from __future__ import annotations

from typing import Any

from local_cloud.sagemaker.core import paging
from local_cloud.sagemaker.core.errors import ApiError, conflict, invalid
from local_cloud.sagemaker.core.operations import Call, operation, parsed_json

Request = dict[str, Any]
KIND = "model-package-group"


def find(call: Call, name_or_arn: str) -> dict[str, Any]:
    """The group of that name or ARN, or the service's ValidationException."""
    name = name_or_arn.rpartition("/")[2]
    group: dict[str, Any] | None = call.table("groups").get(name)
    if group is None or name_or_arn not in (name, group["ModelPackageGroupArn"]):
        arn = name_or_arn if name_or_arn.startswith("arn:") else call.arn(KIND, name)
        raise invalid(f"ModelPackageGroup {arn} does not exist.")
    return group


def policy_for(call: Call, arn: str) -> str | None:
    """The policy of the group, or of the group that the version of that ARN is in."""
    group = call.table("groups").get(arn.rpartition(":")[2].split("/")[1], {})
    policy: str | None = group.get("policy")
    return policy


@operation("CreateModelPackageGroup")
def create(call: Call, request: Request) -> Request:
    """A new, empty group."""
    name = request["ModelPackageGroupName"]
    arn = call.arn(KIND, name)
    if name in call.table("groups"):
        raise invalid(f"Model Package Group already exists: {arn}")
    call.table("groups")[name] = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "ModelPackageGroupArn": arn,
        "CreationTime": call.now,
        "CreatedBy": call.user(),
        "ModelPackageGroupStatus": "Completed",
        "last_version": 0,
    }
    if request.get("Tags"):
        call.table("tags")[arn] = request["Tags"]
    return {"ModelPackageGroupArn": arn}


@operation("DescribeModelPackageGroup")
def describe(call: Call, request: Request) -> Request:
    """One group."""
    private = ("last_version", "policy")
    group = find(call, request["ModelPackageGroupName"])
    return {key: value for key, value in group.items() if key not in private}


@operation("DeleteModelPackageGroup")
def delete(call: Call, request: Request) -> Request:
    """Remove a group that holds no version."""
    group = find(call, request["ModelPackageGroupName"])
    name = group["ModelPackageGroupName"]
    if any(row.get("ModelPackageGroupName") == name for row in call.table("packages").values()):
        raise conflict(
            f"Model Package Group {group['ModelPackageGroupArn']} cannot be deleted because it "
            "still contains Model Packages."
        )
    del call.table("groups")[name]
    call.table("tags").pop(group["ModelPackageGroupArn"], None)
    return {}


@operation("ListModelPackageGroups")
def list_all(call: Call, request: Request) -> Request:
    """Summaries, the oldest first unless asked otherwise."""
    if request.get("CrossAccountFilterOption") == "CrossAccount":
        return {"ModelPackageGroupSummaryList": []}
    rows = paging.named(
        call.table("groups").values(), "ModelPackageGroupName", request.get("NameContains")
    )
    rows = paging.within(
        rows, "CreationTime", request.get("CreationTimeAfter"), request.get("CreationTimeBefore")
    )
    by = "ModelPackageGroupName" if request.get("SortBy") == "Name" else "CreationTime"
    rows = paging.ordered(rows, lambda row: row[by], request.get("SortOrder", "Ascending"))
    chosen, token = paging.page(rows, request, lambda row: str(row["ModelPackageGroupArn"]))
    members = (
        "ModelPackageGroupName",
        "ModelPackageGroupArn",
        "ModelPackageGroupDescription",
        "CreationTime",
        "ModelPackageGroupStatus",
    )
    return {
        "ModelPackageGroupSummaryList": [
            {member: row[member] for member in members if member in row} for row in chosen
        ],
        **token,
    }


@operation("PutModelPackageGroupPolicy")
def put_policy(call: Call, request: Request) -> Request:
    """Set the policy that lets other accounts in."""
    group = find(call, request["ModelPackageGroupName"])
    try:
        policy = parsed_json(request["ResourcePolicy"])
    except ValueError as error:
        raise invalid(f"Invalid policy: it is not JSON: {error}") from error
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise invalid("Invalid policy: it must be a JSON object with a Statement")
    group["policy"] = request["ResourcePolicy"]
    return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}


@operation("GetModelPackageGroupPolicy")
def get_policy(call: Call, request: Request) -> Request:
    """The policy as it was put."""
    return {"ResourcePolicy": _policy(call, request)["policy"]}


@operation("DeleteModelPackageGroupPolicy")
def delete_policy(call: Call, request: Request) -> Request:
    """Remove the policy."""
    del _policy(call, request)["policy"]
    return {}


def _policy(call: Call, request: Request) -> dict[str, Any]:
    group = find(call, request["ModelPackageGroupName"])
    if "policy" not in group:
        raise _no_policy(group["ModelPackageGroupArn"])
    return group


def _no_policy(arn: str) -> ApiError:
    return invalid(f"Cannot find resource policy for: {arn}")
