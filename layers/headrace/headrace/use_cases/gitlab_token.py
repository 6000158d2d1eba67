"""Notifies people before the API token of GitLab expires, and when GitLab refuses it."""

from collections.abc import Callable

from headrace.adapters import eventbridge
from headrace.adapters.gitlab_ci import GitLab
from headrace.adapters.ledger import Ledger
from headrace.adapters.messaging import Queue
from headrace.domain.errors import HeadraceError
from headrace.domain.events import key_of_notification, key_of_token_notice
from headrace.rules.token_expiry import notice_within


def look_at_token(
    gitlab: Callable[[], GitLab],
    ledger: Ledger,
    notify_queue: Queue,
    now: float,
    warn: Callable[[str], object],
) -> bool:
    """Ask GitLab when the API token expires; return whether people are notified of it.

    An account that only scores has no token, and GitLab may be down: it is asked again later.
    """
    try:
        token = gitlab().token()
    except HeadraceError as error:
        warn(f"the GitLab API token could not be checked: {error}")
        return False
    within = notice_within(token.expires, now)
    if within is None:
        return False
    expires = token.expires or ""
    key = key_of_notification(key_of_token_notice(token.id, expires, within))
    if ledger.seen([key]):
        return False
    detail = {
        "token": token.id,
        "expires": expires,
        "within_days": within,
        "secret_arn": token.secret_arn,
    }
    notify_queue.send(eventbridge.own("GitLab Token Ends", detail, now))
    return True
