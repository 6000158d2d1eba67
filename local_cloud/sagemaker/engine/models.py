"""Model and RegisterModel steps: calls of the SageMaker API rather than jobs."""

from __future__ import annotations

from local_cloud.sagemaker.engine.context import StepContext, StepResult
from local_cloud.sagemaker.engine.requests import job_name, prepare


def run_model_step(step: StepContext) -> StepResult:
    """CreateModel; the properties are what DescribeModel shows."""
    name = job_name(step.execution.execution_id, step.name)
    request = prepare("CreateModel", {**step.arguments, "ModelName": name})
    step.authorize("CreateModel", request)
    step.authorize("DescribeModel", request)
    arn = step.host.call("CreateModel", request)["ModelArn"]
    described = step.host.call("DescribeModel", {"ModelName": name})
    return StepResult(described, {"Model": {"Arn": arn}})


def run_register_model_step(step: StepContext) -> StepResult:
    """CreateModelPackage, with the execution as what generated it."""
    arguments = dict(step.arguments)
    given = arguments.get("MetadataProperties") or {}
    arguments["MetadataProperties"] = {**given, "GeneratedBy": step.execution.arn}
    request = prepare("CreateModelPackage", arguments)
    step.authorize("CreateModelPackage", request)
    arn = step.host.call("CreateModelPackage", request)["ModelPackageArn"]
    step.authorize("DescribeModelPackage", {"ModelPackageName": arn})
    described = step.host.call("DescribeModelPackage", {"ModelPackageName": arn})
    return StepResult(described, {"RegisterModel": {"Arn": arn}})
