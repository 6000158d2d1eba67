"""When people are notified that a token expires."""

from datetime import UTC, date, datetime
from typing import Final

# GitLab itself mails a token's owner, who is a bot: weeks, since a new token needs somebody's time.
NOTICE_DAYS: Final = (1, 3, 7, 14, 30)


def notice_within(expires: str | None, now: float) -> int | None:
    """Return the notice that is due: the fewest of NOTICE_DAYS within which a token expires.

    `expires` is an ISO date, at whose beginning (UTC) the token ends; None never ends, and an empty
    one is a token that is refused: 0. None if no notice is due yet.
    """
    if expires is None:
        return None
    if not expires:
        return 0
    days = (date.fromisoformat(expires) - datetime.fromtimestamp(now, UTC).date()).days
    return next((notice for notice in NOTICE_DAYS if days <= notice), None)
