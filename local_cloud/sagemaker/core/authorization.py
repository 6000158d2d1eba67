"""SageMaker's actions, resources and condition keys, as IAM's evaluation in MiniStack needs them.

From the service authorization reference. An operation that is not listed is authorised on `*`.
"""

from __future__ import annotations

import json
from typing import Any

from ministack import app
from ministack.core import iam_evaluator

from local_cloud.ministack import roles
from local_cloud.sagemaker.core.errors import ApiError

PIPELINE, EXECUTION = ("pipeline", "PipelineName"), ("pipeline", "PipelineExecutionArn")
GROUP = ("model-package-group", "ModelPackageGroupName")
PACKAGE = ("model-package", "ModelPackageName")
TUNING = ("hyper-parameter-tuning-job", "HyperParameterTuningJobName")
JOBS = {
    "ProcessingJob": ("processing-job", "ProcessingJobName"),
    "TrainingJob": ("training-job", "TrainingJobName"),
    "TransformJob": ("transform-job", "TransformJobName"),
    "HyperParameterTuningJob": TUNING,
}
SESSION_NAME = "SageMaker"

# Operation: the kind of resource and the request's member that holds its name or ARN.
RESOURCES = {
    **dict.fromkeys(
        (
            "CreatePipeline",
            "UpdatePipeline",
            "DeletePipeline",
            "DescribePipeline",
            "StartPipelineExecution",
            "ListPipelineExecutions",
        ),
        PIPELINE,
    ),
    **dict.fromkeys(
        (
            "StopPipelineExecution",
            "UpdatePipelineExecution",
            "DescribePipelineExecution",
            "ListPipelineExecutionSteps",
            "ListPipelineParametersForExecution",
            "DescribePipelineDefinitionForExecution",
        ),
        EXECUTION,
    ),
    **dict.fromkeys(
        (
            "CreateModelPackageGroup",
            "DescribeModelPackageGroup",
            "DeleteModelPackageGroup",
            "PutModelPackageGroupPolicy",
            "GetModelPackageGroupPolicy",
            "DeleteModelPackageGroupPolicy",
        ),
        GROUP,
    ),
    **dict.fromkeys(("DescribeModelPackage", "DeleteModelPackage"), PACKAGE),
    "UpdateModelPackage": ("model-package", "ModelPackageArn"),
    **dict.fromkeys(("CreateModel", "DescribeModel", "DeleteModel"), ("model", "ModelName")),
    **{f"{verb}{kind}": JOBS[kind] for verb in ("Create", "Describe", "Stop") for kind in JOBS},
    "ListTrainingJobsForHyperParameterTuningJob": TUNING,
    **dict.fromkeys(("AddTags", "ListTags", "DeleteTags"), ("", "ResourceArn")),
}
PASSES_ROLE = {
    "CreatePipeline": "RoleArn",
    "UpdatePipeline": "RoleArn",
    "CreateModel": "ExecutionRoleArn",
    **{f"Create{kind}": "RoleArn" for kind in JOBS},
}


def resource_arn(operation: str, body: bytes, region: str, account_id: str) -> str:
    """The ARN on which the operation's action must be allowed, `*` for those that have none."""
    request = _request(body)
    prefix = f"arn:aws:sagemaker:{region}:{account_id}:"
    if operation == "CreateModelPackage" and request.get("ModelPackageGroupName"):
        group = _text(request, "ModelPackageGroupName")
        group = group if group.startswith("arn:") else f"{prefix}model-package-group/{group}"
        # The version is not known yet.
        return group.replace(":model-package-group/", ":model-package/") + "/*"
    kind, member = RESOURCES.get(
        operation, PACKAGE if operation == "CreateModelPackage" else ("", "")
    )
    name = _text(request, member)
    if not name:
        return "*"
    return name if name.startswith("arn:") else f"{prefix}{kind}/{name}"


