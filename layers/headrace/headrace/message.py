"""A message to people and machines; what each says is in `messages` and `model_messages`."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

# Every kind of message, by what it is about. Recipients choose among kinds and groups of them.
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "runs": (
        *("run-executing", "run-stopping", "run-stopped", "run-failed", "run-succeeded"),
        *("run-not-started", "step-status"),
    ),
    "quality": ("threshold-missed", "retune-declined", "data-quality"),
    "approvals": ("model-registered", "approval-overdue", "review-missing", "own-approval"),
    "live": ("model-live", "refresh-failed", "rollback-impossible", "live-version-gone"),
    "files": ("file-not-taken", "drop-waits"),
}
_SUBJECT_LIMIT = 99  # SNS: fewer than 100 printable ASCII characters
_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


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


def lines(*parts: str) -> str:
    """Return a text of these lines, with one end."""
    return "\n".join(parts).rstrip() + "\n"


def facts(**named: str) -> tuple[str, ...]:
    """Return a line for each fact that is known, its name before it, their values in a column."""
    known = {
        name[0].upper() + name[1:].replace("_", " "): fact for name, fact in named.items() if fact
    }
    width = max(map(len, known), default=0)
    return tuple(f"{name:{width}}  {fact}" for name, fact in known.items())


def when(time: float) -> str:
    """Return a time as people read it, nothing for an unknown one (0)."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC" if time else ""


def iso(time: float) -> str:
    """Return a time as machines read it, nothing for an unknown one (0)."""
    return datetime.fromtimestamp(time, UTC).isoformat() if time else ""


def studio(arn: str) -> str:
    """Return the console's page that opens Studio in the region of an ARN.

    Only a domain's own address leads to a run itself, and neither events nor ARNs name a domain.
    """
    _, partition, _, region, *_ = f"{arn}:::".split(":")
    console = _CONSOLES.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{console}/sagemaker/home?region={region}#/studio-landing"


def in_studio(execution_arn: str) -> tuple[str, ...]:
    """Return lines that say where a run is found in Studio."""
    *_, pipeline, _, run = execution_arn.split("/") if "/execution/" in execution_arn else ("",) * 4
    if not run:
        return ()
    return (f"In Studio, under Pipelines, {pipeline}, Executions, {run}:", studio(execution_arn))
