"""From a queue message to a run's arguments, on real DynamoDB and S3 APIs."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from headrace.adapters import client as aws
from headrace.adapters.sagemaker import Execution
from headrace.domain.errors import RetryableError
from headrace.domain.events import digest
from headrace.use_cases.advance_run import Advanced, advance
from headrace.use_cases.decide import Inbox

from tests.headrace import handed_in
from tests.headrace.handed_in import StateMachine
from tests.headrace.samples import BUCKET, HPO, INFERENCE, NOW, RUN, TRAINING, payload

Upload = Callable[..., dict[str, Any]]
RAW = "abalone/training/data/raw/"


def test_a_burst_of_uploads_is_one_action(
    inbox: Inbox, upload: Upload, states: StateMachine
) -> None:
    assert inbox.handle([upload(f"{RAW}{n}.csv") for n in range(100)]) == []
    (action,) = states.started.values()
    request = inbox.ledger.lane(TRAINING).waiting
    assert request is not None
    assert action["request_id"] == request.id
    assert request.objects == 100
    assert len(inbox.ledger.drop(request.id)) == 100


def test_a_second_delivery_starts_nothing(
    inbox: Inbox, upload: Upload, states: StateMachine
) -> None:
    records = [upload(RAW + "a.csv"), upload(RAW + "a.csv")]
    assert inbox.handle(records) == []
    lane = inbox.ledger.lane(TRAINING)
    assert inbox.handle(records) == []
    assert inbox.ledger.lane(TRAINING) == lane
    assert len(states.started) == 1


def test_a_poison_message_leaves_its_batch_mates_alone(
    inbox: Inbox, upload: Upload, states: StateMachine, warnings: list[str]
) -> None:
    failed = inbox.handle([{"messageId": "bad", "body": "{"}, upload(RAW + "a.csv")])
    assert failed == ["bad"]
    assert len(states.started) == 1
    assert "not JSON" in warnings[0]


def test_a_batch_that_runs_out_of_time_gives_back_what_it_has_not_begun(
    inbox: Inbox, upload: Upload, states: StateMachine, warnings: list[str]
) -> None:
    scoring = "abalone/batch-scoring/data/raw/"
    records = [upload(RAW + "a.csv"), upload(scoring + "b.csv"), upload(RAW + "late.csv")]
    # Two messages are looked at, the first drop is decided, and time is over.
    answers = iter([True, True, False, True, False])

    def require_time() -> None:
        if not next(answers):
            raise RetryableError("too little time is left")

    failed = inbox.handle(records, require_time)

    assert failed == [f"{RAW}late.csv@v1", f"{scoring}b.csv@v1"]
    assert len(states.started) == 1
    assert warnings == [
        f"message {RAW}late.csv@v1: too little time is left",
        f"message {scoring}b.csv@v1: too little time is left",
    ]
    assert inbox.handle(records) == []
    assert len(states.started) == 2


def test_an_unexpected_exception_fails_only_its_record(
    inbox: Inbox, upload: Upload, states: StateMachine, warnings: list[str]
) -> None:
    def broken(arn: str) -> None:
        raise KeyError("a bug")

    inbox.sagemaker.describe = broken  # type: ignore[assignment]
    envelope = payload("run_status")
    envelope["detail"]["currentPipelineExecutionStatus"] = "Executing"
    record = {"messageId": "bug", "body": json.dumps(envelope)}
    assert inbox.handle([record, upload(RAW + "a.csv")]) == ["bug"]
    assert len(states.started) == 1
    assert warnings == ["message bug"]


def test_an_upload_that_cannot_be_decided_does_not_fail_those_decided_with_it(
    inbox: Inbox, upload: Upload, states: StateMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Inbox._files

    def broken(self: Inbox, project: Any, watched: Any, items: list[Any]) -> None:
        if any(item.key.endswith("b.csv") for item in items):
            raise KeyError("a bug")
        files(self, project, watched, items)

    monkeypatch.setattr(Inbox, "_files", broken)
    failed = inbox.handle([upload(f"{RAW}{name}.csv") for name in "abc"])
    assert failed == [f"{RAW}b.csv@v1"]
    request = inbox.ledger.lane(TRAINING).waiting
    assert request is not None
    assert request.objects == 2


def test_an_action_decided_before_a_crash_is_handed_over_by_the_next_delivery(
    inbox: Inbox, upload: Upload, states: StateMachine
) -> None:
    states.broken = True
    assert inbox.handle([upload(RAW + "a.csv")]) == [f"{RAW}a.csv@v1"]
    assert states.started == {}
    states.broken = False
    assert inbox.handle([upload(RAW + "a.csv")]) == []
    assert len(states.started) == 1
    assert inbox.ledger.outbox() == []


def test_a_late_executing_event_after_the_end_does_not_hold_the_lane(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day late, when the lane has forgotten the run: nothing would ever free it again."""
    envelope = payload("run_status")
    envelope["detail"]["currentPipelineExecutionStatus"] = "Executing"
    record = {"messageId": "late", "body": json.dumps(envelope)}
    ended = Execution(RUN, "Failed", "upload-1", NOW)
    monkeypatch.setattr(inbox.sagemaker, "describe", lambda arn: ended)
    assert inbox.handle([record]) == []
    assert inbox.ledger.lane(INFERENCE).current is None
    going_on = ended._replace(status="Executing")
    monkeypatch.setattr(inbox.sagemaker, "describe", lambda arn: going_on)
    inbox.handle([record])
    held_by = inbox.ledger.lane(INFERENCE).current
    assert held_by is not None
    assert held_by.execution_arn == envelope["detail"]["pipelineExecutionArn"]


