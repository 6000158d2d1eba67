"""The API's state, per account and region, saved to and loaded from disk."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

Table = dict[str, Any]
FORMAT = 1


class Scope:
    """The tables of one account in one region; a table is created at first use."""

    def __init__(self, tables: dict[str, Table] | None = None) -> None:
        self.tables = tables if tables is not None else {}

    def table(self, name: str) -> Table:
        """The rows of one kind, by key, in the order of creation."""
        return self.tables.setdefault(name, {})


class Store:
    """All scopes. Hold `lock` (reentrant) to read or write one."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._scopes: dict[tuple[str, str], Scope] = {}

    def scope(self, account_id: str, region: str) -> Scope:
        """The tables of an account in a region."""
        return self._scopes.setdefault((account_id, region), Scope())

    def scopes(self) -> list[tuple[str, str, Scope]]:
        """Every account, region and its tables."""
        return [(account, region, scope) for (account, region), scope in self._scopes.items()]

    def save(self, path: Path) -> None:
        """Write everything to `path`; a crash half-way leaves the file before it intact."""
        with self.lock:
            document = {
                "format": FORMAT,
                "scopes": [
                    {"account": account, "region": region, "tables": scope.tables}
                    for account, region, scope in self.scopes()
                ],
            }
            text = json.dumps(document, default=_encoded)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(text)
        partial.replace(path)

    def load(self, path: Path) -> bool:
        """Replace everything by what `path` holds; False when there is no such file."""
        if not path.exists():
            return False
        document = json.loads(path.read_text(), object_hook=_decoded)
        if document.get("format") != FORMAT:
            raise ValueError(
                f"{path} has format {document.get('format')}, this version reads {FORMAT}; "
                "delete it to start over"
            )
        with self.lock:
            self._scopes = {
                (row["account"], row["region"]): Scope(row["tables"]) for row in document["scopes"]
            }
        return True


def _encoded(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    raise TypeError(f"{type(value).__name__} cannot be kept: {value!r}")


def _decoded(row: dict[str, Any]) -> Any:
    if row.keys() == {"$time"}:
        return datetime.fromisoformat(row["$time"])
    return row
