"""Hypothesis walks the pure rules: any order of events over lanes, and over a registry's life.

The walks show that they can fail, too: with a rule taken out they find the order that breaks it.
"""

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any
from unittest import mock

import headrace.domain
import headrace.rules
import pytest
from headrace.domain.lane import Lane
from headrace.rules import approvals, decide, retuning, runs
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants, constants_from_module
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.simulation.lanes_walk import Lanes
from tests.simulation.registry_walk import RegistryLife

# The same walks every time.
STEADY = settings(
    max_examples=60,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
_refreshed = approvals.refreshed


@pytest.fixture(autouse=True)
def constants_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have Hypothesis try the constants of the same modules, whatever other tests imported."""
    names = ["tests.simulation.lanes_walk", "tests.simulation.registry_walk"]
    for package in (headrace.domain, headrace.rules):
        found = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        names += [module.name for module in found]
    constants = Constants()
    for name in names:
        constants |= constants_from_module(import_module(name))
    monkeypatch.setattr(providers, "_get_local_constants", lambda: constants)
    providers.CONSTANTS_CACHE.cache.clear()
    yield
    providers.CONSTANTS_CACHE.cache.clear()


@pytest.mark.parametrize("machine", [Lanes, RegistryLife])
def test_any_order_of_events_keeps_the_rules(machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(machine, settings=STEADY)


def of_any_refresh(project: Any, lane: Lane, event: Any, now: float) -> Any:
    """Take the end of any refresh of a version for the end of the one under way."""
    if lane.rollout.wanted == event.ended.arn:
        lane = replace(lane, rollout=replace(lane.rollout, refresh_id=event.ended.refresh_id))
    return _refreshed(project, lane, event, now)


def of_any_age(project: Any, lane: Lane, event: Any, now: float) -> Any:
    """Accept the end of a refresh however late it is reported."""
    return _refreshed(
        project, replace(lane, rollout=replace(lane.rollout, deployed_by=0)), event, now
    )


def dispatches_nothing(project: Any, lane: Lane, now: float) -> tuple[Lane, tuple[()]]:
    """Leave the request that waits alone when its lane comes free."""
    return lane, ()


def always(project: Any, lane: Lane, now: float) -> str:
    """Retune whatever the policy says."""
    return ""


@pytest.mark.parametrize(
    ("machine", "where", "name", "instead"),
    [
        (RegistryLife, decide, "refreshed", of_any_refresh),
        (RegistryLife, decide, "refreshed", of_any_age),
        (Lanes, runs, "dispatch_waiting", dispatches_nothing),
        (Lanes, retuning, "_why_not_retuned", always),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_without_a_rule_some_order_of_events_breaks_it(
    machine: type[RuleBasedStateMachine], where: Any, name: str, instead: Callable[..., Any]
) -> None:
    found = settings(STEADY, phases=[Phase.generate], max_examples=3000, print_blob=False)
    with mock.patch.object(where, name, instead), pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=found)
