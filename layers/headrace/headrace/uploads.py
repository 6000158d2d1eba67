"""What uploads mean: which files are data, which drop they join, what people are told."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from headrace import messages
from headrace.actions import Action, Audit, Decision, Tell
from headrace.driving import opened
from headrace.events import ObjectCreated
from headrace.lanes import Lane
from headrace.project import Project

# SageMaker writes a file's name to a Linux disk, which takes 255 bytes between two slashes.
_NAME_LIMIT = 255
# S3's events tell whole seconds: the upload was at most this much later.
_EVENT_RESOLUTION = 1.0


@dataclass(frozen=True, slots=True)
class FilesArrived:
    """Uploads to the watched folders of one lane, delivered together."""

    objects: tuple[ObjectCreated, ...]


def why_not_taken(project: Project, item: ObjectCreated) -> str:
    """Return why an uploaded file starts nothing, or an empty text if it is data."""
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
    relative = project.relative_name(item.key)
    if any(part in {"", ".", ".."} for part in relative.split("/")):
        return "its name has an empty, '.' or '..' part, which no disk can hold; rename it"
    return ""


def files_arrived(
    project: Project, lane: Lane, objects: tuple[ObjectCreated, ...], now: float
) -> Decision:
    refused = [(item, reason) for item in objects if (reason := why_not_taken(project, item))]
    told = _tell_not_taken(project, refused)
    audit = [Audit(item.business_key, "upload", "not taken", reason) for item, reason in refused]
    taken = [item for item in objects if not why_not_taken(project, item)]
    data = tuple(i for i in taken if project.folder_of(i.key) != "ground-truth")
    quiet_at = project.quiet_period + max(
        (min(now, item.time + _EVENT_RESOLUTION) for item in taken), default=now
    )
    actions: tuple[Action, ...] = ()
    if data:
        lane, is_new = lane.join(
            why="upload",
            key=data[0].business_key,
            now=now,
            quiet_at=quiet_at,
            names=tuple(project.relative_name(item.key) for item in data),
        )
        assert lane.waiting is not None  # noqa: S101 (join just made it)
        audit += [Audit(i.business_key, "upload", f"joined {lane.waiting.id}", i.key) for i in data]
        if is_new:
            actions = opened(project, lane)
    elif taken:
        # Ground truth alone starts nothing; a drop that is still open waits for the rest of it.
        outcome = "kept for its scoring run"
        if lane.waiting is not None:
            waiting = replace(lane.waiting, quiet_at=max(lane.waiting.quiet_at, quiet_at))
            lane = replace(lane, waiting=waiting)
            outcome = f"kept for {waiting.id}"
        audit += [Audit(item.business_key, "upload", outcome, item.key) for item in taken]
    request_id = lane.waiting.id if lane.waiting else ""
    return Decision(lane, (*actions, *told), tuple(audit), data, request_id)


def _tell_not_taken(
    project: Project, refused: Iterable[tuple[ObjectCreated, str]]
) -> tuple[Tell, ...]:
    """One message per delivery for each reason: a mail per file would drown its readers."""
    by_reason: dict[str, list[ObjectCreated]] = {}
    for item, reason in refused:
        if not item.key.endswith("/"):  # consoles make folders as empty objects
            by_reason.setdefault(reason, []).append(item)
    tells = []
    for reason, items in by_reason.items():
        first, more = items[0], len(items) - 1
        also = f" (and {more} more files with it)" if more else ""
        message = messages.not_taken(project.name, first.key, reason + also)
        tells.append(Tell(message, f"{reason} {first.business_key}"))
    return tuple(tells)
