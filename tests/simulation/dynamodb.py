"""DynamoDB, exactly as far as the ledger uses it; anything else fails loudly."""

import math
from typing import Any

from tests.simulation.faults import Faults, refused

Item = dict[str, dict[str, str]]

_NOTHING: tuple[float, Item | None] = (math.inf, None)
_PAGE = 500  # items; the service cuts at 1 MB


class SimulatedDynamoDB:
    """Tables of items by `pk` and `sk`, with conditions, transactions, pages and expiry."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._clock = faults.clock
        self._items: dict[str, dict[str, tuple[float, Item]]] = {}  # pk, sk -> (expires at, item)
        self.writes = 0

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool) -> dict[str, Any]:
        assert ConsistentRead
        item = self._faults.around("get", lambda: self._read(Key))
        return {"Item": item} if item else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        ((table, request),) = RequestItems.items()
        keys = request["Keys"]
        assert request["ConsistentRead"]
        assert 1 <= len(keys) <= 100
        assert len({(k["pk"]["S"], k["sk"]["S"]) for k in keys}) == len(keys)
        left: list[Item] = []
        if len(keys) > 1 and self._faults.by_chance(self._faults.mix.conflicts):
            keys, left = keys[: len(keys) // 2], keys[len(keys) // 2 :]

        def found() -> list[Item]:
            return [item for key in keys if (item := self._read(key))]

        answer: dict[str, Any] = {"Responses": {table: self._faults.around("batch_get", found)}}
        if left:
            answer["UnprocessedKeys"] = {table: {"Keys": left, "ConsistentRead": True}}
        return answer

    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: dict[str, dict[str, str]],
        ConsistentRead: bool,
        ExclusiveStartKey: Item | None = None,
        Limit: int = _PAGE,
    ) -> dict[str, Any]:
        assert ConsistentRead
        values = ExpressionAttributeValues
        low, high = "", "\U0010ffff"
        if KeyConditionExpression == "pk = :pk AND sk BETWEEN :l AND :h":
            low, high = values[":l"]["S"], values[":h"]["S"]
        else:
            assert KeyConditionExpression == "pk = :pk", KeyConditionExpression
        after = ExclusiveStartKey["sk"]["S"] if ExclusiveStartKey else ""
        return dict(
            self._faults.around(
                "query", lambda: self._page(values[":pk"]["S"], low, high, after, Limit)
            )
        )

    def _page(self, pk: str, low: str, high: str, after: str, limit: int) -> dict[str, Any]:
        rows = self._items.get(pk, {})
        keys = sorted(sk for sk in rows if low <= sk <= high and sk > after)
        now = self._clock.now
        page = keys[: min(limit, _PAGE)]
        items = [item for expires, item in (rows[sk] for sk in page) if expires >= now]
        answer: dict[str, Any] = {"Items": items}
        if len(keys) > len(page):
            answer["LastEvaluatedKey"] = {"pk": {"S": pk}, "sk": {"S": page[-1]}}
        return answer

    def delete_item(self, *, TableName: str, Key: Item) -> dict[str, Any]:
        def delete() -> None:
            self._items.get(Key["pk"]["S"], {}).pop(Key["sk"]["S"], None)

        self._faults.around("delete", delete)
        return {}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        puts = [item["Put"] for item in TransactItems]
        assert 1 <= len(puts) <= 100, f"{len(puts)} items in one transaction"
        keys = [(put["Item"]["pk"]["S"], put["Item"]["sk"]["S"]) for put in puts]
        assert len(set(keys)) == len(keys), "one item twice in a transaction"
        for pk, sk in keys:
            assert 0 < len(pk.encode()) <= 2048, pk
            assert 0 < len(sk.encode()) <= 1024, sk
        clash = self._faults.by_chance(self._faults.mix.conflicts)

        def write() -> None:
            codes = ["None" if self._holds(put) else "ConditionalCheckFailed" for put in puts]
            if clash:
                codes[-1] = "TransactionConflict"
            if any(code != "None" for code in codes):
                raise refused(
                    "TransactionCanceledException",
                    f"Transaction cancelled [{', '.join(codes)}]",
                    "TransactWriteItems",
                    CancellationReasons=[{"Code": code} for code in codes],
                )
            self.writes += 1
            for put, (pk, sk) in zip(puts, keys, strict=True):
                item = put["Item"]
                expires = float(item["ttl"]["N"]) if "ttl" in item else math.inf
                self._items.setdefault(pk, {})[sk] = expires, item

        self._faults.around(f"write {' '.join(pk for pk, _ in keys)}", write)
        return {}

    def _holds(self, put: dict[str, Any]) -> bool:
        condition = put.get("ConditionExpression", "")
        if not condition:
            return True
        old = self._read(put["Item"])
        values = put.get("ExpressionAttributeValues", {})
        match condition:
            case "attribute_not_exists(pk)":
                return old is None
            case "attribute_not_exists(pk) OR version = :version":
                return old is None or old["version"] == values[":version"]
            case "attribute_not_exists(pk) OR held_by = :project":
                return old is None or old["held_by"] == values[":project"]
            case "attribute_not_exists(pk) OR teller = :teller OR telling_until < :now":
                return old is None or (
                    old.get("teller") == values[":teller"]
                    or _number(old.get("telling_until")) < _number(values[":now"])
                )
            case _:
                raise AssertionError(f"a condition that was never simulated: {condition}")

    def _read(self, key: Item) -> Item | None:
        expires, item = self._items.get(key["pk"]["S"], {}).get(key["sk"]["S"], _NOTHING)
        return item if expires >= self._clock.now else None

    def peek(self, pk: str) -> list[Item]:
        """Return the items of a partition, for tests."""
        return [item for _, (_, item) in sorted(self._items.get(pk, {}).items())]


def _number(value: dict[str, str] | None) -> float:
    """Return a number to compare; a comparison with a missing attribute never holds."""
    return float(value["N"]) if value else float("inf")
