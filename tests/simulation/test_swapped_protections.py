"""Each protection swapped out shows: the simulation sees duplicates or losses without it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from itertools import count
from typing import Any
from unittest import mock

import pytest
from headrace.adapters.dynamodb import Table
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import SageMaker
from headrace.use_cases import advance_run

from tests.simulation.clock import HOUR, MINUTE, START
from tests.simulation.faults import Mix
from tests.simulation.invariants import Report, examine
from tests.simulation.people import People
from tests.simulation.stories import QUIET, Story

# Many copies, slow invocations side by side, answers that get lost.
HARSH = Mix("harsh", 0.1, 0.1, 0.1, duplicates=1.0, late=0.2, token_hours=1.0)
# SageMaker does what it is asked and says nothing, for longer than it remembers a token.
DEAF = Mix("deaf", interleaved=0.05, deaf=(2.0, 5.0), token_hours=1.0)
# A claim that waits for SageMaker is driven by several, which look and start side by side.
SIDE_BY_SIDE = Mix("side by side", 0.1, 0.05, 0.6, duplicates=0.5)
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
    return mock.patch.object(advance_run, "digest", lambda text: f"{next(numbers):064d}")


def no_look_up() -> AbstractContextManager[Any]:
    return mock.patch.object(SageMaker, "find", lambda *arguments: None)


def lives(mix: Mix, seeds: range, uploads: int = 150) -> Iterator[Report]:
    for seed in seeds:
        people = People(seed, mix, uploads, projects=1, days=0.5)
        people.live()
        yield examine(people)


@pytest.mark.parametrize("mix", [HARSH, DEAF, THROTTLED, SIDE_BY_SIDE], ids=lambda mix: mix.name)
def test_with_every_protection_nothing_is_doubled_or_lost(mix: Mix) -> None:
    assert [report for report in lives(mix, range(4)) if not report.right] == []


@pytest.mark.parametrize(
    ("mix", "uploads", "swapped"),
    [
        (SIDE_BY_SIDE, 150, [lambda: unconditional("LANE#")]),
        (HARSH, 20, [forgetful, lambda: unconditional("SEEN#")]),
        (DEAF, 150, [no_look_up]),
    ],
    ids=["the claim's condition", "what was seen", "the look-up"],
)
def test_without_a_protection_runs_are_doubled_or_uploads_lost(
    mix: Mix, uploads: int, swapped: list[Callable[[], AbstractContextManager[Any]]]
) -> None:
    with ExitStack() as stack:
        for swap in swapped:
            stack.enter_context(swap())
        reports = lives(mix, range(40), uploads)
        harmed = any(report.duplicates or report.lost for report in reports)
    assert harmed


def runs_of_two_drivers_that_found_none() -> int:
    """Claim a lane while SageMaker throttles; then two drivers look, and both start the run."""
    story = Story(mix=replace(QUIET, throttled=(0.0, 1.0)))
    world = story.world
    with world.running():
        story.begin()
        story.at(5, story.drop, "training", "a.csv")
        world.clock.run(START + 30 * MINUTE)
        claimed = world.ledger.lane("headrace-p0-training").current
        assert claimed is not None
        assert not claimed.execution_arn
        request_id = claimed.request_id
        assert request_id is not None
        world.clock.now = START + 2 * HOUR

        def drive() -> None:
            runtime, now = world.runtime, world.clock.now
            adapters = advance_run.Adapters(runtime.ledger, runtime.bucket, runtime.sagemaker)
            advance_run.advance(adapters, "headrace-p0-training", request_id, now)

        def none_yet(*arguments: Any) -> None:
            with mock.patch.object(SageMaker, "find", lambda *arguments: None):
                drive()  # the other driver, between this one's look and its start

        with mock.patch.object(SageMaker, "find", none_yet):
            drive()
    return len(world.sagemaker.runs)


def test_of_two_executions_that_found_no_run_the_token_lets_one_start() -> None:
    assert runs_of_two_drivers_that_found_none() == 1
    with random_tokens():
        assert runs_of_two_drivers_that_found_none() == 2
