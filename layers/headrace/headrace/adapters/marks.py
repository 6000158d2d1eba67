"""Marks in the ledger's table: how far reconcile has come.

SWEEP / SWEEP           the pass over all projects
MARK#<project> / MARK   a project's hourly work
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

from headrace.adapters.dynamodb import Table, as_json
from headrace.domain.marks import Mark, Sweep

_SWEEP = {"pk": "SWEEP", "sk": "SWEEP"}


class Marks:
    """Marks, changed only by conditional write on their `version`."""

    def __init__(self, table: str, client: Annotated[Any, "dynamodb"]) -> None:
        self._table = Table(table, client)

    def sweep(self) -> Sweep:
        """Return the sweep, as of now."""
        item = self._table.get(_SWEEP)
        return Sweep.parse(json.loads(item["doc"]["S"])) if item else Sweep()

    def put_sweep(self, sweep: Sweep) -> None:
        """Store a sweep that was read. Raises Conflict if another invocation changed it first."""
        self._put(_SWEEP, sweep)

    def of(self, projects: Iterable[str]) -> dict[str, Mark]:
        """Return the mark of each project, as of now; a new project's is empty."""
        marks = {name: Mark(name) for name in projects}
        for item in self._table.get_all([_key(name) for name in marks]):
            mark = Mark.parse(json.loads(item["doc"]["S"]))
            marks[mark.project] = mark
        return marks

    def put(self, mark: Mark) -> None:
        """Store a mark that was read. Raises Conflict if another invocation changed it first."""
        self._put(_key(mark.project), mark)

    def _put(self, key: dict[str, str], value: Mark | Sweep) -> None:
        doc = as_json(replace(value, version=value.version + 1))
        self._table.transact([self._table.put_version(key, doc, value.version)])


def _key(project: str) -> dict[str, str]:
    return {"pk": f"MARK#{project}", "sk": "MARK"}
