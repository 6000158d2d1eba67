"""An orchestrating function that imports the SageMaker SDK and makes four clients at import."""

import json
import os
from typing import Any

import boto3
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session

s3 = boto3.client("s3")
sns = boto3.client("sns")
sagemaker = boto3.client("sagemaker")
dynamodb = boto3.client("dynamodb")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Start the pipeline that the event names; the benchmark measures the import alone."""
    image = image_uris.retrieve("xgboost", os.environ["AWS_REGION"], version="1.7-1")
    session = Session(sagemaker_client=sagemaker)
    answer: dict[str, Any] = session.sagemaker_client.start_pipeline_execution(
        PipelineName=event["pipeline"],
        PipelineParameters=[{"Name": "Image", "Value": json.dumps(image)}],
    )
    return answer
