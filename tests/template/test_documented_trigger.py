"""The rule in docs/triggers.md, put into the template, does what the page says."""

import copy
import json
import re
from typing import Any

import pytest
from headrace.adapters.eventbridge import parse
from headrace.domain.events import RunRequested

from checks import expand
from tests.template import rules_of_events
from tests.template.expanded_stack import Stack

ROOT = expand.ROOT
RULE = "ShellsTableRule"
EVENT = json.loads((ROOT / "tests/events/glue_table.json").read_text())


def snippet(name: str) -> str:
    """The block of YAML between two marks of the page."""
    page = (ROOT / "docs/triggers.md").read_text("utf-8")
    found = re.search(rf"<!-- {name}: begin -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The template with both snippets, beside the other rules."""
    text = expand.TEMPLATE.read_text()
    beside, permitted = "  ReconcileRule:\n", "                  - !GetAtt UploadRule.Arn\n"
    assert text.count(beside) == 1
    assert permitted in text
    text = text.replace(beside, snippet("rule") + beside)
    text = text.replace(permitted, permitted + snippet("policy"), 1)  # the statement `Rules`
    changed = tmp_path_factory.mktemp("trigger") / "template.yaml"
    changed.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expand, "TEMPLATE", changed)
        return Stack(expand.expanded())


def transformed(transformer: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """What EventBridge sends in an event's place, as its documentation says.

    A variable that stands alone is replaced by its JSON value, one inside a string by its text.
    """
    text = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        value: Any = event
        for key in path.removeprefix("$.").split("."):
            value = value[key]
        alone = re.compile(rf"(?<=[:\[,]) ?<{name}>(?= ?[,}}\]])")
        text = json.dumps(value).join(alone.split(text))
        text = text.replace(f"<{name}>", json.dumps(value)[1:-1])
    assert not re.search(r"<\w+>", text), text
    sent: dict[str, Any] = json.loads(text)
    return sent


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether an event has what a pattern of plain values asks for."""
    return all(
        matches(wanted, event[key]) if isinstance(wanted, dict) else event[key] in wanted
        for key, wanted in pattern.items()
    )


def test_the_rule_takes_the_event_of_the_table_and_of_no_other(stack: Stack) -> None:
    pattern = stack.properties[RULE]["EventPattern"]
    assert matches(pattern, EVENT)
    other = copy.deepcopy(EVENT)
    other["detail"]["tableName"] = "corals"
    assert not matches(pattern, other)


def test_the_control_plane_reads_the_request_that_the_rule_sends(stack: Stack) -> None:
    (target,) = stack.properties[RULE]["Targets"]
    event = parse(transformed(target["InputTransformer"], EVENT))
    assert isinstance(event, RunRequested)
    assert event.pipeline == "headrace-abalone-training"
    assert event.id == "glue marine.shells 2026-11-02T08:15:07Z"
    assert "glue BatchCreatePartition of marine.shells" in str(event.cause)


def test_a_second_delivery_is_the_same_request(stack: Stack) -> None:
    (target,) = stack.properties[RULE]["Targets"]
    again = {**EVENT, "id": "another"}
    first, second = (parse(transformed(target["InputTransformer"], one)) for one in (EVENT, again))
    assert first.business_key == second.business_key


def test_the_template_keeps_its_rules_with_it(stack: Stack) -> None:
    for rule in (
        rules_of_events.targets_have_dead_letter_queues,
        rules_of_events.targets_let_their_rule_in,
        rules_of_events.targets_have_retry_policies,
        rules_of_events.targets_have_no_role,
    ):
        assert rule(stack) == []


def test_without_the_permission_the_queue_refuses_the_rule(stack: Stack) -> None:
    without = copy.deepcopy(stack)
    policy = without.properties["QueuePolicy"]["PolicyDocument"]
    for statement in policy["Statement"]:
        allowed = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn", [])
        if f"<{RULE}.Arn>" in allowed:
            allowed.remove(f"<{RULE}.Arn>")
    assert any(RULE in text for text in rules_of_events.targets_let_their_rule_in(without))
