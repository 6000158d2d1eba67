"""Each protection swapped out shows: the simulation sees duplicates or losses without it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from typing import Any
from unittest import mock

import pytest
from headrace import advance, runs
from headrace.ledger import Ledger
from headrace.table import Table

from tests.simulation.faults import Mix
from tests.simulation.invariants import Report, examine
from tests.simulation.people import People

# Many copies, slow invocations side by side, answers that get lost.
HARSH = Mix("harsh", 0.1, 0.1, 0.1, duplicates=1.0, late=0.2, token_hours=1.0)
# SageMaker does what it is asked and says nothing, for longer than it remembers a token.
DEAF = Mix("deaf", interleaved=0.05, deaf=(2.0, 5.0), token_hours=1.0)
# A claim that waits for SageMaker is driven by several, which look and start side by side.
THROTTLED = Mix("throttled", interleaved=0.5, throttled=(1.0, 8.0))

_put = Table.put


def unconditional(*protected: str) -> AbstractContextManager[Any]:
    """Write items of these partitions whatever is there."""

    def put(
        self: Table,
        key: dict[str, str],
        attributes: dict[str, Any],
        condition: str = "",
        values: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        if key["pk"].startswith(protected):
            return _put(self, key, attributes)
        return _put(self, key, attributes, condition, values)

    return mock.patch.object(Table, "put", put)


def forgetful() -> AbstractContextManager[Any]:
    """Never look whether an event was seen before; the write's condition is `unconditional`."""
    return mock.patch.object(Ledger, "seen", lambda self, keys: set())


def random_tokens() -> AbstractContextManager[Any]:
    numbers = count()
    return mock.patch.object(advance, "digest", lambda text: f"{next(numbers):064d}")


def no_look_up() -> AbstractContextManager[Any]:
    return mock.patch.object(runs, "find", lambda *arguments: None)


def lives(mix: Mix, seeds: range) -> Iterator[Report]:
    for seed in seeds:
        people = People(seed, mix, 150, projects=1, days=0.5)
        people.live()
        yield examine(people)


@pytest.mark.parametrize("mix", [HARSH, DEAF, THROTTLED], ids=lambda mix: mix.name)
def test_with_every_protection_nothing_is_doubled_or_lost(mix: Mix) -> None:
    assert [report for report in lives(mix, range(9)) if not report.right] == []


@pytest.mark.parametrize(
    ("mix", "swapped"),
    [
        (HARSH, [lambda: unconditional("LANE#")]),
        (HARSH, [forgetful, lambda: unconditional("SEEN#")]),
        (THROTTLED, [random_tokens]),
        (DEAF, [no_look_up]),
    ],
    ids=["the claim's condition", "what was seen", "the token", "the look-up"],
)
def test_without_a_protection_runs_are_doubled_or_uploads_lost(
    mix: Mix, swapped: list[Callable[[], AbstractContextManager[Any]]]
) -> None:
    with ExitStack() as stack:
        for swap in swapped:
            stack.enter_context(swap())
        harmed = any(report.duplicates or report.lost for report in lives(mix, range(9)))
    assert harmed
