"""`headrace audit | lanes | redrive`: what happened and why, what waits, and retries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headrace.domain.errors import PermanentError

from workbench.cli.context import USUAL, Common

if TYPE_CHECKING:
    from headrace.adapters.ledger import Ledger
    from headrace.domain.lane import Lane

    from workbench.version_history import Entry


def audit(
    project: str,
    /,
    *,
    since: str = "0",
    until: str = "9",
    model_version: int | None = None,
    common: Common = USUAL,
) -> None:
    """Show what was decided for a project, and why.

    Parameters
    ----------
    project
        The project's name.
    since
        ISO time, e.g. 2026-11-24T08; everything if not given.
    until
        ISO time; until now if not given.
    model_version
        Only this model version: its data, request, run, approval, CI, and since when it is live.
    """
    stack = common.deployed()
    ledger = common.ledger(stack)
    if model_version is not None:
        from workbench import chain

        if ledger.project_of("name", project) is None:
            raise _unknown(ledger, project)
        found = chain.of_version(ledger, stack.session, project, model_version)
        common.show(found.document(), found.lines())
        return
    entries = ledger.audit(project, since, until)
    # The audit log outlives its project.
    if not (entries or ledger.project_of("name", project) or ledger.audit(project)):
        raise _unknown(ledger, project)
    common.show(entries, _decisions(entries))


def lanes(*, common: Common = USUAL) -> None:
    """Show what runs and what waits, for each pipeline."""
    ledger = common.ledger(common.deployed())
    found = [ledger.lane(name) for one in ledger.projects() for name in one.pipelines.all]
    common.show(
        [asdict(lane) for lane in found], (f"{lane.pipeline}: {_state(lane)}" for lane in found)
    )


def redrive(*, common: Common = USUAL) -> None:
    """Send dead letters to their queues again.

    Safe at any time, and safe to repeat: an event that was decided before starts nothing.
    """
    from workbench.redrive import LEFT
    from workbench.redrive import redrive as send

    counts = sorted(send(common.deployed()).items())
    common.show(
        dict(counts),
        (f"{count} {'left' if target == LEFT else f'to {target}'}" for target, count in counts),
    )


def _unknown(ledger: Ledger, project: str) -> PermanentError:
    known = ", ".join(sorted(one.name for one in ledger.projects()))
    there = f"there are {known}" if known else "there is none yet"
    return PermanentError(
        f"no project named {project} in the ledger; {there} "
        f"(`headrace pipelines upsert {project}` adds it)"
    )


def _decisions(entries: Iterable[Entry]) -> Iterator[str]:
    from workbench.version_history import words

    for entry in entries:
        for line in entry["decided"]:
            reason = f" ({line['reason']})" if line["reason"] else ""
            yield f"{entry['time']}  {line['actor']}: {words(line)}{reason}"
            yield f"    because of {line.get('event') or line['cause']}"
        for action in entry["actions"]:
            yield f"    action {action}"


def _state(lane: Lane) -> str:
    parts = []
    if lane.current:
        since = datetime.fromtimestamp(lane.current.claimed_at, UTC).isoformat(timespec="seconds")
        what = lane.current.request_id or lane.current.execution_arn
        parts.append(f"{what} has run since {since} ({lane.current.description})")
    if lane.waiting:
        parts.append(f"{lane.waiting.id} waits ({lane.waiting.description})")
    if lane.rollout.live:
        parts.append(f"live: {lane.rollout.live}")
    if lane.rollout.wanted:
        parts.append(f"being deployed: {lane.rollout.wanted}")
    return "; ".join(parts) or "free"
