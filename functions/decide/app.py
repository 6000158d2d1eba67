"""Inbox -> ledger: decides each event once and hands its actions to the state machine."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.runtime import require_time, runtime
from headrace.use_cases.decide import Inbox

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take a batch from SQS; return the messages that should be delivered again."""
    adapters = runtime()
    inbox: Inbox = adapters.inbox(logger)
    failed = inbox.handle(
        event["Records"],
        lambda: require_time(context),
        lambda record, error: inbox.refuse(adapters.dead_letters, record, error),
    )
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
