"""What may go live: approvals, the review board, rollback, and the refresh that CI does."""

from dataclasses import replace
from typing import Any, NamedTuple

from headrace.domain.actions import (
    Action,
    Audit,
    Decision,
    Notify,
    Outcome,
    RefreshInference,
    ReturnToPending,
)
from headrace.domain.events import (
    ApprovalOverdue,
    LiveDiffers,
    PackageReviewed,
    Refreshed,
    VersionGone,
)
from headrace.domain.lane import Lane
from headrace.domain.model_version import version_of
from headrace.domain.project import Project
from headrace.notifications import live_messages, version_messages
from headrace.rules.scheduling import dispatch_waiting


def package_reviewed(project: Project, lane: Lane, event: PackageReviewed, now: float) -> Decision:
    """Decide what a version's approval or rejection means for what is live."""
    package, key, rollout = event.package, event.business_key, lane.rollout

    def audited(outcome: Outcome, reason: str = "", **about: Any) -> tuple[Audit, ...]:
        actor = package.modified_by or "registry"
        about |= {"approval": package.approval, "model_package": package.arn}
        return (Audit(key, actor, outcome, reason, **about),)

    if package.approval == "Approved":
        if package.lacks_review:
            message = version_messages.review_missing(project.name, package)
            reason = "review_board_reference is missing; see the mail for how to approve"
            return Decision(
                lane,
                (ReturnToPending(package.arn, reason, key), Notify(message, key)),
                audited("returned-to-pending", reason),
            )
        if package.arn in (rollout.live, rollout.wanted):
            return Decision(lane, audit=audited("ignored", "it is already live or being deployed"))
        if event.edited and package.version < version_of(rollout.wanted or rollout.live):
            # An edit of what was live before is no wish to go back to it.
            return Decision(lane, audit=audited("ignored", "only edited; a newer version is live"))
        if reason := package.lacks_second_person:
            message = version_messages.own_approval(project.name, package, reason)
            return Decision(
                lane,
                (ReturnToPending(package.arn, reason, key), Notify(message, key)),
                audited("returned-to-pending", reason),
            )
        reason = f"board reference {package.board_reference}" if package.board_reference else ""
        lane, refresh = refreshing(project, lane, package.arn, key, now)
        return Decision(lane, (refresh,), audited("refresh", reason, refresh_id=refresh.refresh_id))
    if package.approval == "Rejected" and package.arn in (rollout.live, rollout.wanted):
        back = _back(project, lane, event.newest_approved, package.arn, key, now)
        return Decision(back.lane, back.actions, audited(back.outcome, **back.about))
    return Decision(lane, audit=audited("ignored", f"approval is {package.approval}"))


def refreshed(project: Project, lane: Lane, event: Refreshed, now: float) -> Decision:
    """Decide what the end of a refresh means for which version is live."""
    ended, key = event.ended, event.business_key
    about: dict[str, Any] = {"model_package": ended.arn, "refresh_id": ended.refresh_id}
    if lane.rollout.refresh_id == ended.refresh_id:  # not a later one of the same version
        lane = replace(lane, rollout=lane.rollout.without_refresh())
    if not ended.succeeded:
        message = version_messages.refresh_failed(project.name, ended.arn, ended.detail, now)
        audit = Audit(key, "gitlab", "refresh-failed", ended.detail, **about)
        return Decision(lane, (Notify(message, key),), (audit,))
    if ended.ci_pipeline < lane.rollout.deployed_by:
        reason = f"the newer CI pipeline {lane.rollout.deployed_by} deployed the live version"
        return Decision(lane, audit=(Audit(key, "gitlab", "ignored", reason, **about),))
    rollout = replace(lane.rollout, live=ended.arn, deployed_by=ended.ci_pipeline)
    lane = replace(lane, rollout=rollout)
    notify = Notify(version_messages.live(project.name, ended.arn, ended.detail, now), key)
    audit = Audit(key, "gitlab", "live", f"through {ended.detail}", **about)
    if not event.approved and not rollout.wanted:
        # Rejected or deleted during the refresh: roll back before anything is scored with it.
        back = _back(project, lane, event.newest_approved, ended.arn, key, now)
        rolled_back = Audit(key, "registry", back.outcome, model_package=ended.arn, **back.about)
        return Decision(back.lane, (notify, *back.actions), (audit, rolled_back))
    lane, actions = dispatch_waiting(project, lane, now)
    return Decision(lane, (*actions, notify), (audit,))


def approval_overdue(project: Project, lane: Lane, event: ApprovalOverdue) -> Decision:
    """Remind people of a version that waits for them."""
    message = version_messages.approval_overdue(
        project.name, event.arn, event.days, project.remind_after_hours, event.time
    )
    audit = Audit(event.business_key, "reconcile", "reminded", model_package=event.arn)
    return Decision(lane, (Notify(message, event.business_key),), (audit,))


def version_gone(lane: Lane, event: VersionGone, project: Project) -> Decision:
    """Notify people when the live version was deleted."""
    if event.arn != lane.rollout.live:
        return Decision(lane)
    message = version_messages.live_version_gone(project.name, event.arn, event.time)
    audit = Audit(event.business_key, "registry", "live-version-deleted", model_package=event.arn)
    return Decision(lane, (Notify(message, event.business_key),), (audit,))


def live_differs(project: Project, lane: Lane, event: LiveDiffers) -> Decision:
    """Notify people when the inference pipeline is not the live version's.

    Nothing puts the live version back by itself: what somebody changed may be there for a reason,
    and a refresh would hide who did it.
    """
    if event.arn != lane.rollout.live or lane.rollout.refresh_id:
        return Decision(lane)
    message = live_messages.differs(project.name, project.pipelines.inference, event)
    audit = Audit(
        *(event.business_key, "reconcile", "live-differs", f"it has {event.found or 'no version'}"),
        model_package=event.arn,
    )
    return Decision(lane, (Notify(message, event.business_key),), (audit,))


class _Back(NamedTuple):
    """The result of rolling back from a rejected version; `about` has fields of the audit line."""

    lane: Lane
    actions: tuple[Action, ...]
    outcome: Outcome
    about: dict[str, Any]


def refreshing(
    project: Project, lane: Lane, arn: str, cause: str, now: float
) -> tuple[Lane, RefreshInference]:
    """Return the lane with a refresh in progress, and the action that starts it."""
    action = RefreshInference.because(project.name, project.model_package_group, arn, cause)
    rollout = replace(
        lane.rollout,
        wanted=arn,
        refresh_id=action.refresh_id,
        dispatched_at=now,
        ci_claimed_at=None,
    )
    return replace(lane, rollout=rollout), action


def _back(
    project: Project, lane: Lane, back: str | None, rejected: str, cause: str, now: float
) -> _Back:
    """Roll back from a rejected version to the newest approved one."""
    if lane.rollout.wanted == rejected:
        lane = replace(lane, rollout=lane.rollout.without_refresh())
    if lane.rollout.live != rejected:
        return _Back(lane, (), "refresh-cancelled", {})
    if back is None:
        notify = Notify(version_messages.nothing_approved(project.name, rejected, now), cause)
        return _Back(lane, (notify,), "rollback-impossible", {})
    lane, refresh = refreshing(project, lane, back, cause, now)
    about = {"next_model_package": back, "refresh_id": refresh.refresh_id}
    return _Back(lane, (refresh,), "rolled-back", about)
