"""The rules: what an event means for one lane. Pure: no clock, no environment, no AWS.

`decide` takes the lane as the ledger has it and returns its new state, with the actions to
take and what to write into the audit. The caller commits all of it in one transaction or none.
"""

from headrace.domain.actions import Decision
from headrace.domain.events import (
    ApprovalOverdue,
    LaneDue,
    LiveDiffers,
    ModelQualityFailed,
    PackageReviewed,
    Refreshed,
    RunNotStarted,
    RunRequested,
    RunStatusChanged,
    VersionGone,
)
from headrace.domain.lane import Lane
from headrace.domain.project import Project
from headrace.rules.approvals import (
    approval_overdue,
    live_differs,
    package_reviewed,
    refreshed,
    version_gone,
)
from headrace.rules.retuning import model_quality_failed
from headrace.rules.runs import lane_due, run_changed, run_not_started, run_requested
from headrace.rules.uploads import FilesArrived, files_arrived

LaneEvent = (
    RunStatusChanged
    | ModelQualityFailed
    | PackageReviewed
    | RunRequested
    | RunNotStarted
    | Refreshed
    | ApprovalOverdue
    | VersionGone
    | LiveDiffers
    | LaneDue
)


def decide(project: Project, lane: Lane, event: FilesArrived | LaneEvent, now: float) -> Decision:
    """Return what an event means for a lane of a project, at a time in seconds since 1970."""
    match event:
        case FilesArrived():
            return files_arrived(project, lane, event.objects, now)
        case RunStatusChanged():
            return run_changed(project, lane, event, now)
        case ModelQualityFailed():
            return model_quality_failed(project, lane, event, now)
        case PackageReviewed():
            return package_reviewed(project, lane, event, now)
        case Refreshed():
            return refreshed(project, lane, event, now)
        case VersionGone():
            return version_gone(lane, event, project)
        case LiveDiffers():
            return live_differs(project, lane, event)
        case ApprovalOverdue():
            return approval_overdue(project, lane, event)
        case RunRequested():
            return run_requested(project, lane, event, now)
        case RunNotStarted():
            return run_not_started(project, lane, event, now)
        case LaneDue():
            return lane_due(project, lane, event, now)
