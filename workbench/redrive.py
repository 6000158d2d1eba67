"""Sends dead letters again.

Safe at any time within the queue's 14 days, and safe to repeat: every event has a business key,
which the ledger keeps for 45 days.

AWS does not document whether a rule's dead letter is the event itself or what the target's input
transformer made of it, so both are taken: an event is transformed here as its rule says.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from headrace.domain.events import SOURCE

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
    rules = stack.session.client("events")
    queues = {_arn(sqs, url): url for url in map(stack.physical_id, _SOURCES.values())}
    arns = dict(zip(_SOURCES, queues, strict=True))
    sent: Counter[str] = Counter()
    for dead_letters in DEAD_LETTERS:
        url = stack.physical_id(dead_letters)
        for message in _messages(sqs, url):
            target, event = _destination(message, arns.get(dead_letters, ""))
            if dead_letters == "RuleDeadLetters" and target in queues:
                event = _transformed(rules, message, event)
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


def _transformed(events: Any, message: dict[str, Any], event: Any) -> Any:
    """Return what a rule's target makes of an event: schedules, and other triggers of a run.

    An event that has been transformed, or whose rule or target is gone, stays as it is.
    """
    rule = message.get("MessageAttributes", {}).get("RULE_ARN", {}).get("StringValue", "")
    if not rule or not isinstance(event, dict) or event.get("source") == SOURCE:
        return event
    target = message["MessageAttributes"]["TARGET_ARN"]["StringValue"]
    try:
        there = events.list_targets_by_rule(Rule=rule.partition(":rule/")[2])["Targets"]
    except events.exceptions.ResourceNotFoundException:
        return event
    for one in there:
        if one["Arn"] == target and (how := one.get("InputTransformer")):
            return json.loads(_filled(how["InputTemplate"], how.get("InputPathsMap", {}), event))
    return event


def _filled(template: str, paths: dict[str, str], event: dict[str, Any]) -> str:
    """Return a template with its variables filled in, as EventBridge does.

    Quotes come around a text that stands alone, and none inside of a text.
    """
    values = {f"<{name}>": _at(path, event) for name, path in paths.items()}

    def put(found: re.Match[str]) -> str:
        text = found[0]
        if not text.startswith('"'):
            return json.dumps(values.get(text, ""))
        for name, value in values.items():
            text = text.replace(name, value if isinstance(value, str) else json.dumps(value))
        return text

    return re.sub(r'"(?:[^"\\]|\\.)*"|<[^<>]+>', put, template)


def _at(path: str, event: Any) -> Any:
    """Return the value at a JSON path such as `$.detail.name`, or an empty text."""
    for part in path.removeprefix("$.").split("."):
        event = event.get(part, "") if isinstance(event, dict) else ""
    return event


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
