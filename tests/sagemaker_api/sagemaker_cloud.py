"""A MiniStack process with SageMaker's API in it, and how tests control it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

INPUT = [{"Name": "Input", "Value": "s3://bucket/key"}]
ROLE = "arn:aws:iam::000000000000:role/pipeline-role"
ROOT = Path(__file__).resolve().parents[2]
SERVER = Path(__file__).with_name("fake_cloud.py")


class Cloud:
    """The server process: started, used, killed and started again."""

    def __init__(self, folder: Path, token_window: float | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.arguments = [] if token_window is None else [str(token_window)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Cloud:
        environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        environment |= {"AUTH": "true", "PYTHONPATH": str(ROOT)}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, SERVER, str(self.port), str(self.folder), *self.arguments],
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health").close()  # noqa: S310  # ours
                return self
            except OSError:
                time.sleep(0.05)
        raise AssertionError((self.folder / "server.log").read_text())

    def stop(self) -> None:
        """As `make down` does: the state is saved."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def client(self, service: str, *, region: str = "us-east-1", **credentials: str) -> Any:
        """A real boto3 client; without credentials it is the account's root."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"} | credentials
        session = boto3.Session(region_name=region, **keys)
        config = Config(retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=self.endpoint, config=config)

    def engine(self, name: str, *arguments: Any) -> Any:
        """Call the host as the engine does; an error is returned as `{"error": ...}`."""
        body = json.dumps(arguments, default=lambda time: {"$time": time.isoformat()}).encode()
        return json.loads(self.post(f"Engine.{name}", body))

    def post(self, target: str, body: bytes) -> bytes:
        """A raw request of JSON 1.1, as no SDK would send it."""
        headers = {
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/"
            "aws4_request, SignedHeaders=host, Signature=0",
        }
        request = urllib.request.Request(self.endpoint, body, headers)  # noqa: S310  # ours
        try:
            with urllib.request.urlopen(request) as response:  # noqa: S310  # ours
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return bytes(error.read())


class Bus:
    """SageMaker's events of one test, in the order in which they came."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.sqs, events = cloud.client("sqs"), cloud.client("events")
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule=name, Targets=[target])

    def next(self, count: int, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The next events that are wanted; the others are left out."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + 10
        while len(found) < count and time.monotonic() < deadline:
            got = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=1, WaitTimeSeconds=1
            )
            for message in got.get("Messages", []):
                event = json.loads(message["Body"])
                found += [event] if wanted(event) else []
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        assert len(found) == count, found
        return found


def definition(*steps: dict[str, Any]) -> str:
    """A pipeline's definition with an input that must be given and a few defaults."""
    return json.dumps(
        {
            "Version": "2020-12-01",
            "Parameters": [
                {"Name": "Input", "Type": "String"},
                {"Name": "Threshold", "Type": "Float", "DefaultValue": 10.0},
                {"Name": "Kind", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
            ],
            "Steps": list(steps) or [{"Name": "Only", "Type": "Fail", "Arguments": {}}],
        }
    )
