"""Two branches of error, by what the caller should do.

HeadraceError
├── RetryableError   the same call may succeed later: let the queue or state machine retry it
│   ├── Conflict     somebody else changed the ledger first: read again and decide again
│   └── QuotaReached a quota is used up: minutes to days, until jobs end or AWS raises it
└── PermanentError   it will never succeed as it is: notify a person, keep the event
    └── NotThere     what was asked for does not exist, or no longer exists
"""


class HeadraceError(Exception):
    """Anything Headrace raises on purpose."""


class RetryableError(HeadraceError):
    """The same call may succeed later."""


class Conflict(RetryableError):
    """Another writer changed the ledger between the read and the write."""


class QuotaReached(RetryableError):
    """A quota of the account is used up; the text names it."""


class PermanentError(HeadraceError):
    """The call will never succeed as it is; the text says what a person can do."""


class NotThere(PermanentError):
    """What was asked for does not exist."""
