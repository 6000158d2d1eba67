"""Timer -> inbox: puts back what no event told."""

import json
from typing import Any

from aws_lambda_powertools import Logger
from headrace.environment import setting
from headrace.inbox import Inbox
from headrace.ledger import Ledger, now
from headrace.queue import send
from headrace.reconcile import reconcile
from headrace.statemachine import start

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Look at every project once."""
    inbox = Inbox(
        ledger=Ledger(setting("LEDGER_TABLE")),
        start=lambda name, action: start(setting("STATE_MACHINE_ARN"), name, json.dumps(action)),
        now=now,
        warn=logger.warning,
    )
    put_back = reconcile(
        inbox, lambda envelope: send(setting("INBOX_QUEUE_URL"), json.dumps(envelope))
    )
    logger.info("reconciled", extra={"put_back": put_back})
    return {"put_back": put_back}
