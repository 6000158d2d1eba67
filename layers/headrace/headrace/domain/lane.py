"""A lane: one pipeline's run in progress and its waiting request.

A pipeline has one run at a time. Work that arrives meanwhile joins the one waiting request, and the
next run takes all of it.

Lanes outlive the code that wrote them: `schema` is the version of an item's shape, and a reader
ignores unknown fields and fills in missing ones.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from headrace.domain.cause import Cause
from headrace.domain.events import digest

SCHEMA: Final = 2
_NAMES_KEPT = 3
_ENDED_KEPT = 5
_ID = re.compile(r"[a-z-]+-\d{8}-\d{6}-[0-9a-f]{10}")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Request:
    """Work that waits for a run: a drop of files, a schedule, a missed threshold, or several.

    `id` is the display name of the run to come. `quiet_at` is when a drop counts as complete, in
    Unix seconds; None until its trigger file arrives. `objects` counts files; `names` holds the
    first few of them, `causes` the first few other causes. `requested_by` names every person
    who asked. `attempt` counts the executions of the state machine that were started for the
    request, the last one at `driven_at`.
    """

    id: str
    opened_at: float
    quiet_at: float | None = None
    objects: int = 0
    names: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    requested_by: tuple[str, ...] = ()
    attempt: int = 1
    driven_at: float = 0.0

    @staticmethod
    def is_id(name: str) -> bool:
        """Return whether a run's display name is the id of a request."""
        return _ID.fullmatch(name) is not None

    @classmethod
    def opened(cls, request_id: str) -> float:
        """Return when a request was opened, to the second, from its id."""
        day, time = request_id.rsplit("-", 3)[1:3]
        return datetime.strptime(f"{day}{time}+0000", "%Y%m%d%H%M%S%z").timestamp()

    @classmethod
    def parse(cls, doc: Mapping[str, Any]) -> "Request":
        """Return the request in a ledger item, of this release or another."""
        causes = tuple(Cause.parse(one, "request.causes") for one in doc.get("causes", ()))
        people = (one.actor for one in causes if one.actor)
        return replace(
            _known(cls, doc),
            names=tuple(doc.get("names", ())),
            causes=causes,
            requested_by=tuple(doc.get("requested_by") or dict.fromkeys(people)),
        )

    @property
    def complete(self) -> bool:
        """Whether the request has work, and a time at which its drop is complete."""
        return self.quiet_at is not None and bool(self.objects or self.causes)

    @property
    def description(self) -> str:
        """The description in SageMaker of the run to come: what it is for."""
        parts = [str(cause) for cause in self.causes]
        if self.objects:
            more = self.objects - len(self.names)
            names = ", ".join(self.names) + (f" and {more} more" if more > 0 else "")
            files = "file" if self.objects == 1 else "files"
            parts.insert(0, f"upload of {self.objects} {files}: {names}")
        return "; ".join(parts)[:3072]


@dataclass(frozen=True, slots=True)
class Run:
    """The run that holds the lane. `request_id` is None for one started outside Headrace.

    `parameters` are fixed by the claim, so that every attempt to start the run is the same request.
    `requested_by` names the people who asked for it, none for uploads and schedules.
    """

    request_id: str | None
    claimed_at: float
    description: str
    execution_arn: str | None = None
    driven_at: float = 0.0
    parameters: tuple[tuple[str, str], ...] = ()
    requested_by: tuple[str, ...] = ()

    @classmethod
    def parse(cls, doc: Mapping[str, Any]) -> "Run":
        """Return the run in a ledger item, of this release or another."""
        asked = doc.get("requested_by")
        if asked is None:
            asked = _asked_in_schema_1(doc["description"])
        return replace(
            _known(cls, doc),
            request_id=doc["request_id"] or None,
            execution_arn=doc.get("execution_arn") or None,
            parameters=tuple((name, value) for name, value in doc.get("parameters", ())),
            requested_by=tuple(asked),
        )


