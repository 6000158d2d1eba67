"""Changes as EventBridge events, in the shapes that AWS publishes.

Pipeline events have camelCase details, job and model-package events PascalCase ones. Pipelines'
ARNs in events carry the pipeline's name in lower case. Absent values are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

PIPELINE_ARN = re.compile(r"(:pipeline/)([^/]+)")
JOB_STEPS = ("ProcessingJob", "TrainingJob", "TransformJob", "TuningJob")
DETAIL_TYPES = {
    "ProcessingJob": "SageMaker Processing Job State Change",
    "TrainingJob": "SageMaker Training Job State Change",
    "HyperParameterTuningJob": "SageMaker HyperParameter Tuning Job State Change",
    "TransformJob": "SageMaker Transform Job State Change",
}
MODEL_PACKAGE_MEMBERS = (
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "InferenceSpecification",
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "ModelPackageStatus",
    "ModelPackageStatusDetails",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "MetadataProperties",
    "ModelMetrics",
    "LastModifiedTime",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of source aws.sagemaker."""

    detail_type: str
    resources: tuple[str, ...]
    detail: dict[str, Any]


def execution_status(execution: dict[str, Any], previous: str | None) -> Event:
    """A pipeline execution's status changed. `execution` is its Describe response plus EndTime."""
    pipeline, arn = (
        _in_event(execution["PipelineArn"]),
        _in_event(execution["PipelineExecutionArn"]),
    )
    detail = {
        "pipelineExecutionDisplayName": execution.get("PipelineExecutionDisplayName"),
        "currentPipelineExecutionStatus": execution["PipelineExecutionStatus"],
        "previousPipelineExecutionStatus": previous,
        "executionStartTime": execution["CreationTime"],
        "executionEndTime": execution.get("EndTime"),
        "pipelineExecutionDescription": execution.get("PipelineExecutionDescription"),
        "pipelineArn": pipeline,
        "pipelineExecutionArn": arn,
    }
    return Event(
        "SageMaker Model Building Pipeline Execution Status Change",
        (pipeline, arn),
        _in_event_format(detail, _iso),
    )


def step_status(
    pipeline_arn: str, execution_arn: str, step: dict[str, Any], previous: str | None
) -> Event:
    """A step's status changed. `step` is an item of ListPipelineExecutionSteps plus StepType."""
    pipeline, arn = _in_event(pipeline_arn), _in_event(execution_arn)
    metadata = {kind: job for kind, job in step.get("Metadata", {}).items() if kind in JOB_STEPS}
    detail = {
        "failureReason": step.get("FailureReason") if step["StepStatus"] == "Failed" else None,
        "metadata": _camel(metadata) or None,
        "cacheHitResult": _camel(step.get("CacheHitResult")),
        "stepStartTime": step.get("StartTime"),
        "stepEndTime": step.get("EndTime"),
        "stepName": step["StepName"],
        "stepType": step.get("StepType"),
        "previousStepStatus": previous,
        "currentStepStatus": step["StepStatus"],
        "pipelineArn": pipeline,
        "pipelineExecutionArn": arn,
    }
    return Event(
        "SageMaker Model Building Pipeline Execution Step Status Change",
        (pipeline, arn),
        _in_event_format(detail, _iso),
    )


def model_package(package: dict[str, Any]) -> Event:
    """A model package was registered or changed."""
    detail = {name: package[name] for name in MODEL_PACKAGE_MEMBERS if name in package}
    if "ModelPackageGroupName" in detail:
        del detail["ModelPackageName"]
    details = {"ImageScanStatuses": [], **detail["ModelPackageStatusDetails"]}
    return Event(
        "SageMaker Model Package State Change",
        (package["ModelPackageArn"],),
        _in_event_format({**detail, "ModelPackageStatusDetails": details}, _iso),
    )


def job_status(kind: str, record: dict[str, Any], tags: list[dict[str, str]]) -> Event:
    """A job's status changed; each kind of job has its own format of times."""
    time = {"TransformJob": _iso, "ProcessingJob": _milliseconds}.get(kind, _millisecond_text)
    detail = {**record, "Tags": {tag["Key"]: tag["Value"] for tag in tags}}
    return Event(DETAIL_TYPES[kind], (record[f"{kind}Arn"],), _in_event_format(detail, time))


def _in_event(arn: str) -> str:
    return PIPELINE_ARN.sub(lambda found: found[1] + found[2].lower(), arn)


def _in_event_format(value: Any, time: Any) -> Any:
    if isinstance(value, datetime):
        return time(value)
    if isinstance(value, dict):
        return {
            key: _in_event_format(item, time) for key, item in value.items() if item is not None
        }
    if isinstance(value, list):
        return [_in_event_format(item, time) for item in value]
    return value


def _camel(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key[0].lower() + key[1:]: _camel(item) for key, item in value.items()}


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _millisecond_text(time: datetime) -> str:
    return str(_milliseconds(time))
