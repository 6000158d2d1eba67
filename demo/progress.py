"""What the terminal shows while the demo runs: the stage, what it waits for, the seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the closing table."""

    stage: str
    seconds: float
    outcome: str


class Progress:
    """Prints stages and waits: a terminal shows the seconds counting up, a log only the end."""

    def __init__(self, stages: int, say: Callable[[str], None] = print, live: bool = True) -> None:
        self._stages, self._number = stages, 0
        self._began = self._stage_began = time.monotonic()
        self._say, self._live = say, live and sys.stdout.isatty()
        self._stage = ""
        self.lines: list[Line] = []

    def stage(self, what: str) -> None:
        """Start a stage."""
        self._number += 1
        self._stage, self._stage_began = f"{self._number} {what}", time.monotonic()
        self._say("")
        self._say(f"[{self._number}/{self._stages}] {what}")

    def say(self, line: str) -> None:
        """Print a line under the stage."""
        self._say(f"  {time.monotonic() - self._began:6.1f} s  {line}")

    def watch(self, what: str, waited: float, done: bool) -> None:
        """Show that something is awaited, or arrived."""
        if self._live:
            end = "\n" if done else ""
            print(f"\r\033[K  {self.seconds:6.1f} s  {what} ({waited:.0f} s)", end=end, flush=True)
        elif done:
            self.say(f"{what} ({waited:.1f} s)")

    def done(self, outcome: str) -> None:
        """End a stage with a line for the table."""
        seconds = time.monotonic() - self._stage_began
        self.lines.append(Line(self._stage, seconds, outcome))

    @property
    def seconds(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self._began

    @property
    def current(self) -> str:
        """The stage that is running, or ran last."""
        return self._stage

    def table(self) -> list[str]:
        """Return the closing table, a line per stage."""
        width = max((len(line.stage) for line in self.lines), default=0)
        rows = [
            f"  {line.stage:<{width}}  {line.seconds:5.1f} s  {line.outcome}" for line in self.lines
        ]
        return [*rows, f"  {'':<{width}}  {self.seconds:5.1f} s  in all"]
