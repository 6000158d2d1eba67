"""Data in and out of a job: S3 objects to files and files to objects, in SageMaker's layout."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from local_cloud.sagemaker.engine.errors import StepFailed
from local_cloud.sagemaker.engine.stopping import StopSignal

PARALLEL = 8
BYTES_OF_ONE_PUT = 64 * 2**20  # larger files go up in parts
BYTES_OF_A_NAME = 255  # what file systems take for one component of a path


@dataclass(frozen=True)
class S3Object:
    """An object and the place it takes below the folder it is downloaded to."""

    bucket: str
    key: str
    place: str
    size: int = 0


@dataclass(frozen=True)
class S3Source:
    """One S3 input of a job. `kind` is S3Prefix or ManifestFile."""

    uri: str
    kind: str = "S3Prefix"
    gunzip: bool = False


@dataclass(frozen=True)
class JobStorage:
    """S3 as a job's role sees it."""

    client: Any
    role_arn: str
    region: str
    stop: StopSignal

    def find(self, source: S3Source) -> list[S3Object]:
        """The objects of an input, in the order of their keys; none is a failure."""
        bucket, key = split_uri(source.uri)
        try:
            if source.kind == "ManifestFile":
                return list(self._of_manifest(bucket, key))
            if source.kind == "S3Prefix":
                found = list(self._of_prefix(bucket, key))
            else:
                raise StepFailed(f"ClientError: S3DataType {source.kind} is not supported here")
        except ClientError as error:
            raise _download_failed(error, source.uri, self.role_arn) from error
        if not found:
            raise StepFailed(
                "ClientError: Data download failed:No S3 objects found under S3 URL "
                f'"{source.uri}" given in input data source. Please ensure that the bucket exists '
                f"in the selected region ({self.region}), that objects exist under that S3 "
                f'prefix, and that the role "{self.role_arn}" has "s3:ListBucket" permissions on '
                f'bucket "{bucket}".'
            )
        return found

    def download(self, source: S3Source, folder: Path) -> list[S3Object]:
        """Fetch an input below `folder`; returns what was fetched."""
        found = self.find(source)
        targets = [_target(item, folder, source.gunzip) for item in found]
        for target in {target.parent for target in targets}:
            _make_folder(target)
        jobs = [(item, path, source.gunzip) for item, path in zip(found, targets, strict=True)]
        if len(jobs) == 1:
            self._fetch(*jobs[0])
        else:
            with ThreadPoolExecutor(PARALLEL) as pool:
                list(pool.map(lambda job: self._fetch(*job), jobs))
        return found

    def upload(self, folder: Path, uri: str) -> None:
        """Put every file below `folder` under `uri`, with its relative path."""
        bucket, prefix = split_uri(uri)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        keys = [_join(prefix, path.relative_to(folder).as_posix()) for path in files]
        if len(files) == 1:
            self.put_file(files[0], bucket, keys[0])
        elif files:
            with ThreadPoolExecutor(PARALLEL) as pool:
                list(
                    pool.map(
                        lambda pair: self.put_file(pair[0], bucket, pair[1]),
                        zip(files, keys, strict=True),
                    )
                )

    def put_file(self, path: Path, bucket: str, key: str) -> None:
        """Put one file."""
        try:
            if path.stat().st_size > BYTES_OF_ONE_PUT:
                self.client.upload_file(str(path), bucket, key)
            else:
                with path.open("rb") as body:
                    self.client.put_object(Bucket=bucket, Key=key, Body=body)
        except ClientError as error:
            raise StepFailed(
                f"ClientError: Data upload failed: s3://{bucket}/{key}: "
                f"{error.response['Error'].get('Message')} (role {self.role_arn})"
            ) from error

    def read_text(self, uri: str) -> str:
        """The text of one object."""
        bucket, key = split_uri(uri)
        try:
            body = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            raise _download_failed(error, uri, self.role_arn) from error
        return str(body.decode("utf-8"))

    def _of_prefix(self, bucket: str, prefix: str) -> Iterator[S3Object]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", []):
                key = item["Key"]
                if not key.endswith("/"):  # folder markers of the console
                    yield S3Object(bucket, key, _place(key, prefix), item["Size"])

    def _of_manifest(self, bucket: str, key: str) -> Iterator[S3Object]:
        uri = f"s3://{bucket}/{key}"
        try:
            document = json.loads(self.read_text(uri))
            prefix, places = document[0]["prefix"], document[1:]
        except (ValueError, LookupError, TypeError) as error:
            raise StepFailed(
                f"ClientError: Data download failed: {uri} is not an S3 manifest: it must be a "
                'JSON array that begins with {"prefix": "s3://..."}'
            ) from error
        data_bucket, key_prefix = split_uri(prefix)
        if not places:
            raise StepFailed(f"ClientError: Data download failed: the manifest {uri} is empty")
        for place in places:
            yield S3Object(data_bucket, key_prefix + place, place)

    def _fetch(self, item: S3Object, target: Path, gunzip: bool) -> None:
        self.stop.check()
        try:
            body = self.client.get_object(Bucket=item.bucket, Key=item.key)["Body"]
            with target.open("wb") as file:
                stream = gzip.GzipFile(fileobj=body) if gunzip else body
                shutil.copyfileobj(stream, file, 2**20)
        except ClientError as error:
            uri = f"s3://{item.bucket}/{item.key}"
            raise _download_failed(error, uri, self.role_arn) from error
        except IsADirectoryError as error:
            raise _file_and_folder(target) from error


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI; the key keeps every character, `#` and `?` as well."""
    if urlsplit(uri).scheme != "s3" or not uri.removeprefix("s3://"):
        raise StepFailed(f"ClientError: {uri!r} is not an S3 URI")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _place(key: str, prefix: str) -> str:
    """A key's path below the folder its prefix is downloaded to.

    `a/b` finds `a/b/c` as well as `a/bc`: what lies in the folder `a/b` goes to the top, the
    rest is placed relative to `a/`.
    """
    if prefix.endswith("/") or key.startswith(prefix + "/"):
        return key[len(prefix.rstrip("/")) + 1 :] if prefix else key
    return key[prefix.rfind("/") + 1 :]


def _target(item: S3Object, folder: Path, gunzip: bool) -> Path:
    place = PurePosixPath(item.place)
    uri = f"s3://{item.bucket}/{item.key}"
    if ".." in place.parts or place.is_absolute() or not place.parts:
        raise StepFailed(f"ClientError: Data download failed: {uri} would leave its folder")
    long = [part for part in place.parts if len(os.fsencode(part)) > BYTES_OF_A_NAME]
    if long:
        raise StepFailed(
            f"ClientError: Data download failed: {uri} has a name of "
            f"{len(os.fsencode(long[0]))} bytes between slashes; a file's name may have "
            f"{BYTES_OF_A_NAME}. Rename the object."
        )
    if gunzip and place.suffix == ".gz":
        place = place.with_suffix("")
    return folder / place


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _file_and_folder(path) from error


def _file_and_folder(path: Path) -> StepFailed:
    return StepFailed(
        f"ClientError: Data download failed: {path.name} is an object and also the folder of "
        "other objects; a file system cannot hold both. Rename one."
    )


def _join(prefix: str, relative: str) -> str:
    return f"{prefix.rstrip('/')}/{relative}" if prefix else relative


def _download_failed(error: ClientError, uri: str, role_arn: str) -> StepFailed:
    details = error.response.get("Error", {})
    return StepFailed(
        f"ClientError: Data download failed:{uri}: {details.get('Code')}: "
        f"{details.get('Message')} (role {role_arn})"
    )
