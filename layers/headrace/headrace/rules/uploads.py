"""What uploads mean: which files are data, which drop they join, which are reported to people."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from headrace.domain.actions import Action, Audit, Decision, Notify
from headrace.domain.events import ObjectCreated
from headrace.domain.lane import Lane
from headrace.domain.project import PipelineKind, Project
from headrace.notifications import run_messages
from headrace.rules.scheduling import dispatch_waiting, opened

# SageMaker writes files to a Linux disk, where a name has at most 255 bytes between two slashes.
_NAME_LIMIT = 255
# S3's events have whole seconds: the upload was at most this much later.
_EVENT_RESOLUTION = 1.0


@dataclass(frozen=True, slots=True)
class FilesArrived:
    """Uploads to the watched folders of one lane, delivered together."""

    objects: tuple[ObjectCreated, ...]


def why_not_taken(project: Project, item: ObjectCreated) -> str:
    """Return why an uploaded file is ignored, or an empty text if it is data."""
    folder = project.folder_of(item.key)
    if folder is None:
        watched = ", ".join(project.folder(f) for f in ("training", "scoring", "ground-truth"))
        return f"it is outside the watched folders {watched}"
    if not item.key.endswith(project.suffix):
        return f"its name does not end with {project.suffix}"
    if item.size == 0:
        return "it is empty (0 bytes)"
    for part in item.key.split("/"):
        if len(part.encode()) > _NAME_LIMIT:
            return (
                f"a part of its name has {len(part.encode())} bytes, and a SageMaker job cannot "
                f"write more than {_NAME_LIMIT} between two slashes to its disk; rename it"
            )
    relative = item.key.removeprefix(project.folder(folder))
    if any(part in {"", ".", ".."} for part in relative.split("/")):
        return "its name has an empty, '.' or '..' part, which no disk can hold; rename it"
    return ""


def files_arrived(
    project: Project, lane: Lane, objects: tuple[ObjectCreated, ...], now: float
) -> Decision:
    """Decide uploads to one lane: data opens or joins a drop; other files are reported."""
    triggers = tuple(item for item in objects if project.is_trigger(item.key))
    refused = [
        (item, reason)
        for item in objects
        if item not in triggers and (reason := why_not_taken(project, item))
    ]
    refused_items = {item for item, _ in refused}
    taken = [item for item in objects if item not in refused_items and item not in triggers]
    # Ground truth is data only in the lane of checks; a scoring run takes it along with its input.
    checks = project.pipelines.kind_of(lane.pipeline) is PipelineKind.MODEL_QUALITY
    data = tuple(item for item in taken if checks or project.folder_of(item.key) != "ground-truth")
    audit = [Audit(item.business_key, "upload", "file-refused", reason) for item, reason in refused]
    lane, actions = _joined(project, lane, data, triggers, now, checks=checks)
    open_drop = lane.waiting is not None and lane.waiting.quiet_at is not None
    if taken and not data and open_drop:
        # Ground truth alone starts nothing; a drop that is still open waits for the rest of it.
        lane = lane.quiet_no_earlier(_quiet_at(project, taken, now))
    request_id = lane.waiting.id if lane.waiting else ""
    audit += [
        Audit(item.business_key, "upload", "joined", item.key, request_id)
        for item in (*data, *triggers)
    ]
    audit += [
        Audit(item.business_key, "upload", "kept-for-scoring-run", item.key)
        for item in taken
        if item not in data
    ]
    notifications = _notify_refused(project, refused)
    return Decision(lane, (*actions, *notifications), tuple(audit), data, request_id)


def _joined(
    project: Project,
    lane: Lane,
    data: tuple[ObjectCreated, ...],
    triggers: tuple[ObjectCreated, ...],
    now: float,
    *,
    checks: bool,
) -> tuple[Lane, tuple[Action, ...]]:
    """Return the lane with data in its open drop, which a trigger file or the quiet period ends.

    A trigger file leaves the drop open for the quiet period, since events of the files before it
    may arrive after its own. Files whose events arrive even later form a drop that the quiet period
    ends, as does late ground truth.
    """
    if not data and not triggers:
        return lane, ()
    was_complete = lane.waiting is not None and lane.waiting.complete
    ends = data
    if project.trigger_file and not checks:
        late = (item for item in data if item.time <= lane.triggered_at)
        ends = (*triggers, *late)
    if triggers:
        newest = max(item.time for item in triggers)
        lane = replace(lane, triggered_at=max(lane.triggered_at, newest))
    lane, is_new = lane.join(
        why="ground-truth" if checks else "upload",
        key=(*data, *triggers)[0].business_key,
        now=now,
        quiet_at=_quiet_at(project, ends, now) if ends else None,
        names=tuple(project.relative_name(item.key) for item in data),
    )
    if is_new:
        return lane, opened(project, lane)
    return dispatch_waiting(project, lane, now) if not was_complete else (lane, ())


def _quiet_at(project: Project, items: Iterable[ObjectCreated], now: float) -> float:
    return project.quiet_period + max(min(now, item.time + _EVENT_RESOLUTION) for item in items)


def _notify_refused(
    project: Project, refused: Iterable[tuple[ObjectCreated, str]]
) -> tuple[Notify, ...]:
    """One message per delivery for each reason: a mail per file would be too many."""
    by_reason: dict[str, list[ObjectCreated]] = {}
    for item, reason in refused:
        if not item.key.endswith("/"):  # consoles make folders as empty objects
            by_reason.setdefault(reason, []).append(item)
    notifications = []
    for reason, items in by_reason.items():
        first, more = items[0], len(items) - 1
        also = f" (and {more} more files with it)" if more else ""
        message = run_messages.not_taken(project.name, first.key, reason + also)
        notifications.append(Notify(message, f"{reason} {first.business_key}"))
    return tuple(notifications)
