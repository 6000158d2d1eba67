"""What the steps that tests run leave behind."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finished:
    """What is left of a step: exit code, output, exit message."""

    code: int
    stdout: str
    stderr: str
    message: str


RunStep = Callable[..., Finished]
