"""SQS refuses a queue's policy that AWS's would refuse; MiniStack keeps any text.

SQS documents at most 20 statements, 7 actions a statement and 50 principals; a statement is about
the queue itself, so `Resource` names one queue or `*`. A principal must exist when the policy is
set. All of these but the limits share one error, which does not say what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import iam, sqs
from ministack.services.cloudformation import provisioners

from local_cloud.ministack import seams

STATEMENTS, ACTIONS, PRINCIPALS = 20, 7, 50
_POLICY = "AWS::SQS::QueuePolicy"


def check(policy: str) -> None:
    """Raise SQS's error unless the queue's policy, a JSON text, may be set."""
    try:
        statements = _list(json.loads(policy)["Statement"])
        principals = [list(_principals(statement)) for statement in statements]
        actions = [_list(statement.get("Action", [])) for statement in statements]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _invalid() from None
    if len(statements) > STATEMENTS:
        raise _over_limit(f"{len(statements)} statements; the maximum is {STATEMENTS}")
    if any(len(named) > ACTIONS for named in actions):
        raise _over_limit(f"more than {ACTIONS} actions in a statement")
    if sum(map(len, principals)) > PRINCIPALS:
        raise _over_limit(f"more than {PRINCIPALS} principals")
    resources = [_list(statement.get("Resource", [])) for statement in statements]
    if any(len(named) > 1 for named in resources) or any(
        _is_missing(who) for named in principals for who in named
    ):
        raise _invalid()


def install() -> None:
    """Check the policies that requests and CloudFormation set."""
    for name in ("CreateQueue", "SetQueueAttributes"):
        if name not in sqs._HANDLERS:
            raise seams.SeamMovedError(f"MiniStack's SQS has no {name}; was {seams.VERSION}")
        sqs._HANDLERS[name] = _checked(sqs._HANDLERS[name])
    handlers: dict[str, Any] = provisioners._RESOURCE_HANDLERS.get(_POLICY, {})
    if not {"create", "update"} <= set(handlers):
        raise seams.SeamMovedError(f"MiniStack creates no {_POLICY}; was {seams.VERSION}")
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        check(_text(properties))
        return create(logical_id, properties, stack_name)

    def updated(physical_id: str, old: Any, properties: dict[str, Any], stack_name: str) -> Any:
        check(_text(properties))
        return update(physical_id, old, properties, stack_name)

    handlers.update(create=created, update=updated)


def _checked(act: Callable[[dict[str, Any], str], Any]) -> Callable[[dict[str, Any], str], Any]:
    def checked(data: dict[str, Any], url: str) -> Any:
        if policy := (data.get("Attributes") or {}).get("Policy"):
            check(str(policy))
        return act(data, url)

    return checked


def _text(properties: dict[str, Any]) -> str:
    document = properties.get("PolicyDocument", {})
    return document if isinstance(document, str) else json.dumps(document)


def _principals(statement: dict[str, Any]) -> Iterator[str]:
    """Yield the accounts, roles and users that a statement names, and `*`; services are neither."""
    principal = statement.get("Principal", {})
    yield from [principal] if isinstance(principal, str) else _list(principal.get("AWS", []))


def _is_missing(who: str) -> bool:
    """Return whether this is a role of the request's account that does not exist."""
    parts = who.split(":", 5)
    if len(parts) < 6 or parts[2] != "iam" or parts[4] != get_account_id():
        return False
    kind, _, path = parts[5].partition("/")
    return kind == "role" and path.rpartition("/")[2] not in iam._roles


def _invalid() -> Exception:
    return _error("InvalidAttributeValue", "Invalid value for the parameter Policy.")


def _over_limit(what: str) -> Exception:
    return _error("OverLimit", f"The policy has {what}.")


def _error(code: str, message: str) -> Exception:
    error: Exception = sqs._Err(code, message, 400)
    return error


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
