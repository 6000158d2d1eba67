"""A policy that names EventBridge's rules lets its holder at those and no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.deploy import users
from tests.cloud.cloud_sample import Sample

ACTIONS = ("PutRule", "DescribeRule", "DeleteRule", "PutTargets", "RemoveTargets")


@pytest.fixture(scope="module")
def events(sample: Sample) -> Any:
    """EventBridge as somebody sees it who may change the rules `mine-*` of the default bus."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [f"events:{name}" for name in (*ACTIONS, "ListTargetsByRule")],
                "Resource": "arn:aws:events:us-east-1:*:rule/mine-*",
            }
        ],
    }
    keys = users.ensure_user(sample.session, "rule-maker", policy)
    return users.EndpointSession(sample.cloud.info["endpoint_url"], *keys).client("events")


def test_a_rule_that_the_policy_names_is_made_changed_and_deleted(
    events: Any, sample: Sample
) -> None:
    queue = sample.client("sqs").get_queue_attributes(
        QueueUrl=sample.outputs["Seen"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    events.put_rule(Name="mine-1", EventPattern=json.dumps({"source": ["nobody"]}))
    events.put_targets(Rule="mine-1", Targets=[{"Id": "queue", "Arn": queue}])
    assert events.list_targets_by_rule(Rule="mine-1")["Targets"] == [{"Id": "queue", "Arn": queue}]
    assert events.describe_rule(Name="mine-1")["State"] == "ENABLED"
    events.remove_targets(Rule="mine-1", Ids=["queue"])
    events.delete_rule(Name="mine-1")


def test_no_other_rule_is_in_reach(events: Any) -> None:
    calls: tuple[Callable[[], Any], ...] = (
        lambda: events.put_rule(Name="yours-1", EventPattern='{"source": ["nobody"]}'),
        lambda: events.describe_rule(Name="yours-1"),
        lambda: events.list_targets_by_rule(Rule="yours-1"),
        lambda: events.put_targets(Rule="yours-1", Targets=[{"Id": "a", "Arn": "a"}]),
        lambda: events.put_rule(Name="mine-1", EventPattern="{}", EventBusName="other"),
    )
    for call in calls:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
