"""The state machine `act`, walked with the input that each action gives it."""

import json
from typing import Any, get_args

import pytest
from botocore.validate import ParamValidator
from headrace.adapters.eventbridge import parse
from headrace.domain.actions import (
    Action,
    AdvanceRun,
    Notify,
    RefreshInference,
    ReturnToPending,
    as_input,
)
from headrace.domain.errors import PermanentError
from headrace.domain.events import RefreshEnded, RunNotStarted
from headrace.domain.message import Message

from checks.expand import expanded
from tests.template.act_walk import ENTERED, Walk
from tests.template.expanded_stack import Stack
from tests.template.rules_of_act import operation_of

MACHINE = Stack(expanded()).machine()
ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/headrace-abalone/3"
ADVANCE = AdvanceRun("headrace-abalone-training", "drop-1", 0, 1_700_000_000.2503)
REFRESH = RefreshInference("abalone", "headrace-abalone", ARN, "refresh-1")
BACK = ReturnToPending(ARN, "the board's reference is missing", "why")
DETAIL = {"columns": ["a", "b"], "n": 1.5, "x": None}
MAIL = Message("drift", "abalone", "Drift", 'Sie sagt: "größer"\n', DETAIL)
EXAMPLES: dict[type[Action], Action] = {
    type(action): action for action in (ADVANCE, REFRESH, BACK, Notify(MAIL, "why"))
}


def walk(action: Action, *answers: Any) -> Walk:
    """Walk with the input of an action; every argument is what the called API takes."""
    walked = Walk(MACHINE, iter(answers)).run(json.loads(json.dumps(as_input(action))))
    for name, arguments in walked.steps:
        state = MACHINE["States"][name]
        if state["Type"] == "Task":
            operation = operation_of(state)
            assert operation is not None
            # These two take JSON, which the integration writes as text.
            as_text = {
                key: json.dumps(value) if key in {"Payload", "MessageBody"} else value
                for key, value in arguments.items()
            }
            report = ParamValidator().validate(as_text, operation.input_shape)
            assert not report.has_errors(), f"{name}: {report.generate_report()}"
    return walked


def payload(**answer: Any) -> dict[str, Any]:
    return {"StatusCode": 200, "Payload": answer}


def said(walked: Walk, state: str) -> Any:
    """Return the event that a walk sent to the inbox, parsed as the inbox parses it."""
    [body] = [arguments["MessageBody"] for name, arguments in walked.steps if name == state]
    return parse(json.loads(json.dumps(body)))


@pytest.mark.parametrize("kind", get_args(Action))
def test_every_action_has_a_way(kind: type[Action]) -> None:
    walked = walk(EXAMPLES[kind], payload(outcome="done", status="superseded"))

    assert walked.passed[-1] == "Done"


def test_an_action_of_another_version_fails_the_execution() -> None:
    walked = Walk(MACHINE, iter(())).run({"action": "dance"})

    assert walked.passed == ["Act", "UnknownAction"]


def test_a_run_is_waited_for_until_its_turn_comes() -> None:
    later = 1_700_000_060.0
    walked = walk(ADVANCE, payload(outcome="wait", until=later), payload(outcome="done"))

    call = {
        "FunctionName": "<AdvanceRunFunction.Arn>",
        "Payload": {"pipeline": "headrace-abalone-training", "request_id": "drop-1"},
    }
    assert walked.steps == [
        ("UntilQuiet", "2023-11-14T22:13:20.251Z"),  # rounded up: never too early
        ("Advance", call),
        ("UntilQuiet", "2023-11-14T22:14:20.000Z"),
        ("Advance", call),
    ]


def test_a_run_that_cannot_start_is_an_event() -> None:
    walked = walk(ADVANCE, PermanentError("no such pipeline"), {"MessageId": "1"})

    event = said(walked, "RunNotStarted")
    assert isinstance(event, RunNotStarted)
    assert (event.pipeline, event.request_id) == ("headrace-abalone-training", "drop-1")
    assert event.error == "no such pipeline"
    assert walked.passed[-1] == "Done"


def test_a_refresh_is_started_once_and_watched() -> None:
    url = "https://gitlab.example/1"
    running = payload(status="running", pipeline_id=7, detail=url)
    succeeded = payload(status="succeeded", pipeline_id=7, detail=url)
    walked = walk(REFRESH, *[running] * 40, succeeded, {"MessageId": "1"})

    asked = [a["Payload"]["pipeline_id"] for name, a in walked.steps if name == "Refresh"]
    waited = [seconds for name, seconds in walked.steps if name == "WhileCiRuns"]
    assert asked == [None] + [7] * 40
    assert waited == [*range(1, 31), *[30] * 10]
    event = said(walked, "RefreshEnded")
    assert isinstance(event, RefreshEnded)
    assert (event.group, event.arn, event.refresh_id) == ("headrace-abalone", ARN, "refresh-1")
    assert (event.succeeded, event.detail) == (True, url)


def test_a_day_in_a_queue_of_gitlab_leaves_room_in_the_history() -> None:
    running = payload(status="running", pipeline_id=7, detail="")
    walked = walk(REFRESH, *[running] * 480, payload(status="succeeded", detail=""), {})
    # Entered, scheduled, started, succeeded, exited; a Choice and a Wait are entered and exited.
    events, seconds = 0, 0.0
    for name, evaluated in walked.steps:
        if name == "Refresh":
            events += 5 + 2
        if name == "WhileCiRuns" and seconds < 24 * 3600:
            events, seconds = events + 2, seconds + evaluated
            at_the_end = events
    assert seconds >= 24 * 3600
    assert at_the_end < 5000


@pytest.mark.parametrize(
    "answer", [payload(status="failed", detail="job 3"), PermanentError("job 3")]
)
def test_a_refresh_that_fails_is_an_event(answer: Any) -> None:
    event = said(walk(REFRESH, answer, {"MessageId": "1"}), "RefreshEnded")

    assert isinstance(event, RefreshEnded)
    assert (event.succeeded, event.detail) == (False, "job 3")


def test_a_refresh_that_was_overtaken_says_nothing() -> None:
    walked = walk(REFRESH, payload(status="superseded", detail="another"))

    assert walked.passed == ["Act", "Refresh", "Refreshed", "Done"]


def test_an_approval_is_taken_back_with_its_reason() -> None:
    assert walk(BACK, {}).steps == [
        (
            "ReturnToPending",
            {
                "ModelPackageArn": ARN,
                "ModelApprovalStatus": "PendingManualApproval",
                "ApprovalDescription": "the board's reference is missing",
            },
        )
    ]


def test_a_message_is_text_for_people_and_json_for_machines() -> None:
    [(_, sent)] = walk(Notify(MAIL, "why"), {"MessageId": "1"}).steps

    body = json.loads(sent["Message"])
    assert sent["Subject"] == "Drift"
    assert body["email"] == MAIL.text
    assert json.loads(body["default"]) == MAIL.values()
    assert {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()} == {
        "project": "abalone",
        "kind": "drift",
    }


def test_events_of_the_state_machines_own_carry_the_time() -> None:
    walked = walk(ADVANCE, PermanentError("no"), {"MessageId": "1"})

    assert walked.steps[-1][1]["MessageBody"]["time"] == ENTERED
