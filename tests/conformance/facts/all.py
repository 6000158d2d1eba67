"""Every fact: importing the modules registers theirs."""

from tests.conformance.fact import ALL
from tests.conformance.facts import (
    definitions,
    events,
    executions,
    jobs,
    queues,
    registry,
    state_machines,
    storage,
)

__all__ = [
    "ALL", "definitions", "events", "executions", "jobs", "queues", "registry", "state_machines",
    "storage",
]  # fmt: skip
