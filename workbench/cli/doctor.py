"""`headrace doctor`: what is missing or wrong in the account, with the fix."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from workbench.cli import failures
from workbench.cli.context import USUAL, Common

if TYPE_CHECKING:
    from workbench.doctor.findings import Finding, Severity
    from workbench.doctor.target import Target

_STYLES: dict[Severity, str] = {
    "ok": "green",
    "warning": "yellow",
    "error": "bold red",
    "unknown": "magenta",
}


def doctor(*, common: Common = USUAL) -> int:
    """Examine the account: report what is missing or wrong, and which command fixes it.

    It changes nothing. Exit code 0: no error; 1: an error was found; 2: it could not look at all.
    """
    from workbench.doctor import examination
    from workbench.doctor.target import Target

    try:
        target = Target(common.deployed(), profile=common.profile)
        found = examination.examine(target)
    except Exception as error:
        if said := failures.said(error):
            print(f"error: {said}", file=sys.stderr)
            return examination.NOT_EXAMINED
        raise
    if common.json:
        print(json.dumps(_document(target, found), indent=2))
    else:
        _show(target, found)
    return examination.exit_code(found)


def _document(target: Target, found: list[Finding]) -> dict[str, object]:
    counts = Counter(finding.severity for finding in found)
    return {
        "account": target.caller.account,
        "region": target.region,
        "stack": target.stack.name,
        "counts": {severity: counts[severity] for severity in _STYLES},
        "findings": [asdict(finding) for finding in found],
    }


def _show(target: Target, found: list[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    counts = Counter(finding.severity for finding in found)
    who = f"stack {target.stack.name} in {target.region}, examined as {target.caller.arn}"
    console.print(Text(who, style="dim"))
    for finding in found:
        severity = Text(f"{finding.severity:8}", style=_STYLES[finding.severity])
        console.print(severity + Text(f"{finding.name}: {finding.seen}"))
        if finding.command:
            console.print(Text(f"        {finding.command}", style="cyan"))
    console.print(Text(", ".join(f"{counts[name]} {name}" for name in _STYLES if counts[name])))
