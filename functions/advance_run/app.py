"""A waiting request -> its run: claims the lane and starts the pipeline when its turn comes."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.runtime import runtime
from headrace.use_cases.advance_run import Adapters, advance

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return what the state machine does next: wait until a time, or finish."""
    adapters = runtime()
    answer = advance(
        Adapters(adapters.ledger, adapters.bucket, adapters.sagemaker),
        event["pipeline"],
        event["request_id"],
        adapters.now(),
    ).document()
    logger.info("advanced", extra={"request_id": event["request_id"], **answer})
    return answer
