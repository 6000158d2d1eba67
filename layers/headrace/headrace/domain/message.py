"""A message to people and machines; the texts are in `notifications`."""

from dataclasses import dataclass, field
from typing import Any, Final

# Every kind of message, by group. Recipients choose kinds or whole groups.
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "runs": (
        *("run-executing", "run-stopping", "run-stopped", "run-failed", "run-succeeded"),
        *("run-not-started", "quota-reached", "step-status"),
    ),
    "quality": ("threshold-missed", "retune-declined", "data-quality"),
    "approvals": ("model-registered", "approval-overdue", "review-missing", "own-approval"),
    "live": (
        *("model-live", "refresh-failed", "rollback-impossible", "live-version-gone"),
        *("live-differs", "gitlab-token-ends"),
    ),
    "files": ("file-not-taken", "drop-waits"),
    "stack": ("event-refused",),
}
EVERY_PROJECT: Final = "headrace"  # what is about the stack goes to who hears of all projects


_SUBJECT_LIMIT = 99  # SNS: fewer than 100 printable ASCII characters


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a project's recipients; `kind` and `project` are what subscriptions filter by.

    `detail` goes to machines, as JSON, beside the text for people.
    """

    kind: str
    project: str
    subject: str
    text: str
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def subject_line(self) -> str:
        """The subject as SNS takes it: one line of printable ASCII, short enough."""
        line = " ".join(self.subject.split())
        ascii_only = line.encode("ascii", "replace").decode()
        printable = "".join(c if c.isprintable() else "?" for c in ascii_only)
        if len(printable) > _SUBJECT_LIMIT:
            printable = printable[: _SUBJECT_LIMIT - 3] + "..."
        return printable or "Headrace"

    def values(self) -> dict[str, Any]:
        """Return what machines get, and what the state machine hands to `sns:publish`."""
        return {"kind": self.kind, "project": self.project, **self.detail}
