"""What people read about the stack itself, whichever project it concerns."""

from typing import Final

from headrace.domain.message import Message
from headrace.notifications.format import detail_lines, iso, lines, when

INBOX: Final = "inbox"
NOTICES: Final = "notify queue"
_SHOWN = 300  # characters of a refused event


def event_refused(
    project: str, queue: str, message_id: str, body: str, reason: str, at: float
) -> Message:
    """Return the message that an event will never be handled as it is."""
    begins = " ".join(body.split())
    return Message(
        kind="event-refused",
        project=project,
        subject=f"{project}: an event cannot be handled and became a dead letter",
        text=lines(
            f"An event of the {queue} cannot be handled, however often it is delivered:",
            "",
            reason,
            "",
            *detail_lines(
                time=when(at),
                message=message_id,
                event=begins[:_SHOWN] + ("..." if len(begins) > _SHOWN else ""),
            ),
            "",
            "SQS keeps the event as a dead letter for 14 days. Other events with the same error",
            "become dead letters today without another mail. Once the cause is fixed, send all",
            "dead letters again:",
            "",
            "  headrace redrive",
        ),
        detail={"queue": queue, "message_id": message_id, "reason": reason, "time": iso(at)},
    )
