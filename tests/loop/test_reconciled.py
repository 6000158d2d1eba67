"""What the reconciler does on its timer: nothing where all is well, and what was left undone."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from headrace.adapters.ledger import Ledger
from headrace.domain.lane import Run

from demo.loop import Loop
from demo.mailbox import about, mails
from demo.results import Scored, Trained
from tests.loop.loop_books import drained, lane

LEFT: dict[str, Any] = {
    "action": "tell",
    "subject": "left in the outbox",
    "text": "Decided by an invocation that died before it handed the action over.\n",
    "kind": "refused",
    "project": "nobody",
    "detail": {},
}


def reconcile(loop: Loop, *, inventory: bool) -> None:
    answer = loop.client("lambda").invoke(
        FunctionName=f"{loop.info['stack_name']}-reconcile",
        Payload=json.dumps({"inventory": inventory}),
    )
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_an_inventory_starts_nothing_if_every_upload_was_decided(
    loop: Loop, scored: Scored
) -> None:
    loop.wait("that no run is in its lane", lambda: not lane(loop, loop.inference)["current"])
    drained(loop)
    before = [lane(loop, name) for name in (loop.training, loop.inference)]
    runs = [loop.run_arns(name) for name in (loop.training, loop.inference)]

    reconcile(loop, inventory=True)

    drained(loop)
    assert [lane(loop, name) for name in (loop.training, loop.inference)] == before
    assert [loop.run_arns(name) for name in (loop.training, loop.inference)] == runs


def test_a_claim_without_a_start_event_looks_its_run_up_and_starts_nothing(
    loop: Loop, trained: Trained
) -> None:
    ledger = Ledger(loop.info["outputs"]["LedgerTableName"], loop.client("dynamodb"))
    folder = Path(loop.info["mail_dir"])

    def of_the_run() -> int:
        return len(about(mails(folder), trained.run.id))

    loop.wait("that no run is in its lane", lambda: not ledger.lane(loop.training).current)
    free, runs, told = ledger.lane(loop.training), loop.run_arns(loop.training), of_the_run()
    claim = Run(trained.run.display_name, time.time() - 700, "its answer was lost")
    ledger.claim(free, replace(free, current=claim))

    reconcile(loop, inventory=False)
    found = loop.wait(
        "the run to be found",
        lambda: run.execution_arn if (run := ledger.lane(loop.training).current) else None,
    )
    reconcile(loop, inventory=False)  # it has ended: people were told, and are not told again
    drained(loop)

    ledger.claim(now := ledger.lane(loop.training), replace(now, current=None))
    assert found == trained.run.arn
    assert loop.run_arns(loop.training) == runs
    assert of_the_run() == told


def test_an_action_that_was_decided_and_not_handed_over_is_started(loop: Loop) -> None:
    key = {"pk": {"S": "OUTBOX"}, "sk": {"S": "tell-left-by-a-test"}}
    table, dynamodb = loop.info["outputs"]["LedgerTableName"], loop.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={**key, "doc": {"S": json.dumps(LEFT)}})

    reconcile(loop, inventory=False)

    assert "Item" not in dynamodb.get_item(TableName=table, Key=key)
    folder = Path(loop.info["mail_dir"])
    told = loop.wait("the message", lambda: about(mails(folder), LEFT["subject"]))
    assert len(told) == 1
