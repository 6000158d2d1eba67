"""An approved version -> CI: has GitLab refresh the inference pipeline, and watches it."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.runtime import runtime
from headrace.use_cases.refresh_inference import refresh

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Start the CI pipeline of a refresh, or return its status."""
    adapters = runtime()
    answer = refresh(
        adapters.ledger,
        adapters.sagemaker,
        adapters.gitlab,
        event["group"],
        event["arn"],
        event["refresh_id"],
        event.get("pipeline_id"),
        adapters.now(),
    ).document()
    logger.info("refresh", extra={"refresh_id": event["refresh_id"], **answer})
    return answer
