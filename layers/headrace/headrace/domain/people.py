"""Four eyes: whoever started the run that made a version, or registered it, does not approve it.

People are told apart by name: a Studio user profile, an IAM user, the session of an assumed role.
A name is worth what the account makes of it: let roles be assumed under the person's own session
name only (condition key `sts:RoleSessionName`).
"""

BY_HAND = "by hand, "  # begins the cause of a run that a person asked the control plane for
_NAMELESS = ("botocore-session-", "SageMaker")  # sessions that SDKs and Studio name by themselves


def why_not(approver: str, started_by: tuple[str, ...]) -> str:
    """Return what keeps an approval from counting, or an empty text.

    Where it cannot be told that two people were at it, it does not count.
    """
    if not started_by:
        return "nobody can tell any more who started the run that made it"
    if not approver:
        return "the registry does not say who approved it"
    if person(approver) in map(person, started_by):
        return f"{approver} started the run that made it, and may not approve it too"
    return ""


def person(name: str) -> str:
    """Return what tells a person from others, of a profile's name or an ARN."""
    if not name.startswith("arn:"):
        return name.casefold()
    kind, _, rest = name.split(":", 5)[-1].partition("/")
    *before, last = rest.split("/")
    if kind == "assumed-role" and before and last.startswith(_NAMELESS):
        return f"role {before[-1]}".casefold()
    return (last or name).casefold()  # an account's root user has no name but its ARN
