"""SNS: which messages a subscription's filter lets through."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.account import Account
from tests.conformance.fact import fact


@fact(
    "A filter policy compares message attributes; a message without the attribute does not pass",
    "https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html",
    "wanted, one of several",
    creates="a topic with a subscription, a queue",
    minutes=0.5,
)
def messages_that_pass_a_filter(account: Account) -> str:
    sns, sqs = account.client("sns"), account.client("sqs")
    url, queue = account.queue("filtered")
    topic = account.topic("filtered")
    account.let_send(url, queue, "sns.amazonaws.com", topic)
    policy = {"kind": ["wanted"], "project": [{"anything-but": ["muted"]}]}
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue,
        Attributes={"FilterPolicy": json.dumps(policy), "RawMessageDelivery": "true"},
    )
    wanted = {"kind": "wanted", "project": "abalone"}
    for text, attributes in (
        ("without attributes", {}),
        ("without a project", {"kind": "wanted"}),
        ("another kind", wanted | {"kind": "other"}),
        ("muted", wanted | {"project": "muted"}),
        ("wanted", wanted),
        ("one of several", wanted | {"more": "x"}),
    ):
        sns.publish(
            TopicArn=topic,
            Message=text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )
    found: list[str] = []

    def received() -> bool | None:
        asked: Any = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10
        ).get("Messages", [])
        for message in asked:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found.extend(message["Body"] for message in asked)
        return True if len(found) >= 2 and not asked else None

    account.wait("the wanted messages", received, 60)
    return ", ".join(sorted(found, reverse=True))
