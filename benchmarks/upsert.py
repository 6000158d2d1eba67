"""Creating, changing and not changing three pipelines: `python -m benchmarks.upsert`.

The command that CI runs, `headrace pipelines upsert abalone`, against a laptop cloud with an
approved version, so that all three pipelines are there to be made. Seconds include starting Python
and importing the SageMaker SDK; API calls are those CloudTrail recorded of the command.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

from benchmarks.artefacts import HEADRACE, ROOT
from benchmarks.clouds import Call, Site, site
from benchmarks.figures import Figure

TIMES = 3  # that nothing changes
READS = ("Get", "List", "Describe", "Head", "BatchGet", "Query")
NEEDED = ("pipeline_specs", "layers", "data_quality", "demo", "workbench")


def register(running: Site) -> None:
    """Put an approved version into the registry, as a training run registers it."""
    run = f"s3://{running.output('DataBucketName')}/abalone/runs/trained"
    running.client("sagemaker").create_model_package(
        ModelPackageGroupName="headrace-abalone",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [
                {
                    "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
                    "ModelDataUrl": f"{run}/models/job/output/model.tar.gz",
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties={
            "kind": "training",
            "preprocessor": f"{run}/preprocessor/preprocessor.json",
            "baseline_statistics": f"{run}/data-quality/statistics.json",
            "baseline_constraints": f"{run}/data-quality/constraints.json",
        },
    )


def upsert(running: Site, tree: Path) -> tuple[float, list[Call]]:
    """Run the command in a tree; its seconds and its calls."""
    began, clock = time.time(), time.monotonic()
    done = subprocess.run(
        [HEADRACE, "pipelines", "upsert", "abalone"],
        cwd=tree,
        env=running.environment() | {"PYTHONPATH": f"{tree}:{tree / 'layers/headrace'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - clock
    if done.returncode != 0:
        raise SystemExit(f"upsert failed:\n{done.stdout}\n{done.stderr[-3000:]}")
    return seconds, [call for call in running.calls(began) if not call.is_ours]


def figures(what: str, seconds: float, calls: list[Call], most: float | None) -> Iterator[Figure]:
    """What one upsert took; `most` is how many writes and uploads there may be."""
    writes = [call for call in calls if not call.operation.startswith(READS)]
    uploads = [call for call in writes if call.operation == "PutObject"]
    names = Counter(call.operation for call in writes)
    note = ", ".join(f"{name} {times}" for name, times in sorted(names.items()))
    yield Figure(f"{what} three pipelines", seconds, "s")
    yield Figure(f"{what} three pipelines: API calls", len(calls))
    yield Figure(f"{what} three pipelines: writes", len(writes), limit=most, note=note)
    yield Figure(f"{what} three pipelines: uploads", len(uploads), limit=most)


def measure(folder: Path) -> Iterator[Figure]:
    """Create, leave, change."""
    tree = folder / "tree"
    for name in NEEDED:
        shutil.copytree(ROOT / name, tree / name)
    with site(folder) as running:
        running.client("sagemaker").create_model_package_group(
            ModelPackageGroupName="headrace-abalone"
        )
        register(running)
        yield from figures("creating", *upsert(running, tree), None)
        runs = [upsert(running, tree) for _ in range(TIMES)]
        seconds = sorted(took for took, _ in runs)[TIMES // 2]
        most = max((calls for _, calls in runs), key=len)
        yield from figures("not changing", seconds, most, 0)
        settings = tree / "pipeline_specs" / "abalone" / "project.yaml"
        document = yaml.safe_load(settings.read_text(encoding="utf-8"))
        document["processing"]["instance_type"] = "ml.m5.2xlarge"  # of a step in each of them
        settings.write_text(yaml.safe_dump(document), encoding="utf-8")
        yield from figures("changing", *upsert(running, tree), None)


def main() -> None:
    """Print the table line by line."""
    argparse.ArgumentParser(prog="python -m benchmarks.upsert", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        for figure in measure(Path(folder)):
            print(figure, flush=True)


if __name__ == "__main__":
    main()
