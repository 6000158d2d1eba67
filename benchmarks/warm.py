"""What a warm function adds to its AWS calls, beside a floor: `python -m benchmarks.warm`.

Each part is measured by itself, without a network, and what an event takes is the sum of the parts
that its function has: `decide` reads an upload from its queue message, decides it and makes the
ledger's transaction; `notify` reads a status change, writes the message, claims and records the
notification, and logs a line. A metric is one of Powertools; no function has one now.
A round measures a batch of each part in shuffled order, and of the floor: `json.loads` of the
upload's message. The limit is a multiple of the floor, the median over
the rounds: times differ between machines, ratios hardly do.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from headrace.adapters.eventbridge import parse, parse_json
from headrace.adapters.ledger import Ledger
from headrace.domain.actions import Decision
from headrace.domain.events import ObjectCreated
from headrace.domain.lane import Lane
from headrace.notifications.format import ReportedRun
from headrace.notifications.run_messages import run_changed
from headrace.rules.decide import decide
from headrace.rules.uploads import FilesArrived

from benchmarks.cold_cases import LONG_AGO, PROJECT, RUN, payload
from benchmarks.figures import Figure, median, number, spread

ROUNDS = 40
EVENTS = 250
SEED = 7
FUNCTIONS = {
    "decide": ("parse", "decide", "ledger"),
    "notify": ("parse a status", "message", "claim", "log"),
}
FLOOR = "floor: json.loads"
MOST = 20.0  # floors an event


class Nothing:
    """Stands for a DynamoDB client that has no network."""

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        return {}


def parts() -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    body = json.dumps(payload("object_created"))
    event = parse_json(body)
    assert isinstance(event, ObjectCreated)  # noqa: S101 (it is the example of one)
    status = payload("run_status", currentPipelineExecutionStatus="Stopped")
    lane, fact = Lane(PROJECT.pipelines.training.lower()), FilesArrived((event,))
    decision: Decision = decide(PROJECT, lane, fact, LONG_AGO)
    ledger, keys = Ledger("ledger", Nothing()), [event.business_key]
    logger = Logger(service="headrace", stream=io.StringIO())
    metrics = Metrics(namespace="headrace", service="headrace")
    told_run = ReportedRun(PROJECT.pipelines.training, RUN, LONG_AGO)

    def claim() -> None:
        ledger.claim_notification("told/key", LONG_AGO, "request")
        ledger.mark_notified("told/key", LONG_AGO)

    def metric() -> None:
        metrics.add_metric("Decided", MetricUnit.Count, 1)
        metrics.serialize_metric_set()
        metrics.clear_metrics()

    return {
        "parse": lambda: parse_json(body),
        "decide": lambda: decide(PROJECT, lane, fact, LONG_AGO),
        "ledger": lambda: ledger.commit(PROJECT, lane, decision, keys, LONG_AGO),
        "parse a status": lambda: parse(status),
        "message": lambda: run_changed("abalone", "Stopped", told_run, [], []).values(),
        "claim": claim,
        "log": lambda: logger.info("notified", extra={"kind": "run-stopped", "project": "abalone"}),
        "metric": metric,
        FLOOR: lambda: json.loads(body),
    }


def microseconds(part: Callable[[], object]) -> float:
    """The CPU time of one call, over a batch of them."""
    began = time.process_time()
    for _ in range(EVENTS):
        part()
    return (time.process_time() - began) / EVENTS * 1e6


def measure(folder: Path) -> Iterator[Figure]:
    """The sum against the floor, which has a limit, the sum itself, and its parts."""
    all_parts = parts()
    found: dict[str, list[float]] = {name: [] for name in all_parts}
    orders = random.Random(SEED)  # noqa: S311 (orders, not secrets)
    for _ in range(ROUNDS):
        for name in orders.sample(list(all_parts), len(all_parts)):
            found[name].append(microseconds(all_parts[name]))
    medians = {name: median(values) for name, values in found.items()}
    for function, names in FUNCTIONS.items():
        what = f"warm {function}, without AWS calls, an event"
        totals = [sum(batches) for batches in zip(*(found[name] for name in names), strict=True)]
        ratios = [total / floor for total, floor in zip(totals, found[FLOOR], strict=True)]
        yield Figure(f"{what}, against the floor", median(ratios), "x", MOST, note=spread(ratios))
        note = " + ".join(f"{name} {number(medians[name])}" for name in names)
        yield Figure(what, median(totals), "µs", note=note)
    for name in ("metric", FLOOR):
        yield Figure(name, medians[name], "µs")


def main() -> None:
    """Print the table line by line."""
    argparse.ArgumentParser(prog="python -m benchmarks.warm", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        for figure in measure(Path(folder)):
            print(figure, flush=True)


if __name__ == "__main__":
    main()
