"""How fast the loop is on this machine: `python -m benchmarks.loop`.

Everything is measured against clouds of its own in a temporary folder, with the environments and
the layer built before. Times are wall-clock; other work on the machine shows in them.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.artefacts import HEADRACE
from benchmarks.by_hand import seconds_by_hand
from benchmarks.figures import Figure, number
from benchmarks.memory import megabytes
from demo import stages
from demo.data import labelled, shells
from demo.loop import ROOT, TRAINING, Loop, Run
from local_cloud.cloud import INFO

UPLOADS = 5
RUNS = 11
READY_SECONDS = 120.0


@contextmanager
def cloud(home: Path) -> Iterator[tuple[Loop, int, float, float]]:
    """A cloud as `make up` starts it: its loop, its process, seconds to ready and to pipelines."""
    command = [HEADRACE, "up", "--home", str(home)]
    with (home.parent / "up.log").open("wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(home / INFO, process)
            ready = time.monotonic() - began
            loop = Loop.of(home / INFO)
            loop.wait("the pipelines", lambda: has_pipelines(loop), READY_SECONDS)
            yield loop, process.pid, ready, time.monotonic() - began
        finally:
            process.terminate()
            process.wait(60)


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a file exists, as long as the process lives."""
    deadline = time.monotonic() + READY_SECONDS
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the cloud did not start; see {path.parent.parent / 'up.log'}")
        time.sleep(0.02)


def has_pipelines(loop: Loop) -> bool:
    """Whether CI created both training pipelines."""
    found = loop.sagemaker.list_pipelines()["PipelineSummaries"]
    return {loop.training, loop.training_hpo} <= {one["PipelineName"] for one in found}


def start_latencies(loop: Loop) -> list[float]:
    """Seconds from the end of an upload to the creation of its run, each with a free lane.

    Events have whole seconds, and a lane comes free at the same fraction of one: uploads are spread
    over the second.
    """
    seconds = []
    for turn in range(UPLOADS):
        time.sleep(turn / UPLOADS)
        before = loop.run_arns(loop.training)
        loop.upload(TRAINING, f"one-row-{turn}.csv", b"M,1,1,1,1,1,1,1,9\n")
        uploaded = time.time()
        arn = loop.new_run(loop.training, before)
        created = loop.adapter.describe(arn)
        if created is None:
            raise SystemExit(f"{arn} was deleted")
        seconds.append(created.started - uploaded)
        loop.ended(arn, "Failed")
        loop.wait("the lane", lambda: free(loop), 30)
    return seconds


def free(loop: Loop) -> bool:
    """Whether the training lane holds no run: its end was decided."""
    runs = loop.run_arns(loop.training)
    ends = [f"run/{arn}/Failed" for arn in runs]
    causes = {one["event"] for entry in loop.audit() for one in entry["decided"]}
    return all(end in causes for end in ends)


def engine_ratios(loop: Loop, work: Path) -> tuple[list[tuple[float, float]], str]:
    """Seconds of a training run through the engine and of its commands by hand; where they go.

    The first run is not counted: it makes the clients and reads the libraries that others find.
    """
    heavy, pairs = shells().heavy, []
    for number_of_run in range(RUNS + 1):
        # Other rows each time: nothing comes from the step cache.
        key = loop.upload(f"bench/{number_of_run}/", "heavy.csv", labelled(heavy[number_of_run:]))
        folder = f"s3://{loop.bucket}/{key.rpartition('/')[0]}/"
        arn = loop.sagemaker.start_pipeline_execution(
            PipelineName=loop.training,
            PipelineParameters=[{"Name": "InputData", "Value": folder}],
        )["PipelineExecutionArn"]
        run = loop.ended(arn)
        by_hand = seconds_by_hand(loop, run, work / str(number_of_run))
        pairs.append((duration(loop, run), by_hand))
    return pairs[1:], where_it_goes(loop, arn)


def where_it_goes(loop: Loop, arn: str) -> str:
    """The seconds of each step of a run, in words."""
    steps = loop.sagemaker.list_pipeline_execution_steps(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )["PipelineExecutionSteps"]
    return ", ".join(
        f"{step['StepName']} {(step['EndTime'] - step['StartTime']).total_seconds():.2f}"
        for step in steps
    )


def duration(loop: Loop, run: Run) -> float:
    """Seconds from a run's creation to its last change."""
    answer = loop.sagemaker.describe_pipeline_execution(PipelineExecutionArn=run.arn)
    seconds: float = (answer["LastModifiedTime"] - answer["CreationTime"]).total_seconds()
    return seconds


def demo_seconds(home: Path) -> float:
    """Seconds of the whole demo."""
    began = time.monotonic()
    command = [HEADRACE, "demo", "--home", str(home)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the demo failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.monotonic() - began


def measure(folder: Path) -> Iterator[Figure]:
    """Measure one after another, with nothing else running."""
    with cloud(folder / "up") as (loop, pid, ready, pipelines):
        yield Figure("laptop cloud ready", ready, "s", aim=15)
        yield Figure("... and pipelines created by CI", pipelines, "s")
        stages.created(loop)
        latencies = start_latencies(loop)
        beyond = [seconds - loop.quiet_period for seconds in latencies]
        note = f"median of {UPLOADS}; {min(beyond):.2f} to {max(beyond):.2f}; the first is cold"
        yield Figure(
            "upload to run started, less the quiet period",
            statistics.median(beyond),
            "s",
            aim=1,
            note=note,
        )
        pairs, steps = engine_ratios(loop, folder)
        engine, by_hand = (statistics.median(column) for column in zip(*pairs, strict=True))
        note = f"median of {RUNS}; the last: {steps}"
        yield Figure("training run through the engine", engine, "s", note=note)
        yield Figure("its commands one after another by hand", by_hand, "s")
        ratio = statistics.median(a / b for a, b in pairs)
        note = "the least of the runs " + number(min(a / b for a, b in pairs))
        what = "engine: a run, against its scripts by hand"
        yield Figure(what, ratio, "x", 1.15, note=note)
        resident, proportional = megabytes(pid)
        note = f"each page once: {proportional:.0f} MB"
        yield Figure("memory of the cloud, no step running", resident, "MB", aim=1024, note=note)
    yield Figure("the whole demo", demo_seconds(folder / "demo"), "s", aim=120)


def main() -> None:
    """Print the table line by line."""
    argparse.ArgumentParser(prog="python -m benchmarks.loop", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        for figure in measure(Path(folder)):
            print(figure, flush=True)


if __name__ == "__main__":
    main()
