"""Tar archives: unpacked without trusting their content, and packed as SageMaker does."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from local_cloud.sagemaker.engine.errors import StepFailed

BYTES_OF_AN_ARCHIVE = 4 * 2**30  # unpacked
MEMBERS_OF_AN_ARCHIVE = 100_000


def unpack(archive: Path, folder: Path, uri: str) -> None:
    """Unpack a .tar.gz; nothing leaves the folder and nothing is larger than allowed.

    `uri` is where the archive came from, for the error's text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    try:
        with tarfile.open(archive) as tar:
            for count, member in enumerate(tar, 1):
                total += member.size
                if total > BYTES_OF_AN_ARCHIVE or count > MEMBERS_OF_AN_ARCHIVE:
                    raise StepFailed(
                        f"ClientError: {uri} unpacks to more than {BYTES_OF_AN_ARCHIVE} bytes or "
                        f"{MEMBERS_OF_AN_ARCHIVE} files"
                    )
                _extract(tar, member, folder.resolve())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StepFailed(f"ClientError: Cannot unpack {uri}: {error}") from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Unpack one file or folder; Python before 3.11.4 has no `filter="data"` that would do it."""
    path = (folder / member.name).resolve()
    if not path.is_relative_to(folder):
        raise tarfile.TarError(f"{member.name!r} would be unpacked outside its folder")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    content = tar.extractfile(member) if member.isfile() else None
    if content is None:
        raise tarfile.TarError(f"{member.name!r} is neither a file nor a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with content, path.open("wb") as file:
        shutil.copyfileobj(content, file)


def pack(folder: Path, archive: Path) -> None:
    """Pack what is in a folder, paths relative to it."""
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name)
