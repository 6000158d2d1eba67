"""Executions of pipelines, over HTTP with boto3."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
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


def test_the_engine_is_given_what_was_started(cloud: Cloud, sagemaker: Any, pipeline: str) -> None:
    arn = start(sagemaker, pipeline, ParallelismConfiguration={"MaxParallelExecutionSteps": 2})
    assert ["start", arn, {"Input": "s3://bucket/key"}, 2] in cloud.engine("seen")


def test_what_hinders_the_engine_fails_the_execution(sagemaker: Any, pipeline: str) -> None:
    broken = [{"Name": "Input", "Value": "s3://engine/is-broken"}]
    arn = start(sagemaker, pipeline, PipelineParameters=broken)
    told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert told["PipelineExecutionStatus"] == "Failed"
    assert told["FailureReason"] == "RuntimeError: no more workers"


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ([*INPUT, {"Name": "Colour", "Value": "red"}], "['Colour'] are not defined"),
        ([], "['Input'] have no default"),
        ([*INPUT, {"Name": "Threshold", "Value": "high"}], "of type Float; 'high' is not"),
        ([*INPUT, {"Name": "Kind", "Value": "c"}], "must be one of ['a', 'b']"),
        ([{"Name": "Input", "Value": ""}], 'string "" is too short'),
        ([*INPUT, *INPUT], "must be unique"),
    ],
)
def test_parameters_that_do_not_fit_the_definition_are_refused(
    sagemaker: Any, pipeline: str, parameters: list[dict[str, str]], why: str
) -> None:
    error = refused(
        sagemaker.start_pipeline_execution,
        PipelineName=pipeline,
        PipelineParameters=parameters,
    )
    assert error["Code"] == "ValidationException"
    assert why in error["Message"]
    listed = sagemaker.list_pipeline_executions(PipelineName=pipeline)
    assert listed["PipelineExecutionSummaries"] == []


def test_an_execution_lists_given_and_default_parameters(sagemaker: Any, pipeline: str) -> None:
    arn = start(sagemaker, pipeline)
    told = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert told["PipelineParameters"] == [
        *INPUT,
        {"Name": "Threshold", "Value": "10.0"},
        {"Name": "Kind", "Value": "a"},
    ]


def test_the_same_token_and_request_is_the_same_execution(sagemaker: Any, pipeline: str) -> None:
    token = "t" * 32
    first = start(sagemaker, pipeline, ClientRequestToken=token)
    assert start(sagemaker, pipeline, ClientRequestToken=token) == first
    assert start(sagemaker, pipeline, ClientRequestToken="u" * 32) != first
    listed = sagemaker.list_pipeline_executions(PipelineName=pipeline)
    assert len(listed["PipelineExecutionSummaries"]) == 2


def test_the_same_token_with_another_request_is_a_conflict(sagemaker: Any, pipeline: str) -> None:
    token = "v" * 32
    start(sagemaker, pipeline, ClientRequestToken=token)
    error = refused(
        sagemaker.start_pipeline_execution,
        PipelineName=pipeline,
        PipelineParameters=[{"Name": "Input", "Value": "s3://bucket/other"}],
        ClientRequestToken=token,
    )
    assert error["Code"] == "ConflictException"


def test_a_refused_start_does_not_use_up_its_token(sagemaker: Any, pipeline: str) -> None:
    token = "w" * 32
    refused(sagemaker.start_pipeline_execution, PipelineName=pipeline, ClientRequestToken=token)
    assert start(sagemaker, pipeline, ClientRequestToken=token)


def test_concurrent_starts_with_one_token_are_one_execution(
    cloud: Cloud, sagemaker: Any, name: str
) -> None:
    document = json.loads(definition())
    document["Parameters"] += [  # so that a start takes long enough for others to come between
        {"Name": f"P{number}", "Type": "String", "DefaultValue": "v"} for number in range(10_000)
    ]
    sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps(document), RoleArn=ROLE
    )
    clients = [cloud.client("sagemaker") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        arns = list(
            pool.map(lambda client: start(client, name, ClientRequestToken="x" * 32), clients)
        )
    assert len(set(arns)) == 1
    listed = sagemaker.list_pipeline_executions(PipelineName=name)
    assert len(listed["PipelineExecutionSummaries"]) == 1
    assert [row[0] for row in cloud.engine("seen") if row[1:2] == arns[:1]] == ["start"]


def test_executions_are_paged_the_newest_first(sagemaker: Any, pipeline: str) -> None:
    arns = [start(sagemaker, pipeline) for _ in range(12)]
    first = sagemaker.list_pipeline_executions(PipelineName=pipeline)
    assert len(first["PipelineExecutionSummaries"]) == 10
    newer = start(sagemaker, pipeline)  # between two pages: shifts nothing
    rest = sagemaker.list_pipeline_executions(PipelineName=pipeline, NextToken=first["NextToken"])
    pages = first["PipelineExecutionSummaries"] + rest["PipelineExecutionSummaries"]
    assert [row["PipelineExecutionArn"] for row in pages] == arns[::-1]
    assert "NextToken" not in rest
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortOrder="Ascending", PaginationConfig={"PageSize": 5}
    )
    found = [
        row["PipelineExecutionArn"] for page in pages for row in page["PipelineExecutionSummaries"]
    ]
    assert found == [*arns, newer]


def test_a_token_that_nobody_gave_is_refused(sagemaker: Any, pipeline: str) -> None:
    error = refused(sagemaker.list_pipeline_executions, PipelineName=pipeline, NextToken="nonsense")
    assert "Invalid NextToken" in error["Message"]


def test_executions_are_listed_between_two_times(sagemaker: Any, pipeline: str) -> None:
    arn = start(sagemaker, pipeline)
    made = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["CreationTime"]
    ask = {"PipelineName": pipeline}
    after = sagemaker.list_pipeline_executions(**ask, CreatedAfter=made)
    before = sagemaker.list_pipeline_executions(**ask, CreatedBefore=datetime.now(UTC))
    assert after["PipelineExecutionSummaries"] == []
    assert [row["PipelineExecutionArn"] for row in before["PipelineExecutionSummaries"]] == [arn]


def test_an_execution_is_stopped_once_and_only_while_it_runs(
    cloud: Cloud, sagemaker: Any, pipeline: str
) -> None:
    arn = start(sagemaker, pipeline)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
    told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert told["PipelineExecutionStatus"] == "Stopping"
    cloud.engine("execution_changed", arn, "Executing")  # the engine had not heard yet
    told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert told["PipelineExecutionStatus"] == "Stopping"
    cloud.engine("execution_changed", arn, "Stopped")
    assert cloud.engine("seen").count(["stop", arn]) == 1
    error = refused(
        sagemaker.stop_pipeline_execution, PipelineExecutionArn=arn, ClientRequestToken="r" * 32
    )
    assert error["Code"] == "ValidationException"
    assert "is Stopped" in error["Message"]


def test_a_final_status_stays(cloud: Cloud, sagemaker: Any, pipeline: str) -> None:
    arn = start(sagemaker, pipeline)
    cloud.engine("execution_changed", arn, "Succeeded")
    answer = cloud.engine("execution_changed", arn, "Failed", "late")
    assert answer == {"error": f"ValueError: {arn} is Succeeded and cannot become Failed"}


def test_an_execution_can_be_renamed_and_found_in_any_case(sagemaker: Any, pipeline: str) -> None:
    arn = start(sagemaker, pipeline)
    sagemaker.update_pipeline_execution(
        PipelineExecutionArn=arn, PipelineExecutionDisplayName="renamed"
    )
    in_events = arn.replace(pipeline, pipeline.lower())
    told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=in_events)
    assert told["PipelineExecutionDisplayName"] == "renamed"


def test_an_unknown_execution_is_not_found(sagemaker: Any, pipeline: str) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:pipeline/{pipeline}/execution/nothing00000"
    error = refused(sagemaker.describe_pipeline_execution, PipelineExecutionArn=arn)
    assert error["Code"] == "ResourceNotFound"


def test_steps_are_listed_the_latest_first(cloud: Cloud, sagemaker: Any, pipeline: str) -> None:
    arn = start(sagemaker, pipeline)
    for second, step in enumerate(("First", "Second")):
        time = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
        cloud.engine(
            "step_changed",
            arn,
            {"StepName": step, "StepType": "Fail", "StepStatus": "Executing", "StartTime": time},
        )
    told = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    assert [row["StepName"] for row in told["PipelineExecutionSteps"]] == ["Second", "First"]
    assert "StepType" not in told["PipelineExecutionSteps"][0]


def test_a_step_that_sagemaker_could_not_return_is_the_engines_mistake(
    cloud: Cloud, sagemaker: Any, pipeline: str
) -> None:
    arn = start(sagemaker, pipeline)
    answer = cloud.engine("step_changed", arn, {"StepName": "a", "StepStatus": "Done"})
    assert "enum value set" in answer["error"]
