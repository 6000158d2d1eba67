"""Why a run exists, as data: text is made from it at the very end and never parsed back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headrace.domain.errors import PermanentError

CauseKind = Literal["schedule", "request", "trigger", "threshold"]
_KINDS: tuple[CauseKind, ...] = ("schedule", "request", "trigger", "threshold")
_BY_HAND = "by hand, "  # releases before schema 2 wrote this before the name of who asked


@dataclass(frozen=True, slots=True)
class Cause:
    """What asked for a run, other than uploads, which are counted separately.

    `actor` is the person who asked, as AWS names them; None if nobody did. `reference` is a
    schedule's expression, the ARN of the run that missed its threshold, or a trigger's description
    of itself. `note` is for readers: the missed threshold.
    """

    kind: CauseKind
    actor: str | None = None
    reference: str = ""
    note: str = ""

    @classmethod
    def parse(cls, fields: Any, where: str) -> "Cause":
        """Return the cause in an event or a ledger item.

        A string is the format of earlier releases. Unknown fields are ignored. Raises
        PermanentError, naming the field, for anything else.
        """
        if isinstance(fields, str):
            asked = fields.startswith(_BY_HAND)
            return cls("request", fields.removeprefix(_BY_HAND) if asked else None, fields)
        if not isinstance(fields, Mapping):
            raise PermanentError(f"{where} should be an object, not {type(fields).__name__}")
        kind = next((one for one in _KINDS if one == fields.get("kind")), None)
        if kind is None:
            known, found = ", ".join(_KINDS), fields.get("kind")
            raise PermanentError(f"{where}.kind should be one of {known}, but is {found!r:.80}")
        actor, reference, note = (fields.get(name) for name in ("actor", "reference", "note"))
        if actor is not None and not isinstance(actor, str):
            raise PermanentError(f"{where}.actor should be a string: {actor!r:.80}")
        return cls(kind, actor or None, str(reference or ""), str(note or ""))

    def __str__(self) -> str:
        match self.kind:
            case "schedule":
                return f"schedule {self.reference}"
            case "threshold":
                return f"retune because {self.note} in {self.reference}"
            case "request" if self.actor:
                return f"requested by {self.actor}"
            case _:
                return self.reference or "requested"
