"""Four eyes: whoever started the run that made a version, or registered it, does not approve it.

People are told apart by name: a Studio user profile, an IAM user, the session of an assumed role.
A name is worth what the account makes of it: let roles be assumed under the person's own session
name only (condition key `sts:RoleSessionName`).
"""

from typing import NamedTuple

# Session names that SDKs and Studio choose by themselves.
_NAMELESS = ("botocore-session-", "SageMaker")


class Starters(NamedTuple):
    """Who is behind a version: the people who asked for its run, and whoever registered it.

    `people` is empty for a run after an upload, a schedule or a missed threshold, which nobody
    started. `known` is false where neither the ledger nor SageMaker can say.
    """

    people: tuple[str, ...]
    known: bool


def why_not(approver: str, started_by: Starters) -> str:
    """Return what keeps an approval from counting, or an empty text.

    An approval does not count unless it is known that two people took part.
    """
    if not started_by.known:
        return "neither the ledger nor SageMaker says who started the run that made it"
    if not approver:
        return "the registry does not say who approved it"
    if person(approver) in map(person, started_by.people):
        return f"{approver} started the run that made it, and may not approve it too"
    return ""


def person(name: str) -> str:
    """Return the name that identifies a person, from a profile's name or an ARN."""
    if not name.startswith("arn:"):
        return name.casefold()
    kind, _, rest = name.split(":", 5)[-1].partition("/")
    *before, last = rest.split("/")
    if kind == "assumed-role" and before and last.startswith(_NAMELESS):
        return f"role {before[-1]}".casefold()
    return (last or name).casefold()  # an account's root user has no name but its ARN
