"""Which permissions roles really use: every IAM decision that allowed a role an action.

A line of JSON per role, action and resource, written the first time it is allowed. What a service
does in a role's name without a request (Lambda polling a queue, writing logs) is checked by
`roles.require`, and so recorded as well.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from local_cloud.ministack import seams


@dataclass(frozen=True, slots=True)
class Use:
    """A role was allowed an action on a resource, each as IAM names it; the role by its name."""

    account: str
    role: str
    action: str
    resource: str


def install(record: Path) -> None:
    """Start recording, appending to the file."""
    from ministack.core import iam_evaluator  # readers of a record need no MiniStack

    record.parent.mkdir(parents=True, exist_ok=True)
    seen, lock = set(uses(record)), threading.Lock()

    def evaluate(ctx: Any, policies: Any, *limits: Any) -> Any:
        result = original(ctx, policies, *limits)
        if result.decision == "Allow" and ctx.principal_type == "AssumedRole":
            account = ctx.principal_arn.split(":")[4]
            role = ctx.principal_arn.split(":assumed-role/", 1)[-1].split("/", 1)[0]
            use = Use(account, role, ctx.action, ctx.resource_arn)
            with lock:
                if use not in seen:
                    seen.add(use)
                    with record.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(astuple(use)) + "\n")
        return result

    original = seams.replace(iam_evaluator, "evaluate", "ctx policies limits", evaluate)


def uses(record: Path) -> Iterator[Use]:
    """Read what was recorded; nothing if nothing was."""
    if record.exists():
        for line in record.read_text(encoding="utf-8").splitlines():
            yield Use(*json.loads(line))
