"""Four eyes: nobody approves a version that they registered or whose run they started.

People are identified by name: a Studio user profile, an IAM user, the session of an assumed role.
A name is only as reliable as the account makes it: let people assume roles only under their own
session name (condition key `sts:RoleSessionName`).
"""

from typing import NamedTuple

# Session names that SDKs and Studio choose by themselves.
_NAMELESS = ("botocore-session-", "SageMaker")


class Starters(NamedTuple):
    """Who is behind a version: the people who asked for its run, and who registered it.

    `people` is empty for a run after an upload, a schedule or a missed threshold, which nobody
    started. `known` is false where neither the ledger nor SageMaker can say.
    """

    people: tuple[str, ...]
    known: bool


def why_not(approver: str, started_by: Starters) -> str:
    """Return why an approval does not count, or an empty text.

    It counts only if two different people are known to have taken part.
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
