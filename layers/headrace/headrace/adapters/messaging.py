"""The alerts topic: text for people, JSON for machines, attributes to filter by."""

import json

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import client, from_aws
from headrace.domain.message import Message


def publish(topic_arn: str, message: Message) -> None:
    """Publish a message once. Raises what SNS said; nothing is swallowed."""
    body = {"default": json.dumps(message.values()), "email": message.text}
    try:
        client("sns").publish(
            TopicArn=topic_arn,
            Subject=message.subject_line,
            Message=json.dumps(body),
            MessageStructure="json",
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in (("project", message.project), ("kind", message.kind))
            },
        )
    except (ClientError, BotoCoreError) as error:
        raise from_aws(error, f"publishing {message.kind!r} of {message.project}") from error
