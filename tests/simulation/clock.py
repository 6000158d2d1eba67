"""A virtual clock: what happens next happens at once, in the order of its time."""

import hashlib
import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

START = 1_793_606_400.0  # 2026-11-02T08:00:00Z
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Clock:
    """The time, what is due, the one source of chance, and a hash over all that happened."""

    def __init__(self, seed: int) -> None:
        self.now = START
        self.random = Random(seed)  # noqa: S311 (replayed, not secret)
        self._due: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._count = 0
        self._trace = hashlib.blake2b(digest_size=16)

    def at(self, when: float, what: Callable[..., object], *args: Any) -> None:
        """Have something happen at a time, or now if that has passed."""
        self._count += 1
        heapq.heappush(self._due, (max(when, self.now), self._count, what, args))

    def after(self, seconds: float, what: Callable[..., object], *args: Any) -> None:
        """Have something happen in some seconds."""
        self.at(self.now + seconds, what, *args)

    def step(self, until: float) -> bool:
        """Let the next thing happen, if it is due by a time; say whether there was one."""
        if not self._due or self._due[0][0] > until:
            return False
        when, _, what, args = heapq.heappop(self._due)
        self.now = max(self.now, when)
        what(*args)
        return True

    def run(self, until: float) -> None:
        """Let everything happen that is due by a time, which it is then."""
        while self.step(until):
            pass
        self.now = max(self.now, until)

    @property
    def idle(self) -> bool:
        return not self._due

    def note(self, text: str) -> None:
        """Write into the trace, which two runs of a seed share to the last byte."""
        self._trace.update(f"{self.now!r} {text}\n".encode())

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()


def iso(at: float) -> str:
    """Return a time as EventBridge writes it, in whole seconds."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
