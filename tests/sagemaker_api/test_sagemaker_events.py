"""Changes arrive on EventBridge in the shapes that AWS publishes (`published/`)."""

import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sagemaker_api.sagemaker_cloud import INPUT, Bus, Cloud

PUBLISHED = Path(__file__).with_name("published")
START = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
JOB = "arn:aws:sagemaker:us-east-1:000000000000"


def published(name: str) -> Any:
    return json.loads((PUBLISHED / f"{name}.json").read_text())


def of_type(name: str) -> Callable[[dict[str, Any]], bool]:
    wanted = published(name)["detail-type"]
    return lambda event: event["detail-type"] == wanted


def assert_shape_of(event: dict[str, Any], name: str, optional: Collection[str] = ()) -> None:
    """The event has the published members and no others, with values of the same types."""
    example = published(name)
    assert event.keys() == example.keys()
    assert event["source"] == "aws.sagemaker"
    extra = event["detail"].keys() - example["detail"].keys()
    absent = example["detail"].keys() - event["detail"].keys()
    assert (extra, absent - set(optional)) == (set(), set())
    for member, value in event["detail"].items():
        assert type(value) is type(example["detail"][member]), member


def start(sagemaker: Any, pipeline: str) -> Any:
    return sagemaker.start_pipeline_execution(
        PipelineName=pipeline,
        PipelineParameters=INPUT,
        PipelineExecutionDisplayName="SomeDisplayName",
        PipelineExecutionDescription="SomeDescription",
    )["PipelineExecutionArn"]


def test_an_execution_event_has_the_pipelines_name_in_lower_case(
    cloud: Cloud, sagemaker: Any, pipeline: str, bus: Bus
) -> None:
    arn = start(sagemaker, pipeline)
    cloud.engine("execution_changed", arn, "Succeeded")
    cloud.engine("execution_changed", arn, "Succeeded")
    began, ended = bus.next(2, of_type("pipeline_execution"))
    assert_shape_of(ended, "pipeline_execution")
    assert began["detail"]["currentPipelineExecutionStatus"] == "Executing"
    assert "executionEndTime" not in began["detail"]
    assert ended["detail"]["currentPipelineExecutionStatus"] == "Succeeded"
    assert ended["detail"]["previousPipelineExecutionStatus"] == "Executing"
    assert ended["detail"]["pipelineExecutionDisplayName"] == "SomeDisplayName"
    lower = arn.replace(pipeline, pipeline.lower())
    assert lower != arn
    assert ended["detail"]["pipelineExecutionArn"] == lower
    assert ended["resources"] == [lower.partition("/execution/")[0], lower]


def test_a_step_reports_each_status_once(
    cloud: Cloud, sagemaker: Any, pipeline: str, bus: Bus
) -> None:
    arn = start(sagemaker, pipeline)
    step = {"StepName": "Prepare", "StepType": "Processing", "StartTime": START}
    job = {"ProcessingJob": {"Arn": f"{JOB}:processing-job/x"}}
    for status in ("Starting", "Executing", "Executing"):
        cloud.engine("step_changed", arn, {**step, "StepStatus": status})
    cloud.engine(
        "step_changed", arn, {**step, "StepStatus": "Succeeded", "Metadata": job, "EndTime": START}
    )
    starting, executing, ended = bus.next(3, of_type("pipeline_step"))
    assert_shape_of(ended, "pipeline_step")
    assert "previousStepStatus" not in starting["detail"]
    assert executing["detail"]["previousStepStatus"] == "Starting"
    assert ended["detail"]["metadata"] == {"processingJob": {"arn": f"{JOB}:processing-job/x"}}
    assert ended["detail"]["stepStartTime"] == "2026-01-02T03:04:05Z"


def test_a_failed_step_reports_why_and_a_cached_one_its_source(
    cloud: Cloud, sagemaker: Any, pipeline: str, bus: Bus
) -> None:
    arn = start(sagemaker, pipeline)
    failed = {"StepName": "A", "StepType": "Fail", "StepStatus": "Failed", "FailureReason": "no"}
    cached = {
        "StepName": "B",
        "StepType": "Training",
        "StepStatus": "Succeeded",
        "CacheHitResult": {"SourcePipelineExecutionArn": arn},
        "Metadata": {"Condition": {"Outcome": "True"}},
    }
    cloud.engine("step_changed", arn, failed)
    cloud.engine("step_changed", arn, cached)
    first, second = bus.next(2, of_type("pipeline_step"))
    assert first["detail"]["failureReason"] == "no"
    assert second["detail"]["cacheHitResult"] == {"sourcePipelineExecutionArn": arn}
    assert "metadata" not in second["detail"]


