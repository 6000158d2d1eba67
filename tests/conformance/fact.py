"""A fact: what AWS or GitLab answers to one request, who says so, and how to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.account import Account

Probe = Callable[[Account], str]


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement that Headrace relies on, and the request that checks it.

    `source` is the document, issue or test that says so; `expected` the answers that Headrace
    holds under, the first being the laptop cloud's default. Several answers make the fact open:
    `switch` is then the laptop cloud's setting whose values they are, in the same order.
    `creates` is what the probe makes in the account, `minutes` how long it takes there, `dollars`
    what it costs at most. `needs` is GITLAB for a fact that is asked only where one is given.
    """

    name: str
    statement: str
    source: str
    expected: tuple[str, ...]
    ask: Probe
    switch: str = ""
    creates: str = ""
    minutes: float = 0.2
    dollars: float = 0.0
    needs: str = ""


ALL: list[Fact] = []


def fact(statement: str, source: str, *expected: str, **more: Any) -> Callable[[Probe], Probe]:
    """Register the decorated probe as a fact that bears its name."""

    def register(probe: Probe) -> Probe:
        ALL.append(Fact(probe.__name__, statement, source, expected, probe, **more))
        return probe

    return register


def answer(call: Callable[[], Any], message: bool = False) -> str:
    """Return "accepted", or "refused: CODE" with the message where that is part of the fact.

    Being denied the request by IAM says nothing about the fact: it is raised.
    """
    try:
        call()
    except ClientError as error:
        code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if is_denial(code):
            raise
        return f"refused: {code}: {text}" if message else f"refused: {code}"
    return "accepted"


def identity_in(description: Mapping[str, Any], member: str) -> str:
    """Return how a description has a user: with an IAM identity, empty, or not at all."""
    if member not in description:
        return "absent"
    return "iam-identity" if description[member].get("IamIdentity") else "empty"


def is_denial(code: str) -> bool:
    """Whether an error code says that who asked may not ask."""
    return code.startswith(("AccessDenied", "Unauthorized", "AuthorizationError", "NotAuthorized"))