@dataclass(frozen=True, slots=True)
class Rollout:
    """What the inference pipeline scores with, and what is on its way there.

    `live` and `wanted` are ARNs of model packages. `deployed_by` is the GitLab pipeline id that
    deployed `live`, 0 if unknown. `refresh_id` names the refresh in progress, last dispatched at
    `dispatched_at`; the start of its GitLab pipeline was claimed at `ci_claimed_at`. Times are in
    Unix seconds, None if it never happened.
    """

    live: str | None = None
    deployed_by: int = 0
    wanted: str | None = None
    refresh_id: str | None = None
    dispatched_at: float | None = None
    ci_claimed_at: float | None = None

    def without_refresh(self) -> "Rollout":
        """Return the rollout with no refresh in progress."""
        return replace(self, wanted=None, refresh_id=None)

    @classmethod
    def parse(cls, doc: Mapping[str, Any]) -> "Rollout":
        """Return the rollout in a lane's item; earlier releases kept its fields in the lane."""
        if "rollout" in doc:
            return _known(cls, doc["rollout"])
        return cls(
            live=doc.get("live") or None,
            deployed_by=doc.get("live_by", 0),
            wanted=doc.get("refreshing") or None,
            refresh_id=doc.get("refresh_id") or None,
            dispatched_at=doc.get("refreshed_at") or None,
            ci_claimed_at=doc.get("ci_claimed_at") or None,
        )


@dataclass(frozen=True, slots=True)
class Lane:
    """The state of one pipeline, changed only by conditional write on `version`.

    `rollout` is the inference pipeline's. The newest trigger file of its drops was uploaded at
    `triggered_at`; the newest schedule that asked for a run was due at `scheduled_at`.
    `retuned_at` lists when missed thresholds last started a run (HPO pipeline only). `ended` lists
    the executions that ended last.
    """

    pipeline: str
    version: int = 0
    waiting: Request | None = None
    current: Run | None = None
    rollout: Rollout = Rollout()
    triggered_at: float = 0.0
    scheduled_at: float = 0.0
    retuned_at: tuple[float, ...] = ()
    ended: tuple[str, ...] = ()
    schema: int = SCHEMA

    @classmethod
    def parse(cls, doc: Mapping[str, Any]) -> "Lane":
        """Return the lane in a ledger item, of this release or another."""
        waiting, current = doc.get("waiting"), doc.get("current")
        return replace(
            _known(cls, doc),
            waiting=Request.parse(waiting) if waiting else None,
            current=Run.parse(current) if current else None,
            rollout=Rollout.parse(doc),
            retuned_at=tuple(doc.get("retuned_at", ())),
            ended=tuple(doc.get("ended", ())),
            schema=SCHEMA,
        )

    def join(
        self,
        *,
        why: str,
        key: str,
        now: float,
        quiet_at: float | None,
        names: tuple[str, ...] = (),
        cause: Cause | None = None,
    ) -> tuple["Lane", bool]:
        """Add work to the waiting request, or open one; also return whether it was opened.

        The id of a new request is derived from `key`, the business key of the event that opened
        it, so that deciding twice gives the same id.
        """
        waiting = self.waiting
        people = (cause.actor,) if cause and cause.actor else ()
        if waiting is None:
            stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
            request = Request(
                id=f"{why}-{stamp}-{digest(f'{self.pipeline} {key}')[:10]}",
                opened_at=now,
                quiet_at=quiet_at,
                objects=len(names),
                names=names[:_NAMES_KEPT],
                causes=(cause,) if cause else (),
                requested_by=people,
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
            requested_by=tuple(dict.fromkeys((*waiting.requested_by, *people))),
        )
        return replace(self, waiting=joined), False

    def quiet_no_earlier(self, quiet_at: float) -> "Lane":
        """Keep the drop of the waiting request open until a time, in Unix seconds."""
        if self.waiting is None:
            return self
        waiting = replace(self.waiting, quiet_at=_later(self.waiting.quiet_at, quiet_at))
        return replace(self, waiting=waiting)

    def is_held_by(self, run_name: str, execution_arn: str) -> bool:
        """Return whether an execution is the run that holds this lane."""
        run = self.current
        return run is not None and (
            run.execution_arn == execution_arn
            or (not run.execution_arn and run.request_id == run_name)
        )

    def freed(self, execution_arn: str) -> "Lane":
        """Return the lane without its run in progress."""
        return replace(self, current=None, ended=(execution_arn, *self.ended)[:_ENDED_KEPT])


def _later(one: float | None, other: float | None) -> float | None:
    """Return the later completion time; None if neither has one."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def _asked_in_schema_1(description: str) -> list[str]:
    """Return who asked for a run that an earlier release described only in prose."""
    causes = (Cause.parse(part, "run.description") for part in description.split("; "))
    return [cause.actor for cause in causes if cause.actor]


def _known(cls: type[_T], doc: Mapping[str, Any]) -> _T:
    """Build a value from the fields that this release knows; missing ones get their defaults."""
    names: tuple[str, ...] = cls.__slots__  # type: ignore[attr-defined]  # of a dataclass
    return cls(**{name: doc[name] for name in names if name in doc})
