"""Pipelines, over HTTP with boto3."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sagemaker_api.sagemaker_cloud import INPUT, ROLE, Cloud, definition


def refused(call: Callable[..., Any], **request: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]


def start(sagemaker: Any, pipeline: str, **more: Any) -> Any:
    return sagemaker.start_pipeline_execution(
        PipelineName=pipeline, **{"PipelineParameters": INPUT, **more}
    )["PipelineExecutionArn"]


def test_a_pipeline_is_described_as_it_was_created(sagemaker: Any, name: str) -> None:
    arn = sagemaker.create_pipeline(
        PipelineName=name,
        PipelineDescription="trains",
        PipelineDefinition=definition(),
        RoleArn=ROLE,
        ParallelismConfiguration={"MaxParallelExecutionSteps": 3},
        Tags=[{"Key": "team", "Value": "blue"}],
    )["PipelineArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:000000000000:pipeline/{name}"
    told = sagemaker.describe_pipeline(PipelineName=name)
    assert told["PipelineDefinition"] == definition()
    assert told["PipelineStatus"] == "Active"
    assert told["CreatedBy"]["IamIdentity"]["Arn"] == "arn:aws:iam::000000000000:root"
    assert sagemaker.describe_pipeline(PipelineName=arn)["PipelineName"] == name
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]


def test_a_second_pipeline_of_a_name_is_refused_in_the_words_the_sdk_looks_for(
    sagemaker: Any, pipeline: str
) -> None:
    error = refused(
        sagemaker.create_pipeline,
        PipelineName=pipeline,
        PipelineDefinition=definition(),
        RoleArn=ROLE,
    )
    assert error["Code"] == "ValidationException"
    assert "already exists" in error["Message"]


def test_the_same_create_with_the_same_token_is_no_second_pipeline(
    sagemaker: Any, name: str
) -> None:
    request = {
        "PipelineName": name,
        "PipelineDefinition": definition(),
        "RoleArn": ROLE,
        "ClientRequestToken": "c" * 32,
    }
    first = sagemaker.create_pipeline(**request)["PipelineArn"]
    assert sagemaker.create_pipeline(**request)["PipelineArn"] == first


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "It is not JSON"),
        ("[]", "a list of Steps"),
        ('{"Steps": []}', "Steps must not be empty"),
        ('{"Steps": [{"Name": "a"}]}', "a Name and a Type"),
        (definition(*[{"Name": "Twice", "Type": "Fail"}] * 2), "Twice"),
        (definition({"Name": "a", "Type": "Fail", "DependsOn": ["b"]}), "not there: ['b']"),
    ],
)
def test_a_definition_that_is_none_is_refused(
    sagemaker: Any, name: str, text: str, why: str
) -> None:
    error = refused(
        sagemaker.create_pipeline, PipelineName=name, PipelineDefinition=text, RoleArn=ROLE
    )
    assert error["Message"].startswith("Unable to parse pipeline definition.")
    assert why in error["Message"]


def test_a_definition_may_lie_in_s3(cloud: Cloud, sagemaker: Any, name: str) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="definitions")
    s3.put_object(Bucket="definitions", Key="p.json", Body=definition().encode())
    place = {"Bucket": "definitions", "ObjectKey": "p.json"}
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinitionS3Location=place, RoleArn=ROLE)
    assert sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"] == definition()
    lost = place | {"ObjectKey": "lost.json"}
    error = refused(sagemaker.update_pipeline, PipelineName=name, PipelineDefinitionS3Location=lost)
    assert error["Message"] == "Unable to read s3://definitions/lost.json: no such object"


def test_an_update_leaves_running_executions_their_definition(
    sagemaker: Any, pipeline: str
) -> None:
    arn = start(sagemaker, pipeline)
    new = definition({"Name": "New", "Type": "Fail", "Arguments": {}})
    sagemaker.update_pipeline(PipelineName=pipeline, PipelineDefinition=new)
    kept = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert kept["PipelineDefinition"] == definition()
    assert sagemaker.describe_pipeline(PipelineName=pipeline)["PipelineDefinition"] == new


def test_a_pipeline_that_runs_is_not_deleted(cloud: Cloud, sagemaker: Any, pipeline: str) -> None:
    arn = start(sagemaker, pipeline)
    error = refused(sagemaker.delete_pipeline, PipelineName=pipeline)
    assert error["Code"] == "ConflictException"
    cloud.engine("execution_changed", arn, "Succeeded")
    sagemaker.delete_pipeline(PipelineName=pipeline)
    assert refused(sagemaker.describe_pipeline, PipelineName=pipeline) == {
        "Code": "ResourceNotFound",
        "Message": f"Pipeline '{pipeline}' does not exist.",
    }


def test_pipelines_of_another_region_are_others(
    cloud: Cloud, sagemaker: Any, pipeline: str
) -> None:
    elsewhere = cloud.client("sagemaker", region="eu-west-1")
    error = refused(elsewhere.describe_pipeline, PipelineName=pipeline)
    assert error["Code"] == "ResourceNotFound"


def test_pipelines_are_listed_by_prefix_and_name(sagemaker: Any, name: str) -> None:
    for end in ("b", "a"):
        sagemaker.create_pipeline(
            PipelineName=name + end, PipelineDefinition=definition(), RoleArn=ROLE
        )
    told = sagemaker.list_pipelines(
        PipelineNamePrefix=name, SortBy="Name", SortOrder="Ascending", MaxResults=1
    )
    assert [row["PipelineName"] for row in told["PipelineSummaries"]] == [name + "a"]
    assert told["NextToken"]
