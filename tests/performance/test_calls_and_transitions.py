"""An event costs a few calls of the ledger, and a decision a few transitions."""

import copy
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from headrace.adapters import client as aws
from headrace.adapters.ledger import OBJECTS_PER_COMMIT, Ledger
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.actions import AdvanceRun, Notify, RefreshInference, ReturnToPending, as_input
from headrace.domain.message import Message
from headrace.domain.project import Project
from headrace.domain.quality import MODEL_QUALITY_STEP
from headrace.use_cases.decide import Inbox

from tests.headrace import handed_in
from tests.headrace.aws_services import ministack
from tests.template.act_walk import Walk

EVENTS = Path(__file__).parents[1] / "events"
MACHINE = yaml.safe_load((Path(__file__).parents[2] / "statemachines/act.asl.yaml").read_text())
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/headrace-abalone/2"
MOST_TRANSITIONS = 8
CALLS_PER_EVENT = 5  # project, seen, lane, commit, and the action from the outbox


def project(name: str) -> Project:
    settings = {"project": name, "quality": {"metric": "mse", "threshold": 10.0}}
    return Project.parse(settings, "the test")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture
def calls(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The DynamoDB operations that the layer's client is called for, as botocore sends them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    aws.client.cache_clear()
    aws.session.cache_clear()
    made: list[str] = []
    aws.client("dynamodb").meta.events.register(
        "before-call.dynamodb", lambda model, **_: made.append(model.name)
    )
    yield made
    aws.client.cache_clear()
    aws.session.cache_clear()


@pytest.fixture
def inbox(calls: list[str], request: pytest.FixtureRequest) -> Inbox:
    """An inbox over a ledger of its own, with some projects in it."""
    table = f"ledger-{request.node.name}".replace("[", "-").replace("]", "")
    aws.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    ledger = Ledger(table, aws.client("dynamodb"))
    for number in range(5):
        ledger.put_project(project(f"other{number}"))
    ledger.put_project(project("abalone"))
    calls.clear()
    name = payload()["detail"]["bucket"]["name"]
    return handed_in.inbox(ledger, lambda *_: None, time.time, name=name)


def payload() -> Any:
    return json.loads((EVENTS / "object_created.json").read_text())


def uploads(count: int, folder: str = "training/data/raw") -> list[dict[str, Any]]:
    """Queue messages of so many files dropped together."""
    envelope, records = payload(), []
    for number in range(count):
        envelope["detail"]["object"]["key"] = f"abalone/{folder}/{number}.csv"
        records.append({"messageId": str(number), "body": json.dumps(envelope)})
    return records


def test_an_upload_costs_five_calls(inbox: Inbox, calls: list[str]) -> None:
    assert inbox.handle(uploads(1)) == []

    assert len(calls) <= CALLS_PER_EVENT


def test_files_delivered_together_cost_as_much_as_one(inbox: Inbox, calls: list[str]) -> None:
    assert inbox.handle(uploads(OBJECTS_PER_COMMIT)) == []

    assert len(calls) <= CALLS_PER_EVENT


def test_a_full_batch_costs_three_calls_for_each_commit(inbox: Inbox, calls: list[str]) -> None:
    assert inbox.handle(uploads(100)) == []

    assert len(calls) <= 2 + 3 * 3


def test_ground_truth_costs_one_look_for_its_scoring_input_more(
    inbox: Inbox, calls: list[str]
) -> None:
    aws.client("s3").create_bucket(Bucket=payload()["detail"]["bucket"]["name"])
    listed: list[str] = []
    aws.client("s3").meta.events.register(
        "before-call.s3", lambda model, **_: listed.append(model.name)
    )

    assert inbox.handle(uploads(OBJECTS_PER_COMMIT, "batch-scoring/data/ground-truth")) == []

    assert len(calls) <= CALLS_PER_EVENT + 1
    assert len(listed) <= OBJECTS_PER_COMMIT


def test_scoring_input_looks_for_nothing(inbox: Inbox, calls: list[str]) -> None:
    assert inbox.handle(uploads(OBJECTS_PER_COMMIT, "batch-scoring/data/raw")) == []

    assert len(calls) <= CALLS_PER_EVENT


def test_a_second_delivery_writes_nothing(inbox: Inbox, calls: list[str]) -> None:
    inbox.handle(uploads(100))
    calls.clear()

    assert inbox.handle(uploads(100)) == []

    assert not [name for name in calls if "Write" in name or "Put" in name or "Delete" in name]


class Throttled:
    """SageMaker's client, which counts its calls; from `throttles` on it answers none of them."""

    def __init__(self, calls: list[str]) -> None:
        self.calls, self.throttles = calls, False

    def answer(self, name: str, answer: Any) -> Any:
        self.calls.append(name)
        if self.throttles:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, name)
        return answer

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> Any:
        status = {"PipelineExecutionStatus": "Executing"}
        return self.answer("DescribePipelineExecution", status)

    def describe_model_package(self, ModelPackageName: str) -> Any:
        then = datetime(2026, 11, 2, 9, tzinfo=UTC)
        group = {"ModelPackageArn": ModelPackageName, "ModelPackageGroupName": "headrace-abalone"}
        state = {"ModelPackageVersion": 2, "ModelApprovalStatus": "Approved", "CreationTime": then}
        return self.answer("DescribeModelPackage", group | state)

    def describe_processing_job(self, ProcessingJobName: str) -> Any:
        return self.answer("DescribeProcessingJob", {})

    def get_paginator(self, operation: str) -> Any:
        job = {"ProcessingJob": {"Arn": "arn:aws:sagemaker:::processing-job/check"}}
        step = {"StepName": MODEL_QUALITY_STEP, "StepStatus": "Failed", "Metadata": job}
        pages = [{"PipelineExecutionSteps": [step], "ModelPackageSummaryList": []}]
        return SimpleNamespace(paginate=lambda **_: self.answer(operation, pages))


