"""What the life of a run means for its lane."""

from dataclasses import replace

from headrace.domain.actions import Action, AdvanceRun, Audit, Decision, RefreshInference, Tell
from headrace.domain.events import (
    ENDED,
    LaneDue,
    RunNotStarted,
    RunRequested,
    RunStatusChanged,
)
from headrace.domain.lane import Lane, Run
from headrace.domain.project import Project
from headrace.notifications import run_messages
from headrace.rules.scheduling import driven, opened


def run_changed(project: Project, lane: Lane, event: RunStatusChanged, now: float) -> Decision:
    mine = lane.drives(event.display_name, event.execution_arn)
    if event.status in ENDED:
        if not mine:
            ended = (event.execution_arn, *lane.ended)[:5]
            return Decision(replace(lane, ended=ended))
        run = lane.current
        lane, actions = driven(project, lane.freed(event.execution_arn), now)
        reason = run.description if run else ""
        return Decision(
            lane, actions, (Audit(event.business_key, "sagemaker", event.status, reason),)
        )
    if mine and lane.current is not None:
        return Decision(
            replace(lane, current=replace(lane.current, execution_arn=event.execution_arn)),
            audit=(Audit(event.business_key, "sagemaker", event.status),),
        )
    if lane.current is None and event.execution_arn not in lane.ended:
        run = Run("", now, "started outside Headrace", event.execution_arn)
        return Decision(
            replace(lane, current=run),
            audit=(Audit(event.business_key, "outside", "holds the lane"),),
        )
    return Decision(lane)


def run_requested(project: Project, lane: Lane, event: RunRequested, now: float) -> Decision:
    lane, is_new = lane.join(
        why="request", key=event.business_key, now=now, quiet_at=now, cause=event.cause
    )
    assert lane.waiting is not None  # noqa: S101 (join just made it)
    audit = Audit(event.business_key, "request", f"joined {lane.waiting.id}", event.cause)
    return Decision(lane, opened(project, lane) if is_new else (), (audit,))


def run_not_started(project: Project, lane: Lane, event: RunNotStarted, now: float) -> Decision:
    run, waits = lane.current, lane.waiting is not None and lane.waiting.id == event.request_id
    asked = lane.waiting if waits else run
    actions: tuple[Action, ...] = ()
    if run is not None and run.request_id == event.request_id and not run.execution_arn:
        lane, actions = driven(project, replace(lane, current=None), now)
    elif not waits:  # else it failed before it was claimed, and reconcile sends for it again
        return Decision(lane)
    message = run_messages.run_not_started(
        project.name,
        lane.pipeline,
        event.request_id,
        event.error,
        because=asked.description if asked else "",
        at=event.time,
        waits=waits,
    )
    audit = Audit(event.business_key, "sagemaker", "not started", event.error)
    return Decision(lane, (*actions, Tell(message, event.business_key)), (audit,))


def lane_due(project: Project, lane: Lane, event: LaneDue, now: float) -> Decision:
    run, waiting = lane.current, lane.waiting
    actions: tuple[Action, ...] = ()
    attempt = int(event.time)  # of a name that no driver before it had
    if run is not None and run.request_id == event.request_id and not run.execution_arn:
        # Claimed and never heard of again: driven once more, it is looked for first.
        lane = replace(lane, current=replace(run, driven_at=now))
        actions = (AdvanceRun(lane.pipeline, run.request_id, attempt, event.time),)
    elif waiting is not None and waiting.id == event.request_id:
        lane, actions = driven(project, lane, now)
    elif lane.refreshing and lane.refresh_id == event.request_id:
        lane = replace(lane, refreshed_at=now)
        group = project.model_package_group
        actions = (
            RefreshInference(project.name, group, lane.refreshing, lane.refresh_id, attempt),
        )
    outcome = "driven again" if actions else "nothing to drive"
    return Decision(lane, actions, (Audit(event.business_key, "reconcile", outcome),))
