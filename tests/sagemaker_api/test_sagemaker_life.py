"""State outlives the process; tokens do not outlive their window; MiniStack's seams are there."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ministack import app
from ministack.core import iam_actions, iam_evaluator, responses, router
from ministack.services import eventbridge, s3, stepfunctions
from ministack.services.cloudformation import provisioners

from local_cloud.sagemaker.core.store import Store
from tests.sagemaker_api.sagemaker_cloud import INPUT, ROLE, Bus, Cloud, definition


@pytest.fixture
def own_cloud(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """A cloud of the test's own, that may be stopped; its parameter is the token window."""
    server = Cloud(tmp_path, token_window=getattr(request, "param", None)).start()
    server.client("sagemaker").create_pipeline(
        PipelineName="kept", PipelineDefinition=definition(), RoleArn=ROLE
    )
    yield server
    server.kill()


def start(cloud: Cloud, token: str) -> Any:
    return cloud.client("sagemaker").start_pipeline_execution(
        PipelineName="kept", PipelineParameters=INPUT, ClientRequestToken=token * 32
    )["PipelineExecutionArn"]


def test_registry_and_tokens_are_there_again_after_a_stop(own_cloud: Cloud) -> None:
    sagemaker = own_cloud.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    package = sagemaker.create_model_package(
        ModelPackageGroupName="group", CustomerMetadataProperties={"kind": "training"}
    )["ModelPackageArn"]
    run = start(own_cloud, "a")
    own_cloud.engine("execution_changed", run, "Succeeded")
    before = sagemaker.describe_model_package(ModelPackageName=package)
    own_cloud.stop()
    own_cloud.start()
    after = sagemaker.describe_model_package(ModelPackageName=package)
    assert after | {"ResponseMetadata": None} == before | {"ResponseMetadata": None}
    told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=run)
    assert told["PipelineExecutionStatus"] == "Succeeded"
    assert start(own_cloud, "a") == run


def test_what_ran_when_the_cloud_stopped_has_failed_with_an_event(own_cloud: Cloud) -> None:
    bus = Bus(own_cloud, "kept")
    run = start(own_cloud, "a")
    step = {"StepName": "S", "StepType": "Fail", "StepStatus": "Executing"}
    own_cloud.engine("step_changed", run, {**step, "StartTime": datetime.now(UTC)})
    bus.next(2, lambda event: True)
    own_cloud.stop()
    own_cloud.start()
    sagemaker = own_cloud.client("sagemaker")
    told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=run)
    assert told["PipelineExecutionStatus"] == "Failed"
    assert told["FailureReason"] == "The laptop cloud was stopped."
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=run)
    assert steps["PipelineExecutionSteps"][0]["StepStatus"] == "Failed"
    of_step, of_run = bus.next(2, lambda event: True)
    assert of_step["detail"]["currentStepStatus"] == "Failed"
    assert of_run["detail"]["currentPipelineExecutionStatus"] == "Failed"


@pytest.mark.parametrize("own_cloud", [4], indirect=True)
def test_a_token_is_forgotten_after_its_window(own_cloud: Cloud) -> None:
    first = start(own_cloud, "a")
    assert start(own_cloud, "a") == first
    deadline = time.monotonic() + 20
    while start(own_cloud, "a") == first:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_remembered_step_is_given_until_it_is_too_old(cloud: Cloud) -> None:
    arn = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/p"
    assert cloud.engine("cached_step", arn, "key", 60) is None
    cloud.engine("remember_step", arn, "key", {"StepName": "S"})
    assert cloud.engine("cached_step", arn, "key", 60) == {"StepName": "S"}
    assert cloud.engine("cached_step", arn, "key", 0) is None
    assert cloud.engine("cached_step", arn + "2", "key", 60) is None


def test_the_engine_calls_operations_in_process_with_errors_as_boto3_raises_them(
    cloud: Cloud,
) -> None:
    answer = cloud.engine("call", "DescribePipeline", {"PipelineName": "nothing"})
    assert answer == {
        "error": "ClientError: An error occurred (ResourceNotFound) when calling the "
        "DescribePipeline operation: Pipeline 'nothing' does not exist."
    }


def test_the_store_separates_scopes_and_keeps_times(tmp_path: Path) -> None:
    store = Store()
    now = datetime.now(UTC)
    store.scope("1", "us-east-1").table("pipelines")["p"] = {"CreationTime": now}
    assert store.scope("2", "us-east-1").table("pipelines") == {}
    store.save(tmp_path / "deep" / "state.json")
    again = Store()
    assert again.load(tmp_path / "deep" / "state.json")
    assert again.scope("1", "us-east-1").table("pipelines") == {"p": {"CreationTime": now}}
    assert not Store().load(tmp_path / "nothing.json")


def test_a_state_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"format": 99}')
    with pytest.raises(ValueError, match="has format 99"):
        Store().load(tmp_path / "state.json")


def test_ministacks_seams_are_where_install_expects_them() -> None:
    assert "sqs" in app.SERVICE_HANDLERS
    assert "target_prefixes" in router.SERVICE_PATTERNS["dynamodb"]
    assert stepfunctions._AWS_SDK_SERVICE_MAP["dynamodb"].keys() >= {"target_prefix", "protocol"}
    assert stepfunctions._AWS_SDK_ERROR_PREFIX["s3"] == "S3"
    assert isinstance(stepfunctions._AWS_SDK_ERROR_CODE_OVERRIDES, dict)
    assert {"create", "delete"} <= provisioners._RESOURCE_HANDLERS["AWS::SNS::Topic"].keys()
    assert provisioners._STACK_TAG_PROPERTY["AWS::SNS::Topic"] == ("Tags", "list")
    assert "name" in provisioners._CUSTOM_NAME_REPLACEMENT["AWS::SNS::Topic"]
    assert iam_actions.SERVICE_TO_IAM_NAMESPACE["sqs"] == "sqs"
    for module, name in (
        (iam_actions, "extract_resource_arn"),
        (iam_actions, "request_tag_context"),
        (iam_evaluator, "enforce"),
        (iam_evaluator, "resolve_caller_identity"),
        (responses, "request_scope"),
        (router, "extract_access_key_id"),
        (eventbridge, "_put_events"),
        (s3, "_get_object_data"),
    ):
        assert callable(getattr(module, name)), name
