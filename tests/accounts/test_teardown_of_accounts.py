"""CI destroys each account's stack behind a click; what is left is counted in every service.

Last of this folder by its name: nothing works any more afterwards.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from demo.loop import Loop
from demo.results import Scored
from local_cloud.cloud import Cloud
from local_cloud.deploy import users
from tests.accounts.account_inventory import objects, of
from tests.accounts.three_accounts import ACCOUNTS, CI_SECONDS, Jobs

# Of the account, not of the stack: who deploys.
DEPLOYER = "deployer"
# SageMaker's jobs share these; the records of jobs stay as well, and cannot be deleted.
JOB_LOGS = "/aws/sagemaker/"


def given(cloud: Cloud, account: str) -> set[tuple[str, str]]:
    """What was there before the stack was, and what others share."""
    number = ACCOUNTS.get(account, "000000000000")
    return {
        ("iam", "admin"),
        ("iam", DEPLOYER),
        ("events", "default"),
        ("s3", f"headrace-artefacts-{number}-us-east-1"),
    }


def left(cloud: Cloud, account: str) -> set[tuple[str, str]]:
    found = of(cloud, account) - given(cloud, account)
    return {(service, name) for service, name in found if not name.startswith(JOB_LOGS)}


def deployer(cloud: Cloud, account: str) -> str:
    """A role that may do everything and lets in jobs of the CI project, as an account has one."""
    number = ACCOUNTS.get(account, "000000000000")
    host = cloud.info["gitlab_url"].partition("://")[2]
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{number}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": cloud.info["gitlab_url"]}},
    }
    iam = cloud.session(account).client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=DEPLOYER, AssumeRolePolicyDocument=document)["Role"]
    iam.put_role_policy(
        RoleName=DEPLOYER, PolicyName="all", PolicyDocument=json.dumps(users.EVERYTHING)
    )
    return str(role["Arn"])


@pytest.fixture(scope="session")
def before(cloud: Cloud, scored: Scored) -> dict[str, set[tuple[str, str]]]:
    """What the accounts have once everything happened in them."""
    return {account: left(cloud, account) for account in ("", *ACCOUNTS)}


@pytest.fixture(scope="session")
def destroyed(cloud: Cloud, registry: Loop, before: Any) -> dict[str, str]:
    """The logs of the jobs that destroyed each account, production with its data."""
    cloud.gitlab.set_variables(
        {
            "AWS_DEPLOY_ROLE_ARN": deployer(cloud, ""),
            "AWS_STAGING_DEPLOY_ROLE_ARN": deployer(cloud, "staging"),
            "AWS_PRODUCTION_DEPLOY_ROLE_ARN": deployer(cloud, "production"),
        }
    )
    keeping = Jobs.of(cloud, registry, {"HEADRACE_ACTION": "destroy"})
    whole = {"HEADRACE_ACTION": "destroy", "HEADRACE_WITH_DATA": "yes"}
    emptying = Jobs.of(cloud, registry, whole)
    registry.wait("a gate", lambda: emptying.status == keeping.status == "manual", CI_SECONDS)
    return {
        "production": emptying.play("destroy production"),
        "staging": emptying.play("destroy staging"),
        "": keeping.play("destroy"),
    }


def test_the_inventory_sees_what_is_there(before: dict[str, set[tuple[str, str]]]) -> None:
    services = {service for service, _ in before[""]}
    assert services >= {
        *("cloudformation", "cloudwatch", "dynamodb", "events", "iam", "kms", "lambda", "logs"),
        *("s3", "sagemaker", "secretsmanager", "sns", "sqs", "stepfunctions"),
    }
    models = [name for service, name in before["production"] if service == "sagemaker"]
    assert any("CreateModel" in name for name in models)


@pytest.mark.parametrize("account", ["staging", "production"])
def test_nothing_is_left_of_an_account_that_was_to_keep_no_data(
    cloud: Cloud, destroyed: dict[str, str], account: str
) -> None:
    assert left(cloud, account) == set(), destroyed[account]


def test_only_data_is_left_and_only_by_default(cloud: Cloud, destroyed: dict[str, str]) -> None:
    outputs = cloud.info["outputs"]
    bucket, table = outputs["DataBucketName"], outputs["LedgerTableName"]
    assert left(cloud, "") == {("s3", bucket), ("dynamodb", table)}, destroyed[""]
    assert any(
        key.startswith("abalone/training/data/raw/") for key in objects(cloud.session(), bucket)
    )
    audit = (
        cloud.session()
        .client("dynamodb")
        .query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "AUDIT#abalone"}},
        )
    )
    assert audit["Count"] > 0


@pytest.mark.parametrize("account", ["", "staging", "production"])
def test_what_was_deployed_from_is_gone(
    cloud: Cloud, destroyed: dict[str, str], account: str
) -> None:
    session = cloud.session(account)
    for service, bucket in given(cloud, account):
        if service == "s3":
            assert objects(session, bucket) == []
