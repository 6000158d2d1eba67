"""Events as EventBridge would have delivered them: Headrace's own, and AWS's that never came."""

from datetime import UTC, datetime
from typing import Any

from headrace.domain.events import SOURCE


def own(detail_type: str, detail: dict[str, Any], now: float) -> dict[str, Any]:
    """Return an event of Headrace's own."""
    return _envelope(SOURCE, detail_type, detail, now)


def run_status(execution_arn: str, status: str, display_name: str, now: float) -> dict[str, Any]:
    """Return the status change of a pipeline execution as SageMaker reports it."""
    return _envelope(
        "aws.sagemaker",
        "SageMaker Model Building Pipeline Execution Status Change",
        {
            "pipelineArn": execution_arn.rsplit("/execution/", 1)[0],
            "pipelineExecutionArn": execution_arn,
            "currentPipelineExecutionStatus": status,
            "pipelineExecutionDisplayName": display_name,
        },
        now,
    )


def model_package(group: str, arn: str, approval: str, now: float) -> dict[str, Any]:
    """Return the state change of a model package as SageMaker reports it."""
    return _envelope(
        "aws.sagemaker",
        "SageMaker Model Package State Change",
        {
            "ModelPackageGroupName": group,
            "ModelPackageArn": arn,
            "ModelApprovalStatus": approval,
        },
        now,
    )


def object_created(
    bucket: str, key: str, version_id: str, size: int, uploaded: float
) -> dict[str, Any]:
    """Return the upload of an object as S3 reports it."""
    return _envelope(
        "aws.s3",
        "Object Created",
        {
            "bucket": {"name": bucket},
            "object": {"key": key, "version-id": version_id, "size": size},
        },
        uploaded,
    )


def _envelope(source: str, kind: str, detail: dict[str, Any], at: float) -> dict[str, Any]:
    time = datetime.fromtimestamp(at, UTC).isoformat()
    return {"source": source, "detail-type": kind, "time": time, "detail": detail}
