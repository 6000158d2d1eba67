"""Queues that receive the events that rules let through, to count them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

STATUS_CHANGES = {
    "source": ["aws.sagemaker"],
    "detail-type": [
        "SageMaker Model Building Pipeline Execution Status Change",
        "SageMaker Model Building Pipeline Execution Step Status Change",
        "SageMaker Model Package State Change",
    ],
}


def listen(
    client: Callable[[str], Any], name: str, patterns: Iterable[dict[str, Any]]
) -> Callable[[], int]:
    """Have a queue receive every event of these patterns from now on; return what counts them."""
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["QueueArn"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    for number, pattern in enumerate(patterns):
        rule = f"{name}-{number}"
        events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn["QueueArn"]}])

    def count() -> int:
        attribute = "ApproximateNumberOfMessages"
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])
        return int(answer["Attributes"][attribute])

    return count


def patterns_to(client: Callable[[str], Any], queue_arn: str) -> list[dict[str, Any]]:
    """Return the patterns of the rules that send to a queue."""
    events = client("events")
    names = [
        rule["Name"]
        for page in events.get_paginator("list_rules").paginate()
        for rule in page["Rules"]
        if queue_arn
        in {t["Arn"] for t in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]}
    ]
    return [json.loads(events.describe_rule(Name=name)["EventPattern"]) for name in names]
