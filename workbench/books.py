"""What the audit says of one version: pure functions over the ledger's lines, oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Entry = dict[str, Any]  # of the audit: time, lane, decided, actions


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the audit: when who or what decided, what came of it, why, because of what."""

    time: str
    actor: str
    outcome: str
    reason: str
    cause: str


def requested(entries: list[Entry], request: str) -> Iterator[Step]:
    """Yield who or what asked for a run: uploads, schedules, people, missed thresholds."""
    for entry in entries:
        for line in entry["decided"]:
            sent_for = any(name.rpartition("-")[0] == request for name in entry["actions"])
            opens = sent_for and line["outcome"] == "retuning"
            if request and (line["outcome"] == f"joined {request}" or opens):
                yield _step(entry, line)


def reviews(entries: list[Entry], arn: str) -> Iterator[Step]:
    """Yield what was decided on each state of the version that people brought about."""
    for entry in entries:
        for line in entry["decided"]:
            state = line["cause"].removeprefix(f"package/{arn}/")
            if state != line["cause"] and not state.startswith("PendingManualApproval"):
                yield _step(entry, line)


def ci(entries: list[Entry], arn: str) -> Iterator[Step]:
    """Yield how each refresh with the version ended."""
    refreshes: set[str] = set()
    for entry in entries:
        for line in entry["decided"]:
            approved = line["cause"].startswith(f"package/{arn}/") and line["outcome"] == "refresh"
            if approved or line["outcome"] == f"back to {arn}":
                sent = (name.rpartition("-")[0] for name in entry["actions"])
                refreshes.update(name for name in sent if name.startswith("refresh-"))
            if line["cause"].removeprefix("refresh/") in refreshes:
                yield _step(entry, line)


def live(entries: list[Entry], live_now: str, arn: str) -> str:
    """Return since when the version is live, or when it was."""
    times = [
        (entry["time"], line["reason"].split(" ", 1)[0])
        for entry in entries
        for line in entry["decided"]
        if line["outcome"] == "live"
    ]
    mine = [place for place, (_, version) in enumerate(times) if version == arn]
    if not mine:
        return "it never was live"
    since = times[mine[-1]][0]
    if live_now == arn:
        return f"it is live, since {since}"
    later = times[mine[-1] + 1 :]
    return f"it was live from {since}" + (f" until {later[0][0]}" if later else "")


def _step(entry: Entry, line: dict[str, str]) -> Step:
    return Step(entry["time"], line["actor"], line["outcome"], line["reason"], line["cause"])
