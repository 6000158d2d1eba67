"""What a check found, and running checks so that one that fails hides no other."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import ClientError

Severity = Literal["ok", "warning", "error", "unknown"]
_DENIED = frozenset(
    {
        *(
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "AuthorizationErrorException",
        ),
        *("UnauthorizedOperation", "403"),
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one thing; `command` fixes it, and is empty if there is nothing to do.

    `unknown` means that the check could not look; `seen` then says why.
    """

    name: str
    severity: Severity
    seen: str
    command: str = ""


def run(checks: Iterable[tuple[str, Callable[[], Iterable[Finding]]]]) -> list[Finding]:
    """Return what the named checks find; one that raises is unknown, with the reason."""
    found: list[Finding] = []
    for name, check in checks:
        try:
            for finding in check():
                found.append(finding)
        except Exception as error:  # whatever it is: the other checks still have something to say
            found.append(Finding(name, "unknown", reason(error)))
    return found


def reason(error: Exception) -> str:
    """Return in one line why something could not be looked at."""
    cause = error if isinstance(error, ClientError) else error.__cause__
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(cause, ClientError) and cause.response.get("Error", {}).get("Code") in _DENIED:
        return f"no permission to look: {text}"
    return f"could not look: {text}"
