"""Which items a DynamoDB request is about, as IAM's `dynamodb:LeadingKeys` names them.

MiniStack leaves the key out, so `ForAllValues` conditions hold whatever is asked for. The service
authorization reference gives it to the operations below; a Scan has none, on AWS as here. A batch
is authorised once per table, a transaction once per item. A query of an index has that index's
partition key. PartiQL statements are left without the key: nothing here sends any.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb

from local_cloud.ministack import seams

LEADING_KEYS = "dynamodb:LeadingKeys"
_ITEMS = "items of the request"  # for `enforce`, which takes it out of the context
_MEMBERS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "Get": "dynamodb:GetItem",
}
Items = dict[tuple[str | None, str], list[tuple[str, ...]]]


def items_of(request: dict[str, Any]) -> Items:
    """Return the partition keys that a request names, by action and table.

    Each set of keys is authorised by itself. The action is None where it is the request's own.
    """
    found: Items = {}
    if isinstance(entries := request.get("TransactItems"), list):
        for entry in entries:
            for member, action in _MEMBERS.items():
                detail = _object(_object(entry).get(member))
                keys = tuple(_keys(detail, detail.get("Key") or detail.get("Item")))
                sets = found.setdefault((action, _table(detail.get("TableName"))), [])
                if keys and keys not in sets:
                    sets.append(keys)
    elif isinstance(tables := request.get("RequestItems"), dict):
        for name, wanted in tables.items():
            keys = tuple(dict.fromkeys(_batch_keys({"TableName": name}, wanted)))
            found[None, _table(name)] = [keys] if keys else []
    else:
        item = request.get("Key") or request.get("Item")
        keys = tuple(_keys(request, item) if item else _query_keys(request))
        found[None, _table(request.get("TableName"))] = [keys] if keys else []
    return found


def _batch_keys(table: dict[str, Any], wanted: Any) -> Iterator[str]:
    """Yield the keys of a table's part in BatchGetItem (an object) or BatchWriteItem (a list)."""
    for key in _object(wanted).get("Keys", []):
        yield from _keys(table, key)
    for write in wanted if isinstance(wanted, list) else []:
        item = _object(write.get("PutRequest")).get("Item")
        yield from _keys(table, item or _object(write.get("DeleteRequest")).get("Key"))


def _query_keys(request: dict[str, Any]) -> Iterator[str]:
    table = dynamodb._tables.get(_table(request.get("TableName")))
    condition, conditions = request.get("KeyConditionExpression"), request.get("KeyConditions")
    if table and (isinstance(condition, str) or isinstance(conditions, dict)):
        name, _, _ = dynamodb._resolve_index_keys(table, request.get("IndexName"))
        given = dynamodb._key_condition_av(
            condition,
            conditions,
            _object(request.get("ExpressionAttributeValues")),
            _object(request.get("ExpressionAttributeNames")),
            name,
        )
        yield from _object(given).values()


def _keys(request: dict[str, Any], item: Any) -> Iterator[str]:
    """Yield the partition key of an item or key: at most one."""
    table = dynamodb._tables.get(_table(request.get("TableName")))
    if table:
        name, _, _ = dynamodb._resolve_index_keys(table, None)
        yield from _object(_object(item).get(name)).values()


def _table(name: Any) -> str:
    return str(dynamodb._normalize_table_name(name or ""))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def install() -> None:
    """Give IAM's evaluation the partition keys of each request."""

    def service_context(body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = context_of(body)
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            return found
        return {**found, _ITEMS: items_of(_object(request))}

    def transaction_checks(iam_action: str, body: bytes, region: str, account_id: str) -> Any:
        # `enforce` goes through all items of an action on a table at once.
        return list(dict.fromkeys(checks_of(iam_action, body, region, account_id)))

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        context = dict(service_context or {})
        items: Items = context.pop(_ITEMS, {})
        table = _table(resource_arn.partition("/index/")[0])
        sets = items.get((iam_action, table)) or items.get((None, table)) or [()]
        for keys in sets:
            more = {LEADING_KEYS: list(keys)} if keys else {}
            denied = check(access_key_id, iam_action, service, region, resource_arn, context | more)
            if denied is not None:
                return denied
        return None

    context_of = seams.replace(iam_actions, "dynamodb_service_context", "body", service_context)
    checks_of = seams.replace(
        iam_actions,
        "dynamodb_transaction_checks",
        "iam_action body region account_id",
        transaction_checks,
    )
    check = seams.replace(
        iam_evaluator,
        "enforce",
        "access_key_id iam_action service region resource_arn service_context",
        enforce,
    )
    for name, parameters in (
        ("_resolve_index_keys", "table index_name"),
        ("_key_condition_av", "condition key_conditions eav attr_names key_name"),
    ):
        seams.replace(dynamodb, name, parameters, getattr(dynamodb, name))
