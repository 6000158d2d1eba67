"""GitLab's rules for statuses: when a job may start, and what its jobs make of a pipeline."""

from collections.abc import Sequence
from typing import Protocol

CREATED = "created"
WAITING = "waiting_for_resource"
PENDING = "pending"
RUNNING = "running"
SUCCESS = "success"
FAILED = "failed"
CANCELED = "canceled"
SKIPPED = "skipped"
MANUAL = "manual"
ALL = (
    *(CREATED, WAITING, "preparing", "waiting_for_callback", PENDING, RUNNING, SUCCESS, FAILED),
    *("canceling", CANCELED, SKIPPED, MANUAL, "scheduled"),
)
FINISHED = frozenset({SUCCESS, FAILED, CANCELED, SKIPPED})
ACTIVE = frozenset({WAITING, PENDING, RUNNING})
STARTED = frozenset({RUNNING, SUCCESS, FAILED})


class JobState(Protocol):
    """What the rules depend on."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def when(self) -> str: ...
    @property
    def allow_failure(self) -> bool: ...
    @property
    def stage_index(self) -> int: ...
    @property
    def needs(self) -> list[str] | None: ...
    @property
    def played(self) -> bool: ...


def pipeline_status(jobs: Sequence[JobState]) -> str:
    """The combined status of all jobs, as in GitLab's `Gitlab::Ci::Status::Composite`."""
    words = {word for job in jobs if (word := _as_seen(job)) is not None}
    if not words:
        return SKIPPED
    if words <= {SKIPPED}:
        return SKIPPED
    if words <= {SUCCESS, SKIPPED}:
        return SUCCESS
    if words <= {CREATED}:
        return CREATED
    if words <= {CANCELED, SUCCESS, SKIPPED}:
        return CANCELED
    if words <= {PENDING, CREATED, SKIPPED}:
        return PENDING
    for word in (RUNNING, PENDING):
        if word in words:
            return RUNNING
    for word in (WAITING, MANUAL):
        if word in words:
            return word
    return RUNNING if CREATED in words else FAILED


def next_status(job: JobState, jobs: Sequence[JobState]) -> str | None:
    """The next status of a created job: pending, manual, skipped, or None while it must wait."""
    before = [other for other in jobs if _comes_before(other, job)]
    if any(_blocks(other) for other in before):
        return None
    words = {_as_seen(other) for other in before}
    failed = bool(words & {FAILED, CANCELED})
    # A skipped need has no artifacts; a skipped stage does not block later ones.
    good = not failed and not (job.needs and SKIPPED in words)
    match job.when:
        case "always":
            return PENDING
        case "on_failure":
            return PENDING if failed else SKIPPED
        case "manual" if not job.played:
            return MANUAL if good else SKIPPED
        case _:
            return PENDING if good else SKIPPED


def _as_seen(job: JobState) -> str | None:
    """A job's status for the rules; None if it does not count."""
    if job.allow_failure and job.status == MANUAL:
        return None
    if job.allow_failure and job.status in {FAILED, CANCELED}:
        return SUCCESS
    return job.status


def _comes_before(other: JobState, job: JobState) -> bool:
    if job.needs is not None:
        return other.name in job.needs
    return other.stage_index < job.stage_index


def _blocks(job: JobState) -> bool:
    if job.status == MANUAL:
        return not job.allow_failure
    return job.status not in FINISHED
