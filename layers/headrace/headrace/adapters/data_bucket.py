"""The data bucket: write manifests, find files, read reports."""

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import from_aws

_PAGE = 1000  # versions that ListObjectVersions returns at most
_LONGEST_KEY = 1024  # bytes; S3 rejects longer keys


class Newest(NamedTuple):
    """The newest version of a file; `deleted` where only older versions are left."""

    version_id: str
    deleted: bool


class Version(NamedTuple):
    """A version of an object, or a delete marker; `time` is in seconds since 1970."""

    key: str
    version_id: str
    time: float
    size: int
    is_latest: bool
    is_delete_marker: bool


class Page(NamedTuple):
    """A page of versions; `after` is (key, version id) to go on behind, None if it is the last."""

    versions: list[Version]
    after: tuple[str, str] | None


class DataBucket:
    """The data bucket, over a client that is handed in.

    Methods raise RetryableError or PermanentError with what S3 said.
    """

    def __init__(self, client: Annotated[Any, "s3"], name: str) -> None:
        self._client, self.name = client, name

    def put_manifest(self, key: str, prefix: str, names: list[str]) -> str:
        """Write a SageMaker S3 manifest of keys below a prefix; return its S3 URI.

        The manifest begins at the bucket. Whether SageMaker strips a manifest's prefix from the
        paths in a container is not documented; with this one both ways are the same.
        """
        keys = (prefix + name for name in names)
        self._put(key, json.dumps([{"prefix": f"s3://{self.name}/"}, *keys]))
        return f"s3://{self.name}/{key}"

    def put_versions(self, key: str, objects: Iterable[tuple[str, str]]) -> None:
        """Write a JSON list of object versions, given as (key, version id) pairs."""
        self.put_json(key, [{"key": key, "version_id": version} for key, version in objects])

    def put_json(self, key: str, value: Any) -> None:
        """Write a JSON document."""
        self._put(key, json.dumps(value, indent=1))

    def newest(self, prefix: str, names: Iterable[str]) -> dict[str, Newest]:
        """Return the newest version of each name below a prefix, without names that have none.

        Makes at most one call per name, and fewer where the names sort close together.
        """
        keys = {prefix + name for name in names if len((prefix + name).encode()) <= _LONGEST_KEY}
        left = sorted(keys, key=str.encode)  # as S3 sorts
        found: dict[str, Newest] = {}
        page: dict[str, Any] = {}
        while left:
            marker = {"KeyMarker": left[0][:-1]}  # results begin after it
            if left[0][:-1].encode() < page.get("NextKeyMarker", "").encode():
                marker = {name: page["Next" + name] for name in ("KeyMarker", "VersionIdMarker")}
            most = min(_PAGE, 10 + 4 * len(left))
            page = self._call("list_object_versions", Prefix=prefix, MaxKeys=most, **marker)
            wanted = set(left)
            for item in page.get("Versions", []):  # of each key the newest first
                if item["Key"] in wanted:
                    version = Newest(item["VersionId"], deleted=not item["IsLatest"])
                    found.setdefault(item["Key"].removeprefix(prefix), version)
            if not page.get("IsTruncated"):
                break
            reached = page["NextKeyMarker"].encode()
            left = [
                key
                for key in left
                if key.encode() >= reached and key.removeprefix(prefix) not in found
            ]
        return found

    def newest_at(self, prefix: str, time: float) -> list[tuple[str, str]]:
        """Return (key, version id) of each object below a prefix as it was at a time, by key."""
        newest: dict[str, Version] = {}
        for one in self.versions(prefix):
            known = newest.get(one.key)
            # S3 has whole seconds; of the same second it lists the newer version first.
            if one.time <= time and (
                known is None or (known.time, known.is_latest) < (one.time, one.is_latest)
            ):
                newest[one.key] = one
        there = sorted(newest.values())
        return [(one.key, one.version_id) for one in there if not one.is_delete_marker]

    def versions(self, prefix: str) -> Iterator[Version]:
        """Yield every version of the objects below a prefix, and every delete marker."""
        page = self.page(prefix)
        yield from page.versions
        while page.after:
            page = self.page(prefix, *page.after)
            yield from page.versions

    def page(self, prefix: str, key: str = "", version_id: str = "") -> Page:
        """Return the first page of versions below a prefix, or the one behind a version."""
        marker = {"KeyMarker": key, "VersionIdMarker": version_id} if key else {}
        page = self._call("list_object_versions", Prefix=prefix, **marker)
        versions = [
            Version(
                key=item["Key"],
                version_id=item["VersionId"],
                time=item["LastModified"].timestamp(),
                size=item.get("Size", 0),
                is_latest=item["IsLatest"],
                is_delete_marker=kind == "DeleteMarkers",
            )
            for kind in ("Versions", "DeleteMarkers")
            for item in page.get(kind, [])
        ]
        more = page.get("IsTruncated")
        after = (page["NextKeyMarker"], page["NextVersionIdMarker"]) if more else None
        return Page(versions, after)

    def read_json(self, uri: str) -> Any:
        """Return the JSON document at an S3 URI, or None if there is none."""
        holder, key = uri.removeprefix("s3://").split("/", 1)
        try:
            body = self._client.get_object(Bucket=holder, Key=key)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                return None
            raise from_aws(error, f"reading {uri}") from error
        except BotoCoreError as error:
            raise from_aws(error, f"reading {uri}") from error
        return json.loads(body)

    def _put(self, key: str, text: str) -> None:
        body, kind = text.encode(), "application/json"
        self._call("put_object", Key=key, Body=body, ContentType=kind)

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self.name, **request)
        except (ClientError, BotoCoreError) as error:
            raise from_aws(error, f"s3 {operation} {request.get('Key', '')}") from error
        return answer
