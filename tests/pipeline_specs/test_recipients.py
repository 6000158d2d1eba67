"""One subscription serves all projects of an address, and hears of exactly these."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local_cloud.cloud import Cloud
from pipeline_specs import ROOT
from pipeline_specs.account import Account
from pipeline_specs.stack import Stack

ADA, BOB = "ada@example.com", "bob@example.com"


class Recipients:
    """Who is subscribed to the alerts, as SNS says."""

    def __init__(self, session: boto3.Session, topic: str) -> None:
        self.account = Account(Stack("headrace", session), session)
        self.sns, self.topic = session.client("sns"), topic
        self.kept = set(self.arns().values())

    def let(self, project: str, *addresses: str) -> list[str]:
        return list(self.account.subscribe(project, addresses))

    def arns(self) -> dict[str, str]:
        listed = self.sns.list_subscriptions_by_topic(TopicArn=self.topic)["Subscriptions"]
        return {one["Endpoint"]: one["SubscriptionArn"] for one in listed}

    def hears(self, address: str) -> Any:
        attributes = self.sns.get_subscription_attributes(SubscriptionArn=self.arns()[address])
        return json.loads(attributes["Attributes"].get("FilterPolicy", "null"))

    def forget(self) -> None:
        for arn in set(self.arns().values()) - self.kept:
            self.sns.unsubscribe(SubscriptionArn=arn)


@pytest.fixture
def recipients(cloud: Cloud) -> Iterator[Recipients]:
    found = Recipients(cloud.session(), cloud.info["outputs"]["AlertsTopicArn"])
    yield found
    found.forget()


def test_projects_share_an_address(recipients: Recipients) -> None:
    assert recipients.let("clam", ADA) == [
        f"{ADA} gets a mail that asks to confirm its subscription"
    ]
    assert recipients.let("whelk", ADA, BOB) == [
        f"{BOB} gets a mail that asks to confirm its subscription",
        f"{ADA} hears of whelk from now on",
    ]
    assert recipients.hears(ADA) == {"project": ["clam", "whelk"]}
    assert recipients.hears(BOB) == {"project": ["whelk"]}
    assert recipients.let("whelk", ADA, BOB) == []


def test_who_is_left_out_hears_of_that_project_no_more(recipients: Recipients) -> None:
    recipients.let("clam", ADA)
    recipients.let("whelk", ADA, BOB)
    assert sorted(recipients.let("whelk")) == [
        f"{ADA} hears of whelk no more",
        f"{BOB} hears of whelk no more",
    ]
    assert recipients.hears(ADA) == {"project": ["clam"]}
    assert BOB not in recipients.arns()
    assert recipients.let("clam") == [f"{ADA} hears of clam no more"]
    assert ADA not in recipients.arns()


def test_who_hears_of_everything_is_left_alone(recipients: Recipients) -> None:
    recipients.sns.subscribe(TopicArn=recipients.topic, Protocol="email", Endpoint=ADA)
    assert recipients.let("clam", ADA) == []
    assert recipients.let("clam") == []
    assert recipients.hears(ADA) is None


def test_commands_that_build_nothing_do_not_wait_for_the_sdk() -> None:
    program = (
        "import sys; import pipeline_specs.__main__;"
        "print(sorted(m for m in sys.modules if m.split('.')[0] == 'sagemaker'))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "[]\n"
