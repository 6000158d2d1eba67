"""Batches from a queue are as large as the mapping asks for, and gathered within its window."""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud.cloud_sample import Sample, eventually

CODE = "def handler(event, context):\n    print('BATCH', len(event['Records']))\n"
WINDOW = 2


@pytest.fixture(scope="module")
def queue(sample: Sample) -> Iterator[tuple[Any, str, str]]:
    """A queue whose messages go to a function of its own: (SQS, URL, the function's name)."""
    name = f"batches-{uuid.uuid4().hex[:6]}"
    sqs, functions = sample.session.client("sqs"), sample.session.client("lambda")
    iam = sample.session.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    everything = {"Effect": "Allow", "Action": ["sqs:*", "logs:*"], "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [everything]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", CODE)
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=role["Arn"],
        Code={"ZipFile": code.getvalue()},
    )
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    mapping = functions.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=arn["QueueArn"],
        BatchSize=50,
        MaximumBatchingWindowInSeconds=WINDOW,
    )
    yield sqs, url, name
    functions.delete_event_source_mapping(UUID=mapping["UUID"])


def send(sqs: Any, url: str, count: int) -> None:
    for start in range(0, count, 10):
        entries = [
            {"Id": str(n), "MessageBody": str(n)} for n in range(start, min(start + 10, count))
        ]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)


def batches(sample: Sample, name: str) -> list[int]:
    """The sizes of the batches that the function was given so far."""
    logs = sample.session.client("logs")
    answer = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="BATCH")
    return [int(event["message"].split()[1]) for event in answer["events"]]


def test_messages_wait_for_the_window_and_go_together(
    sample: Sample, queue: tuple[Any, str, str]
) -> None:
    sqs, url, name = queue
    started = time.monotonic()
    send(sqs, url, 15)

    found = eventually(lambda: batches(sample, name) if _logged(sample, name) else [])

    assert found == [15]
    assert time.monotonic() - started >= WINDOW


def test_a_full_batch_does_not_wait(sample: Sample, queue: tuple[Any, str, str]) -> None:
    sqs, url, name = queue
    before = len(batches(sample, name)) if _logged(sample, name) else 0
    send(sqs, url, 60)

    found = eventually(lambda: batches(sample, name)[before:] if _logged(sample, name) else [])

    assert found[0] == 50


def _logged(sample: Sample, name: str) -> bool:
    groups = sample.session.client("logs").describe_log_groups(
        logGroupNamePrefix=f"/aws/lambda/{name}"
    )
    return bool(groups["logGroups"])
