"""Build the artefacts that `sam build` would build, and keep them by the hash of their sources.

A function with `SkipBuild: true` is its unchanged folder; a layer with `BuildMethod: makefile`
is what its own Makefile puts into ARTIFACTS_DIR. Nothing here knows what is in them.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # as SAM does: the same sources give the same bytes
KEPT = 8  # builds of one layer that stay in the cache
SKIPPED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".DS_Store"}


class BuildError(Exception):
    """An artefact could not be built; the message ends with the build tool's output."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """What a layer's Makefile gets: the command for pip, and the Python that compiles."""

    pip: str
    compiler: str

    @classmethod
    def of(cls, venv: Path) -> Toolchain:
        """Use pip of the environment that installs, and Python of the functions' environment.

        Only the environment `uv`, which bootstraps the others, contains pip.
        """
        pip = venv / "uv" / "bin" / "pip"
        return cls(
            pip=f'"{pip}"' if pip.exists() else "python3 -m pip",
            compiler=str(venv / "lambda" / "bin" / "python"),
        )


def source_files(folder: Path) -> Iterator[Path]:
    """The files of a folder that matter to a build, in a stable order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not SKIPPED.intersection(path.relative_to(folder).parts):
            yield path


def content_hash(folder: Path, *more: str) -> str:
    """A hash of names, modes and bytes of all source files under `folder`, and of `more`."""
    digest = hashlib.sha256()
    for path in source_files(folder):
        mode = "x" if os.access(path, os.X_OK) else "-"
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder)}\0{mode}\0{len(data)}\0".encode())
        digest.update(data)
    for text in more:
        digest.update(f"\0{text}".encode())
    return digest.hexdigest()[:32]


def zip_folder(folder: Path, *, with_bytecode: bool) -> bytes:
    """The folder as a reproducible zip."""
    buffer = io.BytesIO()
    paths = sorted(p for p in folder.rglob("*") if p.is_file()) if with_bytecode else None
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in paths if paths is not None else source_files(folder):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_DATE)
            info.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds into `cache`, once per content: an unchanged source is only hashed and read."""

    cache: Path
    toolchain: Toolchain

    def function(self, folder: Path) -> tuple[str, bytes]:
        """A function's unchanged folder: `(name of the artefact, zip)`."""
        if not folder.is_dir():
            raise BuildError(f"{folder}: no such folder; CodeUri must name a function's folder")
        return f"{folder.name}-{content_hash(folder)}.zip", zip_folder(folder, with_bytecode=False)

    def layer(self, logical_id: str, folder: Path) -> tuple[str, bytes]:
        """What the folder's Makefile builds as `build-{logical_id}`: `(name, zip)`."""
        if not (folder / "Makefile").is_file():
            raise BuildError(
                f"{folder}: no Makefile; BuildMethod: makefile needs the target build-{logical_id}"
            )
        name = f"{logical_id}-{content_hash(folder, self.toolchain.compiler)}.zip"
        built = self.cache / name
        if not built.exists():
            self.cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.cache) as scratch:
                data = self._make(logical_id, folder, Path(scratch))
                partial = Path(scratch) / "layer.zip"
                partial.write_bytes(data)
                partial.replace(built)
            older = sorted(self.cache.glob(f"{logical_id}-*.zip"), key=lambda p: p.stat().st_mtime)
            for path in older[:-KEPT]:
                path.unlink(missing_ok=True)
        return name, built.read_bytes()

    def _make(self, logical_id: str, folder: Path, scratch: Path) -> bytes:
        """Run the target in a copy of the folder, as `sam build` does."""
        sources, artefacts = scratch / "sources", scratch / "artifacts"
        shutil.copytree(folder, sources, ignore=shutil.ignore_patterns(*SKIPPED))
        artefacts.mkdir()
        command = ["make", "--no-print-directory", f"build-{logical_id}"]
        command += [f"ARTIFACTS_DIR={artefacts}", f"PIP={self.toolchain.pip}"]
        command += [f"COMPILER={self.toolchain.compiler}", f"CACHE_DIR={self.cache}"]
        done = subprocess.run(
            command,
            cwd=sources,
            env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode != 0:
            last = "\n".join(done.stdout.strip().splitlines()[-12:])
            raise BuildError(f"{folder}: `make build-{logical_id}` failed:\n{last}")
        return zip_folder(artefacts, with_bytecode=True)
