"""Simulates many lives of an account: `python -m tests.simulation.simulate --seeds 100`.

Seeds take turns at the mixes of faults. Prints what was uploaded, started, doubled and lost in
each mix, and the command that lives a failing seed again, byte for byte.
"""

import argparse
import gc
import sys
import time
from collections import defaultdict
from multiprocessing import Pool

from tests.simulation.faults import MIXES
from tests.simulation.invariants import Report, examine
from tests.simulation.people import People

Plan = tuple[int, int, int]  # seed, mix, uploads


def life(seed: int, mix: int, uploads: int) -> Report:
    """Live through one seed under a mix of faults, and look at what became of it."""
    people = People(seed, MIXES[mix], uploads)
    people.live()
    return examine(people)


def _life(plan: Plan) -> Report:
    return life(*plan)


def _plan(arguments: argparse.Namespace) -> list[Plan]:
    mixes = [arguments.mix] if arguments.mix is not None else list(range(len(MIXES)))
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    if arguments.every_mix:
        return [(seed, mix, arguments.uploads) for seed in seeds for mix in mixes]
    return [(seed, mixes[seed % len(mixes)], arguments.uploads) for seed in seeds]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=9)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--mix", type=int, choices=range(len(MIXES)), help="this mix only")
    parser.add_argument("--every-mix", action="store_true", help="each seed under every mix")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    plan, began = _plan(arguments), time.monotonic()
    by_mix: dict[str, list[Report]] = defaultdict(list)
    # A process has one life, and what is left over goes with it: without garbage collection it is
    # a fifth faster.
    with Pool(arguments.processes, initializer=gc.disable, maxtasksperchild=1) as processes:
        reports = processes.imap(_life, plan)
        for (seed, mix, uploads), report in zip(plan, reports, strict=True):
            by_mix[report.mix].append(report)
            if not report.right:
                again = f"--first-seed {seed} --seeds 1 --mix {mix} --uploads {uploads}"
                print(f"FAILED {report.mix}: python -m tests.simulation.simulate {again}")
                print(f"  {report.duplicates} duplicated, {report.lost} lost")
                print(*(f"  {problem}"[:300] for problem in report.problems[:10]), sep="\n")
    _table(by_mix)
    print(f"{len(plan)} lives in {time.monotonic() - began:.0f} s")
    return 0 if all(r.right for reports in by_mix.values() for r in reports) else 1


def _table(by_mix: dict[str, list[Report]]) -> None:
    heads = ("seeds", "uploads", "starts", "duplicated", "lost", "dead letters", "failed")
    print(f"{'fault mix':56}" + "".join(f"{head:>13}" for head in heads))
    for mix, reports in by_mix.items():
        numbers = (
            len(reports),
            sum(r.uploads for r in reports),
            sum(r.starts for r in reports),
            sum(r.duplicates for r in reports),
            sum(r.lost for r in reports),
            sum(r.dead_letters for r in reports),
            sum(not r.right for r in reports),
        )
        print(f"{mix:56}" + "".join(f"{number:13,}" for number in numbers))


if __name__ == "__main__":
    sys.exit(main())
