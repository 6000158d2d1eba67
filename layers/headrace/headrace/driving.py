"""When a request that waits is sent for: once it is opened, or when its lane comes free."""

from dataclasses import replace

from headrace import messages
from headrace.actions import Action, AdvanceRun, Tell
from headrace.lanes import Lane
from headrace.project import Project


def driven(project: Project, lane: Lane) -> tuple[Lane, tuple[Action, ...]]:
    """Send for the request that waits, if its lane is free (and, for scoring, a model is live)."""
    request = lane.waiting
    blocked = lane.pipeline == project.pipelines.inference.lower() and not lane.live
    if request is None or lane.current is not None or blocked:
        return lane, ()
    request = replace(request, attempt=request.attempt + 1)
    action = AdvanceRun(lane.pipeline, request.id, request.attempt, request.quiet_at)
    return replace(lane, waiting=request), (action,)


def opened(project: Project, lane: Lane) -> tuple[Action, ...]:
    """Return the actions for a request that was just opened: drive it, or say why it waits."""
    request = lane.waiting
    assert request is not None  # noqa: S101 (the caller opened it)
    if lane.pipeline == project.pipelines.inference.lower() and not lane.live:
        message = messages.waits_for_model(project.name, request.id, request.names)
        return (Tell(message, request.id),)
    if lane.current is not None:
        return ()
    return (AdvanceRun(lane.pipeline, request.id, request.attempt, request.quiet_at),)
