"""From a cold start to the API call, beside peers and a floor: `python -m benchmarks.cold`.

Every process is fresh and uses the deployed files: the built layer and function, unpacked, with
valid compiled files; so do the peers. The figure is the process's CPU time from the end of
Lambda's bootstrap (its part of the standard library is imported) until the function's final call
has arrived over TLS at our own server. Each round starts every case once, in shuffled order; a
ratio is the median over rounds, so that other work on the machine, which comes in bursts, affects
both sides. Ratios carry over to other machines, times do not.

Two thirds of a start are the imports of botocore and the Logger, which keep it from its aims: both
are listed below the functions. The floor has neither, nor retries, endpoints or claims in a ledger.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.artefacts import (
    FUNCTIONS,
    ROOT,
    SITE,
    Artefacts,
    build,
    megabytes,
    plain_boto3,
    preloaded,
    trusting,
)
from benchmarks.cold_cases import ANSWERS, CASES, ENVIRONMENT, items, payload
from benchmarks.figures import Figure, median, number, spread
from benchmarks.stub import Stub

ROUNDS = 15
SEED = 7
CACHE = ROOT / ".headrace" / "build" / "peers"
PEERS = Path(__file__).parent / "peers"
SAMPLE = "peer: a public sample's notification"
SDK = "peer: a handler that imports the SageMaker SDK"
FLOOR = "floor: standard library, signed by hand"
Numbers = dict[str, Any]
PARTS = {"part: botocore, imported": "only_botocore", "part: Logger, imported": "only_logger"}
STEP = payload("step_status", currentStepStatus="Succeeded")


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of process: its files, its event, and the call that it must reach."""

    name: str
    path: list[str]
    event: Any
    call: str = ""
    options: tuple[str, ...] = ()


def cases(artefacts: Artefacts, plain: Path) -> list[Case]:
    """Headrace's functions and the peers."""
    own = [
        Case(name, artefacts.path_of(function), event, call)
        for name, (function, event, call) in CASES.items()
    ]
    # The SDK's compiled files are written at its first import, which is not counted.
    cache = ("-X", f"pycache_prefix={CACHE / 'pycache'}")
    return [
        *own,
        Case(FLOOR, [str(PEERS / "floor")], STEP, "Publish"),
        Case(SAMPLE, [str(PEERS / "sample_notification"), str(plain)], STEP, "Publish"),
        *(
            Case(name, [str(PEERS / folder), str(artefacts.layer / "python")], None)
            for name, folder in PARTS.items()
        ),
        Case(SDK, [str(PEERS / "sdk_orchestrator"), str(SITE)], None, options=cache),
    ]


