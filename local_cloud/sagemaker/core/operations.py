"""The arguments of an operation, and the register of all operations."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from local_cloud.sagemaker.core.events import Event
from local_cloud.sagemaker.core.store import Scope, Table
from local_cloud.sagemaker.host import Execution

Operation = Callable[["Call", dict[str, Any]], dict[str, Any]]
OPERATIONS: dict[str, Operation] = {}
ALPHABET = string.ascii_lowercase + string.digits


class Runner(Protocol):
    """Runs and stops executions."""

    def start(self, execution: Execution) -> None:
        """Have it run."""

    def stop(self, execution_arn: str) -> None:
        """Have it stop."""


@dataclass
class Call:
    """One call: its caller, account and region, the tables it may change, and its effects.

    The store is locked while an operation runs. Events are sent once it succeeded, in the order of
    the changes; `afterwards` holds what must not run under the lock.
    """

    account_id: str
    region: str
    identity: dict[str, Any]
    scope: Scope
    scope_of: Callable[[str, str], Scope]
    engine: Runner
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
        """The caller, for CreatedBy and LastModifiedBy."""
        return {"IamIdentity": dict(self.identity)}


def operation(name: str) -> Callable[[Operation], Operation]:
    """Register a function as the operation of that name."""

    def register(function: Operation) -> Operation:
        OPERATIONS[name] = function
        return function

    return register


def present() -> datetime:
    """The current time in milliseconds, the precision of the API."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def new_id(length: int = 12) -> str:
    """A random id in SageMaker's alphabet."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def parsed_json(text: str) -> Any:
    """Parse strict JSON: NaN and Infinity are errors."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)
