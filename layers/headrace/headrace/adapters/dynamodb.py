"""A DynamoDB table of items with `pk` and `sk`, read consistently and written by transaction."""

import json
from typing import Annotated, Any

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import from_aws
from headrace.domain.errors import Conflict, RetryableError

NEW = "attribute_not_exists(pk)"  # the condition of a put that replaces nothing
_BATCH_GET = 100  # keys that BatchGetItem takes
_TRIES = 4


class _Busy(RetryableError):
    """Another transaction is writing one of the items at this moment."""


class Table:
    """A table by its name, over a client that is handed in."""

    def __init__(self, name: str, client: Annotated[Any, "dynamodb"]) -> None:
        self.name = name
        self._client = client

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        """Call DynamoDB, with its errors as ours."""
        if operation not in ("transact_write_items", "batch_get_item"):
            request["TableName"] = self.name
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code") for reason in reasons}
            if "ConditionalCheckFailed" in codes:
                raise Conflict("the ledger changed meanwhile") from error
            if "TransactionConflict" in codes:
                raise _Busy("the ledger is being written to; try again") from error
            raise from_aws(error, f"ledger {operation}") from error
        except BotoCoreError as error:
            raise from_aws(error, f"ledger {operation}") from error
        return answer

    def get(self, key: dict[str, str]) -> dict[str, Any] | None:
        """Return an item, as of now."""
        answer = self._call("get_item", Key=_typed(key), ConsistentRead=True)
        return answer.get("Item")

    def get_all(self, keys: list[dict[str, str]]) -> list[dict[str, Any]]:
        """Return the items that exist, as of now."""
        items: list[dict[str, Any]] = []
        for start in range(0, len(keys), _BATCH_GET):
            todo = [_typed(key) for key in keys[start : start + _BATCH_GET]]
            while todo:
                request = {self.name: {"Keys": todo, "ConsistentRead": True}}
                answer = self._call("batch_get_item", RequestItems=request)
                items += answer["Responses"].get(self.name, [])
                todo = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
        return items

    def query(self, pk: str, low: str = "", high: str = "", limit: int = 0) -> list[dict[str, Any]]:
        """Return a partition's items in order of `sk`, optionally only from `low` to `high`.

        With a limit, returns so many of the first ones at most.
        """
        request: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk" + (" AND sk BETWEEN :l AND :h" if low else ""),
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ConsistentRead": True,
        }
        if low:
            request["ExpressionAttributeValues"] |= {":l": {"S": low}, ":h": {"S": high}}
        items: list[dict[str, Any]] = []
        while True:
            if limit:
                request["Limit"] = limit - len(items)
            answer = self._call("query", **request)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer or len(items) == limit > 0:
                return items
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def delete(self, key: dict[str, str]) -> None:
        """Delete an item, if it is there."""
        self._call("delete_item", Key=_typed(key))

    def put(
        self,
        key: dict[str, str],
        attributes: dict[str, Any],
        condition: str = "",
        values: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return a put for `transact`; `condition` applies to the item it would replace."""
        put: dict[str, Any] = {"TableName": self.name, "Item": _typed({**key, **attributes})}
        if condition:
            put["ConditionExpression"] = condition
        if values:
            put["ExpressionAttributeValues"] = values
        return {"Put": put}

    def put_version(self, key: dict[str, str], doc: str, version: int) -> dict[str, Any]:
        """Return a put of a document's next version, for `transact`; it replaces only `version`."""
        return self.put(
            key,
            {"doc": doc, "version": version + 1},
            condition="attribute_not_exists(pk) OR version = :version",
            values={":version": {"N": str(version)}},
        )

    def transact(self, puts: list[dict[str, Any]]) -> None:
        """Write all or nothing. Raises Conflict if a condition no longer holds.

        DynamoDB cancels a transaction that runs into another one without checking its conditions,
        so it is tried again.
        """
        for tries_left in reversed(range(_TRIES if puts else 0)):
            try:
                self._call("transact_write_items", TransactItems=puts)
                return
            except _Busy:
                if not tries_left:
                    raise


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    return {k: {"N": str(v)} if isinstance(v, int) else {"S": v} for k, v in values.items()}


def fields_of(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass for JSON; `asdict` would copy them deeply."""
    return {name: getattr(value, name) for name in value.__slots__}


# What is written here has no circles, and looking for them takes time.
as_json = json.JSONEncoder(default=fields_of, check_circular=False).encode
