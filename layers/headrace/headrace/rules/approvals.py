"""What may go live: approvals, the review board, rollback, and the refresh that CI does."""

from dataclasses import replace

from headrace.domain.actions import Action, Audit, Decision, RefreshInference, ReturnToPending, Tell
from headrace.domain.events import ApprovalOverdue, PackageReviewed, Refreshed, VersionGone
from headrace.domain.lane import Lane
from headrace.domain.project import Project
from headrace.notifications import version_messages
from headrace.rules.scheduling import driven


def package_reviewed(project: Project, lane: Lane, event: PackageReviewed, now: float) -> Decision:
    """Decide what a version's approval or rejection means for what is live."""
    package, key = event.package, event.business_key
    actor = package.modified_by or "registry"

    def audited(outcome: str, reason: str = "") -> tuple[Audit, ...]:
        return (Audit(key, actor, outcome, reason),)

    if package.approval == "Approved":
        if package.lacks_review:
            message = version_messages.review_missing(project.name, package)
            reason = "review_board_reference is missing; see the mail for how to approve"
            return Decision(
                lane,
                (ReturnToPending(package.arn, reason, key), Tell(message, key)),
                audited("returned to pending", reason),
            )
        if package.arn in (lane.live, lane.refreshing):
            return Decision(lane, audit=audited("nothing", "it is live or on its way already"))
        if reason := package.lacks_second_person:
            message = version_messages.own_approval(project.name, package, reason)
            return Decision(
                lane,
                (ReturnToPending(package.arn, reason, key), Tell(message, key)),
                audited("returned to pending", reason),
            )
        reason = f"board reference {package.board_reference}" if package.board_reference else ""
        lane, refresh = refreshing(project, lane, package.arn, key, now)
        return Decision(lane, (refresh,), audited("refresh", reason))
    if package.approval == "Rejected" and package.arn in (lane.live, lane.refreshing):
        lane, actions, outcome = _back(project, lane, event.newest_approved, package.arn, key, now)
        return Decision(lane, actions, audited(outcome))
    return Decision(lane, audit=audited("nothing", f"approval is {package.approval}"))


def refreshed(project: Project, lane: Lane, event: Refreshed, now: float) -> Decision:
    """Decide what the end of a refresh means: what is live is what CI put there."""
    ended, key = event.ended, event.business_key
    if lane.refresh_id == ended.refresh_id:  # not a later one of the same version
        lane = replace(lane, refreshing="", refresh_id="")
    if not ended.succeeded:
        message = version_messages.refresh_failed(project.name, ended.arn, ended.detail, now)
        audit = Audit(key, "gitlab", "refresh failed", ended.detail)
        return Decision(lane, (Tell(message, key),), (audit,))
    if ended.ci_pipeline < lane.live_by:
        reason = f"CI pipeline {lane.live_by} came after it"
        return Decision(lane, audit=(Audit(key, "gitlab", "nothing", reason),))
    lane = replace(lane, live=ended.arn, live_by=ended.ci_pipeline)
    told = Tell(version_messages.live(project.name, ended.arn, ended.detail, now), key)
    audit = Audit(key, "gitlab", "live", f"{ended.arn} through {ended.detail}")
    if not event.approved and not lane.refreshing:
        # Rejected or deleted while CI was at it: back at once, before anything is scored with it.
        lane, back, outcome = _back(project, lane, event.newest_approved, ended.arn, key, now)
        return Decision(lane, (told, *back), (audit, Audit(key, "registry", outcome)))
    lane, actions = driven(project, lane, now)
    return Decision(lane, (*actions, told), (audit,))


def approval_overdue(project: Project, lane: Lane, event: ApprovalOverdue) -> Decision:
    """Remind people of a version that waits for them."""
    message = version_messages.approval_overdue(
        project.name, event.arn, event.days, project.remind_after_hours, event.time
    )
    audit = Audit(event.business_key, "reconcile", "reminded", event.arn)
    return Decision(lane, (Tell(message, event.business_key),), (audit,))


def version_gone(lane: Lane, event: VersionGone, project: Project) -> Decision:
    """Raise the alarm when the version that is live was deleted."""
    if event.arn != lane.live:
        return Decision(lane)
    message = version_messages.live_version_gone(project.name, event.arn, event.time)
    audit = Audit(event.business_key, "registry", "the live version was deleted", event.arn)
    return Decision(lane, (Tell(message, event.business_key),), (audit,))


def refreshing(
    project: Project, lane: Lane, arn: str, cause: str, now: float
) -> tuple[Lane, RefreshInference]:
    """Return the lane with a refresh under way, and the action that sends for it."""
    action = RefreshInference.because(project.name, project.model_package_group, arn, cause)
    lane = replace(lane, refreshing=arn, refresh_id=action.refresh_id, refreshed_at=now)
    lane = replace(lane, ci_claimed_at=0.0)
    return lane, action


def _back(
    project: Project, lane: Lane, back: str | None, rejected: str, cause: str, now: float
) -> tuple[Lane, tuple[Action, ...], str]:
    """Leave a rejected version for the newest approved one; say what came of it."""
    if lane.refreshing == rejected:
        lane = replace(lane, refreshing="", refresh_id="")
    if lane.live != rejected:
        return lane, (), "its refresh is off"
    if back is None:
        told = Tell(version_messages.nothing_approved(project.name, rejected, now), cause)
        return lane, (told,), "it stays live: no other version is approved"
    lane, refresh = refreshing(project, lane, back, cause, now)
    return lane, (refresh,), f"back to {back}"
