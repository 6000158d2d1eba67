"""What tests look up in the control plane: the inbox, the lanes, the functions' logs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from demo.loop import Loop
from demo.results import Live


@dataclass(frozen=True)
class WentLive:
    """Stage 3, and the runs of inference there were before it."""

    live: Live
    runs_before: list[str]


def lane(loop: Loop, pipeline: str) -> dict[str, Any]:
    """The lane of a pipeline as the ledger has it."""
    item = loop.client("dynamodb").get_item(
        TableName=loop.info["outputs"]["LedgerTableName"],
        Key={"pk": {"S": f"LANE#{pipeline}"}, "sk": {"S": "LANE"}},
        ConsistentRead=True,
    )["Item"]
    found: dict[str, Any] = json.loads(item["doc"]["S"])
    return found


def version_of(loop: Loop, key: str) -> dict[str, Any]:
    """Return the one version of an object, as S3 lists it: names may begin as its name does."""
    listed = loop.client("s3").list_object_versions(Bucket=loop.bucket, Prefix=key)["Versions"]
    (version,) = [one for one in listed if one["Key"] == key]
    found: dict[str, Any] = version
    return found


def drained(loop: Loop) -> None:
    """Wait until every event was decided, and people were notified."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def empty() -> bool:
        urls = (loop.info["outputs"][queue] for queue in ("InboxQueueUrl", "NotifyQueueUrl"))
        waiting = [
            loop.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            for url in urls
        ]
        return all(answer[name] == "0" for answer in waiting for name in names)

    loop.wait("empty queues", empty)


def deliver_upload_again(loop: Loop, version: dict[str, Any]) -> None:
    """Put the event of an upload into the inbox once more, under an id of its own."""
    stored = {"key": version["Key"], "size": version["Size"], "version-id": version["VersionId"]}
    event = {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": version["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {"bucket": {"name": loop.bucket}, "object": stored},
    }
    loop.sqs.send_message(
        QueueUrl=loop.info["outputs"]["InboxQueueUrl"], MessageBody=json.dumps(event)
    )


def decide_said(loop: Loop, text: str) -> None:
    """Wait until the function `decide` logged a text."""
    logs = loop.client("logs")

    def found() -> bool:
        groups = logs.describe_log_groups()["logGroups"]
        names = [g["logGroupName"] for g in groups if "Decide" in g["logGroupName"]]
        return any(
            text in json.loads(event["message"]).get("message", "")
            for name in names
            for event in logs.filter_log_events(logGroupName=name)["events"]
            if event["message"].startswith("{")
        )

    loop.wait(f"decide to say: {text}", found)
