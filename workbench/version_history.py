"""The history of one version in the audit log: pure functions over its entries, oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Entry = dict[str, Any]  # of the audit log: time, lane, decided, actions
Line = dict[str, Any]  # what `headrace.domain.actions.Audit.document` writes


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the audit log: its time, actor, outcome, reason and event."""

    time: str
    actor: str
    outcome: str
    reason: str
    event: str


def requested(entries: list[Entry], request: str) -> Iterator[Step]:
    """Yield who or what asked for a run: uploads, schedules, people, missed thresholds."""
    for entry, line in _lines(entries):
        asks = line["outcome"] in ("joined", "retuning")
        if asks and request and line.get("request_id") == request:
            yield _step(entry, line)


def reviews(entries: list[Entry], arn: str) -> Iterator[Step]:
    """Yield the outcome of each approval and rejection of a version."""
    for entry, line in _lines(entries):
        approval = line.get("approval", "PendingManualApproval")
        if line.get("model_package") == arn and approval != "PendingManualApproval":
            yield _step(entry, line)


def ci(entries: list[Entry], arn: str) -> Iterator[Step]:
    """Yield how each refresh with the version ended."""
    refreshes: set[str] = set()
    for entry, line in _lines(entries):
        starts = line["outcome"] == "refresh" and line.get("model_package") == arn
        if starts or line.get("next_model_package") == arn:
            refreshes.add(line["refresh_id"])
        elif line["actor"] == "gitlab" and line.get("refresh_id") in refreshes:
            yield _step(entry, line)


def live(entries: list[Entry], live_now: str | None, arn: str) -> str:
    """Return since when the version is live, or when it was."""
    times = [
        (entry["time"], line["model_package"])
        for entry, line in _lines(entries)
        if line["outcome"] == "live"
    ]
    mine = [place for place, (_, version) in enumerate(times) if version == arn]
    if not mine:
        return "it was never live"
    since = times[mine[-1]][0]
    if live_now == arn:
        return f"it is live, since {since}"
    later = times[mine[-1] + 1 :]
    return f"it was live from {since}" + (f" until {later[0][0]}" if later else "")


def words(line: Line) -> str:
    """Return the outcome of an event, in words."""
    outcome = str(line["outcome"]).replace("-", " ")
    about = (line.get(name) for name in ("status", "request_id", "next_model_package"))
    return " ".join((outcome, *(str(one) for one in about if one)))


def _lines(entries: list[Entry]) -> Iterator[tuple[Entry, Line]]:
    """Yield every line that has fields; releases before schema 2 wrote sentences."""
    for entry in entries:
        if entry.get("schema", 1) >= 2:
            for line in entry["decided"]:
                yield entry, line


def _step(entry: Entry, line: Line) -> Step:
    return Step(entry["time"], line["actor"], words(line), line["reason"], line["event"])
