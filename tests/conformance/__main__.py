"""Asks a real account what the laptop cloud assumes: `make conformance PROFILE=…`."""

from __future__ import annotations

import argparse
import signal
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.conformance import cleaning, report
from tests.conformance.account import TAG, Account
from tests.conformance.fact import Fact
from tests.conformance.facts.all import ALL
from tests.conformance.journal import Journal, left_in

JOURNALS = Path(".headrace/conformance")
OVERHEAD_DOLLARS = 0.05  # requests, logs and storage of all facts together, rounded up


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if every fact was as expected, 1 if not or not asked, 130 when interrupted."""
    options = _options(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # a background shell ignores SIGINT
        signal.signal(number, _interrupted)
    session = boto3.Session(profile_name=options.profile, region_name=options.region)
    if session.region_name is None:
        print("no region: give --region, or a profile that has one", file=sys.stderr)
        return 2
    try:
        who = session.client("sts").get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError) as error:
        print(f"no credentials that work: {error}", file=sys.stderr)
        return 2
    print(f"{who} in {session.region_name}")
    if not _clean_leftovers(session, options.journals) or options.clean:
        return 0 if options.clean and not left_in(options.journals) else 1
    facts = [fact for fact in ALL if not options.only or fact.name in options.only]
    if unknown := set(options.only) - {fact.name for fact in facts}:
        print(f"no fact is named {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    _announce(facts)
    if not (options.yes or input("Go on? [y/N] ").strip().lower() == "y"):
        return 1
    return _ask(session, facts, options)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.conformance", description=__doc__)
    parser.add_argument("--profile")
    parser.add_argument("--region")
    parser.add_argument("--yes", action="store_true", help="do not ask before it begins")
    parser.add_argument("--only", nargs="+", default=[], metavar="FACT")
    parser.add_argument("--clean", action="store_true", help="only clean up after killed runs")
    parser.add_argument("--patience", type=float, default=900.0, help="seconds to wait for a job")
    parser.add_argument("--journals", type=Path, default=JOURNALS)
    parser.add_argument("--seen", type=Path, default=report.SEEN)
    parser.add_argument("--page", type=Path, default=report.PAGE)
    return parser.parse_args(arguments)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _clean_leftovers(session: boto3.Session, folder: Path) -> bool:
    """Clean up after runs that were killed; False if something of theirs is still there."""
    whole = True
    for journal in left_in(folder):
        print(f"{journal.run} did not end; deleting what it left")
        whole &= _cleaned(session, journal)
    return whole


def _cleaned(session: boto3.Session, journal: Journal) -> bool:
    left = cleaning.clean(session, journal)
    for line in left:
        print(f"  still there: {line}", file=sys.stderr)
    if left:
        print(f"  delete what has the tag {TAG}={journal.run}, or run this again", file=sys.stderr)
    return not left


def _announce(facts: list[Fact]) -> None:
    for fact in facts:
        print(f"  {fact.name}: {fact.creates or 'creates nothing'}")
    dollars = sum(fact.dollars for fact in facts) + OVERHEAD_DOLLARS
    minutes = sum(fact.minutes for fact in facts)
    print(f"{len(facts)} facts, at most {minutes:.0f} minutes and {dollars:.2f} US dollars.")
    print(f"Everything made is tagged {TAG} and deleted at the end.")


def _ask(session: boto3.Session, facts: list[Fact], options: argparse.Namespace) -> int:
    run = f"headrace-conformance-{uuid.uuid4().hex[:8]}"
    journal = Journal(options.journals / f"{run}.jsonl")
    account = Account(session, journal, options.patience)
    seen, right, status = report.load(options.seen), True, 1
    day = datetime.now(UTC).date().isoformat()
    try:
        for fact in facts:
            try:
                found = fact.ask(account)
            except Exception as error:  # whatever it is, the next fact is asked all the same
                print(f"  ?  {fact.name}: not asked: {type(error).__name__}: {error}")
                right = False
                continue
            good = found in fact.expected
            right &= good
            expected = "" if good else f", expected {' or '.join(fact.expected)}"
            print(f"  {'ok' if good else '!!'} {fact.name}: {found}{expected}")
            seen[fact.name] = report.Seen(found, session.region_name, day)
        status = 0 if right else 1
    except KeyboardInterrupt:
        print("interrupted; deleting what was made", file=sys.stderr)
        status = 130
    finally:
        if not _cleaned(session, journal):
            status = status or 1
        report.save(seen, options.seen)
        options.page.write_text(report.page(ALL, seen), "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
