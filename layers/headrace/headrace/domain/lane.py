"""A lane: one pipeline's run in progress and the request that waits for its turn.

One run at a time per pipeline. What arrives meanwhile joins the one request that waits, so nothing
queues up behind anything, and the next run takes all of it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from headrace.domain.events import digest

_NAMES_KEPT = 3
_ENDED_KEPT = 5


@dataclass(frozen=True, slots=True)
class Request:
    """Work that waits for a run: a drop of files, a schedule, a missed threshold, or all of them.

    `id` is the display name of the run to come. `quiet_at` is when a drop counts as complete, in
    seconds since 1970; None until its trigger file arrives. `objects` counts files; `names` holds
    the first few of them. `attempt` counts how often an execution of the state machine was sent to
    drive it, the last time at `driven_at`.
    """

    id: str
    opened_at: float
    quiet_at: float | None
    objects: int = 0
    names: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    attempt: int = 1
    driven_at: float = 0.0

    @classmethod
    def opened(cls, request_id: str) -> float:
        """Return when a request was opened, by its id, to the second: its run came later."""
        day, time = request_id.rsplit("-", 3)[1:3]
        return datetime.strptime(f"{day}{time}+0000", "%Y%m%d%H%M%S%z").timestamp()

    @property
    def complete(self) -> bool:
        """Whether it may run once it is quiet: it has work, and an end."""
        return self.quiet_at is not None and bool(self.objects or self.causes)

    @property
    def description(self) -> str:
        """What the run to come is for, as its description in SageMaker says it."""
        parts = list(self.causes)
        if self.objects:
            more = self.objects - len(self.names)
            names = ", ".join(self.names) + (f" and {more} more" if more > 0 else "")
            files = "file" if self.objects == 1 else "files"
            parts.insert(0, f"upload of {self.objects} {files}: {names}")
        return "; ".join(parts)[:3072]


@dataclass(frozen=True, slots=True)
class Run:
    """The run that holds the lane. `request_id` is empty for one started outside Headrace.

    `parameters` are what it was claimed with: however often it is started, it is the same start.
    """

    request_id: str
    claimed_at: float
    description: str
    execution_arn: str = ""
    driven_at: float = 0.0
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """The state of one pipeline, changed only by conditional write on `version`.

    `live` and `refreshing` are ARNs of model packages, for the inference pipeline; CI pipeline
    number `live_by` put the live one there. `refresh_id` names the refresh under way, last sent for
    at `refreshed_at`; somebody was about to start its CI pipeline at `ci_claimed_at`.
    The newest trigger file of its drops was uploaded at `triggered_at`.
    `retuned_at` holds when a missed threshold last started a run, for the HPO pipeline. `ended`
    holds the runs that ended last.
    """

    pipeline: str
    version: int = 0
    waiting: Request | None = None
    current: Run | None = None
    live: str = ""
    live_by: int = 0
    refreshing: str = ""
    refresh_id: str = ""
    refreshed_at: float = 0.0
    ci_claimed_at: float = 0.0
    triggered_at: float = 0.0
    retuned_at: tuple[float, ...] = ()
    ended: tuple[str, ...] = ()

    @classmethod
    def parse(cls, doc: dict[str, Any]) -> "Lane":
        """Return the lane in a document of the ledger's."""
        waiting, current = doc["waiting"], doc["current"]
        if waiting:
            names, causes = tuple(waiting["names"]), tuple(waiting["causes"])
            waiting = Request(**{**waiting, "names": names, "causes": causes})
        if current:
            given = tuple((name, value) for name, value in current.get("parameters", ()))
            current = Run(**{**current, "parameters": given})
        return cls(
            **{
                **doc,
                "waiting": waiting or None,
                "current": current or None,
                "retuned_at": tuple(doc["retuned_at"]),
                "ended": tuple(doc["ended"]),
            }
        )

    def join(
        self,
        *,
        why: str,
        key: str,
        now: float,
        quiet_at: float | None,
        names: tuple[str, ...] = (),
        cause: str = "",
    ) -> tuple["Lane", bool]:
        """Add work to the request that waits, or open one; say whether it was opened.

        The id of a new request follows from `key`, the business key of what opened it, so that
        deciding twice gives one name.
        """
        waiting = self.waiting
        if waiting is None:
            stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
            request = Request(
                id=f"{why}-{stamp}-{digest(f'{self.pipeline} {key}')[:10]}",
                opened_at=now,
                quiet_at=quiet_at,
                objects=len(names),
                names=names[:_NAMES_KEPT],
                causes=(cause,) if cause else (),
                driven_at=now,
            )
            return replace(self, waiting=request), True
        causes = waiting.causes
        if cause and cause not in causes and len(causes) < _NAMES_KEPT:
            causes = (*causes, cause)
        joined = replace(
            waiting,
            quiet_at=_later(waiting.quiet_at, quiet_at),
            objects=waiting.objects + len(names),
            names=(*waiting.names, *names)[:_NAMES_KEPT],
            causes=causes,
        )
        return replace(self, waiting=joined), False

    def quiet_no_earlier(self, quiet_at: float) -> "Lane":
        """Return the lane with its request's drop open until a time, if a request waits."""
        if self.waiting is None:
            return self
        waiting = replace(self.waiting, quiet_at=_later(self.waiting.quiet_at, quiet_at))
        return replace(self, waiting=waiting)

    def drives(self, run_name: str, execution_arn: str) -> bool:
        """Whether an execution is the run that holds this lane."""
        run = self.current
        return run is not None and (
            run.execution_arn == execution_arn
            or (not run.execution_arn and run.request_id == run_name)
        )

    def freed(self, execution_arn: str) -> "Lane":
        """Return the lane without its run in progress."""
        return replace(self, current=None, ended=(execution_arn, *self.ended)[:_ENDED_KEPT])


def _later(one: float | None, other: float | None) -> float | None:
    """Return when a drop is complete that joins two: a time, once either of them has one."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
