"""The data bucket: manifests written, ground truth looked for, reports read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from headrace.aws import client, from_aws

_HEADS_AT_MOST = 20


def put_manifest(bucket: str, key: str, prefix: str, names: list[str]) -> str:
    """Write a SageMaker S3 manifest of keys below a prefix; return its S3 URI."""
    body = json.dumps([{"prefix": f"s3://{bucket}/{prefix}"}, *names]).encode()
    _call("put_object", Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    return f"s3://{bucket}/{key}"


def put_json(bucket: str, key: str, value: Any) -> None:
    """Write a JSON document."""
    body = json.dumps(value, indent=1).encode()
    _call("put_object", Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def existing(bucket: str, prefix: str, names: list[str]) -> list[str]:
    """Return which of the names exist below a prefix, in the order given."""
    if len(names) <= _HEADS_AT_MOST:
        return [name for name in names if _exists(bucket, prefix + name)]
    there: set[str] = set()
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
    while True:
        page = _call("list_objects_v2", **request)
        there |= {item["Key"].removeprefix(prefix) for item in page.get("Contents", [])}
        if not page.get("IsTruncated"):
            return [name for name in names if name in there]
        request["ContinuationToken"] = page["NextContinuationToken"]


@dataclass(frozen=True, slots=True)
class Upload:
    """The newest version of an object; `size` in bytes, `uploaded` in seconds since 1970."""

    key: str
    version_id: str
    size: int
    uploaded: float


def uploads(bucket: str, prefix: str) -> Iterator[Upload]:
    """Yield the newest version of each object below a prefix."""
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
    while True:
        page = _call("list_object_versions", **request)
        for item in page.get("Versions", []):
            if item["IsLatest"]:
                uploaded = item["LastModified"].timestamp()
                yield Upload(item["Key"], item["VersionId"], item["Size"], uploaded)
        if not page.get("IsTruncated"):
            return
        request["KeyMarker"] = page["NextKeyMarker"]
        request["VersionIdMarker"] = page["NextVersionIdMarker"]


def read_json(uri: str) -> Any:
    """Return the JSON document at an S3 URI, or None if there is none."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    try:
        body = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
            return None
        raise from_aws(error, f"reading {uri}") from error
    except BotoCoreError as error:
        raise from_aws(error, f"reading {uri}") from error
    return json.loads(body)


def _exists(bucket: str, key: str) -> bool:
    try:
        client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey", "NotFound"):
            return False
        raise from_aws(error, f"looking for s3://{bucket}/{key}") from error
    except BotoCoreError as error:
        raise from_aws(error, f"looking for s3://{bucket}/{key}") from error
    return True


def _call(operation: str, **request: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(client("s3"), operation)(**request)
    except (ClientError, BotoCoreError) as error:
        raise from_aws(error, f"s3 {operation} {request.get('Key', '')}") from error
    return answer
