"""Our own rules, held against the expanded template; and each rule, against a template it refuses.

A rule that cannot fail is no rule: breakages.py and breakages_of_act.py break the template once or
more for each.
"""

import copy
from types import ModuleType
from typing import get_args

import pytest

from checks.expand import expanded
from pipeline_specs.config.recipients import Status
from tests.template import (
    rules_of_access,
    rules_of_act,
    rules_of_alarms,
    rules_of_events,
    rules_of_functions,
)
from tests.template.breakages import BREAKAGES
from tests.template.breakages_of_act import BREAKAGES_OF_ACT
from tests.template.breaking import Break, Rule
from tests.template.code_calls import clients_handed_in
from tests.template.expanded_stack import Stack, named

ALL_BREAKAGES = [*BREAKAGES, *BREAKAGES_OF_ACT]
TEMPLATE = expanded()
STACK = Stack(TEMPLATE)
# Public functions that are no rules: what rules are made of.
HELPERS = {
    *(rules_of_functions.functions, rules_of_functions.actions_of),
    *(rules_of_act.operation_of, rules_of_events.polled),
}


def rules_in(module: ModuleType) -> list[Rule]:
    return [
        value
        for name, value in vars(module).items()
        if callable(value)
        and getattr(value, "__module__", "") == module.__name__
        and not name.startswith("_")
        and value not in HELPERS
    ]


RULES = [
    rule
    for module in (
        *(rules_of_events, rules_of_access, rules_of_functions),
        *(rules_of_act, rules_of_alarms),
    )
    for rule in rules_in(module)
]


def test_every_status_that_a_text_may_be_written_for_reaches_notify() -> None:
    reaching: dict[str, set[str]] = {}
    rules = STACK.of("Events::Rule")
    for rule, target in STACK.targets():
        pattern = rules[rule].get("EventPattern", {})
        if named(target["Arn"]) == "NotifyQueue":
            for kind in pattern["detail-type"]:
                statuses = pattern.get("detail", {}).get("currentStepStatus", get_args(Status))
                reaching.setdefault(kind, set()).update(statuses)
    for kind in ("Execution", "Execution Step"):
        name = f"SageMaker Model Building Pipeline {kind} Status Change"
        assert reaching[name] >= set(get_args(Status)), kind


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(rule: Rule) -> None:
    assert rule(STACK) == []


@pytest.mark.parametrize(("rule", "resource", "break_it"), ALL_BREAKAGES)
def test_the_rule_notices(rule: Rule, resource: str, break_it: Break) -> None:
    template = copy.deepcopy(TEMPLATE)
    break_it(template)

    complaints = rule(Stack(template))

    assert [text for text in complaints if text.startswith(resource)], complaints


def test_every_rule_can_fail() -> None:
    broken = {parameters.values[0] for parameters in ALL_BREAKAGES}

    assert [rule.__name__ for rule in RULES if rule not in broken] == []


def test_the_runtime_hands_each_adapter_a_client_of_the_service_it_takes() -> None:
    handed_in = list(clients_handed_in())

    assert len(handed_in) == 10
    for where, adapter, service, taken in handed_in:
        assert taken == {service}, f"{where} hands a client of {service} to {adapter}"
