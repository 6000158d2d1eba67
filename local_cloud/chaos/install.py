"""Installs the faults of AWS in the server's process."""

from pathlib import Path
from typing import Any

from local_cloud.chaos import events, functions, sagemaker
from local_cloud.chaos.chaos import Faults


def install(home: Path) -> Any:
    """Install the faults of AWS in this process; returns what ends all delays before a stop.

    Called after every other seam, so that faults hit the services in their final form.
    """
    faults = Faults.of(home)
    sagemaker.install(faults)
    functions.install(faults)
    return events.install(faults)
