"""Many files in one drop, and many projects in the ledger: `python -m benchmarks.burst`.

The drops go through the laptop cloud as any upload does: S3, EventBridge, the inbox, `decide`, the
ledger, the state machine, `advance_run`. The pipeline they start does nothing. Event times are
those of `decide`'s own code on the laptop cloud's DynamoDB, in ledgers of few and many projects.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.ledger import Ledger
from headrace.adapters.messaging import StateMachine
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.project import Project
from headrace.use_cases.decide import Inbox

from benchmarks.bills import bill
from benchmarks.clouds import Site, site, wait
from benchmarks.cold_cases import Recorder, payload
from benchmarks.figures import Figure, median, spread

DROPS = (1, 100, 10_000)
FILES_PER_INVOCATION = 50
PROJECTS = (10, 1_000, 10_000)
EVENTS = 120
LANES = 10
UPLOADERS = 6
BATCH = 25  # items that BatchWriteItem takes
SEED = 7


def upload(running: Site, project: Project, count: int) -> float:
    """Put files into a project's training folder; the time when the last was there."""
    s3, bucket = running.client("s3"), running.output("DataBucketName")
    folder = project.folder("training")

    def put(index: int) -> None:
        s3.put_object(Bucket=bucket, Key=f"{folder}part-{index:05}.csv", Body=b"M,1,1,1,1,1,1,1,9")

    with ThreadPoolExecutor(UPLOADERS) as pool:
        list(pool.map(put, range(count)))
    return time.time()


def drop(running: Site, count: int) -> Iterator[Figure]:
    """One drop of so many files, until its run has ended and nothing is left to do."""
    project = running.add_project(f"burst{count}")
    name = project.pipelines.training
    with running.recording() as records:
        began = time.time()
        uploaded = upload(running, project, count)
        run = wait(f"the run of {count} files", lambda: running.runs(name))[0]
    (record,) = records
    arn = run["PipelineExecutionArn"]
    asked = running.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
    if (taken := taken_files(running, arn)) != count:
        raise SystemExit(f"the run of the drop of {count} files took {taken} of them")
    what, large = f"drop of {count:,} file{'s' * (count > 1)}", count == max(DROPS)
    yield Figure(f"{what}: runs", len(running.runs(name)), limit=1)
    yield Figure(f"{what}: state-machine executions", len(record.executions), limit=1)
    note = ", ".join(f"{name} {times}" for name, times in record.invocations.items())
    most = count / FILES_PER_INVOCATION if large else None
    yield Figure(f"{what}: invocations", sum(record.invocations.values()), limit=most, note=note)
    note = f"{uploaded - began:.1f} s of uploading; three for each quiet period that was not quiet"
    limit = 8 if count == 1 else None
    yield Figure(f"{what}: Step Functions transitions", record.transitions, limit=limit, note=note)
    by_name = Counter(call.operation for call in record.calls)
    note = ", ".join(f"{name} {times}" for name, times in by_name.most_common(6))
    yield Figure(f"{what}: API calls of the control plane", len(record.calls), note=note)
    waited = asked["CreationTime"].timestamp() - uploaded - project.quiet_period
    yield Figure(f"{what}: last upload to run started, less the quiet period", waited, "s")
    costs = bill(record, messages=count + record.notices)
    yield Figure(f"{what}: cost of the control plane", 100 * costs.total, "¢", note=str(costs))


def taken_files(running: Site, execution_arn: str) -> int:
    """How many files the manifest of a run names."""
    answer = running.client("sagemaker").list_pipeline_parameters_for_execution(
        PipelineExecutionArn=execution_arn
    )
    given = {one["Name"]: one["Value"] for one in answer["PipelineParameters"]}
    bucket, _, key = given["InputData"].removeprefix("s3://").partition("/")
    body = running.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return len(json.loads(body)) - 1


def event_times(running: Site) -> Iterator[Figure]:
    """How long `decide` takes for an event with so many projects in the ledger."""
    dynamodb = running.client("dynamodb")
    for count in PROJECTS:
        fill(dynamodb, f"ledger-{count}", count)
    found: dict[int, list[float]] = {count: [] for count in PROJECTS}
    dice = random.Random(SEED)  # noqa: S311 (an order, not a secret)
    for number_of_round in range(EVENTS):
        for count in dice.sample(PROJECTS, len(PROJECTS)):
            # As many lanes in each ledger: an event finds the same there, whatever is beside it.
            project = numbered(dice.randrange(LANES) * (count // LANES))
            found[count].append(milliseconds(dynamodb, count, project, number_of_round))
    for count, values in found.items():
        yield Figure(f"event with {count:,} projects", median(values), "ms", note=spread(values))
    least, most = found[min(PROJECTS)], found[max(PROJECTS)]
    ratio = median([many / few for few, many in zip(least, most, strict=True)])
    what = f"event with {max(PROJECTS):,} projects, against {min(PROJECTS)}"
    yield Figure(what, ratio, "x", 1.1, note=f"median of {EVENTS} pairs")


class Started:
    """Stands for a client of Step Functions that starts everything."""

    def start_execution(self, **_: Any) -> dict[str, Any]:
        return {}


def milliseconds(dynamodb: Any, count: int, project: Project, number_of_event: int) -> float:
    """How long an upload to a project takes to be decided."""
    nobody: Any = None  # an upload of training data asks neither S3 nor SageMaker
    inbox = Inbox(
        Ledger(f"ledger-{count}", dynamodb),
        DataBucket(nobody, "bucket"),
        SageMaker(nobody),
        StateMachine(Started(), "act"),
        now=time.time,
        warn=print,
        crashed=print,
        info=lambda *_, **__: None,
    )
    body = payload("object_created")
    body["detail"]["object"]["key"] = f"{project.folder('training')}{number_of_event}.csv"
    record = {"messageId": "1", "body": json.dumps(body)}
    began = time.perf_counter()
    failed = inbox.handle([record])
    took = time.perf_counter() - began
    if failed:
        raise SystemExit(f"an upload to {project.name} was not decided")
    return took * 1000


def numbered(number: int) -> Project:
    """A project of many."""
    settings = {"project": f"p{number:05}", "quality": {"metric": "mse", "threshold": 10.0}}
    return Project.parse(settings, "the benchmark")


def fill(dynamodb: Any, table: str, count: int) -> None:
    """Make a ledger with so many projects."""
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
    )
    recorder = Recorder()
    ledger = Ledger(table, recorder)
    for number_of_project in range(count):
        ledger.put_project(numbered(number_of_project))
    writes = [{"PutRequest": {"Item": item}} for item in recorder.items.values()]
    parts = [writes[start : start + BATCH] for start in range(0, len(writes), BATCH)]
    for part in parts:
        dynamodb.batch_write_item(RequestItems={table: part})


def measure(folder: Path) -> Iterator[Figure]:
    """The drops, then the projects, on one cloud."""
    with site(folder) as running:
        found: list[Figure] = []
        for count in DROPS:
            for figure in drop(running, count):
                found.append(figure)
                yield figure
        cents = [figure.value for figure in found if figure.unit == "¢"]
        what = f"cost of a drop of {max(DROPS):,} files, against one run per file"
        yield Figure(what, cents[-1] / (cents[0] * max(DROPS)), "x")
        yield from event_times(running)


def main() -> None:
    """Print the table line by line."""
    argparse.ArgumentParser(prog="python -m benchmarks.burst", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        for figure in measure(Path(folder)):
            print(figure, flush=True)


if __name__ == "__main__":
    main()
