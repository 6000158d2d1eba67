"""S3, SNS, Step Functions' start, SQS' send and Lambda's invoke, as far as the layer uses them."""

import json
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.faults import Faults, refused


class SimulatedS3:
    """Objects by key; uploads keep their versions."""

    def __init__(self, faults: Faults) -> None:
        self._faults, self._clock = faults, faults.clock
        self._objects: dict[str, bytes] = {}
        self._versions: dict[str, list[dict[str, Any]]] = {}
        self._keys: list[str] = []  # sorted

    def upload(self, key: str, version: str, size: int) -> None:
        """Have a person's file; its latest version is the last uploaded."""
        if key not in self._versions:
            insort(self._keys, key)
        for old in self._versions.get(key, []):
            old["IsLatest"] = False
        self._versions.setdefault(key, []).append(
            {
                "Key": key,
                "VersionId": version,
                "Size": size,
                "LastModified": datetime.fromtimestamp(int(self._clock.now), UTC),
                "IsLatest": True,
            }
        )

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict[str, Any]:
        self._faults.around(f"put {Key}", lambda: self._objects.__setitem__(Key, Body))
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        body = self._faults.around("read", lambda: self._objects.get(Key))
        if body is None:
            raise refused("NoSuchKey", "The specified key does not exist.", "GetObject", 404)
        return {"Body": BytesIO(body)}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if not self._faults.around("head", lambda: Key in self._versions):
            raise refused("404", "Not Found", "HeadObject", 404)
        return {}

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, ContinuationToken: str = ""
    ) -> dict[str, Any]:
        keys = self._below(Prefix, ContinuationToken)
        answer: dict[str, Any] = {"Contents": [{"Key": key} for key in keys[:1000]]}
        if len(keys) > 1000:
            answer |= {"IsTruncated": True, "NextContinuationToken": keys[999]}
        self._faults.around("list", lambda: None)
        return answer

    def list_object_versions(
        self, *, Bucket: str, Prefix: str, KeyMarker: str = "", VersionIdMarker: str = ""
    ) -> dict[str, Any]:
        keys = self._below(Prefix, KeyMarker)
        page = [version for key in keys[:300] for version in self._versions[key]]
        answer: dict[str, Any] = {"Versions": page}
        if len(keys) > 300:
            last = self._versions[keys[299]][-1]["VersionId"]
            answer |= {
                "IsTruncated": True, "NextKeyMarker": keys[299], "NextVersionIdMarker": last,
            }  # fmt: skip
        self._faults.around("list versions", lambda: None)
        return answer

    def _below(self, prefix: str, after: str) -> list[str]:
        low = bisect_right(self._keys, after) if after else bisect_left(self._keys, prefix)
        return self._keys[low : bisect_left(self._keys, prefix + "\U0010ffff")]

    def objects_of(self, manifest: str) -> list[tuple[str, str]]:
        """Return (key, version) of the drop whose manifest a run is given."""
        if not manifest.endswith("/manifest.json"):
            return []
        key = manifest.split("/", 3)[3]
        prefix, *names = json.loads(self._objects[key])
        listed = json.loads(self._objects[key.replace("/manifest.json", "/objects.json")])
        below = prefix["prefix"].split("/", 3)[3]
        assert {below + name for name in names} == {item["key"] for item in listed}
        return [(item["key"], item["version_id"]) for item in listed]


class SimulatedSns:
    """A topic that keeps what was published."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.published: list[tuple[str, str, str]] = []  # kind, subject, text

    def publish(self, **request: Any) -> dict[str, Any]:
        attributes = request["MessageAttributes"]
        assert request["MessageStructure"] == "json"
        assert len(request["Subject"]) < 100
        assert {"default", "email"} <= set(json.loads(request["Message"]))
        kind = attributes["kind"]["StringValue"]
        row = (kind, request["Subject"], json.loads(request["Message"])["email"])
        self._faults.around(f"publish {kind}", lambda: self.published.append(row))
        return {}


class SimulatedStates:
    """Starts executions of the state machine; a name that was used starts nothing."""

    class exceptions:
        class ExecutionAlreadyExists(ClientError):  # type: ignore[misc]
            pass

    def __init__(self, faults: Faults, start: Callable[[str, str], bool]) -> None:
        self._faults, self._start = faults, start

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:
        assert 0 < len(name) <= 80, name
        assert len(input.encode()) <= 262_144

        def start() -> None:
            if not self._start(name, input):
                error = refused("ExecutionAlreadyExists", name, "StartExecution").response
                raise self.exceptions.ExecutionAlreadyExists(error, "StartExecution")

        self._faults.around(f"execute {name}", start)
        return {}


class SimulatedSqs:
    """Queues by their URL, written to."""

    def __init__(self, faults: Faults, queues: dict[str, Callable[[str], None]]) -> None:
        self._faults, self._queues = faults, queues

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:
        self._faults.around("send", lambda: self._queues[QueueUrl](MessageBody))
        return {}


class SimulatedSecrets:
    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        return {"SecretString": json.dumps({"trigger_token": "t", "api_token": "a"})}
