"""Collects the results of the demo: predictions, reports and mails as files, and why it failed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.loop import Loop, Run
from demo.mailbox import mails

LOG_LINES = 12
_BAD = ("error", "traceback", "warning", "task timed out")


def collect(loop: Loop, out: Path) -> None:
    """Copy each run's predictions and reports, and all mails, to a folder of this machine."""
    shutil.rmtree(out, ignore_errors=True)
    for pipeline in (loop.training, loop.training_hpo, loop.inference):
        for number, arn in enumerate(loop.run_arns(pipeline), 1):
            _copy_run(loop, loop.run(arn), out / pipeline / f"run-{number}")
    folder = out / "mails"
    folder.mkdir(parents=True)
    for number, mail in enumerate(mails(Path(loop.info["mail_dir"])), 1):
        sent = datetime.fromtimestamp(mail.sent, UTC).isoformat()
        to = ", ".join(mail.recipients)
        text = f"To: {to}\nDate: {sent}\nSubject: {mail.subject}\n\n{mail.text}"
        title = "".join(c if c.isalnum() else "-" for c in mail.subject.lower())[:70].strip("-")
        (folder / f"{number:02}-{title}.txt").write_text(text, encoding="utf-8")


def _copy_run(loop: Loop, run: Run, to: Path) -> None:
    folder = loop.run_folder(run)
    wanted = ("predictions/", "data-quality/", "evaluation/", "model-quality/")
    for key in loop.keys(folder):
        name = key.removeprefix(folder)
        if name.startswith(wanted):
            path = to / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(loop.read(key))
    to.mkdir(parents=True, exist_ok=True)
    steps = [f"  {step.name}: {step.status} {step.said or step.reason}" for step in run.steps]
    head = [f"{run.arn}", f"{run.display_name}: {run.description}", run.status]
    (to / "run.txt").write_text("\n".join([*head, *steps]) + "\n", encoding="utf-8")


def why(loop: Loop) -> list[str]:
    """Return what may explain a failure: failed runs, and errors in the logs of functions."""
    lines = []
    for pipeline in (loop.training, loop.training_hpo, loop.inference):
        for arn in loop.run_arns(pipeline):
            run = loop.run(arn)
            lines.append(f"{pipeline} {run.display_name} is {run.status}: {run.description}")
            if run.status == "Failed":
                lines.append(f"  {run.why()}")
    return lines + complaints(loop.client("logs"), loop.info["stack_name"])


def complaints(logs: Any, stack_name: str) -> list[str]:
    """Return the last error lines of the stack's functions and state machine."""
    lines = []
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            if stack_name not in name:
                continue
            events = logs.filter_log_events(logGroupName=name)["events"]
            bad = [e["message"].strip() for e in events if _is_bad(e["message"])]
            lines += [f"{name}: {message[:1500]}" for message in bad[-LOG_LINES:]]
    return lines


def _is_bad(message: str) -> bool:
    low = message.lower()
    return any(word in low for word in _BAD)
