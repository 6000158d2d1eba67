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
        # Listed as they are: what was listed before may still be read.
        older = [{**old, "IsLatest": False} for old in self._versions.get(key, [])]
        self._versions[key] = [
            *older,
            {
                "Key": key,
                "VersionId": version,
                "Size": size,
                "LastModified": datetime.fromtimestamp(int(self._clock.now), UTC),
                "IsLatest": True,
            },
        ]

    def newest(self) -> dict[str, str]:
        """Return the newest version of each key."""
        return {key: versions[-1]["VersionId"] for key, versions in self._versions.items()}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict[str, Any]:
        self._faults.around(f"put {Key}", lambda: self._objects.__setitem__(Key, Body))
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        body = self._faults.around("read", lambda: self._objects.get(Key))
        if body is None:
            raise refused("NoSuchKey", "The specified key does not exist.", "GetObject", 404)
        return {"Body": BytesIO(body)}

    def list_object_versions(
        self,
        *,
        Bucket: str,
        Prefix: str,
        KeyMarker: str = "",
        VersionIdMarker: str = "",
        MaxKeys: int = 300,
    ) -> dict[str, Any]:
        low = max(bisect_left(self._keys, Prefix), bisect_right(self._keys, KeyMarker))
        high = bisect_left(self._keys, Prefix + "\U0010ffff")
        keys = self._keys[low : min(low + MaxKeys, high)]  # a page ends with a key's last version
        # Taken at once, before anything may come between: S3 answers with what is there then.
        page = [version for key in keys for version in reversed(self._versions[key])]
        answer: dict[str, Any] = {"Versions": page}
        if low + len(keys) < high:
            answer |= {
                "IsTruncated": True,
                "NextKeyMarker": keys[-1],
                "NextVersionIdMarker": page[-1]["VersionId"],
            }
        self._faults.around("list versions", lambda: None)
        return answer

    def objects_of(self, manifest: str) -> list[tuple[str, str]]:
        """Return (key, version) of what a manifest is about, as is written beside it."""
        if not manifest.endswith(".json"):
            return []
        key = manifest.split("/", 3)[3]
        prefix, *names = json.loads(self._objects[key])
        beside = {"manifest.json": "objects.json"}.get(key.rpartition("/")[2])
        beside = f"{key.rpartition('/')[0]}/{beside}" if beside else f"{key[:-5]}-objects.json"
        listed = json.loads(self._objects[beside])
        below = prefix["prefix"].split("/", 3)[3]
        assert {below + name for name in names} == {item["key"] for item in listed}
        return [(item["key"], item["version_id"]) for item in listed]

    def names_in(self, manifest: str) -> set[str]:
        """Return the keys in a manifest; each of them is there."""
        prefix, *names = json.loads(self._objects[manifest.split("/", 3)[3]])
        keys = {prefix["prefix"].split("/", 3)[3] + name for name in names}
        assert keys <= set(self._versions), keys - set(self._versions)
        return keys


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

    def send_message(
        self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Any = None
    ) -> dict[str, Any]:
        self._faults.around("send", lambda: self._queues[QueueUrl](MessageBody))
        return {}


class SimulatedSecrets:
    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        return {"SecretString": json.dumps({"trigger_token": "t", "api_token": "a"})}
