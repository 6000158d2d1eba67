"""What may go live: approvals, the review board, rollback, and the refresh that CI does."""

from dataclasses import replace

from headrace import messages
from headrace.actions import Audit, Decision, RefreshInference, ReturnToPending, Tell
from headrace.driving import driven
from headrace.events import RefreshEnded
from headrace.facts import PackageReviewed
from headrace.lanes import Lane
from headrace.project import Project


def package_reviewed(project: Project, lane: Lane, event: PackageReviewed) -> Decision:
    package, key = event.package, event.business_key
    actor = package.modified_by or "registry"

    def audited(outcome: str, reason: str = "") -> tuple[Audit, ...]:
        return (Audit(key, actor, outcome, reason),)

    if package.approval == "Approved":
        if package.lacks_review:
            message = messages.review_missing(project.name, package)
            reason = "review_board_reference is missing; see the mail for how to approve"
            return Decision(
                lane,
                (ReturnToPending(package.arn, reason, key), Tell(message, key)),
                audited("returned to pending", reason),
            )
        if package.arn in (lane.live, lane.refreshing):
            return Decision(lane, audit=audited("nothing", "it is live or on its way already"))
        refresh = RefreshInference(project.name, package.group, package.arn, key)
        reason = f"board reference {package.board_reference}" if package.board_reference else ""
        return Decision(
            replace(lane, refreshing=package.arn), (refresh,), audited("refresh", reason)
        )
    if package.approval == "Rejected" and package.arn in (lane.live, lane.refreshing):
        back = event.newest_approved
        if back is None:
            tell = Tell(messages.nothing_approved(project.name, package.arn), key)
            return Decision(
                replace(lane, refreshing=""), (tell,), audited("nothing", "no other is approved")
            )
        if back == lane.live:
            return Decision(replace(lane, refreshing=""), audit=audited("its refresh is off"))
        refresh = RefreshInference(project.name, package.group, back, key)
        return Decision(replace(lane, refreshing=back), (refresh,), audited(f"back to {back}"))
    return Decision(lane, audit=audited("nothing", f"approval is {package.approval}"))


def refresh_ended(project: Project, lane: Lane, event: RefreshEnded) -> Decision:
    if lane.refreshing == event.arn:
        lane = replace(lane, refreshing="")
    key = event.business_key
    if not event.succeeded:
        message = messages.refresh_failed(project.name, event.arn, event.detail)
        audit = Audit(key, "gitlab", "refresh failed", event.detail)
        return Decision(lane, (Tell(message, key),), (audit,))
    lane, actions = driven(project, replace(lane, live=event.arn))
    message = messages.live(project.name, event.arn, event.detail)
    audit = Audit(key, "gitlab", "live", event.arn)
    return Decision(lane, (*actions, Tell(message, key)), (audit,))
