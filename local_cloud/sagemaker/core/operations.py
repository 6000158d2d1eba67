"""What an operation is given, and the register of those there are."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from local_cloud.sagemaker.core.events import Event
from local_cloud.sagemaker.core.open_facts import OpenFacts
from local_cloud.sagemaker.core.store import Scope, Table
from local_cloud.sagemaker.host import Execution

Operation = Callable[["Call", dict[str, Any]], dict[str, Any]]
OPERATIONS: dict[str, Operation] = {}
ALPHABET = string.ascii_lowercase + string.digits


class Runner(Protocol):
    """Where executions are handed to be run or stopped."""

    def start(self, execution: Execution) -> None:
        """Have it run."""

    def stop(self, execution_arn: str) -> None:
        """Have it stop."""


@dataclass
class Call:
    """One call: who makes it and where, the tables it may change, what follows from it.

    The store is locked while an operation runs. Events leave when it succeeded, in the order of
    the changes; `afterwards` holds what must not run under the lock.
    """

    account_id: str
    region: str
    identity: dict[str, Any]
    scope: Scope
    scope_of: Callable[[str, str], Scope]
    engine: Runner
    facts: OpenFacts = field(default_factory=OpenFacts)
    now: datetime = field(default_factory=lambda: present())
    events: list[Event] = field(default_factory=list)
    afterwards: list[Callable[[], None]] = field(default_factory=list)

    def of_account(self, account_id: str) -> Call:
        """The same call, in the tables of another account of this region."""
        return replace(self, account_id=account_id, scope=self.scope_of(account_id, self.region))

    def table(self, name: str) -> Table:
        """A table of this account and region."""
        return self.scope.table(name)

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a SageMaker resource here."""
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:{kind}/{name}"

    def user(self) -> dict[str, Any]:
        """The caller, as CreatedBy and LastModifiedBy tell."""
        return {"IamIdentity": dict(self.identity)}


def operation(name: str) -> Callable[[Operation], Operation]:
    """Register a function as the operation of that name."""

    def register(function: Operation) -> Operation:
        OPERATIONS[name] = function
        return function

    return register


def present() -> datetime:
    """Now, to the millisecond: as exact as the wire is."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def new_id(length: int = 12) -> str:
    """A random id in the letters that SageMaker uses for its own."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def parsed_json(text: str) -> Any:
    """JSON as the standard has it: NaN and Infinity are errors too."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)
