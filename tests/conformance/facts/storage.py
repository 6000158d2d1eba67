"""S3: encryption, and the events that uploads send."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.conformance.account import Account
from tests.conformance.fact import answer, fact

EVENTS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"
ENABLING = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html"
MADE = "a versioned bucket with events, a rule, a queue"
PART = 5 * 1024 * 1024  # the smallest that is not the last
Event = dict[str, Any]


@fact(
    "aws:kms without a key uses the account's key aws/s3",
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
    "accepted",
    creates="a bucket with an object",
)
def object_encrypted_without_naming_a_key(account: Account) -> str:
    bucket, s3 = account.bucket(), account.client("s3")
    return answer(
        lambda: s3.put_object(
            Bucket=bucket, Key="encrypted", Body=b"1", ServerSideEncryption="aws:kms"
        )
    )


class _Uploads:
    """A versioned bucket whose events come into a queue; waits until the first one has come."""

    def __init__(self, account: Account) -> None:
        self._account, self._seen = account, list[Event]()
        self._s3, self.bucket = account.client("s3"), account.bucket("uploads")
        self._s3.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        pattern = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [self.bucket]}},
        }
        self._queue = account.rule_to_queue("uploads", pattern)
        self._s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        self._account.wait("the first event", self._warm)

    def _warm(self) -> bool | None:
        """AWS begins to send minutes after it was told to."""
        self._s3.put_object(Bucket=self.bucket, Key="warm", Body=b"1")
        return True if self.of("warm") else None

    def of(self, key: str) -> list[Event]:
        """Return the events about a key that have come so far."""
        sqs = self._account.client("sqs")
        asked = sqs.receive_message(QueueUrl=self._queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in asked.get("Messages", []):
            self._seen.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [event for event in self._seen if event["detail"]["object"]["key"] == key]

    def first(self, key: str) -> Event:
        """Wait for the first event about a key."""
        return self._account.wait(f"the event of {key}", lambda: self.of(key) or None, 120)[0]


def _uploads(account: Account) -> _Uploads:
    return account.once("uploads", lambda: _Uploads(account))


@fact(
    "An upload's event has the object's version, a sequencer, and its time in whole seconds",
    f"{EVENTS}; {ENABLING}",
    "size 4 and version-id as put, a hexadecimal sequencer, whole seconds",
    creates=MADE,
    minutes=6,
)
def event_of_an_upload(account: Account) -> str:
    uploads = _uploads(account)
    put = account.client("s3").put_object(Bucket=uploads.bucket, Key="a b+ü.csv", Body=b"1,2\n")
    event = uploads.first("a b+ü.csv")
    about = event["detail"]["object"]
    version = "as put" if about.get("version-id") == put["VersionId"] else "missing"
    hexadecimal = re.fullmatch(r"[0-9A-F]+", about.get("sequencer", ""))
    seconds = re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", event["time"])
    return (
        f"size {about['size']} and version-id {version}, "
        f"{'a hexadecimal' if hexadecimal else 'no'} sequencer, "
        f"{'whole' if seconds else 'parts of'} seconds"
    )


@fact(
    "A multipart upload sends one event, at its completion, with the whole size",
    EVENTS,
    f"CompleteMultipartUpload of {PART + 3} bytes",
    creates=f"{MADE}, an object of 5 MiB",
    minutes=6,
)
def events_of_a_multipart_upload(account: Account) -> str:
    uploads, s3, key = _uploads(account), account.client("s3"), "parts.csv"
    where = {"Bucket": uploads.bucket, "Key": key}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number, body in enumerate((b"1" * PART, b"2,3"), 1):
        made = s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    uploads.first(key)
    s3.put_object(Bucket=uploads.bucket, Key="after", Body=b"1")
    uploads.first("after")
    details = [event["detail"] for event in uploads.of(key)]
    return ", ".join(f"{one['reason']} of {one['object']['size']} bytes" for one in details)
