"""The hourly look at what lies in the bucket."""

from __future__ import annotations

import json

from loop_books import drained, lane

from demo.loop import Loop
from demo.results import Scored


def test_an_inventory_starts_nothing_where_every_upload_was_told(
    loop: Loop, scored: Scored
) -> None:
    before = [lane(loop, name) for name in (loop.training, loop.inference)]
    runs = [loop.run_arns(name) for name in (loop.training, loop.inference)]

    answer = loop.client("lambda").invoke(
        FunctionName=f"{loop.info['stack_name']}-reconcile",
        Payload=json.dumps({"inventory": True}),
    )

    assert "FunctionError" not in answer, answer["Payload"].read()
    drained(loop)
    assert [lane(loop, name) for name in (loop.training, loop.inference)] == before
    assert [loop.run_arns(name) for name in (loop.training, loop.inference)] == runs
