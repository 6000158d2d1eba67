"""Who hears of a project, and of what, as `project.yaml` says it."""

from dataclasses import dataclass

from headrace.domain.message import KINDS

from pipeline_specs.config.document import Section

Kinds = tuple[str, ...]  # of messages, sorted; none chosen means all


CHOICES: Kinds = (*KINDS, *(kind for group in KINDS.values() for kind in group))


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address, and the kinds of message it wants; all of them unless it says."""

    email: str
    wants: Kinds = ()


def parse(notify: Section) -> tuple[Recipient, ...]:
    """Return the recipients in a project's settings: addresses, some with what they want."""
    found: list[Recipient] = []
    for place, item in enumerate(notify.items("recipients")):
        recipient = Recipient(item) if isinstance(item, str) else _parsed(item)
        if recipient.email in (other.email for other in found):
            notify.fail("recipients", f"names {recipient.email} twice, at last in place {place}")
        found.append(recipient)
    return tuple(found)


def _parsed(section: Section) -> Recipient:
    email, wants = section.only("email", "wants").text("email"), set[str]()
    for choice in section.texts("wants"):
        if choice not in CHOICES:
            section.fail("wants", f"has {choice!r}, but may have {', '.join(CHOICES)}")
        wants.update(KINDS.get(choice, (choice,)))
    return Recipient(email, tuple(sorted(wants)))
