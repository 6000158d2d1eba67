"""`python -m workbench`: what happened and why, what waits, and dead letters sent on again."""

import argparse
import json
import sys
from datetime import UTC, datetime

import boto3

from pipeline_specs.deploy.stack import Stack  # first: it makes the layer importable

# isort: split
from headrace.adapters.ledger import Ledger
from headrace.domain.errors import HeadraceError
from headrace.domain.lane import Lane

from workbench import chain
from workbench.books import Entry
from workbench.redrive import LEFT, redrive


def main() -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m workbench", description=__doc__)
    parser.add_argument("--stack", default="headrace", help="the stack's name (default headrace)")
    commands = parser.add_subparsers(dest="command", required=True)
    audit = commands.add_parser("audit", help="what was decided for a project, and why")
    audit.add_argument("project")
    audit.add_argument("--since", default="0", help="ISO time, e.g. 2026-11-24T08")
    audit.add_argument("--until", default="9", help="ISO time")
    audit.add_argument(
        "--version", type=int, help="of this version: its data, request, run, approval, CI, live"
    )
    audit.add_argument("--json", action="store_true", help="for machines, with all there is")
    commands.add_parser("lanes", help="what runs and what waits, for each pipeline")
    commands.add_parser("redrive", help="send dead letters on their way again")
    arguments = parser.parse_args()
    stack = Stack(arguments.stack, boto3.Session())
    try:
        if arguments.command == "redrive":
            for target, count in sorted(redrive(stack).items()):
                print(f"{count} {'left' if target == LEFT else f'to {target}'}")
        else:
            ledger = Ledger(stack.output("LedgerTableName"), stack.session.client("dynamodb"))
            if arguments.command == "audit" and arguments.version is not None:
                found = chain.of_version(
                    ledger, stack.session, arguments.project, arguments.version
                )
                _print_chain(found, arguments.json)
            elif arguments.command == "audit":
                entries = ledger.audit(arguments.project, arguments.since, arguments.until)
                print(json.dumps(entries, indent=2)) if arguments.json else _audit(entries)
            else:
                _lanes(ledger)
    except HeadraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _print_chain(found: chain.Chain, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found.document(), indent=2))
    else:
        print(*found.lines(), sep="\n")


def _audit(entries: list[Entry]) -> None:
    for entry in entries:
        for line in entry["decided"]:
            reason = f" ({line['reason']})" if line["reason"] else ""
            print(f"{entry['time']}  {line['actor']}: {line['outcome']}{reason}")
            print(f"    because of {line['cause']}")
        for action in entry["actions"]:
            print(f"    action {action}")


def _lanes(ledger: Ledger) -> None:
    for project in ledger.projects():
        for name in project.pipelines.all:
            print(f"{name}: {_state(ledger.lane(name))}")


def _state(lane: Lane) -> str:
    parts = []
    if lane.current:
        since = datetime.fromtimestamp(lane.current.claimed_at, UTC).isoformat(timespec="seconds")
        what = lane.current.request_id or lane.current.execution_arn
        parts.append(f"{what} runs since {since} ({lane.current.description})")
    if lane.waiting:
        parts.append(f"{lane.waiting.id} waits ({lane.waiting.description})")
    if lane.live:
        parts.append(f"live: {lane.live}")
    if lane.refreshing:
        parts.append(f"on its way: {lane.refreshing}")
    return "; ".join(parts) or "free"


if __name__ == "__main__":
    sys.exit(main())