def start(
    case: Case, python: Path, modules: list[str], variables: dict[str, str], stub: Stub
) -> Numbers:
    """Run one process of a case; its numbers."""
    stub.reset()
    given = {"preloaded": modules, "path": case.path, "event": case.event}
    command = [str(python), "-I", "-S", *case.options]
    command += [str(PEERS.parent / "cold_process.py"), json.dumps(given)]
    process = subprocess.Popen(
        command, env=variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    stub.client = process.pid
    said, _ = process.communicate()
    if process.returncode != 0 or (case.call and case.call not in stub.calls):
        raise SystemExit(f"{case.name} did not come to {case.call}:\n{said[-3000:]}")
    numbers: Numbers = json.loads(said.rsplit("MEASURED ", 1)[1])
    if case.call:
        numbers["cpu_ms"] = stub.cpu_ms[case.call] - numbers["began_ms"]
    return numbers


def environment(stub: Stub, bundle: Path) -> dict[str, str]:
    """What Lambda gives a function, with the stub in AWS's place; the floor reads the bundle."""
    return ENVIRONMENT | {
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/sbx_user1051",
        "LANG": "en_US.UTF-8",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "an example's",
        "AWS_SESSION_TOKEN": "a session's",
        "AWS_LAMBDA_FUNCTION_NAME": "headrace",
        "AWS_ENDPOINT_URL": stub.url,
        "SSL_CERT_FILE": str(bundle),
        "GITLAB_URL": stub.url,
        "INBOX_QUEUE_URL": f"{stub.url}/123456789012/inbox",
    }


def measured(artefacts: Artefacts, folder: Path) -> dict[str, list[Numbers]]:
    """All numbers of all cases, round by round."""
    modules = preloaded(artefacts.python)
    plain = shutil.copytree(plain_boto3(CACHE), folder / "plain")
    all_cases = cases(artefacts, plain)
    orders = random.Random(SEED)  # noqa: S311 (orders, not secrets)
    found: dict[str, list[Numbers]] = {case.name: [] for case in all_cases}
    with Stub(folder, items(), ANSWERS) as stub:
        trusting(artefacts.layer, stub.ca)
        variables = environment(stub, trusting(plain, stub.ca))
        for case in all_cases:  # once uncounted: files are read from the disk, once
            start(case, artefacts.python, modules, variables, stub)
        for _ in range(ROUNDS):
            for case in orders.sample(all_cases, len(all_cases)):
                found[case.name].append(start(case, artefacts.python, modules, variables, stub))
    return found


def measure(folder: Path) -> Iterator[Figure]:
    """The figures, the promised ones first."""
    artefacts = build(folder / "artefacts")
    found = measured(artefacts, folder)

    def middle(case: str, what: str = "cpu_ms") -> float:
        return median([one[what] for one in found[case]])

    def against(case: str, peer: str, limit: float | None, aim: float | None) -> Figure:
        what, kind = "cpu_ms", "the public sample"
        if peer == SDK:
            what, kind = "import_ms", "the SDK's import"
        ratios = [
            one["cpu_ms"] / its[what] for one, its in zip(found[case], found[peer], strict=True)
        ]
        times = (middle(case), middle(peer, what), middle(FLOOR))
        note = "{} against {} ms; floor {} ms".format(*map(number, times))
        name = f"cold {case} → {CASES[case][2]}, against {kind}"
        return Figure(name, median(ratios), "x", limit, aim, note)

    yield against("decide: an upload", SDK, 0.17, 0.06)
    yield against("advance_run: a drop is quiet", SDK, 0.17, 0.06)
    yield against("notify: a run was stopped", SAMPLE, 0.85, 0.3)
    yield against("notify: a run failed, and why", SAMPLE, None, None)
    peaks = {case: middle(case, "peak_mb") for case in CASES}
    worst = max(peaks, key=lambda case: peaks[case])
    peak = middle(SDK, "peak_mb")
    note = f"{number(peaks[worst])} of {number(peak)} MB, in {worst}"
    yield Figure(
        "peak memory, against the SDK's import", peaks[worst] / peak, "x", 0.28, None, note
    )
    largest = max(FUNCTIONS, key=artefacts.megabytes)
    yield Figure("function + layer, unzipped", artefacts.megabytes(largest), "MB", 30, 8)
    yield Figure("plain boto3 with what it needs, unzipped", megabytes(folder / "plain"), "MB")
    for case, numbers in found.items():
        what = "cpu_ms" if case in CASES or case in (FLOOR, SAMPLE) else "import_ms"
        values = [one[what] for one in numbers]
        imports, wall, peak = (middle(case, n) for n in ("import_ms", "wall_ms", "peak_mb"))
        note = (
            f"{spread(values)}; import {number(imports)}; wall, to the end, {number(wall)} ms; "
            f"peak {number(peak)} MB; {middle(case, 'modules'):.0f} modules"
        )
        yield Figure(f"CPU of {case}", median(values), "ms", note=note)


def main() -> None:
    """Print the table line by line."""
    argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        for figure in measure(Path(folder)):
            print(figure, flush=True)


if __name__ == "__main__":
    main()
