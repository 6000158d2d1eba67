"""Timer -> inbox: puts back what no event told."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.runtime import runtime
from headrace.use_cases.decide import Inbox
from headrace.use_cases.gitlab_token import look_at_token
from headrace.use_cases.reconcile import Reconciler

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Look at every project once; at its folders too, when the timer says so."""
    adapters = runtime()
    inbox = Inbox(
        adapters.ledger,
        adapters.bucket,
        adapters.sagemaker,
        adapters.state_machine,
        now=adapters.now,
        warn=logger.warning,
        crashed=logger.exception,
        info=logger.info,
    )
    reconciler = Reconciler(
        inbox, adapters.inbox_queue, adapters.notify_queue, adapters.forgotten_after
    )
    inventory = event.get("inventory") is True
    if inventory:
        queue, warn = adapters.notify_queue, logger.warning
        look_at_token(lambda: adapters.gitlab, adapters.ledger, queue, adapters.now(), warn)
    put_back = reconciler.run(inventory)
    logger.info("reconciled", extra={"put_back": put_back})
    return {"put_back": put_back}
