"""SageMaker's model registry: what it says about versions, and the events it sends."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.account import Account
from tests.conformance.fact import answer, fact, identity_in

API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference"
EVENTS = (
    "https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html"
)
MADE = "a model package group with a version"


def _version(account: Account, purpose: str) -> str:
    """Register a version with nothing but a note; return its ARN."""

    def make() -> str:
        sagemaker, name = account.client("sagemaker"), account.name(purpose)
        account.journal.add("model package group", name)
        sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=account.tags)
        arn: str = sagemaker.create_model_package(
            ModelPackageGroupName=name,
            ModelApprovalStatus="PendingManualApproval",
            ModelPackageDescription="a version without a model, for a conformance test",
        )["ModelPackageArn"]
        return arn

    return account.once(f"version {purpose}", make)


@fact(
    "Whether a version says which IAM identity changed it last: every member is optional",
    f"{API}/API_UserContext.html",
    "iam-identity",
    "empty",
    "absent",
    switch="package_identity",
    creates=MADE,
)
def identity_of_who_approved_a_version(account: Account) -> str:
    arn, sagemaker = _version(account, "approved"), account.client("sagemaker")
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="conformance"
    )
    return identity_in(sagemaker.describe_model_package(ModelPackageName=arn), "LastModifiedBy")


@fact(
    "An update of a version's metadata alone is sent as an event, with the unchanged approval",
    EVENTS,
    "sent with PendingManualApproval",
    "not sent",
    creates=f"{MADE}, a rule, a queue",
    minutes=2,
)
def event_of_an_update_of_metadata(account: Account) -> str:
    arn, queue = _version(account, "metadata"), _events_about(account, "metadata")
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn, CustomerMetadataProperties={"note": "conformance"}
    )
    sqs = account.client("sqs")

    def received() -> str | None:
        asked = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in asked.get("Messages", []):
            detail: dict[str, Any] = json.loads(message["Body"])["detail"]
            if detail["ModelPackageArn"].lower() == arn.lower():
                return f"sent with {detail.get('ModelApprovalStatus')}"
        return None

    try:
        return account.wait("the event", received, 90)
    except TimeoutError:
        return "not sent"


def _events_about(account: Account, purpose: str) -> str:
    """Route the events of versions into a queue; return its URL."""
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [account.name(purpose)]},
    }
    return account.rule_to_queue(purpose, pattern)


@fact(
    "A model package group that is not there is a ValidationException that says so",
    f"{API}/API_DescribeModelPackageGroup.html",
    "refused: ValidationException, does not exist",
)
def group_that_is_not_there(account: Account) -> str:
    name, sagemaker = account.name("no-group"), account.client("sagemaker")
    found = answer(
        lambda: sagemaker.describe_model_package_group(ModelPackageGroupName=name), message=True
    )
    code = ":".join(found.split(":", 2)[:2])
    return f"{code}, {'does not exist' if 'does not exist' in found else found}"


@fact(
    "Listing the versions of a group that is not there may be refused or find none",
    f"{API}/API_ListModelPackages.html",
    "refused: ValidationException",
    "accepted",
)
def versions_of_a_group_that_is_not_there(account: Account) -> str:
    name, sagemaker = account.name("no-group"), account.client("sagemaker")
    return answer(lambda: sagemaker.list_model_packages(ModelPackageGroupName=name))
