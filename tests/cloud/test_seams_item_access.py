"""A policy with `dynamodb:LeadingKeys` lets its holder at items with those partition keys only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.deploy import users
from tests.cloud.cloud_sample import Sample

TABLES = ("leading", "leading-other")
PREFIX = "arn:aws:dynamodb:us-east-1:000000000000:table/"
OPERATIONS = (
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
    *("BatchGetItem", "BatchWriteItem", "ConditionCheckItem"),
)
MINE, YOURS = {"S": "mine#1"}, {"S": "yours#1"}
Calls = dict[str, Callable[[Any, dict[str, str]], Any]]


def statement(key: str, *operations: str, table: str = "*") -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": [f"dynamodb:{name}" for name in operations],
        "Resource": f"{PREFIX}{table}",
        "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [key]}},
    }


@pytest.fixture(scope="module")
def tables(sample: Sample) -> Iterator[None]:
    """Two tables of the partition key `pk`, each with an index of the partition key `owner`."""
    dynamodb = sample.client("dynamodb")
    for table in TABLES:
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "owner")
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "owners",
                    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
    yield
    for table in TABLES:
        dynamodb.delete_table(TableName=table)


def client(sample: Sample, name: str, *statements: dict[str, Any]) -> Any:
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    keys = users.ensure_user(sample.session, name, policy)
    return users.EndpointSession(sample.cloud.info["endpoint_url"], *keys).client("dynamodb")


@pytest.fixture(scope="module")
def mine(sample: Sample, tables: None) -> Any:
    """DynamoDB as somebody sees it who may use the items `mine#*` of all tables and indexes."""
    return client(sample, "leading", statement("mine#*", *OPERATIONS))


def transaction(write: bool, *entries: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda db: (db.transact_write_items if write else db.transact_get_items)(
        TransactItems=list(entries)
    )


ONE = {"TableName": "leading"}
CALLS: Calls = {
    "GetItem": lambda db, pk: db.get_item(**ONE, Key={"pk": pk}),
    "PutItem": lambda db, pk: db.put_item(**ONE, Item={"pk": pk, "n": {"N": "1"}}),
    "UpdateItem": lambda db, pk: db.update_item(
        **ONE, Key={"pk": pk}, UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": pk}
    ),
    "DeleteItem": lambda db, pk: db.delete_item(**ONE, Key={"pk": pk}),
    "Query": lambda db, pk: db.query(
        **ONE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": pk}
    ),
    "Query by a name that stands for the key": lambda db, pk: db.query(
        **ONE,
        KeyConditionExpression="#k = :pk",
        ExpressionAttributeNames={"#k": "pk"},
        ExpressionAttributeValues={":pk": pk},
    ),
    "Query with conditions of the old form": lambda db, pk: db.query(
        **ONE, KeyConditions={"pk": {"AttributeValueList": [pk], "ComparisonOperator": "EQ"}}
    ),
    "Query of an index": lambda db, pk: db.query(
        **ONE,
        IndexName="owners",
        KeyConditionExpression="#o = :pk",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":pk": pk},
    ),
    "BatchGetItem": lambda db, pk: db.batch_get_item(
        RequestItems={"leading": {"Keys": [{"pk": {"S": "mine#2"}}, {"pk": pk}]}}
    ),
    "BatchGetItem of two tables": lambda db, pk: db.batch_get_item(
        RequestItems={
            "leading": {"Keys": [{"pk": MINE}]},
            "leading-other": {"Keys": [{"pk": pk}]},
        }
    ),
    "BatchWriteItem that puts": lambda db, pk: db.batch_write_item(
        RequestItems={
            "leading": [
                {"PutRequest": {"Item": {"pk": {"S": "mine#2"}}}},
                {"PutRequest": {"Item": {"pk": pk}}},
            ]
        }
    ),
    "BatchWriteItem that deletes": lambda db, pk: db.batch_write_item(
        RequestItems={"leading": [{"DeleteRequest": {"Key": {"pk": pk}}}]}
    ),
    "TransactGetItems": lambda db, pk: transaction(
        False, {"Get": {**ONE, "Key": {"pk": {"S": "mine#2"}}}}, {"Get": {**ONE, "Key": {"pk": pk}}}
    )(db),
    "TransactWriteItems that puts": lambda db, pk: transaction(
        True,
        {"Put": {**ONE, "Item": {"pk": {"S": "mine#2"}}}},
        {"Put": {**ONE, "Item": {"pk": pk}}},
    )(db),
    "TransactWriteItems that deletes": lambda db, pk: transaction(
        True, {"Delete": {**ONE, "Key": {"pk": pk}}}
    )(db),
    "TransactWriteItems that checks": lambda db, pk: transaction(
        True,
        {
            "ConditionCheck": {
                **ONE,
                "Key": {"pk": pk},
                "ConditionExpression": "attribute_not_exists(other_name)",
            }
        },
    )(db),
}


@pytest.mark.parametrize("name", CALLS)
def test_only_items_with_the_policys_partition_keys_are_in_reach(mine: Any, name: str) -> None:
    CALLS[name](mine, MINE)
    with pytest.raises(ClientError, match="AccessDenied"):
        CALLS[name](mine, YOURS)


def test_a_scan_names_no_partition_key(mine: Any) -> None:
    """So a `ForAllValues` condition holds, as on AWS: its documentation says not to allow Scan."""
    assert mine.scan(**ONE)["Items"] is not None


def test_each_item_of_a_transaction_is_authorised_by_itself(sample: Sample, tables: None) -> None:
    both = client(
        sample,
        "leading-both",
        statement("a#*", "PutItem"),
        statement("b#*", "PutItem"),
        statement("a#*", "DeleteItem"),
    )

    def puts(*keys: str) -> Any:
        return transaction(True, *({"Put": {**ONE, "Item": {"pk": {"S": key}}}} for key in keys))

    puts("a#1", "b#1")(both)
    with pytest.raises(ClientError, match="AccessDenied"):
        puts("a#1", "c#1")(both)
    with pytest.raises(ClientError, match="AccessDenied"):
        transaction(True, {"Delete": {**ONE, "Key": {"pk": {"S": "b#1"}}}})(both)


def test_a_condition_may_name_the_keys_exactly(sample: Sample, tables: None) -> None:
    exact = statement("mine#1", "GetItem")
    exact["Condition"] = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine#1"]}}
    db = client(sample, "leading-exact", exact)
    db.get_item(**ONE, Key={"pk": MINE})
    with pytest.raises(ClientError, match="AccessDenied"):
        db.get_item(**ONE, Key={"pk": {"S": "mine#12"}})
