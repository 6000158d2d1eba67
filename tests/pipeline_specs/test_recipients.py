"""An address has one subscription for all of its projects, and gets messages of no others."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from headrace.domain.errors import PermanentError

from demo.mailbox import mails
from local_cloud.cloud import Cloud
from pipeline_specs import ROOT
from pipeline_specs.config.recipients import Kinds, Recipient
from pipeline_specs.deploy.account import Account
from pipeline_specs.deploy.recipients import Subscriptions, policy, subscribed
from pipeline_specs.deploy.stack import Stack

ADA, BOB = "ada@example.com", "bob@example.com"


class Recipients:
    """Who is subscribed to the alerts, as SNS says."""

    def __init__(self, session: boto3.Session, topic: str) -> None:
        self.account = Account(Stack("headrace", session), session)
        self.sns, self.topic = session.client("sns"), topic
        self.kept = set(self.arns().values())

    def let(self, project: str, *wanted: str | Recipient) -> list[str]:
        all_of_it = [Recipient(one) if isinstance(one, str) else one for one in wanted]
        return list(self.account.subscribe(project, tuple(all_of_it)))

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
        f"{ADA} is subscribed to everything of whelk",
    ]
    assert recipients.hears(ADA) == {"project": ["clam", "whelk"]}
    assert recipients.hears(BOB) == {"project": ["whelk"]}
    assert recipients.let("whelk", ADA, BOB) == []


def test_a_removed_recipient_is_unsubscribed_from_that_project(recipients: Recipients) -> None:
    recipients.let("clam", ADA)
    recipients.let("whelk", ADA, BOB)
    assert sorted(recipients.let("whelk")) == [
        f"{ADA} is unsubscribed from whelk",
        f"{BOB} is unsubscribed from whelk",
    ]
    assert recipients.hears(ADA) == {"project": ["clam"]}
    assert BOB not in recipients.arns()
    assert recipients.let("clam") == [f"{ADA} is unsubscribed from clam"]
    assert ADA not in recipients.arns()


def test_an_address_that_gets_everything_is_left_alone(recipients: Recipients) -> None:
    recipients.sns.subscribe(TopicArn=recipients.topic, Protocol="email", Endpoint=ADA)
    assert recipients.let("clam", ADA) == []
    assert recipients.let("clam") == []
    assert recipients.hears(ADA) is None


LIVE, QUALITY = ("model-live", "refresh-failed"), ("data-quality",)


@pytest.mark.parametrize(
    ("hears", "written"),
    [
        ({"clam": ()}, {"project": ["clam"]}),
        ({"whelk": LIVE, "clam": LIVE}, {"project": ["clam", "whelk"], "kind": list(LIVE)}),
        (
            {"clam": LIVE, "conch": (), "whelk": QUALITY},
            {
                "$or": [
                    {"project": ["conch"]},
                    {"project": ["whelk"], "kind": list(QUALITY)},
                    {"project": ["clam"], "kind": list(LIVE)},
                ]
            },
        ),
    ],
)
def test_a_filter_policy_is_read_as_it_was_written(
    hears: dict[str, Kinds], written: dict[str, Any]
) -> None:
    assert policy(hears) == written
    assert subscribed(written) == hears


@pytest.mark.parametrize(
    "other", [{}, {"severity": ["high"]}, {"$or": [{"project": ["clam"]}, {}]}]
)
def test_a_filter_policy_of_somebody_elses_is_left_alone(other: dict[str, Any]) -> None:
    assert subscribed(other) is None


class Topic:
    """SNS's client for a topic with subscriptions of one kind; it refuses to change anything."""

    def __init__(self, count: int, by_project: dict[str, Kinds]) -> None:
        self._count, self._policy = count, json.dumps(policy(by_project))

    def get_paginator(self, _: str) -> Any:
        listed = [
            {"Protocol": "email", "Endpoint": f"{n}@example.com", "SubscriptionArn": f"arn:{n}"}
            for n in range(self._count)
        ]
        return SimpleNamespace(paginate=lambda **_: [{"Subscriptions": listed}])

    def get_subscription_attributes(self, **_: Any) -> Any:
        return {"Attributes": {"FilterPolicy": self._policy}}


