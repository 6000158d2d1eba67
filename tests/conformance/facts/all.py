"""Every fact: importing the modules registers theirs."""

from tests.conformance.fact import ALL
from tests.conformance.facts import (
    access,
    definitions,
    events,
    executions,
    gitlab,
    jobs,
    ledger,
    queues,
    registry,
    state_machines,
    storage,
    topics,
)

__all__ = [
    "ALL", "access", "definitions", "events", "executions", "gitlab", "jobs", "ledger", "queues",
    "registry", "state_machines", "storage", "topics",
]  # fmt: skip
