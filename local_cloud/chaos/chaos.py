"""Fault injection, by seed: what AWS and GitLab do to their callers on a bad day.

    Cloud(home, chaos=Chaos(seed=7))      headrace up --chaos 7

- events: SageMaker's are lost or sent twice under another id; every delivery of a rule may come
  twice, late, or after the one that follows it. S3's events are never lost: S3 is durable.
- SageMaker: bursts of ThrottlingException, and calls that work and answer with a server error.
- functions: the process is killed in the middle of an invocation, and the service retries.
- GitLab: 429, 503, connections cut before or after the work, answers that come too late.

Each fault is a line in `logs/chaos.log`. What happens is drawn from a generator per kind of fault
and subject (an operation, a function, a target), so that a seed gives the same faults to the same
calls; the order of calls depends on the machine. Callers see only the fault.
"""

from __future__ import annotations

import json
import random
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

SETTINGS = "chaos.json"
ON = "chaos.on"
LOG = "chaos.log"


@dataclass(frozen=True, slots=True)
class Chaos:
    """How frequent faults are: shares between 0 and 1."""

    seed: int
    lost_events: float = 0.2  # of SageMaker's
    doubled_events: float = 0.2  # of SageMaker's, under another id
    doubled_deliveries: float = 0.2
    late_deliveries: float = 0.2
    overtaken_deliveries: float = 0.1
    longest_delay: float = 3.0  # seconds
    throttled_calls: float = 0.1  # of SageMaker, each the first of a burst
    lost_answers: float = 0.1  # of SageMaker, each the first of a burst
    longest_burst: int = 4  # calls of one operation
    killed_functions: float = 0.2  # of invocations, of one event once
    gitlab: float = 0.25  # of requests, each the first of a burst
    gitlab_late_seconds: float = 12.0  # how late a late answer is


class Faults:
    """The faults of one process: decides when one happens, and logs it."""

    def __init__(self, chaos: Chaos, home: Path) -> None:
        self.chaos = chaos
        self._switch, self.log = home / ON, home / "logs" / LOG
        self._dice: dict[tuple[str, str], random.Random] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, home: Path) -> Faults:
        """The faults that `write` configured."""
        return cls(Chaos(**json.loads((home / SETTINGS).read_text())), home)

    def write(self) -> None:
        """Leave the settings for other processes; nothing happens before `switch(True)`."""
        self.switch(False)
        (self._switch.parent / SETTINGS).write_text(json.dumps(asdict(self.chaos), indent=2) + "\n")
        self.log.parent.mkdir(parents=True, exist_ok=True)

    def switch(self, on: bool) -> None:
        """Switch faults on or off in every process of this home folder."""
        if on:
            self._switch.touch()
        else:
            self._switch.unlink(missing_ok=True)

    @property
    def on(self) -> bool:
        return self._switch.exists()

    def dice(self, kind: str, subject: str) -> random.Random:
        """The random generator of a kind of fault and a subject, always the same for a seed."""
        with self._lock:
            key = (kind, subject)
            if key not in self._dice:
                self._dice[key] = random.Random(f"{self.chaos.seed}/{kind}/{subject}")  # noqa: S311
            return self._dice[key]

    def strikes(self, kind: str, subject: str, share: float) -> bool:
        """Whether the next one is hit."""
        return self.on and self.dice(kind, subject).random() < share

    def note(self, kind: str, subject: str, what: str) -> None:
        """Log a fault; a line is one write, so that processes can share the file."""
        time = datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3]
        with self.log.open("a") as file:
            file.write(f"{time}  {kind:<10}  {subject}: {what}\n")


class Bursts:
    """Faults that last for several calls of a subject, followed by a pause.

    `kinds` maps each kind of fault to its share; those of `once` hit a single call. A call that is
    retried more often than a burst is long succeeds.
    """

    def __init__(
        self, faults: Faults, kind: str, kinds: dict[str, float], once: frozenset[str] = frozenset()
    ) -> None:
        self._faults, self._kind, self._kinds, self._once = faults, kind, kinds, once
        self._under_way: dict[str, tuple[str, int]] = {}
        self._spared: dict[str, int] = {}
        self._lock = threading.Lock()

    def strike(self, subject: str) -> str | None:
        """The fault that hits the subject's next call, if any."""
        with self._lock:
            if not self._faults.on:
                self._under_way.clear()
                return None
            trouble, left = self._under_way.pop(subject, (None, 0))
            if trouble is None:
                if self._spared.get(subject, 0) > 0:
                    self._spared[subject] -= 1
                    return None
                trouble, left = self._drawn(subject)
            if trouble is not None and left > 1:
                self._under_way[subject] = (trouble, left - 1)
            elif trouble is not None:
                self._spared[subject] = self._faults.chaos.longest_burst
            return trouble

    def _drawn(self, subject: str) -> tuple[str | None, int]:
        dice = self._faults.dice(self._kind, subject)
        point, length = dice.random(), dice.randint(1, self._faults.chaos.longest_burst)
        for trouble, share in self._kinds.items():
            point -= share
            if point < 0:
                return trouble, 1 if trouble in self._once else length
        return None, 0
