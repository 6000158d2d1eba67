"""What the control plane costs, from the API calls of a real run: `python -m benchmarks.cost`.

A training run of the abalone project goes through the laptop cloud, from the upload to the end:
the steps run, events are decided, people are notified, a version is registered. CloudTrail records
each API call with its content, the state machine its transitions, the functions their invocations;
bills.py prices them all, by the list in prices.py. burst.py prices a drop of many files as it runs.

For comparison, a common design: an execution of a Standard state machine for each status change of
a run, of a step and of a version, with as many transitions as Headrace takes for an upload. A queue
on the same event bus counts those status changes.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import prices
from benchmarks.artefacts import HEADRACE, ROOT
from benchmarks.bills import bill
from benchmarks.burst import DROPS, drop
from benchmarks.clouds import Site, site
from benchmarks.figures import Figure
from benchmarks.listening import STATUS_CHANGES, listen
from demo.data import labelled, shells
from demo.loop import TRAINING, Loop

RUNS = 1_000


def make_pipelines(running: Site) -> None:
    """Create the project's pipelines as CI does."""
    command = [HEADRACE, "pipelines", "upsert", "abalone"]
    subprocess.run(
        command, cwd=ROOT, env=running.environment(), check=True, stdout=subprocess.DEVNULL
    )


def training_run(running: Site) -> Iterator[Figure]:
    """One training run: the bill, and that of the peer."""
    make_pipelines(running)
    count = listen(running.client, "status-changes", [STATUS_CHANGES])
    loop = Loop(running.info)
    with running.recording() as records:
        loop.upload(TRAINING, "heavy.csv", labelled(shells().heavy))
        loop.ended(loop.new_run(loop.training, []))
    (record,) = records
    own = bill(record, messages=1 + record.notices)
    mails = sum(call.operation == "Publish" for call in record.calls)
    changes, notified = count(), record.notices
    yield Figure(f"{RUNS:,} training runs, without mail", RUNS * own.total, "$", note=str(own))
    note = f"{len(record.calls)} API calls, {sum(record.invocations.values())} invocations a run"
    mail = mails * prices.SNS_EMAIL
    yield Figure(f"{RUNS:,} training runs: their mails", RUNS * mail, "$", note=note)
    yield Figure("transitions of a run", record.transitions, limit=8)
    each = record.transitions * prices.STEP_FUNCTIONS_TRANSITION
    # The peer calls, writes and invokes as much as Headrace does: only its executions are more.
    rest = own.total - each
    for what, events, limit in (
        (f"an execution for each of {changes + 1} events", changes + 1, 0.15),
        (
            f"an execution for each of the {notified + 1} that our rules let through",
            notified + 1,
            None,
        ),
    ):
        peer = rest + events * each
        note = f"${RUNS * own.total:.2f} against ${RUNS * peer:.2f} for {RUNS:,} runs"
        yield Figure(f"a run, against {what}", own.total / peer, "x", limit, note=note)


def measure(folder: Path, drops: bool = True) -> Iterator[Figure]:
    """A run; and the smallest and largest drop, unless burst.py measures them anyway."""
    with site(folder) as running:
        yield from training_run(running)
        if drops:
            for count in (min(DROPS), max(DROPS)):
                yield from (one for one in drop(running, count) if one.unit == "¢")


def main() -> None:
    """Print the table line by line."""
    argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        for figure in measure(Path(folder)):
            print(figure, flush=True)


if __name__ == "__main__":
    main()
