"""Status events -> messages: notifies people of what happened. It decides nothing."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.adapters.eventbridge import parse_json
from headrace.domain.errors import HeadraceError
from headrace.domain.events import key_of_notification
from headrace.runtime import runtime
from headrace.use_cases.notify import messages_for

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Notify people of a batch from SQS, each change once; return the messages to deliver again."""
    failed: list[str] = []
    for record in event["Records"]:
        try:
            _notify(record["body"], record["messageId"])
        except HeadraceError as error:
            logger.warning(f"message {record['messageId']}: {error}")
            failed.append(record["messageId"])
        except Exception:  # unexpected: the other messages are handled all the same
            logger.exception(f"message {record['messageId']}")
            failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _notify(body: str, message_id: str) -> None:
    adapters = runtime()
    ledger = adapters.ledger
    for key, message in messages_for(ledger, adapters.bucket, adapters.sagemaker, parse_json(body)):
        once = key_of_notification(key)
        if ledger.claim_notification(once, adapters.now(), message_id):
            adapters.topic.publish(message)
            ledger.mark_notified(once, adapters.now())
            logger.info("notified", extra={"kind": message.kind, "project": message.project})
