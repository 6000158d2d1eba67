"""What the events of a run mean for its lane."""

from dataclasses import replace

from headrace.domain.actions import (
    Action,
    AdvanceRun,
    Audit,
    Decision,
    Notify,
    Outcome,
    RefreshInference,
)
from headrace.domain.events import (
    LaneDue,
    RunNotStarted,
    RunRequested,
    RunStatusChanged,
    has_ended,
)
from headrace.domain.lane import Lane, Run
from headrace.domain.project import Project
from headrace.notifications import run_messages
from headrace.notifications.format import iso
from headrace.rules.scheduling import dispatch_waiting, opened


def run_changed(project: Project, lane: Lane, event: RunStatusChanged, now: float) -> Decision:
    """Decide a run's new status: a run holds its lane until it has ended."""
    run = lane.current if lane.is_held_by(event.display_name, event.execution_arn) else None
    if run is not None:
        run = replace(run, execution_arn=event.execution_arn)
        audit = Audit(
            *(event.business_key, "sagemaker", "run-changed", run.description, run.request_id),
            status=event.status,
            requested_by=run.requested_by,
        )
        if has_ended(event.status):
            lane, actions = dispatch_waiting(project, lane.freed(event.execution_arn), now)
            return Decision(lane, actions, (audit,), run=run)
        return Decision(replace(lane, current=run), audit=(audit,), run=run)
    if has_ended(event.status):
        ended = (event.execution_arn, *lane.ended)[:5]
        return Decision(replace(lane, ended=ended))
    if lane.current is None and event.execution_arn not in lane.ended:
        run = Run(None, now, "started outside Headrace", event.execution_arn)
        held = Audit(event.business_key, "outside", "lane-held", status=event.status)
        return Decision(replace(lane, current=run), audit=(held,))
    return Decision(lane)


def run_requested(project: Project, lane: Lane, event: RunRequested, now: float) -> Decision:
    """Decide what a schedule, a person or another trigger asks for: it joins the lane's request.

    A schedule's request takes the whole folder as it is when the run starts. One that comes after
    a later one of the lane, such as a dead letter that is redriven, therefore has nothing left to
    do; one that comes late with no later one before it is the run that was missed.
    """
    if event.cause.kind == "schedule":
        if event.time < lane.scheduled_at:
            reason = f"a later schedule asked for a run at {iso(lane.scheduled_at)}"
            audit = Audit(event.business_key, "schedule", "superseded", reason)
            return Decision(lane, audit=(audit,))
        lane = replace(lane, scheduled_at=event.time)
    lane, is_new = lane.join(
        why="request", key=event.business_key, now=now, quiet_at=now, cause=event.cause
    )
    assert lane.waiting is not None  # noqa: S101 (join just made it)
    asked_by = (event.cause.actor,) if event.cause.actor else ()
    audit = Audit(
        *(event.business_key, event.cause.kind, "joined", str(event.cause), lane.waiting.id),
        requested_by=asked_by,
    )
    return Decision(lane, opened(project, lane) if is_new else (), (audit,))


def run_not_started(project: Project, lane: Lane, event: RunNotStarted, now: float) -> Decision:
    run, waits = lane.current, lane.waiting is not None and lane.waiting.id == event.request_id
    asked = lane.waiting if waits else run
    actions: tuple[Action, ...] = ()
    if run is not None and run.request_id == event.request_id and not run.execution_arn:
        lane, actions = dispatch_waiting(project, replace(lane, current=None), now)
    elif not waits:  # if it waits, it failed before its claim, and reconcile dispatches it again
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
    audit = Audit(event.business_key, "sagemaker", "run-not-started", event.error, event.request_id)
    return Decision(lane, (*actions, Notify(message, event.business_key)), (audit,))


def lane_due(project: Project, lane: Lane, event: LaneDue, now: float) -> Decision:
    run, waiting = lane.current, lane.waiting
    actions: tuple[Action, ...] = ()
    attempt = int(event.time)  # makes the execution name unique
    if run is not None and run.request_id == event.request_id and not run.execution_arn:
        # Claimed, and no event since: advance_run looks for the run before it starts one.
        lane = replace(lane, current=replace(run, driven_at=now))
        actions = (AdvanceRun(lane.pipeline, run.request_id, attempt, event.time),)
    elif waiting is not None and waiting.id == event.request_id:
        lane, actions = dispatch_waiting(project, lane, now)
    elif (wanted := lane.rollout.wanted) and lane.rollout.refresh_id == event.request_id:
        lane = replace(lane, rollout=replace(lane.rollout, dispatched_at=now))
        group = project.model_package_group
        actions = (RefreshInference(project.name, group, wanted, event.request_id, attempt),)
    outcome: Outcome = "dispatched" if actions else "nothing-to-dispatch"
    audit = Audit(event.business_key, "reconcile", outcome, request_id=event.request_id)
    return Decision(lane, actions, (audit,))
