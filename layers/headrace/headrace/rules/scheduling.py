"""When to dispatch the waiting request: once it is opened, or when its lane comes free."""

from dataclasses import replace

from headrace.domain.actions import Action, AdvanceRun, Notify
from headrace.domain.lane import Lane
from headrace.domain.project import PipelineKind, Project
from headrace.notifications import run_messages


def may_run_at(project: Project, lane: Lane) -> float | None:
    """Return when the waiting request may run, in Unix seconds: once its drop is quiet.

    None if no request waits, if it is incomplete, or if a run or a missing model blocks its lane.
    """
    request = lane.waiting
    if request is None or not request.complete or lane.current is not None:
        return None
    return None if waits_for_model(project, lane) else request.quiet_at


def dispatch_waiting(project: Project, lane: Lane, now: float) -> tuple[Lane, tuple[Action, ...]]:
    """Dispatch the waiting request if it is runnable."""
    request, at = lane.waiting, may_run_at(project, lane)
    if request is None or at is None:
        return lane, ()
    attempt = request.attempt + 1
    action = AdvanceRun(lane.pipeline, request.id, attempt, at)
    request = replace(request, attempt=attempt, driven_at=now)
    return replace(lane, waiting=request), (action,)


def opened(project: Project, lane: Lane) -> tuple[Action, ...]:
    """Return the actions for a newly opened request: dispatch it, or notify people why it waits."""
    request, at = lane.waiting, may_run_at(project, lane)
    assert request is not None  # noqa: S101 (the caller opened it)
    if at is not None:
        return (AdvanceRun(lane.pipeline, request.id, request.attempt, at),)
    if not waits_for_model(project, lane):
        return ()
    message = run_messages.waits_for_model(
        project.name,
        project.model_package_group,
        request.id,
        request.names,
        request.objects,
        request.opened_at,
    )
    return (Notify(message, request.id),)


def waits_for_model(project: Project, lane: Lane) -> bool:
    """Whether a lane cannot run anything yet: scoring needs a version that is live."""
    kind = project.pipelines.kind_of(lane.pipeline)
    return kind is PipelineKind.INFERENCE and not lane.rollout.live
