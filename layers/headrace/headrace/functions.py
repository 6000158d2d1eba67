"""Other functions of the stack, invoked."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from headrace.aws import client, from_aws


def invoke_later(function_name: str, event: dict[str, Any]) -> None:
    """Hand an event to a function asynchronously; Lambda retries and keeps what fails."""
    try:
        client("lambda").invoke(
            FunctionName=function_name,
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )
    except (ClientError, BotoCoreError) as error:
        raise from_aws(error, f"invoking {function_name}") from error
