"""Who gets a project's messages, and which: e-mail subscriptions of the alerts topic.

An address has one subscription for all projects: its filter policy says what it gets of each.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError
from headrace.adapters.client import from_aws

from pipeline_specs.config.recipients import Kinds, Recipient


class Subscriptions:
    """The topic's e-mail subscriptions, by address."""

    def __init__(self, sns: Any, topic: str) -> None:
        self._sns, self._topic = sns, topic

    def put(self, project: str, recipients: tuple[Recipient, ...]) -> Iterator[str]:
        """Subscribe exactly these recipients to a project; yield a line for each change.

        An address without a filter policy gets everything and is left alone.
        """
        wanted = {recipient.email: recipient.wants for recipient in recipients}
        try:
            there = dict(self._there())
            for address, wants in wanted.items():
                if address not in there:
                    self._subscribe(address, {project: wants})
                    yield f"{address} gets a mail that asks to confirm its subscription"
            for address, arn in there.items():
                if arn.startswith("arn:"):
                    yield from self._change(project, address, arn, wanted.get(address))
                elif address in wanted:  # SNS allows no change before it is confirmed
                    yield f"{address} has not confirmed yet; upsert again once it has"
        except ClientError as error:
            raise from_aws(error, f"subscribing recipients to {project}") from error

    def _change(self, project: str, address: str, arn: str, wants: Kinds | None) -> Iterator[str]:
        """Change what one address gets of a project; `wants` is None if it is nothing."""
        by_project = subscribed(self._policy(arn))
        if by_project is None or by_project.get(project) == wants:
            return
        others = {name: kinds for name, kinds in by_project.items() if name != project}
        if wants is not None:
            self._filter(arn, {**others, project: wants})
            yield f"{address} is subscribed to {_said(wants)} of {project}"
            return
        if others:
            self._filter(arn, others)
        else:
            self._sns.unsubscribe(SubscriptionArn=arn)
        yield f"{address} is unsubscribed from {project}"

    def _there(self) -> Iterator[tuple[str, str]]:
        pages = self._sns.get_paginator("list_subscriptions_by_topic")
        for page in pages.paginate(TopicArn=self._topic):
            for found in page["Subscriptions"]:
                if found["Protocol"] == "email":
                    yield found["Endpoint"], found["SubscriptionArn"]

    def _subscribe(self, address: str, by_project: Mapping[str, Kinds]) -> None:
        self._sns.subscribe(
            TopicArn=self._topic,
            Protocol="email",
            Endpoint=address,
            Attributes={"FilterPolicy": json.dumps(policy(by_project))},
        )

    def _policy(self, arn: str) -> dict[str, Any]:
        answer = self._sns.get_subscription_attributes(SubscriptionArn=arn)
        found: dict[str, Any] = json.loads(answer["Attributes"].get("FilterPolicy") or "{}")
        return found

    def _filter(self, arn: str, by_project: Mapping[str, Kinds]) -> None:
        self._sns.set_subscription_attributes(
            SubscriptionArn=arn,
            AttributeName="FilterPolicy",
            AttributeValue=json.dumps(policy(by_project)),
        )


def policy(by_project: Mapping[str, Kinds]) -> dict[str, Any]:
    """Return the filter policy that lets these kinds through, by project; no kind means all."""
    projects: dict[Kinds, list[str]] = {}
    for project, kinds in sorted(by_project.items()):
        projects.setdefault(kinds, []).append(project)
    ways = [
        {"project": names, **({"kind": list(kinds)} if kinds else {})}
        for kinds, names in sorted(projects.items())
    ]
    return ways[0] if len(ways) == 1 else {"$or": ways}


def subscribed(policy: Mapping[str, Any]) -> dict[str, Kinds] | None:
    """Return what a filter policy lets through, by project; None if it is not one of ours."""
    ways: list[Mapping[str, Any]] = policy.get("$or", [policy])
    if not all(way.get("project") and way.keys() <= {"project", "kind"} for way in ways):
        return None
    return {name: tuple(way.get("kind", ())) for way in ways for name in way["project"]}


def _said(kinds: Kinds) -> str:
    return f"only {', '.join(kinds)}" if kinds else "everything"
