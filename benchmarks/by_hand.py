"""Calls the commands of a run's jobs one after another, without the engine, on the same inputs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.loop import ROOT, Loop, Run
from local_cloud.sagemaker.engine.images import processing_command, training_command
from local_cloud.sagemaker.engine.sandbox import Sandbox
from local_cloud.sagemaker.engine.stopping import StopSignal

JOBS_PYTHON = ROOT / os.environ.get("VENV", ".venv") / "jobs" / "bin" / "python"


def seconds_by_hand(loop: Loop, run: Run, work: Path) -> float:
    """Return the seconds that the commands of a run's jobs take; fetching inputs is not counted."""
    seconds = 0.0
    for step in run.steps:
        for kind, job in step.metadata.items():
            name = job.get("Arn", "").rsplit("/", 1)[-1] if isinstance(job, dict) else ""
            if kind == "ProcessingJob":
                request = loop.sagemaker.describe_processing_job(ProcessingJobName=name)
                seconds += _processing(loop, request, work)
            elif kind == "TrainingJob":
                request = loop.sagemaker.describe_training_job(TrainingJobName=name)
                seconds += _training(loop, request, work)
    return seconds


def _processing(loop: Loop, request: Mapping[str, Any], work: Path) -> float:
    sandbox = _sandbox(work, request["ProcessingJobName"])
    for one in request.get("ProcessingInputs", []):
        _fetch(loop, one["S3Input"]["S3Uri"], sandbox.path(one["S3Input"]["LocalPath"]))
    for one in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
        sandbox.path(one["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    sandbox.environment |= request.get("Environment", {})
    specification = request["AppSpecification"]
    return _timed(
        sandbox,
        processing_command(
            specification["ImageUri"],
            specification.get("ContainerEntrypoint", []),
            specification.get("ContainerArguments", []),
            JOBS_PYTHON,
        ),
    )


def _training(loop: Loop, request: Mapping[str, Any], work: Path) -> float:
    sandbox = _sandbox(work, request["TrainingJobName"])
    for channel in request["InputDataConfig"]:
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        _fetch(loop, uri, sandbox.path(f"/opt/ml/input/data/{channel['ChannelName']}"))
    config = sandbox.path("/opt/ml/input/config/hyperparameters.json")
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps(request["HyperParameters"]), encoding="utf-8")
    image = request["AlgorithmSpecification"]["TrainingImage"]
    return _timed(sandbox, training_command(image, JOBS_PYTHON))


def _sandbox(work: Path, name: str) -> Sandbox:
    return Sandbox(work, name, JOBS_PYTHON, on_lines=lambda lines: None, stop=StopSignal())


def _timed(sandbox: Sandbox, command: list[str]) -> float:
    began = time.monotonic()
    outcome = sandbox.run(command)
    seconds = time.monotonic() - began
    if outcome.exit_code != 0:
        raise SystemExit(f"{' '.join(command)} failed by hand:\n" + "\n".join(outcome.tail))
    sandbox.remove()
    return seconds


def _fetch(loop: Loop, uri: str, to: Path) -> None:
    """Copy the object or all objects below an S3 URI into a folder."""
    prefix = uri.removeprefix(f"s3://{loop.bucket}/")
    base = prefix if prefix.endswith("/") else f"{prefix.rpartition('/')[0]}/"
    if prefix not in loop.keys(prefix):
        base = f"{prefix.rstrip('/')}/"
    for key in loop.keys(prefix):
        path = to / key.removeprefix(base)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(loop.read(key))
