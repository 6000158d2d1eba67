"""Runs all benchmarks one after another: `make bench` writes RESULTS.md.

    python -m benchmarks [NAME ...]

With names, only these run, and nothing is written.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks import burst, cold, cost, loop, upsert, warm
from benchmarks.figures import Figure, table

RESULTS = Path(__file__).parent / "RESULTS.md"
ALL: dict[str, Callable[[Path], Iterator[Figure]]] = {
    "cold": cold.measure,
    "warm": warm.measure,
    "upsert": upsert.measure,
    "cost": partial(cost.measure, drops=False),  # they are measured, and priced, by burst
    "burst": burst.measure,
    "loop": loop.measure,
}
MODULES = {"cold": cold, "warm": warm, "upsert": upsert, "cost": cost, "burst": burst, "loop": loop}
PACKAGES = ("botocore", "aws-lambda-powertools", "sagemaker", "ministack")
HEAD = """# What was measured

Written by `make bench`; each part runs alone as well (`python -m benchmarks.cold`). Everything is
measured in one run on one machine: ratios carry over to other machines, times do not. Times are
medians, of fresh processes in shuffled order where a process is measured. Other work on the machine
affects them, so the load average is given with the date.
"""


def machine() -> str:
    """The machine, as lines of a list."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return "\n".join(
        [
            f"- {datetime.now(UTC):%d %B %Y, %H:%M} UTC, load average {load}",
            f"- {os.cpu_count()} cores of {model}, {memory:.0f} GB, {platform.system()}",
            f"- Python {platform.python_version()} (Lambda runs 3.13), {versions}",
        ]
    )


def measured(names: list[str]) -> dict[str, tuple[list[Figure], float]]:
    """Run benchmarks, printing each figure; return their figures and seconds."""
    found = {}
    for name in names:
        began, figures = time.monotonic(), []
        with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
            for figure in ALL[name](Path(folder)):
                print(figure, flush=True)
                figures.append(figure)
        found[name] = figures, time.monotonic() - began
    return found


def report(found: dict[str, tuple[list[Figure], float]]) -> str:
    """The text of RESULTS.md: the promises first, then all figures with their methods."""
    promised = [
        figure for figures, _ in found.values() for figure in figures if figure.limit is not None
    ]
    missed = [figure for figure in promised if not figure.met]
    verdict = "All are met." if not missed else f"{len(missed)} of {len(promised)} are missed."
    parts = [HEAD, machine(), f"\n## What is promised\n\n{verdict}\n", table(promised)]
    for name, (figures, seconds) in found.items():
        said = (MODULES[name].__doc__ or "").strip()
        parts += [f"\n## {name}\n\n{said}\n\nIt took {seconds:.0f} s.\n", table(figures)]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Measure; return 1 if a promise is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}")
    names = parser.parse_args().names
    found = measured(names or list(ALL))
    if not names:
        RESULTS.write_text(report(found), encoding="utf-8")
        print(f"written to {RESULTS}")
    figures = [figure for figures, _ in found.values() for figure in figures]
    return int(any(figure.limit is not None and not figure.met for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
