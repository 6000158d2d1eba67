"""Step scripts in S3, under the hash of their content, so that nothing is overwritten.

A run that started before a deployment keeps the code it was built with, equal code is uploaded
once, and a definition changes exactly when its code does.
"""

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from headrace.domain.errors import PermanentError


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files that a job finds together in one folder."""

    files: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> "Bundle":
        """Return the files as a bundle, in an order that does not depend on the caller."""
        return cls(tuple(sorted(files.items())))

    @property
    def sha256(self) -> str:
        """The hash of all names and contents."""
        digest = hashlib.sha256()
        for name, content in self.files:
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def folder(self, prefix: str) -> str:
        """Return the key prefix of the bundle, ending with a slash."""
        return f"{prefix}/code/{self.sha256}/"


@cache
def script(path: Path) -> Bundle:
    """Return a script with the modules beside it that it imports, directly or indirectly."""
    if not path.is_file():
        raise PermanentError(f"the step script {path} is missing")
    files: dict[str, bytes] = {}
    waiting = [path]
    while waiting:
        found = waiting.pop()
        if found.name not in files:
            files[found.name] = found.read_bytes()
            waiting.extend(_imported_beside(found, files[found.name]))
    return Bundle.of(files)


def _imported_beside(path: Path, source: bytes) -> list[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return [found for name in sorted(names) if (found := path.with_name(f"{name}.py")).is_file()]
