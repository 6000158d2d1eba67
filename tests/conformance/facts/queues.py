"""SQS: what a queue's policy may say."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.account import Account
from tests.conformance.fact import answer, fact

EVENTS = {"Service": "events.amazonaws.com"}
SEND = "sqs:SendMessage"
QUOTAS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html"


def _statement(resource: Any, principal: Any = None, action: Any = SEND) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": principal or EVENTS,
        "Action": action,
        "Resource": resource,
    }


def _put_policy(account: Account, url: str, *statements: dict[str, Any]) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    sqs = account.client("sqs")
    return answer(lambda: sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy}))


@fact(
    "A policy statement may name one queue",
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html",
    "accepted",
    creates="a queue",
)
def queue_policy_for_one_queue(account: Account) -> str:
    url, arn = account.queue("one")
    return _put_policy(account, url, _statement(arn))


@fact(
    "A policy statement that lists two queues is refused",
    "https://github.com/remind101/stacker_blueprints/pull/71",
    "refused: InvalidAttributeValue",
    creates="2 queues",
)
def queue_policy_for_two_queues(account: Account) -> str:
    (url, arn), (_, other) = account.queue("left"), account.queue("right")
    return _put_policy(account, url, _statement([arn, other]))


@fact(
    "A policy with more than 7 actions in a statement is over a limit",
    QUOTAS,
    "refused: OverLimit",
    creates="a queue",
)
def queue_policy_with_eight_actions(account: Account) -> str:
    url, arn = account.queue("actions")
    names = (
        *("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"),
        *("ListDeadLetterSourceQueues", "PurgeQueue", "ReceiveMessage", "SendMessage"),
    )
    actions = [f"sqs:{name}" for name in names]
    return _put_policy(account, url, _statement(arn, action=actions))


@fact(
    "A policy for a role that does not exist is refused",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
    "refused: InvalidAttributeValue",
    creates="a queue",
)
def queue_policy_for_a_missing_role(account: Account) -> str:
    url, arn = account.queue("missing")
    partition, number = arn.split(":")[1], arn.split(":")[4]
    nobody = {"AWS": f"arn:{partition}:iam::{number}:role/{account.name('nobody')}"}
    return _put_policy(account, url, _statement(arn, nobody))
