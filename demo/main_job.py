"""Runs the seven stages of the main job from an empty cloud and prints them: `headrace demo`."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError
from headrace.domain.errors import HeadraceError

from demo import report, stages
from demo.commands import CommandError, commands_in
from demo.data import shells
from demo.loop import Loop, StageFailed
from demo.progress import Progress
from local_cloud.cloud import INFO, Cloud, running_pid
from local_cloud.foreground import EXPECTED

FAILURES = (*EXPECTED, StageFailed, CommandError, HeadraceError, ClientError, BotoCoreError)


def main_job(loop: Loop, progress: Progress) -> None:
    """Stages 2 to 7; each uses the result of the one before."""
    data = shells()

    progress.stage("Train on heavy shells, one version waits for approval")
    trained = stages.train(loop, data.heavy)
    version = trained.version
    progress.done(f"version {version.number} pending, mail: {trained.mail.subject!r}")

    progress.stage("Approve it with the mail's command, CI puts it into inference")
    live = stages.approve(loop, version, commands_in(trained.mail.text)[0])
    progress.done(f"{live.mail.subject!r}")

    progress.stage("Score the heavy shells kept back")
    scored = stages.score(loop, data.kept_back, "heavy-kept-back.csv")
    progress.done(f"{len(data.kept_back):,} predictions, no violation, {said(scored.verdict)}")

    progress.stage("Score light shells: drift, a missed threshold, a retuning")
    drifted = stages.drift(loop, data.light, "light.csv")
    retuned = drifted.retuned
    count = len(drifted.scored.violations)
    progress.done(
        f"{count} violations, {said(drifted.scored.verdict)}; version "
        f"{retuned.version.number} ({retuned.version.metadata['kind']}) pending"
    )

    progress.stage("Approve the retuned version, without and with the board's reference")
    reviewed = stages.review(loop, retuned)
    progress.done(f"sent back: {reviewed.returned_mail.subject!r}; {reviewed.live.mail.subject!r}")

    progress.stage("Crash the model-quality step: people are notified, nothing starts")
    crashed = stages.crash(loop, data.kept_back[:60], "lacks-a-label.csv")
    stages.totals(loop, {loop.training: 1, loop.training_hpo: 1, loop.inference: 3})
    progress.done(f"{crashed.decided['outcome']}: {crashed.decided['reason']}")


def said(verdict: dict[str, object]) -> str:
    """Return a verdict in words."""
    passed = "passed" if verdict["passed"] else "missed"
    return f"{verdict['metric']} {float(str(verdict['value'])):.1f} {passed}"


def run(home: Path, keep: bool, say: Callable[[str], None], live: bool) -> int:
    """Run the demo in a home folder of its own; return the exit code.

    `say` prints a line. With `live` a terminal shows the seconds of a wait counting up.
    """
    pid = running_pid(home)
    if pid is not None:
        print(f"error: a demo is running in {home} (process {pid})", file=sys.stderr)
        return 1
    shutil.rmtree(home, ignore_errors=True)
    progress = Progress(7, say, live)
    cloud = Cloud(home, say=progress.say)
    loop: Loop | None = None
    try:
        progress.stage("Deploy, and have CI create the pipelines")
        with cloud:
            loop = Loop.of(home / INFO, progress.watch)
            ci = cloud.run_ci({"HEADRACE_ACTION": "upsert", "HEADRACE_PROJECT": loop.project})
            names = stages.created(loop)
            progress.done(f"{len(names)} pipelines created by {ci['web_url']}")
            try:
                main_job(loop, progress)
            except FAILURES:
                explain(loop, home / "out")
                raise
            report.collect(loop, home / "out")
            show(home, progress, say)
            if keep:
                stay(home, say)
    except FAILURES as error:
        print(f"\nFAILED in stage {progress.current}: {error}", file=sys.stderr)
        print(f"Logs: {home / 'logs'}", file=sys.stderr)
        if (home / "out").exists():
            print(f"Files of runs, and mails: {home / 'out'}", file=sys.stderr)
        return 1
    return 0


def explain(loop: Loop, out: Path) -> None:
    """Print what may explain a failure, and collect the files, if the cloud still answers."""
    print("\nErrors in the cloud:", file=sys.stderr)
    try:
        for line in report.why(loop):
            print(f"  {line}", file=sys.stderr)
        report.collect(loop, out)
    except FAILURES as error:
        print(f"  nothing more: {error}", file=sys.stderr)


def show(home: Path, progress: Progress, say: Callable[[str], None]) -> None:
    """Print the table and where the files are."""
    for line in ("", "What happened", "", *progress.table(), ""):
        say(line)
    say(f"Predictions  {home / 'out'}/headrace-abalone-inference/run-*/predictions/")
    say(f"Reports      {home / 'out'}/*/run-*/{{data-quality,evaluation,model-quality}}/")
    say(f"Mails        {home / 'out' / 'mails'}/")


def stay(home: Path, say: Callable[[str], None]) -> None:
    """Keep the cloud running until Ctrl-C or SIGTERM."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    say("")
    say(f"The cloud stays up; see {home / INFO} for its address; Ctrl-C stops it")
    stop.wait()
