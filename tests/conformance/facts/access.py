"""IAM: which policies exist, and which items of a table a policy lets its holder at."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.conformance.account import Account
from tests.conformance.fact import answer, fact, is_denial

REFERENCE = "https://docs.aws.amazon.com/service-authorization/latest/reference"


@fact(
    "A managed policy that does not exist cannot be attached",
    "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
    "refused: NoSuchEntity",
    creates="a role",
)
def policy_that_is_not_there(account: Account) -> str:
    partition, name = account.role().split(":")[1], account.name("role")
    arn = f"arn:{partition}:iam::aws:policy/{account.name('policy')}"
    return answer(lambda: account.client("iam").attach_role_policy(RoleName=name, PolicyArn=arn))


@fact(
    "dynamodb:LeadingKeys lets the holder of a policy at items of those partition keys",
    f"{REFERENCE}/list_amazondynamodb.html",
    "get mine: accepted, get yours: denied, write both: denied",
    creates="a table on demand, a role",
    minutes=1,
)
def items_that_a_policy_names(account: Account) -> str:
    table = account.table()
    asked = account.client("dynamodb").describe_table(TableName=table)["Table"]["TableArn"]
    db = _assumed(
        account,
        "items",
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
            "Resource": asked,
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["mine#*"]}},
        },
    ).client("dynamodb", endpoint_url=account.client("dynamodb").meta.endpoint_url)

    def get(key: str) -> str:
        return _outcome(lambda: db.get_item(TableName=table, Key={"pk": {"S": key}}))

    def write(*keys: str) -> str:
        puts = [{"Put": {"TableName": table, "Item": {"pk": {"S": key}}}} for key in keys]
        return _outcome(lambda: db.transact_write_items(TransactItems=puts))

    # A new role's policy takes seconds to be known everywhere.
    account.wait("the role's policy", lambda: get("mine#1") == "accepted" or None, 60)
    return (
        f"get mine: {get('mine#1')}, get yours: {get('yours#1')}, "
        f"write both: {write('mine#1', 'yours#1')}"
    )


def _outcome(call: Any) -> str:
    try:
        return answer(call)
    except ClientError as error:
        assert is_denial(error.response["Error"]["Code"])
        return "denied"


def _assumed(account: Account, purpose: str, *allowed: dict[str, Any]) -> boto3.Session:
    """Make a role that the account's own users may assume, and assume it."""
    iam, name = account.client("iam"), account.name(purpose)
    who = account.client("sts").get_caller_identity()
    root = f"arn:{who['Arn'].split(':')[1]}:iam::{who['Account']}:root"
    trust = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}
    account.journal.add("role", name)
    arn = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        Tags=account.tags,
    )["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": list(allowed)})
    iam.put_role_policy(RoleName=name, PolicyName="probe", PolicyDocument=document)

    def keys() -> dict[str, str] | None:
        try:
            given = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="conformance")
        except ClientError as error:
            if is_denial(error.response["Error"]["Code"]):  # not known everywhere yet
                return None
            raise
        return dict(given["Credentials"])

    given = account.wait(f"role {name}", keys, 60)
    return boto3.Session(
        given["AccessKeyId"],
        given["SecretAccessKey"],
        given["SessionToken"],
        region_name=account.session.region_name,
    )
