"""A request that waits -> its run: claims the lane and starts the pipeline when its turn comes."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.adapters.ledger import Ledger, now
from headrace.runtime import setting
from headrace.use_cases.advance_run import advance

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return what the state machine does next: wait until a time, or be done."""
    answer = advance(
        Ledger(setting("LEDGER_TABLE")),
        setting("DATA_BUCKET"),
        event["pipeline"],
        event["request_id"],
        now(),
    )
    logger.info("advanced", extra={"request_id": event["request_id"], **answer})
    return answer
