"""What breaks the expanded template, for tests that a rule notices."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.template.expanded_stack import Stack

Template = dict[str, Any]
Rule = Callable[[Stack], list[str]]
Break = Callable[[Template], object]
INBOX = {"Fn::GetAtt": ["Inbox", "Arn"]}


def properties(template: Template, name: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def put(name: str, *path: str | int, to: Any) -> Break:
    """Set what is at a path in a resource's properties."""

    def break_it(template: Template) -> None:
        place: Any = properties(template, name)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return break_it


def drop(name: str, *path: str | int) -> Break:
    """Remove what is at a path in a resource's properties; the resource, if there is no path."""

    def break_it(template: Template) -> None:
        if not path:
            del template["Resources"][name]
            return
        place: Any = properties(template, name)
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return break_it


def grant(role: str, *, sid: str = "More", action: Any = "s3:GetObject", **more: Any) -> Break:
    """Add a statement to a role's policy."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": INBOX, **more}

    def break_it(template: Template) -> None:
        policy = properties(template, role)["Policies"][0]["PolicyDocument"]
        policy["Statement"] = [*policy["Statement"], statement]

    return break_it


def revoke(role: str, sid: str) -> Break:
    """Remove a statement from a policy."""

    def break_it(template: Template) -> None:
        held = properties(template, role)
        policy = held.get("PolicyDocument") or held["Policies"][0]["PolicyDocument"]
        kept = [item for item in policy["Statement"] if item.get("Sid") != sid]
        assert len(kept) < len(policy["Statement"]), f"{role} has no statement {sid}"
        policy["Statement"] = kept

    return break_it


def in_act(state: str, change: Callable[[dict[str, Any]], object]) -> Break:
    """Change a state of the state machine."""

    def break_it(template: Template) -> None:
        machine = properties(template, "ActStateMachine")
        definition = json.loads("".join(machine["DefinitionString"]["Fn::Join"][1]))
        change(definition["States"][state])
        machine["DefinitionString"] = json.dumps(definition)

    return break_it


def case(rule: Rule, resource: str, break_it: Break) -> Any:
    return pytest.param(rule, resource, break_it, id=f"{rule.__name__}-{resource}")
