"""Sends dead letters again.

Safe at any time within the queue's 14 days, and safe to repeat: every event has a business key,
which the ledger keeps for 45 days.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipeline_specs.deploy.stack import Stack

LEFT = "left"
# Dead-letter queues and the queues they serve.
_SOURCES = {"InboxDeadLetters": "Inbox", "NotifyDeadLetters": "NotifyQueue"}
DEAD_LETTERS = (*_SOURCES, "RuleDeadLetters")
_WAIT_SECONDS = 1
_BATCH = 10


def redrive(stack: Stack) -> Counter[str]:
    """Send every dead letter to its destination; return the count by destination.

    A message of an unknown form stays in its queue and is counted as LEFT.
    """
    sqs = stack.session.client("sqs")
    functions = stack.session.client("lambda")
    queues = {_arn(sqs, url): url for url in map(stack.physical_id, _SOURCES.values())}
    arns = dict(zip(_SOURCES, queues, strict=True))
    sent: Counter[str] = Counter()
    for dead_letters in DEAD_LETTERS:
        url = stack.physical_id(dead_letters)
        for message in _messages(sqs, url):
            target, event = _destination(message, arns.get(dead_letters, ""))
            if target in queues:
                sqs.send_message(QueueUrl=queues[target], MessageBody=json.dumps(event))
            elif ":function:" in target:
                functions.invoke(
                    FunctionName=target,
                    InvocationType="Event",
                    Payload=json.dumps(event).encode(),
                )
            else:
                sent[LEFT] += 1
                continue
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            sent[target.rsplit(":", 1)[-1]] += 1
    return sent


def _arn(sqs: Any, url: str) -> str:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def _destination(message: dict[str, Any], source: str) -> tuple[str, Any]:
    """Return (ARN of its destination, a queue or function, and the event), or ("", None).

    `source` is the queue whose function failed on it, if there is one.
    """
    try:
        letter = json.loads(message["Body"])
    except json.JSONDecodeError:
        return "", None
    target = message.get("MessageAttributes", {}).get("TARGET_ARN", {}).get("StringValue", "")
    if source or target:  # an undelivered message of EventBridge is the event itself
        return source or target, letter
    if isinstance(letter, dict) and "requestPayload" in letter:  # a function failed on it
        arn = str(letter.get("requestContext", {}).get("functionArn", ""))
        return arn.removesuffix(":$LATEST"), letter["requestPayload"]
    return "", None


def _messages(sqs: Any, url: str) -> Iterator[dict[str, Any]]:
    """Yield a queue's visible messages; one that is not deleted becomes visible again."""
    while True:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        yield from messages