def ten_events() -> list[dict[str, Any]]:
    """Queue messages of ten events of several kinds."""
    runs = "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/headrace-abalone-inference/execution"
    envelopes: list[dict[str, Any]] = []
    for number in range(2):
        upload, run, step, package = (
            json.loads((EVENTS / f"{name}.json").read_text())
            for name in ("object_created", "run_status", "step_status", "model_package")
        )
        upload["detail"]["object"]["key"] = f"abalone/training/data/raw/{number}.csv"
        run["detail"]["pipelineExecutionArn"] = f"{runs}/failed{number}"
        going_on = copy.deepcopy(run)
        run["detail"]["currentPipelineExecutionStatus"] = "Failed"
        going_on["detail"]["pipelineExecutionArn"] = f"{runs}/goeson{number}"
        going_on["detail"]["currentPipelineExecutionStatus"] = "Executing"
        step["detail"] |= {"stepName": MODEL_QUALITY_STEP, "currentStepStatus": "Failed"}
        step["detail"]["pipelineExecutionArn"] = f"{runs}/step{number}"
        package["detail"]["ModelPackageArn"] = f"{ARN[:-1]}{number}"
        envelopes += [upload, run, going_on, step, package]
    return [
        {"messageId": str(number), "body": json.dumps(envelope)}
        for number, envelope in enumerate(envelopes)
    ]


def test_a_batch_that_is_delivered_again_asks_the_ledger_what_was_seen_and_nothing_else(
    inbox: Inbox, calls: list[str]
) -> None:
    """One read for all of it, and one for what a crash may have left to hand over."""
    client = Throttled(calls)
    inbox = replace(inbox, sagemaker=SageMaker(client))
    assert inbox.handle(ten_events()) == []
    calls.clear()
    client.throttles = True

    assert inbox.handle(ten_events()) == []

    assert calls == ["BatchGetItem", "Query"]


def test_a_step_that_decides_nothing_costs_no_call(inbox: Inbox, calls: list[str]) -> None:
    step = json.loads((EVENTS / "step_status.json").read_text())
    step["detail"]["currentStepStatus"] = "Executing"

    assert inbox.handle([{"messageId": "1", "body": json.dumps(step)}]) == []

    assert calls == []


def answers(*payloads: dict[str, Any]) -> Iterator[Any]:
    return iter([{"StatusCode": 200, "Payload": payload} for payload in payloads])


DONE = {"outcome": "done", "reason": "runs"}
GOES_ON = {"outcome": "wait", "until": 1_700_000_002.0}
ADVANCE = AdvanceRun("headrace-abalone-training", "drop-1", 1, 1_700_000_000.0)


@pytest.mark.parametrize(
    ("action", "given"),
    [
        (ADVANCE, answers(DONE)),
        (ADVANCE, answers(GOES_ON, DONE)),  # a drop that grew within its quiet period
        (
            RefreshInference("abalone", "headrace-abalone", ARN, "refresh-1"),
            answers({"status": "succeeded", "pipeline_id": 7, "detail": "there"}, {}),
        ),
        (ReturnToPending(ARN, "the reference is missing", "why"), answers({})),
        (Notify(Message("drift", "abalone", "Drift", "Look.\n", {}), "why"), answers({})),
    ],
    ids=["advance", "advance, once more", "refresh", "return to pending", "tell"],
)
def test_a_decision_takes_at_most_eight_transitions(action: Any, given: Iterator[Any]) -> None:
    walked = Walk(MACHINE, given).run(json.loads(json.dumps(as_input(action))))

    assert walked.passed[-1] == "Done"
    assert len(walked.passed) <= MOST_TRANSITIONS


def test_one_decision_is_one_execution(inbox: Inbox) -> None:
    started: list[str] = []

    def start(name: str, action: dict[str, Any]) -> None:
        started.append(name)

    handed_in.inbox(inbox.ledger, start, time.time).handle(uploads(100))

    assert len(started) == 1
