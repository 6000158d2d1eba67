"""Timers -> inbox: re-queues changes whose events were lost."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.runtime import runtime
from headrace.use_cases.gitlab_token import look_at_token
from headrace.use_cases.reconcile import Reconciler

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Begin a sweep over the projects, with their inventories if told so, or go on with one."""
    adapters = runtime()
    reconciler = Reconciler(
        adapters.inbox(logger),
        adapters.inbox_queue,
        adapters.notify_queue,
        adapters.forgotten_after,
        adapters.marks,
        adapters.keep_models_days,
    )
    inventory = event.get("inventory") is True
    if inventory:
        queue, warn = adapters.notify_queue, logger.warning
        look_at_token(lambda: adapters.gitlab, adapters.ledger, queue, adapters.now(), warn)
    begin = event.get("continue") is not True
    put_back = reconciler.run(begin=begin, hourly=inventory, request_id=context.aws_request_id)
    logger.info("reconciled", extra={"put_back": put_back})
    return {"put_back": put_back}
