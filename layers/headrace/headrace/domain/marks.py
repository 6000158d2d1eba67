"""How far reconcile has come: through the projects, and through each project's hourly work.

Both are stored between invocations, so that each of them does a bounded part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, NamedTuple, TypeVar

SCHEMA: Final = 1
_TURNS_KEPT = 5
# Seconds between two inventories of a project; a timer may be a little early.
_EVERY = 3600.0 - 60.0
# An inventory looks this much further back than the one before it: a multipart upload's timestamp
# is the time it started, and a large one takes hours.
_UPLOADS_KEPT = 48 * 3600.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sweep:
    """A pass over all projects in the order of their names, some in each invocation.

    `after` is the last project whose turn has come. `turns` are the last ones: the request id of
    the invocation, and the project after which its turn began. Lambda retries under the same id.
    """

    after: str = ""
    is_over: bool = True
    turns: tuple[tuple[str, str], ...] = ()
    version: int = 0
    schema: int = SCHEMA

    def taken(self, request_id: str, names: list[str], *, is_over: bool) -> "Sweep":
        """Return the sweep after an invocation took the next projects."""
        began = "" if self.is_over else self.after
        turns = ((request_id, began), *self.turns)[:_TURNS_KEPT]
        last = names[-1] if names else began
        return replace(self, after=last, is_over=is_over, turns=turns)

    @classmethod
    def parse(cls, doc: Mapping[str, Any]) -> "Sweep":
        """Return the sweep in a ledger item, of this release or another."""
        turns = tuple((request_id, after) for request_id, after in doc.get("turns", ()))
        return replace(_known(cls, doc), turns=turns)


class Place(NamedTuple):
    """Where the next page of an inventory begins: behind a version in the folder of a number."""

    folder: int = 0
    key: str = ""
    version_id: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the hourly work on a project has come; times are in Unix seconds.

    The inventory in progress, or the last one, began at `began`, and looks for uploads since
    `since`. It goes on at `place`, which is None once it is complete; `touched` is when it last
    went on. Models of the scoring runs that started until `models_until` are deleted.
    """

    project: str
    began: float = 0.0
    since: float = 0.0
    place: Place | None = None
    touched: float = 0.0
    models_until: float = 0.0
    version: int = 0
    schema: int = SCHEMA

    def is_due(self, now: float) -> bool:
        """Whether an inventory is in progress, or the last one is an hour ago."""
        return self.place is not None or now - self.began >= _EVERY

    def begun(self, now: float) -> "Mark":
        """Return the mark with an inventory at its beginning.

        What was there before the last complete one began was checked by that one.
        """
        since = (self.began or now) - _UPLOADS_KEPT
        return replace(self, began=now, since=since, place=Place())

    @classmethod
    def parse(cls, doc: Mapping[str, Any]) -> "Mark":
        """Return the mark in a ledger item, of this release or another."""
        place = doc.get("place")
        return replace(_known(cls, doc), place=Place(*place) if place else None)


def _known(cls: type[_T], doc: Mapping[str, Any]) -> _T:
    names = {field.name for field in fields(cls)}  # type: ignore[arg-type]  # a dataclass
    return cls(**{name: value for name, value in doc.items() if name in names})
