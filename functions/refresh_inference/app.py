"""An approved version -> CI: has GitLab refresh the inference pipeline, and watches it."""

from typing import Any

from aws_lambda_powertools import Logger
from headrace.adapters import gitlab_ci
from headrace.adapters.ledger import Ledger, now
from headrace.runtime import setting
from headrace.use_cases.refresh_inference import refresh

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Start the CI pipeline of a refresh, or look how it is doing."""
    to = gitlab_ci.settings(
        setting("GITLAB_URL"),
        setting("GITLAB_PROJECT_PATH"),
        setting("GITLAB_REF"),
        setting("GITLAB_SECRET_ARN"),
    )
    answer = refresh(
        Ledger(setting("LEDGER_TABLE")),
        to,
        event["group"],
        event["arn"],
        event["refresh_id"],
        event.get("pipeline_id"),
        now(),
    )
    logger.info("refresh", extra={"refresh_id": event["refresh_id"], **answer})
    return answer
