"""Items outlive the code that wrote them: what another release stored is read, and kept."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from headrace.domain.cause import Cause
from headrace.domain.errors import PermanentError
from headrace.domain.lane import Lane, Rollout

ITEMS = Path(__file__).parent / "items"
ADA = "arn:aws:sts::123456789012:assumed-role/Scientist/ada@example.com"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/headrace-abalone"


def item(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ITEMS / f"{name}.json").read_text())
    return found


def stored(lane: Lane) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(asdict(lane)))
    return found


def test_a_lane_of_the_release_before_is_read_whole() -> None:
    lane = Lane.parse(item("lane.schema-1"))
    assert lane.version == 7
    assert lane.rollout == Rollout(
        live=f"{ARN}/1",
        deployed_by=11,
        wanted=f"{ARN}/2",
        refresh_id="refresh-1a2b",
        dispatched_at=1793606400.0,
        ci_claimed_at=1793606401.0,
    )
    assert lane.waiting is not None
    assert lane.waiting.requested_by == (ADA,)
    assert lane.waiting.description == (
        f"upload of 2 files: a.csv, b.csv; requested by {ADA}; schedule rate(1 day)"
    )
    assert lane.current is not None
    assert lane.current.requested_by == (ADA,)
    assert lane.current.parameters == (("InputDataType", "ManifestFile"),)


def test_a_free_lane_of_the_release_before_is_free() -> None:
    lane = Lane.parse(item("free_lane.schema-1"))
    assert lane == Lane("headrace-abalone-training", version=1)


def test_a_lane_of_the_release_to_come_is_read_without_what_is_new() -> None:
    lane = Lane.parse(item("lane.schema-1"))
    later = stored(lane)
    for part in (later, later["waiting"], later["current"], later["rollout"]):
        part["of_tomorrow"] = {"who": "knows"}
    later["schema"] = 9
    assert Lane.parse(later) == lane


@pytest.mark.parametrize("name", ["waiting", "current", "rollout", "ended", "retuned_at"])
def test_a_lane_without_a_field_has_its_default(name: str) -> None:
    full = stored(Lane.parse(item("lane.schema-1")))
    assert getattr(Lane.parse(full), name) == getattr(Lane.parse(item("lane.schema-1")), name)
    del full[name]
    assert getattr(Lane.parse(full), name) == getattr(Lane("l"), name)


def test_what_is_written_is_read_again() -> None:
    lane = Lane.parse(item("lane.schema-1"))
    assert Lane.parse(stored(lane)) == lane


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"kind": "whim"},
            "kind should be one of schedule, request, trigger, .*but is 'whim'",
        ),
        ({"kind": "request", "actor": 7}, "actor should be a string: 7"),
        (["request"], "should be an object, not list"),
        (None, "should be an object, not NoneType"),
    ],
)
def test_a_cause_that_is_none_is_refused_by_its_field(fields: Any, said: str) -> None:
    with pytest.raises(PermanentError, match=f"event.detail.cause.*{said}"):
        Cause.parse(fields, "event.detail.cause")
