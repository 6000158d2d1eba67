"""What Headrace sends: messages to the topic, events to queues, actions to the state machine.

Every method raises RetryableError or PermanentError with what AWS said.
"""

import json
from typing import Annotated, Any

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import from_aws
from headrace.domain.message import Message

_REASON_LIMIT = 1000  # characters of a reason beside a dead letter, which shares its size limit


class Topic:
    """The alerts topic: text for people, JSON for machines, attributes to filter by."""

    def __init__(self, client: Annotated[Any, "sns"], arn: str) -> None:
        self._client, self.arn = client, arn

    def publish(self, message: Message) -> None:
        """Publish a message once."""
        body = {"default": json.dumps(message.values()), "email": message.text}
        try:
            self._client.publish(
                TopicArn=self.arn,
                Subject=message.subject_line,
                Message=json.dumps(body),
                MessageStructure="json",
                MessageAttributes=_texts(project=message.project, kind=message.kind),
            )
        except (ClientError, BotoCoreError) as error:
            raise from_aws(error, f"publishing {message.kind!r} of {message.project}") from error


class Queue:
    """A queue that events are put into."""

    def __init__(self, client: Annotated[Any, "sqs"], url: str) -> None:
        self._client, self.url = client, url

    def send(self, envelope: dict[str, Any]) -> None:
        """Put an event into the queue, in its EventBridge envelope."""
        try:
            self._client.send_message(QueueUrl=self.url, MessageBody=json.dumps(envelope))
        except (ClientError, BotoCoreError) as error:
            raise from_aws(error, f"sending to {self.url}") from error

    def put_aside(self, body: str, reason: str) -> None:
        """Put a message into this dead-letter queue, with the reason as EventBridge gives it."""
        text = "".join(c if c.isprintable() else "?" for c in reason)[:_REASON_LIMIT]
        try:
            self._client.send_message(
                QueueUrl=self.url,
                MessageBody=body,
                MessageAttributes=_texts(ERROR_CODE="PermanentError", ERROR_MESSAGE=text),
            )
        except (ClientError, BotoCoreError) as error:
            raise from_aws(error, f"sending to {self.url}") from error


class StateMachine:
    """The state machine `act`, started once per action."""

    def __init__(self, client: Annotated[Any, "stepfunctions"], arn: str) -> None:
        self._client, self.arn = client, arn

    def start(self, name: str, action: dict[str, Any]) -> None:
        """Start an execution named after its action; does nothing if that name was used before."""
        try:
            self._client.start_execution(
                stateMachineArn=self.arn, name=name, input=json.dumps(action)
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return
        except (ClientError, BotoCoreError) as error:
            raise from_aws(error, f"starting {name}") from error


def _texts(**values: str) -> dict[str, Any]:
    """Return message attributes, as SNS and SQS both take them."""
    return {name: {"DataType": "String", "StringValue": text} for name, text in values.items()}
