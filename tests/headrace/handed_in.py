"""Use cases over adapters as a test hands them in: what it does not care for is left out."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from headrace.adapters import client as aws
from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import RetryableError
from headrace.use_cases.advance_run import Adapters
from headrace.use_cases.decide import Inbox

BUCKET = "headrace-databucket-1a2b3c"


class StateMachine:
    """Remembers what was started; a name it knows starts nothing, as in Step Functions."""

    def __init__(self) -> None:
        self.started: dict[str, dict[str, Any]] = {}
        self.broken = False

    def start(self, name: str, action: dict[str, Any]) -> None:
        if self.broken:
            raise RetryableError("Step Functions is away")
        self.started.setdefault(name, action)


def bucket(name: str = BUCKET) -> DataBucket:
    """Return a bucket of the local S3."""
    return DataBucket(aws.client("s3"), name)


def inbox(
    ledger: Ledger,
    start: Callable[[str, dict[str, Any]], None],
    now: Callable[[], float],
    log: Callable[[str], Any] = print,
    name: str = BUCKET,
) -> Inbox:
    """Return an inbox. Tests replace the methods of its SageMaker, which has no client."""
    states: Any = SimpleNamespace(start=start)
    return Inbox(ledger, bucket(name), SageMaker(None), states, now, log, log, _nothing)


def _nothing(*_: Any, **__: Any) -> None:
    """Log nothing."""


def adapters(inbox: Inbox) -> Adapters:
    """Return what advancing a run needs, the same that the inbox has."""
    return Adapters(inbox.ledger, inbox.bucket, inbox.sagemaker)
