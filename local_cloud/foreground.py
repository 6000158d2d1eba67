"""Runs the laptop cloud in the foreground, stops it, and says how to reach it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from local_cloud.cloud import INFO, Cloud, CloudRunningError, running_pid
from local_cloud.deploy.build import BuildError
from local_cloud.deploy.ci import PipelineError
from local_cloud.deploy.stack import DeployError
from local_cloud.deploy.template import TemplateError
from local_cloud.ministack.process import ServerError

EXPECTED = (BuildError, CloudRunningError, DeployError, PipelineError, ServerError, TemplateError)
DOWN_SECONDS = 90.0


def up(cloud: Cloud, pipelines: bool, say: Callable[[str], None]) -> None:
    """Start, create the pipelines through CI, and stay until Ctrl-C or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    started = time.monotonic()
    with cloud:
        say(f"ready in {time.monotonic() - started:.1f} s; see {cloud.home / INFO} for its address")
        if pipelines:
            with cloud.calm():
                pipeline = cloud.run_ci({"HEADRACE_ACTION": "upsert"})
            say(f"pipelines created by {pipeline['web_url']}")
        say("Ctrl-C stops it")
        while not stop.wait(1):
            if cloud.server and not cloud.server.alive:
                raise ServerError(f"MiniStack died; its log ends with:\n{cloud.server.tail()}")
        say("stopping, the state is kept")


def down(home: Path) -> str:
    """Stop the cloud of this home folder, wait until it is gone, and return what happened."""
    pid = running_pid(home)
    if pid is None:
        return f"no cloud runs in {home}"
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while running_pid(home) is not None:
        if time.monotonic() > deadline:
            raise ServerError(f"process {pid} did not stop within {DOWN_SECONDS:.0f} s")
        time.sleep(0.1)
    return "stopped"


def variables(home: Path) -> dict[str, str]:
    """Return the variables that point the AWS CLI, boto3 and other clients at this cloud."""
    path = home / INFO
    if not path.is_file():
        raise CloudRunningError(f"no cloud runs in {home}; start one with `headrace up`")
    info = json.loads(path.read_text())
    return {
        "AWS_ENDPOINT_URL": info["endpoint_url"],
        "AWS_ACCESS_KEY_ID": info["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": info["secret_access_key"],
        "AWS_REGION": info["region"],  # before AWS_DEFAULT_REGION, which may be the shell's own
        "AWS_DEFAULT_REGION": info["region"],
        "DATA_BUCKET": info["outputs"].get("DataBucketName", ""),
        "MAIL_DIR": info["mail_dir"],
    }
