"""Status event -> message: tells people what happened. It decides nothing."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.alerts import publish
from headrace.environment import setting
from headrace.ledger import Ledger, now
from headrace.parsing import parse
from headrace.tell import message_for

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> None:
    """Publish the message for one status event, once however often it is delivered."""
    ledger = Ledger(setting("LEDGER_TABLE"))
    told = message_for(ledger, setting("DATA_BUCKET"), parse(event))
    if told is None or not ledger.first_time(f"told/{told[0]}", now()):
        return
    try:
        publish(setting("ALERTS_TOPIC_ARN"), told[1])
    except Exception:
        ledger.forget(f"told/{told[0]}")
        raise
    logger.info("told", extra={"kind": told[1].kind, "project": told[1].project})
