"""A dead letter of a rule reaches the inbox in the form that the control plane takes."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from headrace.adapters.eventbridge import parse
from headrace.domain.events import RunRequested
from headrace.domain.project import Pipelines

from pipeline_specs.config.schedules import Schedule
from pipeline_specs.deploy.schedules import target
from workbench.redrive import redrive

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:"
RULE = "arn:aws:events:eu-west-1:123456789012:rule/headrace-schedule-abalone-training"
PIPELINES = Pipelines("a-training", "a-training-hpo", "a-inference", "a-model-quality")
TARGET = target(PIPELINES, Schedule("training", "rate(1 day)"), f"{QUEUE}Inbox", f"{QUEUE}Dead")
DUE = "2026-11-02T08:00:00Z"
PLAIN = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": DUE,
    "region": "eu-west-1",
    "resources": [RULE],
    "detail": {},
}
TRANSFORMED = json.loads(TARGET["InputTransformer"]["InputTemplate"].replace("<time>", f'"{DUE}"'))


class Gone(Exception):
    pass


class Services:
    """The stack's queues, and EventBridge with one rule."""

    exceptions = SimpleNamespace(ResourceNotFoundException=Gone)

    def __init__(self, letters: list[dict[str, Any]], rules: list[str]) -> None:
        self.letters, self.rules = letters, rules
        self.sent: list[tuple[str, Any]] = []
        self.session, self.name = SimpleNamespace(client=lambda service: self), "headrace"

    def physical_id(self, logical: str) -> str:
        return logical

    def get_queue_attributes(self, QueueUrl: str, **_: Any) -> dict[str, Any]:
        return {"Attributes": {"QueueArn": f"{QUEUE}{QueueUrl}"}}

    def receive_message(self, QueueUrl: str, **_: Any) -> dict[str, Any]:
        return {"Messages": self.letters if QueueUrl == "RuleDeadLetters" else []}

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:
        self.sent.append((QueueUrl, json.loads(MessageBody)))

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        self.letters = [one for one in self.letters if one["ReceiptHandle"] != ReceiptHandle]

    def list_targets_by_rule(self, Rule: str) -> dict[str, Any]:
        if Rule not in self.rules:
            raise Gone
        return {"Targets": [TARGET]}


def redriven(event: dict[str, Any], rules: list[str]) -> list[tuple[str, Any]]:
    attributes = {"RULE_ARN": RULE, "TARGET_ARN": f"{QUEUE}Inbox"}
    letter = {
        "Body": json.dumps(event),
        "ReceiptHandle": "1",
        "MessageAttributes": {name: {"StringValue": value} for name, value in attributes.items()},
    }
    services: Any = Services([letter], rules)
    redrive(services)
    sent: list[tuple[str, Any]] = services.sent
    return sent


@pytest.mark.parametrize("event", [PLAIN, TRANSFORMED])
def test_a_schedules_dead_letter_is_one_request_in_either_form(event: dict[str, Any]) -> None:
    ((queue, body),) = redriven(event, [RULE.partition("/")[2]])
    assert queue == "Inbox"
    asked = parse(body)
    assert isinstance(asked, RunRequested)
    assert asked.business_key == f"request/a-training/{DUE}"
    assert str(asked.cause) == "schedule rate(1 day)"


def test_an_event_of_a_rule_that_is_gone_stays_as_it_is() -> None:
    assert redriven(PLAIN, []) == [("Inbox", PLAIN)]


def test_a_variable_inside_of_a_text_gets_no_quotes_of_its_own() -> None:
    from workbench.redrive import _filled

    template = '{"id": "glue <database>, <table>, <n>", "time": <time>, "n": <n>}'
    paths = {"database": "$.detail.db", "table": "$.detail.t", "time": "$.time", "n": "$.n"}
    event = {"time": DUE, "n": 3, "detail": {"db": "marine", "t": "shells"}}
    assert json.loads(_filled(template, paths, event)) == {
        "id": "glue marine, shells, 3",
        "time": DUE,
        "n": 3,
    }
