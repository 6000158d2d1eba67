"""Schedules: rules in EventBridge that put a request into the inbox."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from headrace.adapters.eventbridge import parse_json
from headrace.domain.events import RunRequested
from headrace.domain.project import Pipelines
from samtranslator.yaml_helper import yaml_parse

from local_cloud.cloud import Cloud
from pipeline_specs import ROOT
from pipeline_specs.config.schedules import PREFIX, Schedule, rule_name
from pipeline_specs.deploy.schedules import Rules, target

PIPELINES = Pipelines("whelk-training", "whelk-training-hpo", "Whelk-inference", "whelk-quality")
NIGHTLY = Schedule("inference", "cron(0 3 * * ? *)")
WEEKLY = Schedule("training", "rate(7 days)")


class Bus:
    """EventBridge and the inbox of the cloud, for one project."""

    def __init__(self, cloud: Cloud) -> None:
        self.outputs: dict[str, str] = cloud.info["outputs"]
        session = cloud.session()
        self.events, self.sqs = session.client("events"), session.client("sqs")
        self.queues = (self.outputs["InboxQueueArn"], self.outputs["RuleDeadLettersArn"])
        self.rules = Rules(self.events, *self.queues)
        self.calls: list[str] = []
        self.events.meta.events.register("before-call", self._note)

    def _note(self, model: Any, **_: Any) -> None:
        if not model.name.startswith(("Describe", "List")):
            self.calls.append(model.name)

    def put(self, *schedules: Schedule) -> list[str]:
        self.calls.clear()
        return list(self.rules.put("whelk", PIPELINES, schedules))

    def names(self) -> list[str]:
        found = self.events.list_rules(NamePrefix=f"{PREFIX}whelk")["Rules"]
        return sorted(rule["Name"] for rule in found)

    def receive(self, seconds: float, project: str = "whelk", queue: str = "Inbox") -> str:
        """The next request for a run of this project; others are of other tests."""
        inbox, deadline = self.outputs[f"{queue}QueueUrl"], time.monotonic() + seconds
        while time.monotonic() < deadline:
            got = self.sqs.receive_message(QueueUrl=inbox, WaitTimeSeconds=1)
            for message in got.get("Messages", []):
                self.sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])
                if project in message["Body"].lower():
                    return str(message["Body"])
        raise AssertionError(f"no request within {seconds} s")


@pytest.fixture
def bus(cloud: Cloud) -> Iterator[Bus]:
    bus = Bus(cloud)
    yield bus
    bus.put()


def test_exactly_the_schedules_of_the_settings_are_there(bus: Bus) -> None:
    training, inference = rule_name("whelk", "training"), rule_name("whelk", "inference")
    assert bus.put(NIGHTLY, WEEKLY) == [
        f"{training}: created, rate(7 days)",
        f"{inference}: created, cron(0 3 * * ? *)",
    ]
    assert bus.names() == [inference, training]
    assert bus.put(NIGHTLY) == [f"{training}: deleted"]
    assert bus.names() == [inference]
    assert bus.put() == [f"{inference}: deleted"]
    assert bus.names() == []


def test_what_is_there_is_left_alone(bus: Bus) -> None:
    bus.put(NIGHTLY, WEEKLY)
    assert bus.put(NIGHTLY, WEEKLY) == []
    assert bus.calls == []


def test_another_time_or_another_pipeline_is_an_update(bus: Bus) -> None:
    bus.put(WEEKLY)
    (name,) = bus.names()
    assert bus.put(Schedule("training", "rate(1 day)")) == [f"{name}: updated, rate(1 day)"]
    bus.events.disable_rule(Name=name)
    assert bus.put(Schedule("training", "rate(1 day)")) == [f"{name}: updated, rate(1 day)"]
    renamed = replace(PIPELINES, training="other")
    schedules = (Schedule("training", "rate(1 day)"),)
    assert len(list(bus.rules.put("whelk", renamed, schedules))) == 1
    (to,) = bus.events.list_targets_by_rule(Rule=name)["Targets"]
    assert '"pipeline": "other"' in to["InputTransformer"]["InputTemplate"]


def test_a_rule_keeps_what_it_cannot_deliver(bus: Bus) -> None:
    to = target(PIPELINES, WEEKLY, *bus.queues)
    assert to["DeadLetterConfig"] == {"Arn": bus.queues[1]}
    assert to["RetryPolicy"]["MaximumEventAgeInSeconds"] == 86400


def test_the_stack_allows_rules_of_this_name_and_ci_to_create_them() -> None:
    template = (ROOT / "template.yaml").read_text()
    assert template.count(f"rule/{PREFIX}*") == 2


def test_the_control_plane_reads_what_a_rule_sends(bus: Bus) -> None:
    # A rule of a schedule's name and target, started by an event instead of the clock.
    name = rule_name("whelk", "inference")
    bus.events.put_rule(Name=name, EventPattern=json.dumps({"source": ["test.clock"]}))
    bus.events.put_targets(Rule=name, Targets=[target(PIPELINES, NIGHTLY, *bus.queues)])
    bus.events.put_events(
        Entries=[{"Source": "test.clock", "DetailType": "Scheduled Event", "Detail": "{}"}]
    )
    body = bus.receive(10)
    event = parse_json(body)
    assert isinstance(event, RunRequested)
    assert event.pipeline == "whelk-inference"
    assert str(event.cause) == "schedule cron(0 3 * * ? *)"
    assert event.id == json.loads(body)["time"]


def test_the_control_plane_reads_what_the_documented_trigger_sends(bus: Bus) -> None:
    page = (
        (ROOT / "docs/triggers.md").read_text("utf-8").split("<!-- rule: begin -->\n```yaml\n")[1]
    )
    (rule,) = yaml_parse(page.split("```")[0]).values()
    transformer = rule["Properties"]["Targets"][0]["InputTransformer"]
    # Another pipeline, and a source that may be published under: AWS's own may not.
    transformer["InputTemplate"] = transformer["InputTemplate"].replace("abalone", "whelk")
    name = rule_name("whelk", "training")
    bus.events.put_rule(Name=name, EventPattern=json.dumps({"source": ["test.glue"]}))
    to = {"Id": "inbox", "Arn": bus.queues[0], "InputTransformer": transformer}
    bus.events.put_targets(Rule=name, Targets=[to])
    event = json.loads((ROOT / "tests/events/glue_table.json").read_text())
    entry = {"Source": "test.glue", "DetailType": event["detail-type"]}
    bus.events.put_events(Entries=[{**entry, "Detail": json.dumps(event["detail"])}])
    body = bus.receive(10)
    found = parse_json(body)
    assert isinstance(found, RunRequested)
    assert found.pipeline == "headrace-whelk-training"
    assert found.id == f"glue marine.shells {json.loads(body)['time']}"


def test_the_clock_starts_a_run(bus: Bus) -> None:
    """Up to a minute long where few tests ran before it."""
    event = parse_json(bus.receive(90, "limpet", "Minutes"))
    assert isinstance(event, RunRequested)
    assert (event.pipeline, str(event.cause)) == ("limpet-training", "schedule rate(1 minute)")
