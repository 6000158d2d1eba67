"""Status events -> messages: tells people what happened. It decides nothing."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.adapters.eventbridge import parse_json
from headrace.adapters.ledger import Ledger, now
from headrace.adapters.messaging import publish
from headrace.domain.errors import HeadraceError
from headrace.runtime import setting
from headrace.use_cases.notify import messages_for

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Tell a batch from SQS, each change once; return the messages to be delivered again."""
    failed: list[str] = []
    for record in event["Records"]:
        try:
            _tell(record["body"], teller=record["messageId"])
        except HeadraceError as error:
            logger.warning(f"message {record['messageId']}: {error}")
            failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _tell(body: str, teller: str) -> None:
    ledger = Ledger(setting("LEDGER_TABLE"))
    for key, message in messages_for(ledger, setting("DATA_BUCKET"), parse_json(body)):
        if ledger.may_tell(f"told/{key}", now(), teller):
            publish(setting("ALERTS_TOPIC_ARN"), message)
            ledger.told(f"told/{key}", now())
            logger.info("told", extra={"kind": message.kind, "project": message.project})