def test_a_model_package_event_has_its_approval(sagemaker: Any, name: str, bus: Bus) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    container = {"Image": "registry/image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}
    statistics = {"ContentType": "application/json", "S3Uri": "s3://bucket/evaluation.json"}
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=name,
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        MetadataProperties={"GeneratedBy": "arn:aws:sagemaker:us-east-1:000000000000:x"},
        ModelMetrics={"ModelQuality": {"Statistics": statistics}},
    )["ModelPackageArn"]
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="worse"
    )
    registered, rejected = bus.next(2, of_type("model_package"))
    assert_shape_of(rejected, "model_package")
    assert rejected["resources"] == [arn]
    assert registered["detail"]["ModelApprovalStatus"] == "PendingManualApproval"
    assert rejected["detail"]["ModelApprovalStatus"] == "Rejected"
    assert rejected["detail"]["ModelPackageStatusDetails"] == {
        "ValidationStatuses": [],
        "ImageScanStatuses": [],
    }
    assert rejected["detail"]["CreationTime"].endswith("Z")


TRAINING = {
    "TrainingJobName": "job",
    "TrainingJobArn": f"{JOB}:training-job/job",
    "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/model.tar.gz"},
    "TrainingJobStatus": "InProgress",
    "SecondaryStatus": "Training",
    "SecondaryStatusTransitions": [{"Status": "Training", "StartTime": START}],
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
    "CreationTime": START,
}
TUNING = {
    "HyperParameterTuningJobName": "tuned",
    "HyperParameterTuningJobArn": f"{JOB}:hyper-parameter-tuning-job/tuned",
    "HyperParameterTuningJobConfig": {
        "Strategy": "Random",
        "ResourceLimits": {"MaxParallelTrainingJobs": 1},
    },
    "HyperParameterTuningJobStatus": "Completed",
    "CreationTime": START,
    "TrainingJobStatusCounters": {"Completed": 1},
    "ObjectiveStatusCounters": {"Succeeded": 1},
}
TRANSFORM = {
    "TransformJobName": "job",
    "TransformJobArn": f"{JOB}:transform-job/job",
    "TransformJobStatus": "Completed",
    "ModelName": "model",
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in"}}
    },
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "CreationTime": START,
}
PROCESSING = {
    "ProcessingJobName": "job",
    "ProcessingJobArn": f"{JOB}:processing-job/job",
    "ProcessingJobStatus": "Completed",
    "ProcessingResources": {
        "ClusterConfig": {
            "InstanceCount": 1,
            "InstanceType": "ml.m5.large",
            "VolumeSizeInGB": 1,
        }
    },
    "AppSpecification": {"ImageUri": "i"},
    "CreationTime": START,
}
MILLISECONDS = round(START.timestamp() * 1000)


@pytest.mark.parametrize(
    ("kind", "record", "detail_type", "time"),
    [
        ("TrainingJob", TRAINING, "SageMaker Training Job State Change", str(MILLISECONDS)),
        (
            "HyperParameterTuningJob",
            TUNING,
            "SageMaker HyperParameter Tuning Job State Change",
            str(MILLISECONDS),
        ),
        ("TransformJob", TRANSFORM, "SageMaker Transform Job State Change", "2026-01-02T03:04:05Z"),
        ("ProcessingJob", PROCESSING, "SageMaker Processing Job State Change", MILLISECONDS),
    ],
)
def test_a_jobs_times_have_the_format_of_its_kind(
    cloud: Cloud, bus: Bus, kind: str, record: dict[str, Any], detail_type: str, time: str | int
) -> None:
    record = record | {f"{kind}Name": f"told-{kind[:10]}"}
    record[f"{kind}Arn"] = record[f"{kind}Arn"].rpartition("/")[0] + f"/told-{kind[:10]}"
    assert cloud.engine("job_changed", kind, record) is None
    [event] = bus.next(1, lambda event: event["detail-type"] == detail_type)
    assert event["detail"]["CreationTime"] == time
    assert event["detail"]["Tags"] == {}
    assert event["resources"] == [record[f"{kind}Arn"]]


@pytest.mark.parametrize("example", ["training_job", "tuning_job", "transform_job"])
def test_a_jobs_detail_type_is_the_published_one(example: str) -> None:
    from local_cloud.sagemaker.core import events

    assert published(example)["detail-type"] in events.DETAIL_TYPES.values()


def test_a_new_secondary_status_is_an_event_and_the_same_one_is_not(cloud: Cloud, bus: Bus) -> None:
    record = TRAINING | {
        "TrainingJobName": "second",
        "TrainingJobArn": f"{JOB}:training-job/second",
    }
    for secondary in ("Training", "Training", "Uploading"):
        cloud.engine("job_changed", "TrainingJob", record | {"SecondaryStatus": secondary})
    told = bus.next(2, lambda event: event["detail"].get("TrainingJobName") == "second")
    assert [event["detail"]["SecondaryStatus"] for event in told] == ["Training", "Uploading"]
