"""The queues that reconcile puts events back into."""

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import client, from_aws


def send(queue_url: str, body: str) -> None:
    """Put a message into the queue."""
    try:
        client("sqs").send_message(QueueUrl=queue_url, MessageBody=body)
    except (ClientError, BotoCoreError) as error:
        raise from_aws(error, f"sending to {queue_url}") from error
