"""Dead letters, sent on their way again.

Safe at any time within the queue's 14 days, and twice: every event is known by its business key,
which the ledger remembers for 45 days.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipeline_specs.stack import Stack

LEFT = "left"
_WAIT_SECONDS = 1
_BATCH = 10


def redrive(stack: Stack) -> Counter[str]:
    """Send every dead letter where it was bound; return how many went where.

    What is of a form nobody knows stays in its queue and is counted as LEFT.
    """
    sqs = stack.session.client("sqs")
    functions = stack.session.client("lambda")
    inbox = stack.output("InboxQueueUrl")
    inbox_arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])
    bound_for_inbox = inbox_arn["Attributes"]["QueueArn"]
    sent: Counter[str] = Counter()
    for queue in ("InboxDeadLetters", "RuleDeadLetters"):
        url = stack.physical_id(queue)
        for message in _messages(sqs, url):
            target, event = _destination(queue, message, bound_for_inbox)
            if target == bound_for_inbox:
                sqs.send_message(QueueUrl=inbox, MessageBody=json.dumps(event))
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


def _destination(queue: str, message: dict[str, Any], inbox_arn: str) -> tuple[str, Any]:
    """Return (ARN of the queue or function it was bound for, the event), or ("", None)."""
    body = message["Body"]
    try:
        letter = json.loads(body)
    except json.JSONDecodeError:
        return "", None
    if queue == "InboxDeadLetters":
        return inbox_arn, letter
    target = message.get("MessageAttributes", {}).get("TARGET_ARN", {}).get("StringValue", "")
    if target:  # EventBridge could not deliver: the body is the event itself
        return target, letter
    if isinstance(letter, dict) and "requestPayload" in letter:  # a function failed on it
        arn = str(letter.get("requestContext", {}).get("functionArn", ""))
        return arn.removesuffix(":$LATEST"), letter["requestPayload"]
    return "", None


def _messages(sqs: Any, url: str) -> Iterator[dict[str, Any]]:
    """Yield what is visible in a queue now; a message that is left comes back by itself."""
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
