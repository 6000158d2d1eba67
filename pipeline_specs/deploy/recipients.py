"""Who gets a project's messages, and which: e-mail subscriptions of the alerts topic.

An address has one subscription for all projects: its filter policy says what it gets of each.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from math import prod
from typing import Any, Final

from botocore.exceptions import ClientError
from headrace.adapters.client import from_aws
from headrace.domain.errors import PermanentError

from pipeline_specs.config.recipients import Kinds, Recipient

MOST_POLICIES: Final = 200  # of a topic
MOST_COMBINATIONS: Final = 150  # of values in a filter policy


class Subscriptions:
    """The topic's subscriptions as they are when they are first looked at."""

    def __init__(self, sns: Any, topic: str) -> None:
        self._sns, self.arn = sns, topic

    def put(self, project: str, recipients: tuple[Recipient, ...]) -> Iterator[str]:
        """Subscribe exactly these recipients to a project; yield a line for each change.

        An address without a filter policy gets everything and is left alone. Raises PermanentError,
        and changes nothing, if SNS would refuse a filter policy.
        """
        wanted = {recipient.email: recipient.wants for recipient in recipients}
        try:
            if found := list(self.misfits(project, recipients)):
                raise PermanentError("; ".join(found))
            there = self._there
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

    def misfits(self, project: str, recipients: tuple[Recipient, ...]) -> Iterator[str]:
        """Yield why SNS would refuse to subscribe these recipients to a project.

        Limits: https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
        """
        wanted = {recipient.email: recipient.wants for recipient in recipients}
        there = self._there
        for address, wants in wanted.items():
            arn = there.get(address, "")
            by_project = subscribed(self._policies[arn]) if arn in self._policies else {}
            if by_project is None:
                continue  # it gets everything, or what somebody else chose
            if (values := combinations(policy({**by_project, project: wants}))) > MOST_COMBINATIONS:
                yield (
                    f"{address} chose {values} combinations of projects and kinds of message, and "
                    f"SNS takes {MOST_COMBINATIONS} in a filter policy; let it want fewer kinds or "
                    "everything"
                )
        # One that waits for its confirmation cannot be read; ours have a policy from the start.
        waiting = sum(1 for arn in there.values() if not arn.startswith("arn:"))
        count = waiting + sum(1 for one in self._policies.values() if one)
        if (count := count + sum(1 for address in wanted if address not in there)) > MOST_POLICIES:
            yield (
                f"{project}: the alerts topic would have {count} filter policies, and SNS takes "
                f"{MOST_POLICIES}; let recipients share the address of a mailing list"
            )

    def _change(self, project: str, address: str, arn: str, wants: Kinds | None) -> Iterator[str]:
        """Change what one address gets of a project; `wants` is None if it is nothing."""
        by_project = subscribed(self._policies[arn])
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

    @cached_property
    def _listed(self) -> list[dict[str, Any]]:
        pages = self._sns.get_paginator("list_subscriptions_by_topic")
        return [
            found for page in pages.paginate(TopicArn=self.arn) for found in page["Subscriptions"]
        ]

    @property
    def _there(self) -> dict[str, str]:
        """The e-mail subscriptions: ARN, or what SNS says in its place, by address."""
        emails = (found for found in self._listed if found["Protocol"] == "email")
        return {found["Endpoint"]: found["SubscriptionArn"] for found in emails}

    @cached_property
    def _policies(self) -> dict[str, dict[str, Any]]:
        """The filter policy of each confirmed subscription, by its ARN; empty if it has none."""
        arns = (found["SubscriptionArn"] for found in self._listed)
        return {arn: self._policy(arn) for arn in arns if arn.startswith("arn:")}

    def _subscribe(self, address: str, by_project: Mapping[str, Kinds]) -> None:
        self._sns.subscribe(
            TopicArn=self.arn,
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


def combinations(policy: Mapping[str, Any]) -> int:
    """Return how many combinations of values a filter policy has, as SNS counts them.

    Of each way of an `$or` it is the product of the lengths; of all of them, the sum.
    """
    ways: list[Mapping[str, Any]] = policy.get("$or", [policy])
    return sum(prod(len(values) for values in way.values()) for way in ways)


def subscribed(policy: Mapping[str, Any]) -> dict[str, Kinds] | None:
    """Return what a filter policy lets through, by project; None if it is not one of ours."""
    ways: list[Mapping[str, Any]] = policy.get("$or", [policy])
    if not all(way.get("project") and way.keys() <= {"project", "kind"} for way in ways):
        return None
    return {name: tuple(way.get("kind", ())) for way in ways for name in way["project"]}


def _said(kinds: Kinds) -> str:
    return f"only {', '.join(kinds)}" if kinds else "everything"
