"""Puts the faults of AWS into the server's process."""

from pathlib import Path
from typing import Any

from local_cloud.chaos import events, functions, sagemaker
from local_cloud.chaos.chaos import Faults


def install(home: Path) -> Any:
    """Put the faults of AWS into this process; returns what ends the delays before a stop.

    Called after every other seam: faults come between the services as they are otherwise.
    """
    faults = Faults.of(home)
    sagemaker.install(faults)
    functions.install(faults)
    return events.install(faults)
