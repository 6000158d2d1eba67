"""The deployed sample stack, in the words of the tests that use it."""

import email
import email.policy
import json
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

from local_cloud.cloud import Cloud

TEMPLATE = Path(__file__).parent / "sample" / "template.yaml"
SECRET = "a-secret-in-the-shell"
T = TypeVar("T")


def eventually(ask: Callable[[], T | None], seconds: float = 20) -> T:
    """The first true answer; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r} after {seconds} s"
        time.sleep(0.05)
    return answer


class Sample:
    """A running cloud with the stack of `sample/template.yaml`."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.session = cloud, cloud.session()
        self.outputs: dict[str, str] = cloud.info["outputs"]
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.session.client(service)
        return self._clients[service]

    def invoke(self, **event: Any) -> Any:
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs["Function"], Payload=json.dumps(event)
        )
        return json.loads(answer["Payload"].read())

    def receive(self, queue: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message that is wanted; it and all before it are deleted."""
        url, sqs = self.outputs[queue], self.client("sqs")

        def ask() -> dict[str, Any] | None:
            answer = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found: dict[str, Any] = message
                if wanted(found):
                    return found
            return None

        return eventually(ask)

    def put_event(self, source: str, **detail: Any) -> None:
        entry = {"Source": source, "DetailType": "test", "Detail": json.dumps(detail)}
        answer = self.client("events").put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0

    def execute(self, name: str | None = None, **given: Any) -> dict[str, Any]:
        """Run the state machine to its end."""
        sfn = self.client("stepfunctions")
        more = {"name": name} if name else {}
        arn = sfn.start_execution(
            stateMachineArn=self.outputs["Machine"], input=json.dumps(given), **more
        )["executionArn"]

        def over() -> dict[str, Any] | None:
            execution = sfn.describe_execution(executionArn=arn)
            return execution if execution["status"] != "RUNNING" else None

        return eventually(over)

    def mails(self) -> list[EmailMessage]:
        folder = Path(self.cloud.info["mail_dir"]) / "new"
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        ]

    def mail(self, wanted: Callable[[EmailMessage], bool]) -> EmailMessage:
        return eventually(lambda: next(filter(wanted, self.mails()), None))
