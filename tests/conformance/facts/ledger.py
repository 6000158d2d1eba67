"""DynamoDB: what a refused transaction says, since the ledger decides by it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.account import Account
from tests.conformance.fact import fact

API = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"
MADE = "a table on demand"
ROUNDS, AT_ONCE = 5, 8


def _put(table: str, key: str, **condition: str) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": {"pk": {"S": key}}, **condition}}


def _outcome(account: Account, *entries: dict[str, Any]) -> str:
    """Return "accepted", or the codes of the transaction's cancellation reasons, in order."""
    try:
        account.client("dynamodb").transact_write_items(TransactItems=list(entries))
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        reasons = error.response["CancellationReasons"]
        return "cancelled: " + ", ".join(str(reason.get("Code")) for reason in reasons)
    return "accepted"


@fact(
    "A cancelled transaction has a reason per item, None for those that would have been written",
    API,
    "cancelled: None, ConditionalCheckFailed",
    creates=MADE,
    minutes=0.5,
)
def reasons_of_a_cancelled_transaction(account: Account) -> str:
    table = account.table()
    account.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "there"}})
    missing = {"ConditionExpression": "attribute_not_exists(pk)"}
    return _outcome(account, _put(table, "new"), _put(table, "there", **missing))


@fact(
    "A cancelled transaction writes nothing",
    API,
    "nothing",
    creates=MADE,
    minutes=0.5,
)
def items_of_a_cancelled_transaction(account: Account) -> str:
    table, dynamodb = account.table(), account.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "there"}})
    missing = {"ConditionExpression": "attribute_not_exists(pk)"}
    _outcome(account, _put(table, "unwritten"), _put(table, "there", **missing))
    key = {"pk": {"S": "unwritten"}}
    found = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
    return "written" if "Item" in found else "nothing"


@fact(
    "Whether transactions that write one item at the same time cancel each other depends on time",
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html",
    "accepted",
    "accepted, cancelled: TransactionConflict",
    creates=MADE,
    minutes=0.5,
)
def transactions_at_the_same_time(account: Account) -> str:
    entry = _put(account.table(), "contended")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda _: _outcome(account, entry), range(ROUNDS * AT_ONCE)))
    return ", ".join(sorted(set(found)))
