"""The model registry, models, jobs and tags, over HTTP with boto3."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sagemaker_api.sagemaker_cloud import ROLE, Cloud

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def refused(call: Callable[..., Any], **request: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]


@pytest.fixture
def group(sagemaker: Any, name: str) -> str:
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    return name


def register(sagemaker: Any, group: str, **more: Any) -> Any:
    return sagemaker.create_model_package(ModelPackageGroupName=group, **more)["ModelPackageArn"]


def test_versions_count_up_and_are_never_given_again(sagemaker: Any, group: str) -> None:
    first, second = register(sagemaker, group), register(sagemaker, group)
    assert (first[-2:], second[-2:]) == ("/1", "/2")
    sagemaker.delete_model_package(ModelPackageName=second)
    assert register(sagemaker, group).endswith("/3")


def test_a_deleted_package_is_gone_for_every_operation(sagemaker: Any, group: str) -> None:
    arn = register(sagemaker, group)
    sagemaker.delete_model_package(ModelPackageName=arn)
    gone = {"Code": "ValidationException", "Message": f"ModelPackage {arn} does not exist."}
    assert refused(sagemaker.describe_model_package, ModelPackageName=arn) == gone
    assert refused(sagemaker.delete_model_package, ModelPackageName=arn) == gone
    error = refused(
        sagemaker.update_model_package, ModelPackageArn=arn, ModelApprovalStatus="Approved"
    )
    assert error == gone
    told = sagemaker.list_model_packages(ModelPackageGroupName=group)
    assert told["ModelPackageSummaryList"] == []


def test_a_version_in_a_group_that_is_not_there_is_refused(sagemaker: Any, name: str) -> None:
    error = refused(sagemaker.create_model_package, ModelPackageGroupName=name)
    assert error["Message"].endswith(f"model-package-group/{name} does not exist.")


def test_a_group_exists_once_in_the_words_the_sdk_looks_for(sagemaker: Any, group: str) -> None:
    error = refused(sagemaker.create_model_package_group, ModelPackageGroupName=group)
    assert error["Code"] == "ValidationException"
    assert "Model Package Group already exists" in error["Message"]


def test_an_approval_records_who_when_and_why(cloud: Cloud, sagemaker: Any, group: str) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    policy = {"Effect": "Allow", "Action": "sagemaker:UpdateModelPackage", "Resource": "*"}
    iam.put_user_policy(
        UserName="ada",
        PolicyName="approve",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [policy]}),
    )
    ada = cloud.client(
        "sagemaker",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    arn = register(sagemaker, group)
    before = sagemaker.describe_model_package(ModelPackageName=arn)
    assert before["ModelApprovalStatus"] == "PendingManualApproval"
    ada.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="better on infants",
        ModelLifeCycle={"Stage": "Production", "StageStatus": "Approved"},
    )
    told = sagemaker.describe_model_package(ModelPackageName=arn)
    assert told["ModelApprovalStatus"] == "Approved"
    assert told["ApprovalDescription"] == "better on infants"
    assert told["ModelLifeCycle"]["Stage"] == "Production"
    assert told["CreatedBy"]["IamIdentity"]["Arn"].endswith(":root")
    assert told["LastModifiedBy"]["IamIdentity"]["Arn"].endswith(":user/ada")
    assert told["LastModifiedTime"] >= before["LastModifiedTime"]


def test_metadata_is_merged_and_removed_key_by_key(sagemaker: Any, group: str) -> None:
    arn = register(sagemaker, group, CustomerMetadataProperties={"kind": "training", "run": "a"})
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        CustomerMetadataProperties={"review": "RB-7"},
        CustomerMetadataPropertiesToRemove=["run", "nothing"],
    )
    told = sagemaker.describe_model_package(ModelPackageName=arn)
    assert told["CustomerMetadataProperties"] == {"kind": "training", "review": "RB-7"}
    many = {f"k{number}": "v" for number in range(49)}
    error = refused(
        sagemaker.update_model_package, ModelPackageArn=arn, CustomerMetadataProperties=many
    )
    assert "at most 50" in error["Message"]


def test_versions_are_listed_by_status_and_page(sagemaker: Any, group: str) -> None:
    arns = [register(sagemaker, group) for _ in range(12)]
    for arn in arns[:3]:
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    ask = {"ModelPackageGroupName": group}
    approved = sagemaker.list_model_packages(
        **ask, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    found = [row["ModelPackageArn"] for row in approved["ModelPackageSummaryList"]]
    assert found == arns[2::-1]
    pages = sagemaker.get_paginator("list_model_packages").paginate(**ask)
    found = [row["ModelPackageArn"] for page in pages for row in page["ModelPackageSummaryList"]]
    assert found == arns
    assert len(sagemaker.list_model_packages(**ask)["ModelPackageSummaryList"]) == 10
    none = sagemaker.list_model_packages(NameContains=group)  # unversioned ones, as on AWS
    assert none["ModelPackageSummaryList"] == []


def test_a_group_with_versions_is_not_deleted(sagemaker: Any, group: str) -> None:
    arn = register(sagemaker, group)
    error = refused(sagemaker.delete_model_package_group, ModelPackageGroupName=group)
    assert error["Code"] == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    error = refused(sagemaker.describe_model_package_group, ModelPackageGroupName=group)
    assert error["Message"].endswith("does not exist.")


def test_a_group_keeps_its_policy(sagemaker: Any, group: str) -> None:
    ask = {"ModelPackageGroupName": group}
    error = refused(sagemaker.get_model_package_group_policy, **ask)
    assert "Cannot find resource policy" in error["Message"]
    policy = '{"Version": "2012-10-17", "Statement": []}'
    sagemaker.put_model_package_group_policy(**ask, ResourcePolicy=policy)
    assert sagemaker.get_model_package_group_policy(**ask)["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(**ask)
    assert "Cannot find" in refused(sagemaker.get_model_package_group_policy, **ask)["Message"]
    error = refused(sagemaker.put_model_package_group_policy, **ask, ResourcePolicy="{")
    assert "Invalid policy" in error["Message"]


def test_several_packages_are_described_at_once(sagemaker: Any, group: str) -> None:
    inference = {"Containers": [{"Image": "registry/image:1"}]}
    arn = register(sagemaker, group, InferenceSpecification=inference)
    lost = arn[:-1] + "9"
    told = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, lost])
    assert told["ModelPackageSummaries"][arn]["ModelApprovalStatus"] == "PendingManualApproval"
    assert told["BatchDescribeModelPackageErrorMap"][lost]["ErrorCode"] == "ValidationException"


def test_tags_are_set_listed_and_removed(sagemaker: Any, group: str) -> None:
    arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)[
        "ModelPackageGroupArn"
    ]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    sagemaker.add_tags(
        ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    )
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "2"}]
    error = refused(sagemaker.list_tags, ResourceArn=arn + "x")
    assert error["Code"] == "ResourceNotFound"


def test_a_model_of_a_package_needs_the_package(sagemaker: Any, group: str, name: str) -> None:
    arn = register(sagemaker, group)
    make = {"ModelName": name, "ExecutionRoleArn": ROLE}
    error = refused(
        sagemaker.create_model, **make, PrimaryContainer={"ModelPackageName": arn[:-1] + "9"}
    )
    assert "does not exist" in error["Message"]
    sagemaker.create_model(**make, PrimaryContainer={"ModelPackageName": arn})
    error = refused(sagemaker.create_model, **make, PrimaryContainer={"Image": "i"})
    assert "already existing model" in error["Message"]
    told = sagemaker.describe_model(ModelName=name)
    assert told["PrimaryContainer"]["ModelPackageName"] == arn
    listed = sagemaker.list_models(NameContains=name[:20])["Models"]
    assert [row["ModelName"] for row in listed] == [name]
    sagemaker.delete_model(ModelName=name)
    assert "Could not find model" in refused(sagemaker.describe_model, ModelName=name)["Message"]


def training_job(name: str, **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/model.tar.gz"},
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
        "CreationTime": NOW,
        **more,
    }


def test_a_tuning_job_lists_its_training_jobs_by_their_objective(
    cloud: Cloud, sagemaker: Any
) -> None:
    arn = "arn:aws:sagemaker:us-east-1:000000000000:hyper-parameter-tuning-job/tune"
    counters = {"Completed": 2}
    cloud.engine(
        "job_changed",
        "HyperParameterTuningJob",
        {
            "HyperParameterTuningJobName": "tune",
            "HyperParameterTuningJobArn": arn,
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "ResourceLimits": {"MaxParallelTrainingJobs": 2},
                "HyperParameterTuningJobObjective": {
                    "Type": "Minimize",
                    "MetricName": "validation:rmse",
                },
                "ParameterRanges": {
                    "ContinuousParameterRanges": [
                        {"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5"}
                    ]
                },
            },
            "HyperParameterTuningJobStatus": "Completed",
            "CreationTime": NOW,
            "TrainingJobStatusCounters": counters,
            "ObjectiveStatusCounters": {"Succeeded": 2},
        },
    )
    for job, value in (("trial-1", 3.0), ("trial-2", 2.0)):
        metric = {"MetricName": "validation:rmse", "Value": value, "Timestamp": NOW}
        record = training_job(
            job,
            TuningJobArn=arn,
            HyperParameters={"eta": "0.2", "objective": "reg:squarederror"},
            FinalMetricDataList=[metric],
        )
        assert cloud.engine("job_changed", "TrainingJob", record) is None
    told = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="tune", SortBy="FinalObjectiveMetricValue"
    )["TrainingJobSummaries"]
    assert [row["TrainingJobName"] for row in told] == ["trial-2", "trial-1"]
    assert told[0]["TunedHyperParameters"] == {"eta": "0.2"}
    assert told[0]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 2.0
    listed = sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    assert listed[0]["Strategy"] == "Bayesian"


def test_jobs_are_listed_by_status_and_part_of_their_name(cloud: Cloud, sagemaker: Any) -> None:
    for name, status in (("filter-one", "Completed"), ("filter-two", "Failed")):
        cloud.engine("job_changed", "TrainingJob", training_job(name, TrainingJobStatus=status))
    told = sagemaker.list_training_jobs(NameContains="FILTER", StatusEquals="Failed")
    assert [row["TrainingJobName"] for row in told["TrainingJobSummaries"]] == ["filter-two"]


def test_a_job_that_sagemaker_would_not_describe_is_the_engines_mistake(cloud: Cloud) -> None:
    record = training_job("wrong")
    del record["StoppingCondition"]
    answer = cloud.engine("job_changed", "TrainingJob", record)
    assert "Value null at 'stoppingCondition'" in answer["error"]


def test_long_failure_reasons_are_cut_as_the_service_cuts_them(
    cloud: Cloud, sagemaker: Any
) -> None:
    cloud.engine("job_changed", "TrainingJob", training_job("long", FailureReason="x" * 2000))
    assert len(sagemaker.describe_training_job(TrainingJobName="long")["FailureReason"]) == 1024


@pytest.mark.parametrize(
    ("method", "member", "code"),
    [
        ("describe_training_job", "TrainingJobName", "ValidationException"),
        ("describe_processing_job", "ProcessingJobName", "ValidationException"),
        ("describe_transform_job", "TransformJobName", "ValidationException"),
        (
            "describe_hyper_parameter_tuning_job",
            "HyperParameterTuningJobName",
            "ResourceNotFound",
        ),
    ],
)
def test_a_missing_job_has_an_error_code_of_its_own(
    sagemaker: Any, method: str, member: str, code: str
) -> None:
    assert refused(getattr(sagemaker, method), **{member: "nothing"})["Code"] == code
