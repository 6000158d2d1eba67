"""`python -m local_cloud up | down | env`: the laptop cloud, its end, and how to reach it."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path

from local_cloud.chaos.chaos import Chaos
from local_cloud.cloud import INFO, Cloud, CloudRunningError, running_pid
from local_cloud.deploy.build import BuildError
from local_cloud.deploy.ci import PipelineError
from local_cloud.deploy.stack import DeployError
from local_cloud.deploy.template import TemplateError
from local_cloud.ministack.process import ServerError

EXPECTED = (BuildError, CloudRunningError, DeployError, PipelineError, ServerError, TemplateError)
DOWN_SECONDS = 90.0


def say(line: str) -> None:
    print(line, flush=True)


def up(home: Path, alert_email: str, pipelines: bool, chaos: Chaos | None) -> None:
    """Start, create the pipelines through CI, and stay until Ctrl-C or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    started = time.monotonic()
    with Cloud(home, alert_email=alert_email, chaos=chaos, say=say) as cloud:
        say(f"ready in {time.monotonic() - started:.1f} s; {cloud.home / INFO} says where")
        if pipelines:
            with cloud.calm():
                pipeline = cloud.run_ci({"HEADRACE_ACTION": "upsert"})
            say(f"pipelines created by {pipeline['web_url']}")
        say("Ctrl-C stops it")
        while not stop.wait(1):
            if cloud.server and not cloud.server.alive:
                raise ServerError(f"MiniStack died; its log ends with:\n{cloud.server.tail()}")
        say("stopping, the state is kept")


def down(home: Path) -> None:
    """Stop the cloud of this home folder and wait until it is gone."""
    pid = running_pid(home)
    if pid is None:
        say(f"no cloud runs in {home}")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while running_pid(home) is not None:
        if time.monotonic() > deadline:
            raise ServerError(f"process {pid} did not stop within {DOWN_SECONDS:.0f} s")
        time.sleep(0.1)
    say("stopped")


def env(home: Path) -> None:
    """Print the shell commands that point the AWS CLI, Boto3 and anything else at this cloud."""
    path = home / INFO
    if not path.is_file():
        raise CloudRunningError(f"no cloud runs in {home}; start one with `make up`")
    info = json.loads(path.read_text())
    variables = {
        "AWS_ENDPOINT_URL": info["endpoint_url"],
        "AWS_ACCESS_KEY_ID": info["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": info["secret_access_key"],
        "AWS_DEFAULT_REGION": info["region"],
        "DATA_BUCKET": info["outputs"].get("DataBucketName", ""),
        "MAIL_DIR": info["mail_dir"],
    }
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local_cloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starter = commands.add_parser("up", help="start in the foreground, until Ctrl-C")
    stopper = commands.add_parser("down", help="stop")
    pointer = commands.add_parser("env", help="print what points the AWS CLI and Boto3 here")
    for command in (starter, stopper, pointer):
        command.add_argument("--home", type=Path, default=Path(".headrace"), metavar="DIR")
    starter.add_argument("--alert-email", default="alerts@example.com", metavar="ADDRESS")
    starter.add_argument("--no-pipelines", action="store_true", help="leave CI alone")
    starter.add_argument("--chaos", type=int, metavar="SEED", help="make trouble, by seed")
    given = parser.parse_args(arguments)
    try:
        if given.command == "up":
            chaos = None if given.chaos is None else Chaos(given.chaos)
            up(given.home, given.alert_email, not given.no_pipelines, chaos)
        elif given.command == "down":
            down(given.home)
        else:
            env(given.home)
    except EXPECTED as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
