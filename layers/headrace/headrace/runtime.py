"""The composition root: a function's settings and adapters, each made when it is first needed.

Nothing is read or made at import. Tests and the simulation make a Runtime of their own, with other
settings, clients and clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from headrace.adapters.client import LazyClient
from headrace.domain.errors import PermanentError, RetryableError

if TYPE_CHECKING:  # a function imports the adapters that it uses, and no others
    from headrace.adapters.data_bucket import DataBucket
    from headrace.adapters.gitlab_ci import GitLab
    from headrace.adapters.ledger import Ledger
    from headrace.adapters.marks import Marks
    from headrace.adapters.messaging import Queue, StateMachine, Topic
    from headrace.adapters.sagemaker import SageMaker
    from headrace.use_cases.decide import Inbox

# What one message may take while AWS throttles: ten calls, each answered at the third attempt, for
# which botocore's standard mode waits at most 1 s and 2 s.
SECONDS_PER_MESSAGE = 30.0


class Runtime:
    """What the template gives a function, and the adapters made from it.

    `client` returns the client of a service by botocore's name; `now` returns seconds since 1970,
    and is the one clock that functions hand to decisions. Settings raise PermanentError, naming
    the variable, if the template gives none.
    """

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        client: Callable[[str], Any] = LazyClient,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._environment, self._client, self.now = environment, client, now

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        from headrace.adapters.ledger import Ledger

        return Ledger(self._setting("LEDGER_TABLE"), self._client("dynamodb"))

    @cached_property
    def marks(self) -> Marks:
        """How far reconcile has come."""
        from headrace.adapters.marks import Marks

        return Marks(self._setting("LEDGER_TABLE"), self._client("dynamodb"))

    @cached_property
    def bucket(self) -> DataBucket:
        """The data bucket."""
        from headrace.adapters.data_bucket import DataBucket

        return DataBucket(self._client("s3"), self._setting("DATA_BUCKET"))

    @cached_property
    def sagemaker(self) -> SageMaker:
        """Pipeline executions and the model registry."""
        from headrace.adapters.sagemaker import SageMaker

        return SageMaker(self._client("sagemaker"))

    @cached_property
    def topic(self) -> Topic:
        """The alerts topic."""
        from headrace.adapters.messaging import Topic

        return Topic(self._client("sns"), self._setting("ALERTS_TOPIC_ARN"))

    @cached_property
    def inbox_queue(self) -> Queue:
        """The inbox that `decide` reads."""
        from headrace.adapters.messaging import Queue

        return Queue(self._client("sqs"), self._setting("INBOX_QUEUE_URL"))

    @cached_property
    def notify_queue(self) -> Queue:
        """The queue that `notify` reads."""
        from headrace.adapters.messaging import Queue

        return Queue(self._client("sqs"), self._setting("NOTIFY_QUEUE_URL"))

    @cached_property
    def dead_letters(self) -> Queue:
        """The dead-letter queue of the queue that this function reads."""
        from headrace.adapters.messaging import Queue

        return Queue(self._client("sqs"), self._setting("DEAD_LETTERS_URL"))

    @cached_property
    def state_machine(self) -> StateMachine:
        """The state machine `act`."""
        from headrace.adapters.messaging import StateMachine

        return StateMachine(self._client("stepfunctions"), self._setting("STATE_MACHINE_ARN"))

    def inbox(self, logger: Any) -> Inbox:
        """Return what decides events, which logs to a function's logger."""
        from headrace.use_cases.decide import Inbox

        return Inbox(
            self.ledger,
            self.bucket,
            self.sagemaker,
            self.state_machine,
            now=self.now,
            warn=logger.warning,
            crashed=logger.exception,
            info=logger.info,
        )

    @property
    def gitlab(self) -> GitLab:
        """The CI project, with its tokens read each time so that they can rotate."""
        from headrace.adapters.gitlab_ci import GitLab, settings

        return GitLab(
            settings(
                self._client("secretsmanager"),
                self._setting("GITLAB_URL"),
                self._setting("GITLAB_PROJECT_PATH"),
                self._setting("GITLAB_REF"),
                self._setting("GITLAB_SECRET_ARN"),
            )
        )

    @cached_property
    def forgotten_after(self) -> float:
        """Grace period, in seconds, before `reconcile` sends a missing event again."""
        return float(self._setting("FORGOTTEN_AFTER_SECONDS"))

    @cached_property
    def keep_models_days(self) -> float:
        """Days after which `reconcile` deletes the models of scoring runs; 0 keeps them."""
        return float(self._setting("KEEP_MODELS_DAYS"))

    def _setting(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            raise PermanentError(f"the function's environment has no {name}; see template.yaml")
        return value


def require_time(context: Any) -> None:
    """Raise RetryableError if a Lambda invocation has too little time to begin a message."""
    if context.get_remaining_time_in_millis() < SECONDS_PER_MESSAGE * 1000:
        raise RetryableError("too little time is left in this invocation")


@cache
def runtime() -> Runtime:
    """Return the runtime of this process, made at the first invocation and kept while warm."""
    return Runtime()
