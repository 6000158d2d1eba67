"""Status event -> message: tells people what happened. It decides nothing."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.alerts import publish
from headrace.environment import setting
from headrace.ledger import Ledger, now
from headrace.parsing import parse
from headrace.tell import messages_for

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> None:
    """Publish the messages for one status event, once however often it is delivered."""
    ledger = Ledger(setting("LEDGER_TABLE"))
    for key, message in messages_for(ledger, setting("DATA_BUCKET"), parse(event)):
        if ledger.may_tell(f"told/{key}", now(), context.aws_request_id):
            publish(setting("ALERTS_TOPIC_ARN"), message)
            ledger.told(f"told/{key}", now())
            logger.info("told", extra={"kind": message.kind, "project": message.project})
