"""Filter, sort and cut a list into pages, the same way for every List operation."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from local_cloud.sagemaker.core.errors import invalid

DEFAULT_PAGE = 10
Row = dict[str, Any]


def within(
    rows: Iterable[Row], field: str, after: datetime | None, before: datetime | None
) -> list[Row]:
    """The rows whose time lies strictly between; a row without the time is in no interval."""
    return [
        row
        for row in rows
        if (after is None or (row.get(field) is not None and row[field] > after))
        and (before is None or (row.get(field) is not None and row[field] < before))
    ]


def named(rows: Iterable[Row], field: str, part: str | None) -> list[Row]:
    """The rows whose name contains the part, whatever its case."""
    return [row for row in rows if part is None or part.lower() in row[field].lower()]


def ordered(rows: Iterable[Row], key: Callable[[Row], Any], order: str) -> list[Row]:
    """The rows in order; for equal keys the newer one counts as greater."""
    found = sorted(rows, key=key)
    return found[::-1] if order == "Descending" else found


def page(
    rows: list[Row], request: Row, identify: Callable[[Row], str], default: int = DEFAULT_PAGE
) -> tuple[list[Row], Row]:
    """One page and `{"NextToken": ...}` when more follow.

    A token names the last row returned, so that rows created between two calls do not shift pages;
    if that row is gone, its position counts.
    """
    start = 0
    if request.get("NextToken"):
        last, place = _opened(request["NextToken"])
        start = next((i + 1 for i, row in enumerate(rows) if identify(row) == last), place)
    size = request.get("MaxResults", default)
    chosen = rows[start : start + size]
    if start + size >= len(rows):
        return chosen, {}
    return chosen, {"NextToken": _closed(identify(chosen[-1]), start + size)}


def _closed(last: str, place: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([last, place]).encode()).decode()


def _opened(token: str) -> tuple[str, int]:
    try:
        last, place = json.loads(base64.urlsafe_b64decode(token))
        return str(last), int(place)
    except ValueError as error:
        raise invalid("Invalid NextToken: it is none of those that this API gave") from error
