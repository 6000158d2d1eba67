"""The model registry: versions in groups, their approval, metadata and life cycle."""

from __future__ import annotations

from typing import Any

from local_cloud.sagemaker.core import events, paging
from local_cloud.sagemaker.core.errors import ApiError, conflict, invalid
from local_cloud.sagemaker.core.operations import Call, operation
from local_cloud.sagemaker.resources import groups

Request = dict[str, Any]
KIND = "model-package"
MOST_METADATA = 50
NOT_TOLD = ("ClientToken", "Tags", "ModelPackageName", "ModelPackageGroupName")
CHANGEABLE = (
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
# The member that may name what another account shares, by ARN.
SHARED = {
    "DescribeModelPackage": "ModelPackageName",
    "UpdateModelPackage": "ModelPackageArn",
    "DeleteModelPackage": "ModelPackageName",
    "CreateModelPackage": "ModelPackageGroupName",
    "ListModelPackages": "ModelPackageGroupName",
    "DescribeModelPackageGroup": "ModelPackageGroupName",
}
SUMMARY = (
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
BATCH = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
)


def owner(operation: str, request: Request, account_id: str, region: str) -> str:
    """The account whose registry an operation works on: that of the ARN in the request, if any."""
    parts = str(request.get(SHARED.get(operation, ""), "")).split(":")
    return parts[4] if len(parts) > 5 and parts[3] == region else account_id


def shared_resource(operation: str, request: Request) -> str:
    """The ARN that the owner's policy must share: the version's, or that of any in the group."""
    arn = str(request[SHARED[operation]])
    if operation in ("CreateModelPackage", "ListModelPackages"):
        return arn.replace(":model-package-group/", ":model-package/") + "/*"
    return arn


def find(call: Call, name_or_arn: str) -> dict[str, Any]:
    """The package of that ARN, or name and version, or the service's ValidationException."""
    arn = name_or_arn if name_or_arn.startswith("arn:") else call.arn(KIND, name_or_arn)
    package: dict[str, Any] | None = call.table("packages").get(arn)
    if package is None:
        raise invalid(f"ModelPackage {arn} does not exist.")
    return package


@operation("CreateModelPackage")
def create(call: Call, request: Request) -> Request:
    """A new version in a group, or a package of its own name."""
    if ("ModelPackageGroupName" in request) == ("ModelPackageName" in request):
        raise invalid("Exactly one of ModelPackageName and ModelPackageGroupName must be specified")
    if "ModelPackageGroupName" in request:
        if request.get("Tags"):
            raise invalid("Tags cannot be added to a versioned model package; tag its group")
        names = _next_version(call, request["ModelPackageGroupName"])
    else:
        names = _own_name(call, request)
    package = {
        **{key: value for key, value in request.items() if key not in NOT_TOLD},
        **names,
        "CreationTime": call.now,
        "CreatedBy": call.user(),
        "LastModifiedTime": call.now,
        "LastModifiedBy": call.user(),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
    }
    package.setdefault("CertifyForMarketplace", False)
    if "ModelPackageVersion" in names:
        package.setdefault("ModelApprovalStatus", "PendingManualApproval")
    call.table("packages")[names["ModelPackageArn"]] = package
    if request.get("Tags"):
        call.table("tags")[names["ModelPackageArn"]] = request["Tags"]
    call.events.append(events.model_package(package))
    return {"ModelPackageArn": names["ModelPackageArn"]}


@operation("DescribeModelPackage")
def describe(call: Call, request: Request) -> Request:
    """Everything about a package."""
    return find(call, request["ModelPackageName"])


@operation("BatchDescribeModelPackage")
def describe_many(call: Call, request: Request) -> Request:
    """Several packages at once; missing ones are returned as errors."""
    found: dict[str, Any] = {}
    lost: dict[str, Any] = {}
    for arn in request["ModelPackageArnList"]:
        try:
            package = find(call, arn)
            found[arn] = {name: package[name] for name in BATCH if name in package}
        except ApiError as error:
            lost[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
    response = {"ModelPackageSummaries": found}
    return response | {"BatchDescribeModelPackageErrorMap": lost} if lost else response


@operation("UpdateModelPackage")
def update(call: Call, request: Request) -> Request:
    """Approve or reject a version, or change its metadata."""
    package = find(call, request["ModelPackageArn"])
    changed = package | {name: request[name] for name in CHANGEABLE if name in request}
    metadata = {
        **package.get("CustomerMetadataProperties", {}),
        **request.get("CustomerMetadataProperties", {}),
    }
    for key in request.get("CustomerMetadataPropertiesToRemove", []):
        metadata.pop(key, None)
    if len(metadata) > MOST_METADATA:
        raise invalid(
            f"A model package has at most {MOST_METADATA} CustomerMetadataProperties; "
            f"this would make {len(metadata)}"
        )
    changed["CustomerMetadataProperties"] = metadata
    if not metadata:
        del changed["CustomerMetadataProperties"]
    if "AdditionalInferenceSpecificationsToAdd" in request:
        changed["AdditionalInferenceSpecifications"] = [
            *package.get("AdditionalInferenceSpecifications", []),
            *request["AdditionalInferenceSpecificationsToAdd"],
        ]
    changed.update(LastModifiedTime=call.now, LastModifiedBy=call.user())
    call.table("packages")[package["ModelPackageArn"]] = changed
    call.events.append(events.model_package(changed))
    return {"ModelPackageArn": package["ModelPackageArn"]}


@operation("DeleteModelPackage")
def delete(call: Call, request: Request) -> Request:
    """Remove a package; its version number is not given again."""
    arn = find(call, request["ModelPackageName"])["ModelPackageArn"]
    del call.table("packages")[arn]
    call.table("tags").pop(arn, None)
    return {}


@operation("ListModelPackages")
def list_all(call: Call, request: Request) -> Request:
    """Summaries: a group's versions, or the unversioned packages; the oldest first."""
    rows = list(call.table("packages").values())
    kind = request.get("ModelPackageType", "Unversioned")
    if "ModelPackageGroupName" in request:
        group = groups.find(call, request["ModelPackageGroupName"])["ModelPackageGroupName"]
        rows = [row for row in rows if row.get("ModelPackageGroupName") == group]
    elif kind != "Both":
        rows = [row for row in rows if ("ModelPackageVersion" in row) == (kind == "Versioned")]
    rows = paging.named(rows, "ModelPackageName", request.get("NameContains"))
    rows = paging.within(
        rows, "CreationTime", request.get("CreationTimeAfter"), request.get("CreationTimeBefore")
    )
    wanted = request.get("ModelApprovalStatus")
    rows = [row for row in rows if wanted is None or row.get("ModelApprovalStatus") == wanted]
    by_name = request.get("SortBy") == "Name"
    rows = paging.ordered(
        rows,
        lambda row: row["ModelPackageName"] if by_name else row["CreationTime"],
        request.get("SortOrder", "Ascending"),
    )
    chosen, token = paging.page(rows, request, lambda row: str(row["ModelPackageArn"]))
    return {"ModelPackageSummaryList": [_summary(row) for row in chosen], **token}


def _next_version(call: Call, group_name: str) -> dict[str, Any]:
    group = groups.find(call, group_name)
    group["last_version"] += 1
    name, version = group["ModelPackageGroupName"], group["last_version"]
    return {
        "ModelPackageName": name,
        "ModelPackageGroupName": name,
        "ModelPackageVersion": version,
        "ModelPackageArn": call.arn(KIND, f"{name}/{version}"),
    }


def _own_name(call: Call, request: Request) -> dict[str, Any]:
    for member in ("ModelApprovalStatus", "CustomerMetadataProperties"):
        if member in request:
            raise invalid(f"{member} is only for a model package in a ModelPackageGroup")
    arn = call.arn(KIND, request["ModelPackageName"])
    if arn in call.table("packages"):
        raise conflict(f"Model Package already exists: {arn}")
    return {"ModelPackageName": request["ModelPackageName"], "ModelPackageArn": arn}


def _summary(package: dict[str, Any]) -> dict[str, Any]:
    return {
        name: package[name]
        for name in SUMMARY
        if name in package and not (name == "ModelPackageName" and "ModelPackageVersion" in package)
    }
