"""The project's own data, kept beside its settings and uploaded by CI where that is asked for.

Files under `pipeline_specs/NAME/data/training/` and `.../data/inference/` go to the watched folder,
below `ci/`, and start a run like any other upload. A file that exists with the same content is not
uploaded, so that CI starts a run exactly when the data changed.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from headrace.adapters.client import from_aws
from headrace.domain.errors import PermanentError
from headrace.domain.project import Folder, Project

from pipeline_specs import ROOT
from pipeline_specs.config.settings import Settings
from pipeline_specs.deploy import s3_files

FOLDER = "ci/"
_HASH = "sha256"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, and the key it goes to."""

    path: Path
    key: str


def wanted(settings: Settings, projects: Path = ROOT / "pipeline_specs") -> list[list[Upload]]:
    """Return the files to upload, grouped by drop.

    Raises PermanentError if uploads are switched on and there is no file.
    """
    project, data = settings.project, projects / settings.project.name / "data"
    drops: list[tuple[bool, str, Folder]] = [
        (settings.uploads.training_data, "training", "training"),
        (settings.uploads.inference_data, "inference", "scoring"),
    ]
    return [_files(project, data / name, folder) for asked, name, folder in drops if asked]


def _files(project: Project, data: Path, folder: Folder) -> list[Upload]:
    found = sorted(path for path in data.rglob(f"*{project.suffix}") if path.is_file())
    if not found:
        raise PermanentError(
            f"{project.name}: no *{project.suffix} under {data}; put data there, or set "
            f"upload_{data.name}_data: false"
        )
    below = project.folder(folder) + FOLDER
    return [Upload(path, below + path.relative_to(data).as_posix()) for path in found]


def put(s3: Any, bucket: str, settings: Settings, drop: list[Upload]) -> Iterator[str]:
    """Upload a drop's new or changed files, its trigger file last; yield a line for each."""
    project, changed = settings.project, False
    for file in drop:
        body = file.path.read_bytes()
        digest = hashlib.sha256(body).hexdigest()
        if _there(s3, bucket, file.key) != digest:
            _put(s3, bucket, file.key, body, digest, settings.kms_key)
            changed = True
            yield f"{file.path.name}: uploaded to s3://{bucket}/{file.key}"
    if changed and project.trigger_file:
        key = drop[0].key.split(f"/{FOLDER}", 1)[0] + f"/{FOLDER}{project.trigger_file}"
        _put(s3, bucket, key, b"", hashlib.sha256().hexdigest(), settings.kms_key)


def _put(s3: Any, bucket: str, key: str, body: bytes, digest: str, kms_key: str | None) -> None:
    try:
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            Metadata={_HASH: digest},
            **s3_files.encryption(kms_key),
        )
    except ClientError as error:
        raise from_aws(error, f"uploading s3://{bucket}/{key}") from error


def _there(s3: Any, bucket: str, key: str) -> str:
    """Return the hash of the content that was uploaded under a key, or an empty text."""
    try:
        return str(s3.head_object(Bucket=bucket, Key=key)["Metadata"].get(_HASH, ""))
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in s3_files.NOT_THERE:
            return ""
        raise from_aws(error, f"looking for s3://{bucket}/{key}") from error
