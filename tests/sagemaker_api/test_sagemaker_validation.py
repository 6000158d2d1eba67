"""Requests are refused as the service refuses them, beyond what boto3 checks itself."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.sagemaker.core import validation
from local_cloud.sagemaker.core.errors import ApiError
from local_cloud.sagemaker.core.patterns import compiled
from tests.sagemaker_api.sagemaker_cloud import INPUT, ROLE, Cloud, definition


def refused(call: Callable[..., Any], *args: Any, **request: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        call(*args, **request)
    return caught.value.response["Error"]


def test_a_name_against_the_pattern_gets_the_services_message(sagemaker: Any) -> None:
    error = refused(
        sagemaker.create_pipeline,
        PipelineName="under_score",
        PipelineDefinition=definition(),
        RoleArn=ROLE,
    )
    assert error == {
        "Code": "ValidationException",
        "Message": "1 validation error detected: Value 'under_score' at 'pipelineName' failed to "
        "satisfy constraint: Member must satisfy regular expression pattern: "
        "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}",
    }


def test_every_broken_constraint_is_reported_at_once(sagemaker: Any, pipeline: str) -> None:
    error = refused(
        sagemaker.start_pipeline_execution,
        PipelineName=pipeline,
        PipelineParameters=INPUT,
        PipelineExecutionDisplayName="a" * 83,
        ClientRequestToken="t" * 129,
    )
    assert error["Code"] == "ValidationException"
    assert error["Message"].startswith("3 validation errors detected: ")
    assert "'pipelineExecutionDisplayName'" in error["Message"]
    assert "length less than or equal to 82" in error["Message"]
    assert "at 'clientRequestToken'" in error["Message"]


def test_lengths_inside_lists_are_checked(sagemaker: Any, name: str) -> None:
    error = refused(
        sagemaker.create_model_package_group,
        ModelPackageGroupName=name,
        Tags=[{"Key": "k" * 129, "Value": "v"}],
    )
    assert "at 'tags.1.member.key'" in error["Message"]
    assert "length less than or equal to 128" in error["Message"]


def test_an_approval_description_is_at_most_1024_characters(sagemaker: Any, name: str) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    arn = sagemaker.create_model_package(ModelPackageGroupName=name)["ModelPackageArn"]
    long = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}
    sagemaker.update_model_package(**long, ApprovalDescription="a" * 1024)
    error = refused(sagemaker.update_model_package, **long, ApprovalDescription="a" * 1025)
    assert "at 'approvalDescription'" in error["Message"]


@pytest.mark.parametrize(
    ("value", "rule"), [("v" * 257, "less than or equal to 256"), ("a, b", "pattern")]
)
def test_a_metadata_value_has_its_length_and_its_letters(
    sagemaker: Any, name: str, value: str, rule: str
) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    error = refused(
        sagemaker.create_model_package,
        ModelPackageGroupName=name,
        CustomerMetadataProperties={"key": value},
    )
    assert "at 'customerMetadataProperties'" in error["Message"]
    assert "Map value must satisfy constraint" in error["Message"]
    assert rule in error["Message"]


def test_an_enumeration_is_listed_whole(sagemaker: Any, name: str) -> None:
    error = refused(
        sagemaker.list_model_packages, ModelPackageGroupName=name, ModelApprovalStatus="Maybe"
    )
    assert "enum value set: [Approved, Rejected, PendingManualApproval]" in error["Message"]


def test_a_raw_request_of_the_wrong_type_is_not_serialisable(cloud: Cloud) -> None:
    answer = cloud.post("SageMaker.ListPipelines", b'{"MaxResults": "ten"}')
    assert json.loads(answer) == {
        "__type": "SerializationException",
        "message": "STRING_VALUE can not be converted to a Integer",
    }


def test_a_raw_request_without_a_required_member_is_refused(cloud: Cloud) -> None:
    answer = json.loads(cloud.post("SageMaker.DescribePipeline", b"{}"))
    assert answer["message"] == (
        "1 validation error detected: Value null at 'pipelineName' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_an_unsupported_operation_says_so(sagemaker: Any) -> None:
    error = refused(sagemaker.list_endpoints)
    assert error["Code"] == "UnknownOperationException"
    assert "SageMaker.ListEndpoints is not part of the laptop cloud" in error["Message"]


def test_every_pattern_of_the_service_model_can_be_compiled() -> None:
    model = validation.service_model()
    patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names}
    for pattern in patterns - {None}:
        compiled(pattern)


@pytest.mark.parametrize("text", ["Ångström 5/6", "s3://bucket/a_b.csv", "", "a@b"])
def test_javas_character_categories_match_what_they_name(text: str) -> None:
    assert compiled(r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}").fullmatch(text)


@pytest.mark.parametrize("text", ["a,b", "{}", "tab\t", "line\n"])
def test_javas_character_categories_match_nothing_else(text: str) -> None:
    assert not compiled(r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}").fullmatch(text)


def test_a_response_that_sagemaker_would_not_give_is_our_mistake() -> None:
    with pytest.raises(ValueError, match=r"'pipelineNam'.*not in the service's model"):
        validation.checked_response("DescribePipeline", {"PipelineNam": "x"})


def test_unknown_members_of_a_request_are_left_out() -> None:
    kept = validation.checked_request("ListPipelines", {"MaxResults": 5, "Colour": "red"})
    assert kept == {"MaxResults": 5}


def test_a_request_that_is_no_object_is_refused() -> None:
    with pytest.raises(ApiError, match="SerializationException"):
        validation.checked_request("ListPipelines", ["x"])
