"""`headrace redrive` on queues of the local SQS."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from headrace.adapters import client as aws
from headrace.adapters.messaging import Queue

from tests.headrace.aws_services import ministack
from workbench.redrive import redrive

pytestmark = pytest.mark.cloud
QUEUES = ("Inbox", "InboxDeadLetters", "NotifyQueue", "NotifyDeadLetters", "RuleDeadLetters")


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A stack that has only its queues."""
    with ministack(tmp_path) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        aws.client.cache_clear()
        aws.session.cache_clear()
        sqs = aws.client("sqs")
        urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
        session = SimpleNamespace(client=aws.client)
        yield SimpleNamespace(session=session, physical_id=urls.__getitem__)
        aws.client.cache_clear()
        aws.session.cache_clear()


def test_a_refused_event_is_sent_again_without_its_reason(stack: Any) -> None:
    body = json.dumps({"source": "headrace", "detail-type": "Run Requested"})
    sqs = stack.session.client("sqs")
    Queue(sqs, stack.physical_id("InboxDeadLetters")).put_aside(body, "no such\x00pipeline\n")
    (letter,) = sqs.receive_message(
        QueueUrl=stack.physical_id("InboxDeadLetters"),
        MessageAttributeNames=["All"],
        VisibilityTimeout=0,
    )["Messages"]

    assert letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] == "no such?pipeline?"
    assert redrive(stack) == {"Inbox": 1}
    (event,) = sqs.receive_message(
        QueueUrl=stack.physical_id("Inbox"), MessageAttributeNames=["All"]
    )["Messages"]
    assert event["Body"] == body
    assert "MessageAttributes" not in event
