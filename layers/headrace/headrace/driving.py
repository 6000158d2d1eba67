"""When a request that waits is sent for: once it is opened, or when its lane comes free."""

from dataclasses import replace

from headrace import messages
from headrace.actions import Action, AdvanceRun, Tell
from headrace.lanes import Lane
from headrace.project import Project


def driven(project: Project, lane: Lane, now: float) -> tuple[Lane, tuple[Action, ...]]:
    """Send for the request that waits, if its drop has an end and its lane is free for it."""
    request = lane.waiting
    if request is None or request.quiet_at is None or lane.current is not None:
        return lane, ()
    if not request.complete or waits_for_model(project, lane):
        return lane, ()
    attempt = request.attempt + 1
    action = AdvanceRun(lane.pipeline, request.id, attempt, request.quiet_at)
    request = replace(request, attempt=attempt, driven_at=now)
    return replace(lane, waiting=request), (action,)


def opened(project: Project, lane: Lane) -> tuple[Action, ...]:
    """Return the actions for a request that was just opened: drive it, or say why it waits."""
    request = lane.waiting
    assert request is not None  # noqa: S101 (the caller opened it)
    if waits_for_model(project, lane):
        message = messages.waits_for_model(
            project.name,
            project.model_package_group,
            request.id,
            request.names,
            request.objects,
            request.opened_at,
        )
        return (Tell(message, request.id),)
    if lane.current is not None or request.quiet_at is None or not request.complete:
        return ()
    return (AdvanceRun(lane.pipeline, request.id, request.attempt, request.quiet_at),)


def waits_for_model(project: Project, lane: Lane) -> bool:
    """Whether a lane cannot run anything yet: scoring needs a version that is live."""
    return lane.pipeline == project.pipelines.inference.lower() and not lane.live
