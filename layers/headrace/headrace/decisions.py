"""The rules: what an event means for one lane. Pure: no clock, no environment, no AWS.

`decide` takes the lane as the ledger has it and returns it as it should be, with the actions to
take and what to write into the audit. The caller commits all of it in one transaction or none.
"""

from dataclasses import replace

from headrace import messages
from headrace.actions import (
    Action,
    AdvanceRun,
    Audit,
    Decision,
    RefreshInference,
    Tell,
)
from headrace.driving import driven, opened
from headrace.events import (
    ENDED,
    ApprovalOverdue,
    LaneDue,
    RunNotStarted,
    RunRequested,
    RunStatusChanged,
    VersionGone,
)
from headrace.facts import ModelQualityFailed, PackageReviewed, Refreshed
from headrace.governance import approval_overdue, package_reviewed, refreshed, version_gone
from headrace.lanes import Lane, Run
from headrace.project import Project
from headrace.uploads import FilesArrived, files_arrived

_HOUR = 3600.0
_WEEK = 7 * 24 * _HOUR

Fact = (
    RunStatusChanged
    | ModelQualityFailed
    | PackageReviewed
    | RunRequested
    | RunNotStarted
    | Refreshed
    | ApprovalOverdue
    | VersionGone
    | LaneDue
)


def decide(project: Project, lane: Lane, event: FilesArrived | Fact, now: float) -> Decision:
    """Return what an event means for a lane of a project, at a time in seconds since 1970."""
    match event:
        case FilesArrived():
            return files_arrived(project, lane, event.objects, now)
        case RunStatusChanged():
            return _run_changed(project, lane, event, now)
        case ModelQualityFailed():
            return _model_quality_failed(project, lane, event, now)
        case PackageReviewed():
            return package_reviewed(project, lane, event, now)
        case Refreshed():
            return refreshed(project, lane, event, now)
        case VersionGone():
            return version_gone(lane, event, project)
        case ApprovalOverdue():
            return approval_overdue(project, lane, event)
        case RunRequested():
            return _run_requested(project, lane, event, now)
        case RunNotStarted():
            return _run_not_started(project, lane, event, now)
        case LaneDue():
            return _lane_due(project, lane, event, now)


def _run_changed(project: Project, lane: Lane, event: RunStatusChanged, now: float) -> Decision:
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


def _model_quality_failed(
    project: Project, lane: Lane, event: ModelQualityFailed, now: float
) -> Decision:
    verdict = event.verdict
    if verdict is None or verdict.passed:
        reason = "the step crashed; only a missed threshold retunes"
        return Decision(lane, audit=(Audit(event.business_key, "sagemaker", "nothing", reason),))
    if declined := _why_not_retuned(project, lane, now):
        message = messages.retune_declined(
            project.name, event.execution_arn, verdict, declined, event.time
        )
        return Decision(
            lane,
            (Tell(message, event.business_key),),
            (Audit(event.business_key, "sagemaker", "retuning declined", declined),),
        )
    cause = f"retune because {verdict} in {event.execution_arn}"
    lane, _ = lane.join(why="retune", key=event.business_key, now=now, quiet_at=now, cause=cause)
    lane = replace(lane, retuned_at=(now, *lane.retuned_at)[: project.retune.max_per_week])
    audit = Audit(event.business_key, "sagemaker", "retuning", cause)
    return Decision(lane, opened(project, lane), (audit,))


def _why_not_retuned(project: Project, lane: Lane, now: float) -> str:
    policy = project.retune
    if not policy.max_per_week:
        return "nothing is retuned here; where the registry is, `pipeline_specs start` does"
    if lane.current is not None or lane.waiting is not None:
        return "a retuning is already under way"
    if lane.retuned_at:
        free_at = lane.retuned_at[0] + policy.cool_down_hours * _HOUR
        if now < free_at:
            return (
                f"the last one was {(now - lane.retuned_at[0]) / _HOUR:.1f} hours ago and the "
                f"project's cool-down is {policy.cool_down_hours:g} hours; the next may start in "
                f"{(free_at - now) / _HOUR:.1f} hours"
            )
    recent = [at for at in lane.retuned_at if now - at < _WEEK]
    if len(recent) >= policy.max_per_week:
        return (
            f"{len(recent)} retunings in a week are the most the project allows; the next may "
            f"start in {(min(recent, default=now) + _WEEK - now) / _HOUR:.1f} hours"
        )
    return ""


def _run_requested(project: Project, lane: Lane, event: RunRequested, now: float) -> Decision:
    lane, is_new = lane.join(
        why="request", key=event.business_key, now=now, quiet_at=now, cause=event.cause
    )
    assert lane.waiting is not None  # noqa: S101 (join just made it)
    audit = Audit(event.business_key, "request", f"joined {lane.waiting.id}", event.cause)
    return Decision(lane, opened(project, lane) if is_new else (), (audit,))


def _run_not_started(project: Project, lane: Lane, event: RunNotStarted, now: float) -> Decision:
    run, waits = lane.current, lane.waiting is not None and lane.waiting.id == event.request_id
    asked = lane.waiting if waits else run
    actions: tuple[Action, ...] = ()
    if run is not None and run.request_id == event.request_id and not run.execution_arn:
        lane, actions = driven(project, replace(lane, current=None), now)
    elif not waits:  # else it failed before it was claimed, and reconcile sends for it again
        return Decision(lane)
    message = messages.run_not_started(
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


def _lane_due(project: Project, lane: Lane, event: LaneDue, now: float) -> Decision:
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