def condition_keys(operation: str, body: bytes) -> dict[str, Any]:
    """The request's values for SageMaker's own condition keys."""
    if operation not in ("CreateModelPackage", "UpdateModelPackage"):
        return {}
    request = _request(body)
    keys: dict[str, Any] = {}
    if "ModelApprovalStatus" in request:
        keys["sagemaker:ModelApprovalStatus"] = request["ModelApprovalStatus"]
    cycle = request.get("ModelLifeCycle")
    if isinstance(cycle, dict):
        keys["sagemaker:ModelLifeCycle:stage"] = cycle.get("Stage")
        keys["sagemaker:ModelLifeCycle:stageStatus"] = cycle.get("StageStatus")
    metadata = request.get("CustomerMetadataProperties")
    if isinstance(metadata, dict):
        for key, value in metadata.items():
            keys[f"sagemaker:CustomerMetadataProperties/{key}"] = value
    removed = request.get("CustomerMetadataPropertiesToRemove")
    if isinstance(removed, list):
        keys["sagemaker:CustomerMetadataPropertiesToRemove"] = removed
    return keys


def check_dependent(
    operation: str, request: Any, access_key: str, region: str, account_id: str
) -> None:
    """Check the caller's additional permissions: to pass the role, to add the tags."""
    if not app.AUTH or not isinstance(request, dict):
        return
    for action, resource, context in _dependent(operation, request, region, account_id):
        denied = iam_evaluator.enforce(
            access_key,
            action,
            action.partition(":")[0],
            region,
            resource_arn=resource,
            service_context=context,
        )
        if denied is not None:
            who = getattr(denied, "principal_arn", access_key)
            raise ApiError(
                "AccessDeniedException",
                f"User: {who} is not authorized to perform: {action} on resource: {resource} "
                f"because no identity-based policy allows the {action} action",
            )


def check_role(
    role_arn: str, operation: str, request: dict[str, Any], region: str, account_id: str
) -> None:
    """Check that an execution's role may do what Pipelines does in its name."""
    body = json.dumps(request, default=str).encode()
    resource = resource_arn(operation, body, region, account_id)
    keys = condition_keys(operation, body)
    needed = [(f"sagemaker:{operation}", resource, keys)]
    try:
        for action, on, context in needed + _dependent(operation, request, region, account_id):
            roles.require(role_arn, SESSION_NAME, action, on, context)
    except roles.Refused as error:
        raise ApiError("AccessDeniedException", str(error)) from error


def _dependent(
    operation: str, request: dict[str, Any], region: str, account_id: str
) -> list[tuple[str, str, dict[str, Any]]]:
    """Actions that an operation needs besides its own, with their resources and conditions."""
    training = request.get("TrainingJobDefinition", {})
    member = PASSES_ROLE.get(operation, "")
    role = request.get(member) or (training.get(member) if isinstance(training, dict) else None)
    needed: list[tuple[str, str, dict[str, Any]]] = []
    if isinstance(role, str):
        passed_to = {"iam:PassedToService": "sagemaker.amazonaws.com"}
        needed.append(("iam:PassRole", role, passed_to))
    if operation.startswith("Create") and request.get("Tags"):
        body = json.dumps(request, default=str).encode()
        needed.append(("sagemaker:AddTags", resource_arn(operation, body, region, account_id), {}))
    return needed


def check_shared(operation: str, resource: str, caller: str, policy: str | None) -> None:
    """Refuse a caller of another account unless the resource's policy allows it.

    The caller's own policies were checked before, as for every request.
    """
    if not app.AUTH:
        return
    context = iam_evaluator.EvalContext(
        principal_arn=caller,
        principal_type="",
        principal_account=caller.split(":")[4],
        action=f"sagemaker:{operation}",
        resource_arn=resource,
        region="",
    )
    if iam_evaluator.evaluate_resource_policy(policy, context).decision != "Allow":
        raise ApiError(
            "AccessDeniedException",
            f"User: {caller} is not authorized to perform: sagemaker:{operation} on resource: "
            f"{resource} because no resource-based policy allows the sagemaker:{operation} action",
        )


def _request(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}  # the handler reports what is wrong
    return request if isinstance(request, dict) else {}


def _text(request: dict[str, Any], member: str) -> str:
    value = request.get(member)
    return value if isinstance(value, str) else ""
