"""The chain of a version, read from the audit's lines."""

from __future__ import annotations

from typing import Any

from workbench import version_history
from workbench.chain import Chain, Object

GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/headrace-abalone"
ONE, TWO, TEN = f"{GROUP}/1", f"{GROUP}/2", f"{GROUP}/10"
REQUEST = "upload-20261102-074500-1a2b3c4d5e"


def entry(time: str, event: str, outcome: str, **more: str) -> dict[str, Any]:
    line = {"event": event, "actor": "registry", "outcome": outcome, "reason": "", **more}
    return {"time": time, "schema": 2, "lane": "l", "decided": [line], "actions": []}


def review(time: str, arn: str, approval: str, outcome: str, **more: str) -> dict[str, Any]:
    event = f"package/{arn}/{approval}/{time}"
    return entry(time, event, outcome, model_package=arn, approval=approval, **more)


def ended(time: str, outcome: str, arn: str, refresh: str, **more: str) -> dict[str, Any]:
    about = {"actor": "gitlab", "model_package": arn, "refresh_id": refresh, **more}
    return entry(time, f"refresh/{refresh}", outcome, **about)


STORY = [
    entry("01", "s3/b/a.csv/v1", "joined", request_id=REQUEST),
    entry("02", "s3/b/b.csv/v1", "joined", request_id=REQUEST),
    review("03", ONE, "PendingManualApproval", "ignored"),
    review("04", ONE, "Approved", "refresh", refresh_id="refresh-a", actor="ada"),
    ended("05", "live", ONE, "refresh-a"),
    entry("06", "model-quality/run", "retuning", request_id="retune-1"),
    review("07", TWO, "Approved", "returned-to-pending"),
    review("08", TWO, "Approved", "refresh", refresh_id="refresh-b", reason="board RB-1"),
    ended("09", "refresh-failed", TWO, "refresh-b", reason="no token"),
    review("10", TWO, "Approved", "refresh", refresh_id="refresh-c"),
    ended("11", "live", TWO, "refresh-c"),
    review("12", TWO, "Rejected", "rolled-back", refresh_id="refresh-d", next_model_package=ONE),
    ended("13", "live", ONE, "refresh-d"),
]


def times(steps: Any) -> list[str]:
    return [step.time for step in steps]


def test_a_request_is_what_joined_it_or_the_missed_threshold_that_opened_it() -> None:
    assert times(version_history.requested(STORY, REQUEST)) == ["01", "02"]
    assert times(version_history.requested(STORY, "retune-1")) == ["06"]
    assert times(version_history.requested(STORY, "")) == []


def test_reviews_are_what_people_did_to_that_version_and_no_other() -> None:
    assert times(version_history.reviews(STORY, ONE)) == ["04"]
    assert times(version_history.reviews(STORY, TWO)) == ["07", "08", "10", "12"]
    assert times(version_history.reviews(STORY, TEN)) == []


def test_ci_is_each_refresh_with_the_version_also_one_that_went_back_to_it() -> None:
    assert times(version_history.ci(STORY, ONE)) == ["05", "13"]
    assert times(version_history.ci(STORY, TWO)) == ["09", "11"]


def test_live_says_since_when_and_until_when() -> None:
    assert version_history.live(STORY, ONE, ONE) == "it is live, since 13"
    assert version_history.live(STORY, ONE, TWO) == "it was live from 11 until 13"
    assert version_history.live(STORY, ONE, TEN) == "it was never live"


def test_an_outcome_is_shown_in_words_with_its_subject() -> None:
    assert version_history.words(STORY[11]["decided"][0]) == f"rolled back {ONE}"
    assert (
        version_history.words({"outcome": "run-changed", "status": "Failed"})
        == "run changed Failed"
    )


def test_lines_of_the_release_before_are_left_out_of_a_chain() -> None:
    sentence = {"cause": "s3/b/a.csv/v1", "outcome": f"joined {REQUEST}", "actor": "upload"}
    old = {"time": "00", "lane": "l", "decided": [sentence], "actions": []}
    assert times(version_history.requested([old, *STORY], REQUEST)) == ["01", "02"]


def test_people_see_the_first_objects_and_machines_all() -> None:
    chain = Chain(
        project="abalone",
        data="12 objects of the drop s3://b/d",
        objects=tuple(Object(f"{n}.csv", f"v{n}") for n in range(12)),
        request="",
        requested=(),
        run={},
        version={"number": "1", "arn": ONE, "kind": "training"},
        reviews=(),
        ci=(),
        live="it was never live",
    )
    text = "\n".join(chain.lines())
    assert "9.csv (version v9)" in text
    assert "and 2 more" in text
    assert "not decided yet" in text
    assert len(chain.document()["objects"]) == 12
