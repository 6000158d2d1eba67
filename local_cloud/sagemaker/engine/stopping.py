"""The stop signal of one execution: set once, passed to everything that runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local_cloud.sagemaker.engine.errors import Stopped


class StopSignal:
    """Set by StopPipelineExecution. Running jobs register what ends them."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._endings: dict[int, Callable[[], None]] = {}
        self._count = 0

    def is_set(self) -> bool:
        """Whether the execution is being stopped."""
        return self._event.is_set()

    def set(self) -> None:
        """Stop: call every registered ending once."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            endings = list(self._endings.values())
        for end in endings:
            end()

    def check(self) -> None:
        """Raise Stopped when the execution is being stopped."""
        if self._event.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait, but raise Stopped as soon as the execution is stopped."""
        if self._event.wait(seconds):
            raise Stopped

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Have `end` called if the stop comes within this block, at once if it already came."""
        with self._lock:
            self._count += 1
            key = self._count
            self._endings[key] = end
            already = self._event.is_set()
        if already:
            end()
        try:
            yield
        finally:
            with self._lock:
                del self._endings[key]
