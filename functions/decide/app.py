"""Inbox -> ledger: decides each event once and hands its actions to the state machine."""

import json
from typing import Any

from aws_lambda_powertools import Logger
from headrace.adapters.ledger import Ledger, now
from headrace.adapters.statemachine import start
from headrace.runtime import setting
from headrace.use_cases.decide import Inbox

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take a batch from SQS; return the messages that should be delivered again."""
    inbox = Inbox(
        ledger=Ledger(setting("LEDGER_TABLE")),
        start=lambda name, action: start(setting("STATE_MACHINE_ARN"), name, json.dumps(action)),
        now=now,
        warn=logger.warning,
    )
    failed = inbox.handle(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
