"""A batch of queue messages: each is handled by itself, and its failure is its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from headrace.domain.errors import HeadraceError, PermanentError

Record = dict[str, Any]  # a message as Lambda gets it from SQS


def deliver_again(record: Record, error: PermanentError) -> None:
    """Refuse nothing: the message is delivered again until its queue gives up."""
    raise error


class Batch:
    """What the messages of a batch share; `failed` has the ids of those to deliver again.

    `require_time` raises RetryableError once too little time is left to begin a message: cut off
    by its time-out, a function would have the whole batch delivered again. `refuse` takes a message
    that will never be handled as it is. `warn` logs expected errors, `crashed` the unexpected
    exception being handled, with its traceback.
    """

    def __init__(
        self,
        warn: Callable[[str], None],
        crashed: Callable[[str], None],
        require_time: Callable[[], None] = lambda: None,
        refuse: Callable[[Record, PermanentError], None] = deliver_again,
    ) -> None:
        self.warn, self.crashed, self.require_time = warn, crashed, require_time
        self._refuse = refuse
        self.failed: list[str] = []

    @contextmanager
    def apart(self, record: Record) -> Iterator[None]:
        """Handle one message: if that fails, refuse it or have it delivered again, and go on."""
        with self.together([record]):
            try:
                yield
            except PermanentError as error:
                self.warn(f"message {record['messageId']}: {error}")
                self._refuse(record, error)

    @contextmanager
    def together(self, records: list[Record]) -> Iterator[None]:
        """Do what messages have in common: if that fails, have them delivered again."""
        ids = [record["messageId"] for record in records]
        named = f"message {', '.join(ids)}"
        try:
            yield
        except HeadraceError as error:
            self.warn(f"{named}: {error}")
            self.failed += ids
        except Exception:
            self.crashed(named)
            self.failed += ids
