"""Who gets a project's messages, and which, as set in `project.yaml`."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from headrace.domain.message import KINDS
from pydantic import BeforeValidator, Field, StrictStr, field_validator, model_validator

from pipeline_specs.config.fields import (
    OPTIONAL_LIST,
    OneOf,
    Section,
    Shape,
    Text,
    Wrong,
    shown,
)

Kinds = tuple[str, ...]  # of messages, sorted; none chosen means all
CHOICES: Kinds = (*KINDS, *(kind for group in KINDS.values() for kind in group))
Status = Literal["Starting", "Executing", "Stopping", "Stopped", "Failed", "Succeeded"]
Address = Annotated[
    StrictStr,
    Shape(r"[^@\s]+@[^@\s]+", "an e-mail address"),
    Field(examples=["data-science@example.com"]),
]


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address, and the kinds of message it wants; empty means all."""

    email: str
    wants: Kinds = ()


class Listener(Section):
    """An e-mail address with what it wants."""

    email: Address
    """The address."""
    wants: Annotated[tuple[Annotated[StrictStr, OneOf(CHOICES)], ...], OPTIONAL_LIST] = ()
    """The kinds of message it gets, or groups of them; all unless set."""

    def recipient(self) -> Recipient:
        """Return the address with kinds only, each group expanded."""
        kinds = {kind for choice in self.wants for kind in KINDS.get(choice, (choice,))}
        return Recipient(self.email, tuple(sorted(kinds)))


class CustomMessage(Section):
    """A text."""

    pipeline: Text
    """The name of the SageMaker pipeline."""
    step: StrictStr = ""
    """The step's name; the whole run unless set."""
    status: Status
    """The status that sends the message; only steps have Starting."""
    message: Text
    """The text."""

    @model_validator(mode="after")
    def _has_that_status(self) -> "CustomMessage":
        if self.status == "Starting" and not self.step:
            raise Wrong("may be Starting for a step only; a run is Executing at once", "status")
        return self


def _listener(value: Any) -> Any:
    """Return a plain address as a section; raises Wrong for anything else."""
    if isinstance(value, str):
        return {"email": value}
    if not isinstance(value, (dict, Listener)):
        what = "an e-mail address, or a section with email and wants"
        raise Wrong(f"should be {what}, but is {shown(value)}")
    return value


class Notify(Section):
    """Who gets the project's messages."""

    recipients: Annotated[
        tuple[
            Annotated[
                Listener, BeforeValidator(_listener, json_schema_input_type=Address | Listener)
            ],
            ...,
        ],
        OPTIONAL_LIST,
    ] = ()
    """E-mail addresses, which get all messages, or sections; each address confirms once."""
    custom: Annotated[tuple[CustomMessage, ...], OPTIONAL_LIST] = ()
    """Your own texts for status changes of pipelines and their steps."""

    @field_validator("recipients")
    @classmethod
    def _once(cls, found: tuple[Listener, ...]) -> tuple[Listener, ...]:
        emails = [one.email for one in found]
        for place, email in enumerate(emails):
            if email in emails[:place]:
                raise Wrong(f"names {email} twice, the second time in place {place}")
        return found
