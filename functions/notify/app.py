"""Status events -> messages: notifies people of what happened. It decides nothing."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.runtime import require_time, runtime
from headrace.use_cases.batch import Batch
from headrace.use_cases.notify import Notifier

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Notify people of a batch from SQS, each change once; return the messages to deliver again."""
    adapters = runtime()
    notifier: Notifier = Notifier(
        adapters.ledger,
        adapters.bucket,
        adapters.sagemaker,
        adapters.topic,
        now=adapters.now,
        info=logger.info,
    )
    batch = Batch(
        logger.warning,
        logger.exception,
        lambda: require_time(context),
        lambda record, error: notifier.refuse(adapters.dead_letters, record, error),
    )
    for record in event["Records"]:
        with batch.apart(record):
            batch.require_time()
            notifier.notify(record)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in batch.failed]}
