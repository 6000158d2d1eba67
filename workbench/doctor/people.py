"""Whether messages reach people: the alerts topic's subscriptions."""

from collections.abc import Iterator
from typing import Any

from workbench.doctor.findings import Finding
from workbench.doctor.target import Target


def subscriptions(target: Target) -> Iterator[Finding]:
    """Compare the topic's subscriptions with the people in settings, and find the unconfirmed."""
    topic = target.stack.output("AlertsTopicArn")
    pages = target.client("sns").get_paginator("list_subscriptions_by_topic")
    there = [one for page in pages.paginate(TopicArn=topic) for one in page["Subscriptions"]]
    found = [*_unconfirmed(target, topic, there), *_gone(target, topic, there)]
    yield from found
    if not found:
        confirmed = f"all {len(there)} subscriptions are confirmed"
        yield Finding("subscriptions", "ok", confirmed)


def _unconfirmed(target: Target, topic: str, there: list[Any]) -> Iterator[Finding]:
    for one in there:
        # SNS writes PendingConfirmation or Deleted where a subscription's ARN would be.
        if one["SubscriptionArn"] == "PendingConfirmation":
            yield Finding(
                "subscriptions",
                "warning",
                f"{one['Endpoint']} has not confirmed and gets no messages; subscribing again "
                "sends the confirmation again",
                _subscribe(target, topic, one["Protocol"], one["Endpoint"]),
            )


def _gone(target: Target, topic: str, there: list[Any]) -> Iterator[Finding]:
    subscribed = {
        one["Endpoint"]
        for one in there
        if one["Protocol"] == "email" and one["SubscriptionArn"] != "Deleted"
    }
    alerts = target.stack.parameters.get("AlertEmail", "")
    if alerts and alerts not in subscribed:
        seen = f"{alerts}, who should get all messages, is not subscribed (did they unsubscribe?)"
        command = _subscribe(target, topic, "email", alerts)
        yield Finding("subscriptions", "error", seen, command)
    for one in target.upserted:
        name = one.project.name
        for recipient in one.recipients:
            if recipient.email not in subscribed:
                seen = f"{recipient.email}, a recipient of {name}, is not subscribed"
                command = target.headrace("pipelines", "upsert", name)
                yield Finding("subscriptions", "error", seen, command)


def _subscribe(target: Target, topic: str, protocol: str, endpoint: str) -> str:
    to = ("--topic-arn", topic, "--protocol", protocol, "--notification-endpoint", endpoint)
    return target.aws("sns", "subscribe", *to)
