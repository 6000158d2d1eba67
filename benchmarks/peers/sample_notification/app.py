"""A notification function as public samples have it: plain boto3, a client at import, a print."""

import json
import logging
import os
from typing import Any

import boto3

logger = logging.getLogger()
logger.setLevel(logging.INFO)
sns = boto3.client("sns")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish the status of a pipeline's step."""
    logger.info(json.dumps(event))
    detail = event["detail"]
    pipeline = detail["pipelineArn"].split("/")[-1]
    message = {
        "pipeline": pipeline,
        "execution": detail["pipelineExecutionArn"],
        "step": detail.get("stepName"),
        "status": detail.get("currentStepStatus", detail.get("currentPipelineExecutionStatus")),
    }
    response: dict[str, Any] = sns.publish(
        TopicArn=os.environ["ALERTS_TOPIC_ARN"],
        Subject=f"{pipeline}: {message['status']}",
        Message=json.dumps(message),
    )
    logger.info("published %s", response["MessageId"])
    return {"statusCode": 200}