def test_files_of_nobody_are_no_error(inbox: Inbox, upload: Upload, warnings: list[str]) -> None:
    assert inbox.handle([upload("elsewhere/a.csv")]) == []
    assert "no project's prefix matches 'elsewhere/a.csv'" in warnings[0]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, inbox: Inbox) -> list[dict[str, Any]]:
    """What SageMaker was asked to start; its own API is the laptop cloud's to test."""
    requests: list[dict[str, Any]] = []

    def start(request: dict[str, Any]) -> str:
        requests.append(request)
        return RUN

    monkeypatch.setattr(inbox.sagemaker, "start", start)
    if BUCKET not in [b["Name"] for b in aws.client("s3").list_buckets()["Buckets"]]:
        aws.client("s3").create_bucket(Bucket=BUCKET)
    return requests


def body(uri: str) -> Any:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    return json.loads(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def test_a_drop_that_is_not_quiet_waits_and_then_starts_with_its_manifest(
    inbox: Inbox, upload: Upload, started: list[dict[str, Any]]
) -> None:
    inbox.handle([upload(RAW + "heavy shells+1.csv"), upload(RAW + "sub/größe.csv")])
    request = inbox.ledger.lane(TRAINING).waiting
    assert request is not None
    assert request.quiet_at is not None
    early = advance(handed_in.adapters(inbox), TRAINING, request.id, request.quiet_at - 1)
    assert early == Advanced("wait", until=request.quiet_at)
    assert started == []
    answer = advance(handed_in.adapters(inbox), TRAINING, request.id, request.quiet_at)
    assert answer == Advanced("done", f"runs as {RUN}")
    (run,) = started
    assert run["PipelineName"] == TRAINING
    assert run["PipelineExecutionDisplayName"] == request.id
    assert 32 <= len(run["ClientRequestToken"]) <= 128
    parameters = {p["Name"]: p["Value"] for p in run["PipelineParameters"]}
    assert parameters["InputDataType"] == "ManifestFile"
    assert body(parameters["InputData"]) == [
        {"prefix": f"s3://{BUCKET}/"},
        f"{RAW}heavy shells+1.csv",
        f"{RAW}sub/größe.csv",
    ]
    lane = inbox.ledger.lane(TRAINING)
    assert lane.waiting is None
    assert lane.current is not None
    assert lane.current.request_id == request.id


def test_a_claim_whose_answer_was_lost_is_looked_for_before_it_starts_again(
    inbox: Inbox, upload: Upload, started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.handle([upload(RAW + "a.csv")])
    request = inbox.ledger.lane(TRAINING).waiting
    assert request is not None
    answers = iter([RetryableError("no answer came"), RetryableError("again"), None])

    def start(run: dict[str, Any]) -> str:
        started.append(run)
        if error := next(answers):
            raise error
        return RUN

    monkeypatch.setattr(inbox.sagemaker, "start", start)
    with pytest.raises(RetryableError):
        advance(handed_in.adapters(inbox), TRAINING, request.id, NOW + 60)
    looked_for: list[str] = []

    def absent(pipeline: str, name: str, since: float) -> str | None:
        looked_for.append(name)
        return None

    monkeypatch.setattr(inbox.sagemaker, "find", absent)
    with pytest.raises(RetryableError):
        advance(handed_in.adapters(inbox), TRAINING, request.id, NOW + 60)
    assert looked_for == [request.id]
    assert len(started) == 2
    assert started[0] == started[1]  # same name, same token: SageMaker knows it
    monkeypatch.setattr(inbox.sagemaker, "find", lambda *_: RUN)
    answer = advance(handed_in.adapters(inbox), TRAINING, request.id, NOW + 60)
    assert answer == Advanced("done", f"runs as {RUN}")
    assert len(started) == 2
    lane = inbox.ledger.lane(TRAINING)
    assert lane.current is not None
    assert lane.current.execution_arn == RUN


def test_ground_truth_of_the_same_name_goes_with_its_input(
    inbox: Inbox, upload: Upload, started: list[dict[str, Any]]
) -> None:
    ledger = inbox.ledger
    lane = ledger.lane(INFERENCE)
    ledger.claim(lane, replace(lane, rollout=replace(lane.rollout, live="arn:model")))
    scoring, truth = "abalone/batch-scoring/data/raw/", "abalone/batch-scoring/data/ground-truth/"
    aws.client("s3").put_object(Bucket=BUCKET, Key=truth + "a b.csv", Body=b"1\n")
    inbox.handle([upload(scoring + "a b.csv"), upload(scoring + "none.csv")])
    request = ledger.lane(INFERENCE).waiting
    assert request is not None
    advance(handed_in.adapters(inbox), INFERENCE, request.id, NOW + 60)
    parameters = {p["Name"]: p["Value"] for p in started[0]["PipelineParameters"]}
    assert parameters["GroundTruthAvailable"] == "true"
    assert body(parameters["GroundTruth"]) == [{"prefix": f"s3://{BUCKET}/"}, f"{truth}a b.csv"]


def test_a_request_that_cannot_run_yet_is_left_to_the_event_that_frees_it(
    inbox: Inbox, upload: Upload, started: list[dict[str, Any]]
) -> None:
    inbox.handle([upload("abalone/batch-scoring/data/raw/a.csv")])
    request = inbox.ledger.lane(INFERENCE).waiting
    assert request is not None
    answer = advance(handed_in.adapters(inbox), INFERENCE, request.id, NOW + 60)
    assert answer.reason == "waits for a model to go live"
    assert advance(handed_in.adapters(inbox), HPO, "nothing", NOW).outcome == "done"
    assert started == []
    assert digest("x") == digest("x")


def test_each_decision_is_one_line_of_fields_in_the_log(
    inbox: Inbox, upload: Callable[..., dict[str, Any]]
) -> None:
    lines: list[tuple[str, dict[str, Any]]] = []
    logging = replace(inbox, info=lambda message, extra: lines.append((message, extra)))
    keys = [f"abalone/training/data/raw/{name}.csv" for name in "abc"]
    assert logging.handle([upload(key) for key in keys]) == []
    assert logging.handle([upload(keys[0])]) == []  # delivered again: decided no more
    ((message, fields),) = lines
    assert message == "decided"
    assert fields.pop("milliseconds") >= 0
    assert fields == {
        "event": "FilesArrived",
        "project": "abalone",
        "lane": TRAINING,
        "business_key": f"s3/{BUCKET}/{keys[0]}/v1",
        "events": 3,
        "outcome": "joined",
    }
