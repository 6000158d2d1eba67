"""The floor: one publish by the standard library alone, signed by hand."""

import datetime
import hashlib
import hmac
import http.client
import json
import os
import ssl
from typing import Any
from urllib.parse import quote, urlsplit


def handler(event: dict[str, Any], context: Any) -> None:
    """Publish the event to the topic of the environment."""
    where = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    fields = {
        "Action": "Publish",
        "Version": "2010-03-31",
        "TopicArn": os.environ["ALERTS_TOPIC_ARN"],
        "Message": json.dumps(event["detail"]),
    }
    body = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
    connection = http.client.HTTPSConnection(where.netloc, context=ssl.create_default_context())
    connection.request("POST", "/", body, _signed(where.netloc, body.encode()))
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"publish was refused: {answer.status}")


def _signed(host: str, body: bytes) -> dict[str, str]:
    """Return the headers of a request with Signature Version 4."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "host": host,
        "x-amz-date": now,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{now[:8]}/{os.environ['AWS_REGION']}/sns/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"):
        signature = hmac.new(key, part.encode(), hashlib.sha256)
        key = signature.digest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={names}, Signature={signature.hexdigest()}"
    )
    return headers
