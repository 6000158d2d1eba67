"""What a decision consists of: actions to take, lines for the audit log, the lane's new state.

An action's `name` is derived from its cause and names its execution of the state machine: starting
an action twice yields one execution.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from headrace.domain.events import ObjectCreated, digest
from headrace.domain.lane import Lane, Run
from headrace.domain.message import Message


@dataclass(frozen=True, slots=True)
class AdvanceRun:
    """Advance a request: wait for its drop to go quiet, claim the lane, start the run."""

    pipeline: str
    request_id: str
    attempt: int
    not_before: float

    @property
    def name(self) -> str:
        return f"{self.request_id}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class RefreshInference:
    """Have CI put a model package into the inference pipeline."""

    project: str
    group: str
    arn: str
    refresh_id: str
    attempt: int = 1

    @classmethod
    def because(cls, project: str, group: str, arn: str, cause: str) -> "RefreshInference":
        """Return the refresh that a cause asks for; its id is part of the CI pipeline's name."""
        return cls(project, group, arn, f"refresh-{digest(f'{arn} {cause}')[:24]}")

    @property
    def name(self) -> str:
        return f"{self.refresh_id}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class ReturnToPending:
    """Set an approval back to pending in the registry, with the reason."""

    arn: str
    reason: str
    cause: str

    @property
    def name(self) -> str:
        return f"return-{digest(f'{self.arn} {self.cause}')[:24]}"


@dataclass(frozen=True, slots=True)
class Notify:
    """Send a message to the project's recipients. `cause` is the business key of its event."""

    message: Message
    cause: str

    @property
    def name(self) -> str:
        return f"tell-{digest(f'{self.message.kind} {self.message.project} {self.cause}')[:24]}"


Action = AdvanceRun | RefreshInference | ReturnToPending | Notify


Outcome = Literal[
    # files and requests
    "file-refused",
    "joined",
    "superseded",
    "kept-for-scoring-run",
    "not-checked",
    # runs
    "run-changed",
    "lane-held",
    "run-not-started",
    "waits-for-quota",
    "retuning",
    "retuning-declined",
    "dispatched",
    "nothing-to-dispatch",
    # versions
    "refresh",
    "refresh-cancelled",
    "refresh-failed",
    "returned-to-pending",
    "rolled-back",
    "rollback-impossible",
    "live",
    "live-version-deleted",
    "live-differs",
    "reminded",
    "ignored",
]


class Audit(NamedTuple):
    """One line of the audit log: the outcome of an event, who caused it, and why.

    `event` is the event's business key, `actor` a person or a service. Fields that do not apply are
    None: `request_id`, `refresh_id`, the `status` of a run, the `approval` of a version, the ARN of
    the `model_package` and of its successor (`next_model_package`). `requested_by` names the people
    who asked for a run. `reason` is text for readers only.
    """

    event: str
    actor: str
    outcome: Outcome
    reason: str = ""
    request_id: str | None = None
    status: str | None = None
    approval: str | None = None
    model_package: str | None = None
    next_model_package: str | None = None
    refresh_id: str | None = None
    requested_by: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the line as the ledger stores it, without empty fields."""
        known = {name: value for name, value in self._asdict().items() if value}
        return {**known, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Decision:
    """What to commit for one event.

    `drop` holds the objects that joined request `request_id`. `run` is a run whose execution is
    known; the ledger keeps who asked for it as long as one of its versions may wait for approval.
    """

    lane: Lane
    actions: tuple[Action, ...] = ()
    audit: tuple[Audit, ...] = ()
    drop: tuple[ObjectCreated, ...] = ()
    request_id: str = ""
    run: Run | None = None

    @property
    def inputs(self) -> list[tuple[str, dict[str, Any]]]:
        """Return (name, input) of each action's execution of the state machine."""
        return [(action.name, as_input(action)) for action in self.actions]


def as_input(action: Action) -> dict[str, Any]:
    """Return an action as the input of the state machine `act`."""
    match action:
        case AdvanceRun():
            return {
                "action": "advance_run",
                "pipeline": action.pipeline,
                "request_id": action.request_id,
                "not_before": action.not_before,
            }
        case RefreshInference():
            return {
                "action": "refresh_inference",
                "project": action.project,
                "group": action.group,
                "arn": action.arn,
                "refresh_id": action.refresh_id,
            }
        case ReturnToPending():
            return {"action": "return_to_pending", "arn": action.arn, "reason": action.reason}
        case Notify():
            message = action.message
            return {
                "action": "tell",  # as in outbox items of earlier releases
                "subject": message.subject_line,
                "text": message.text,
                "kind": message.kind,
                "project": message.project,
                "detail": message.values(),
            }