def test_more_filter_policies_than_sns_takes_are_refused_with_their_number() -> None:
    here = Topic(199, {"clam": ()})
    assert list(Subscriptions(here, "topic").misfits("whelk", (Recipient(ADA),))) == []
    both = (Recipient(ADA), Recipient(BOB), Recipient("0@example.com"))
    with pytest.raises(PermanentError, match="would have 201 filter policies, and SNS takes 200"):
        list(Subscriptions(here, "topic").put("whelk", both))


def test_more_combinations_than_sns_takes_are_refused_with_their_number() -> None:
    kinds = tuple(f"k{number}" for number in range(15))
    here = Topic(1, {f"p{number}": kinds for number in range(9)})
    tenth, other = Recipient("0@example.com", kinds), Recipient("0@example.com", kinds[:14])
    assert list(Subscriptions(here, "topic").misfits("whelk", (tenth,))) == []
    assert list(Subscriptions(here, "topic").misfits("whelk", (other,))) == []
    more = Topic(1, {f"p{number}": kinds for number in range(10)})
    with pytest.raises(PermanentError, match=r"0@example.com chose 165 combinations"):
        list(Subscriptions(more, "topic").put("whelk", (tenth,)))


def test_an_upsert_changes_what_somebody_wants_and_once_only(recipients: Recipients) -> None:
    recipients.let("clam", Recipient(ADA, LIVE))
    assert recipients.hears(ADA) == {"project": ["clam"], "kind": list(LIVE)}
    assert recipients.let("whelk", ADA) == [f"{ADA} is subscribed to everything of whelk"]
    both = {"$or": [{"project": ["whelk"]}, {"project": ["clam"], "kind": list(LIVE)}]}
    assert recipients.hears(ADA) == both
    assert recipients.let("clam", Recipient(ADA, QUALITY)) == [
        f"{ADA} is subscribed to only data-quality of clam"
    ]
    assert recipients.let("clam", Recipient(ADA, QUALITY)) == []
    assert recipients.let("clam") == [f"{ADA} is unsubscribed from clam"]
    assert recipients.hears(ADA) == {"project": ["whelk"]}


def test_a_recipient_gets_what_it_wants_and_nothing_else(
    recipients: Recipients, cloud: Cloud
) -> None:
    recipients.let("clam", Recipient(ADA, LIVE), BOB)
    recipients.let("whelk", Recipient(ADA, QUALITY))
    for project in ("clam", "whelk"):
        for kind in ("run-failed", "model-live", "data-quality"):
            recipients.sns.publish(
                TopicArn=recipients.topic,
                Subject=f"{project} {kind}",
                Message="text",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in (("project", project), ("kind", kind))
                },
            )
    deadline = time.monotonic() + 20
    while len(received(cloud, BOB)) < 3 or len(received(cloud, ADA)) < 2:
        assert time.monotonic() < deadline, (received(cloud, ADA), received(cloud, BOB))
        time.sleep(0.05)
    assert received(cloud, BOB) == ["clam data-quality", "clam model-live", "clam run-failed"]
    assert received(cloud, ADA) == ["clam model-live", "whelk data-quality"]


def received(cloud: Cloud, address: str) -> list[str]:
    found = mails(Path(cloud.info["mail_dir"]))
    return sorted(mail.subject for mail in found if mail.recipients == (address,))


def test_commands_that_build_nothing_do_not_wait_for_the_sdk() -> None:
    program = (
        "import sys; from workbench.cli import pipelines, laptop, ledger;"
        "slow = {'boto3', 'local_cloud', 'sagemaker'};"
        "print(sorted({m.split('.')[0] for m in sys.modules} & slow))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "[]\n"
