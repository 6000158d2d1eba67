"""EventBridge and SQS: at least once, late, out of order; batches, dead letters, redrives."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.simulation.clock import DAY, MINUTE
from tests.simulation.faults import Faults

_TEMPLATE = Path(__file__).parents[2] / "template.yaml"


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What the template says of a queue, and of the function that takes from it."""

    hidden: float  # seconds
    receives: int
    batch: int
    window: float  # seconds

    @classmethod
    @cache
    def of(cls, queue: str, function: str) -> "QueueSettings":
        resources = _template()["Resources"]
        said = resources[queue]["Properties"]
        (source,) = resources[function]["Properties"]["Events"].values()
        assert source["Properties"]["Queue"] == f"{queue}.Arn"
        return cls(
            hidden=said["VisibilityTimeout"],
            receives=said["RedrivePolicy"]["maxReceiveCount"],
            batch=source["Properties"]["BatchSize"],
            window=source["Properties"].get("MaximumBatchingWindowInSeconds", 0),
        )


@cache
def _template() -> dict[str, Any]:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: node.value)
    template: dict[str, Any] = yaml.load(_TEMPLATE.read_text(), Loader)  # noqa: S506 (a SafeLoader)
    return template


@dataclass(slots=True)
class _Sent:
    """A message, and how often it was received."""

    id: str
    body: str
    receives: int = 0


class Queue:
    """A queue that hands batches to a function and keeps what the function does not take.

    `function` returns the ids of the messages that failed, or None if the invocation died.
    """

    def __init__(
        self,
        faults: Faults,
        function: Callable[[list[dict[str, str]]], list[str] | None],
        settings: QueueSettings,
    ) -> None:
        self._faults, self._clock, self._function = faults, faults.clock, function
        self._settings = settings
        self.receives = faults.mix.receives or settings.receives
        self._waiting: deque[_Sent] = deque()
        self._polled = False
        self._sent = 0
        self.dead: list[_Sent] = []
        self.dead_letters = 0
        self.batches = 0

    def send(self, body: str) -> None:
        self._sent += 1
        self._arrive(_Sent(f"m{self._sent}", body))

    def _arrive(self, message: _Sent) -> None:
        self._waiting.append(message)
        if not self._polled:
            self._polled = True
            self._clock.after(self._settings.window, self._poll)

    def _poll(self) -> None:
        self._polled = False
        batch: list[_Sent] = []
        while self._waiting and len(batch) < self._settings.batch:
            message = self._waiting.popleft()
            message.receives += 1
            if message.receives > self.receives:
                self._bury(message)
            else:
                batch.append(message)
        if self._waiting:
            self._polled = True
            self._clock.after(0.1, self._poll)
        if not batch:
            return
        self.batches += 1
        failed = self._function([{"messageId": m.id, "body": m.body} for m in batch])
        back = batch if failed is None else [m for m in batch if m.id in set(failed)]
        for message in back:
            self._clock.after(self._settings.hidden, self._arrive, message)

    def _bury(self, message: _Sent) -> None:
        self.dead_letters += 1
        self.dead.append(message)
        self._clock.note(f"dead letter {message.id}")
        self._clock.after(self._faults.mix.redrive_days * DAY, self._redrive, message)

    def redrive(self) -> None:
        """Send all dead letters on again at once."""
        for message in list(self.dead):
            self._redrive(message)

    def _redrive(self, message: _Sent) -> None:
        if message in self.dead:
            self.dead.remove(message)
            message.receives = 0
            self._arrive(message)


class EventBridge:
    """Delivers what services publish to its targets, each by itself."""

    def __init__(
        self,
        faults: Faults,
        inbox: Callable[[str], None],
        notify: Callable[[str], None],
    ) -> None:
        self._faults, self._clock = faults, faults.clock
        self._inbox, self._notify = inbox, notify
        self.lost = 0

    def publish(self, envelope: dict[str, Any]) -> None:
        """Take an event from SageMaker (best effort) or S3 (durable)."""
        mix, random = self._faults.mix, self._clock.random
        from_s3 = envelope["source"] == "aws.s3"
        if random.random() < (mix.uploads_lost if from_s3 else mix.sagemaker_lost):
            self.lost += 1
            return
        body = json.dumps(envelope)
        self._copies(self._inbox, body)
        if not from_s3:
            self._copies(self._notify, body)

    def _copies(self, target: Callable[[str], None], body: str) -> None:
        mix, random = self._faults.mix, self._clock.random
        copies = 1
        while copies < 5 and random.random() < mix.duplicates / 2:
            copies += 1
        for _ in range(copies):
            roll = random.random()
            if roll < mix.late:
                delay = random.uniform(0, DAY)
            elif roll < 2 * mix.late:
                delay = random.uniform(0, 5 * MINUTE)
            else:
                delay = random.uniform(0.1, 2.0)
            self._clock.after(delay, target, body)
