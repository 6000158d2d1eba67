"""Step Functions tasks act as the state machine's role, with AWS's names for errors."""

import json

import pytest

from tests.cloud.cloud_sample import Sample, eventually


def test_a_retry_and_a_catch_find_the_functions_exception_by_its_name(sample: Sample) -> None:
    execution = sample.execute(do="raise")

    assert execution["status"] == "SUCCEEDED"
    assert json.loads(execution["output"])["Error"] == "TooBusyError"
    history = sample.client("stepfunctions").get_execution_history(
        executionArn=execution["executionArn"]
    )["events"]
    assert [event["type"] for event in history].count("TaskFailed") == 2


def test_a_functions_answer_is_json(sample: Sample) -> None:
    execution = sample.execute(do="echo", mark=["ü", 1])

    assert json.loads(execution["output"])["event"] == {"do": "echo", "mark": ["ü", 1]}


def test_an_action_the_role_may_not_do_is_denied(sample: Sample) -> None:
    execution = sample.execute(do="forbidden")

    assert execution["status"] == "FAILED"
    assert execution["error"] == "S3.S3Exception"
    assert "AccessDenied" in execution["cause"]


def test_a_condition_that_fails_has_the_name_it_has_on_aws(sample: Sample) -> None:
    execution = sample.execute(do="table")

    error = json.loads(execution["output"])["Error"]
    assert error == "DynamoDb.ConditionalCheckFailedException"


def test_waiting_takes_expressions(sample: Sample) -> None:
    assert sample.execute(do="wait", seconds=1)["status"] == "SUCCEEDED"


def test_a_message_to_a_queue_is_json(sample: Sample) -> None:
    assert sample.execute(do="send")["status"] == "SUCCEEDED"
    sample.receive("Seen", lambda m: json.loads(m["Body"]) == {"from": "machine"})


def test_sagemaker_is_among_the_sdk_integrations(sample: Sample) -> None:
    execution = sample.execute(do="sagemaker")

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert json.loads(execution["output"]) == {"PipelineSummaries": []}


def test_a_running_execution_is_returned_to_who_starts_it_again(sample: Sample) -> None:
    sfn = sample.client("stepfunctions")
    request = {
        "stateMachineArn": sample.outputs["Machine"],
        "name": "once",
        "input": json.dumps({"do": "wait", "seconds": 2}),
    }
    first, second = sfn.start_execution(**request), sfn.start_execution(**request)

    assert first["executionArn"] == second["executionArn"]
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        sfn.start_execution(**{**request, "input": '{"do": "other"}'})
    eventually(
        lambda: sfn.describe_execution(executionArn=first["executionArn"])["status"] != "RUNNING"
    )
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        sfn.start_execution(**request)
