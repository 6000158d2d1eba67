"""The chain of a version, read from the audit's lines."""

from __future__ import annotations

from typing import Any

from workbench import books
from workbench.chain import Chain, Object

GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/headrace-abalone"
ONE, TWO, TEN = f"{GROUP}/1", f"{GROUP}/2", f"{GROUP}/10"
REQUEST = "upload-20261102-074500-1a2b3c4d5e"


def entry(time: str, cause: str, outcome: str, *actions: str, **more: str) -> dict[str, Any]:
    line = {"cause": cause, "actor": "registry", "outcome": outcome, "reason": "", **more}
    return {"time": time, "lane": "l", "decided": [line], "actions": list(actions)}


STORY = [
    entry("01", "s3/b/a.csv/v1", f"joined {REQUEST}", f"{REQUEST}-1"),
    entry("02", "s3/b/b.csv/v1", f"joined {REQUEST}"),
    entry("03", f"package/{ONE}/PendingManualApproval/1.0", "nothing"),
    entry("04", f"package/{ONE}/Approved/2.0", "refresh", "refresh-a-1", actor="ada"),
    entry("05", "refresh/refresh-a", "live", reason=f"{ONE} through https://ci/1"),
    entry("06", "model-quality/run", "retuning", "retune-1-1"),
    entry("07", f"package/{TWO}/Approved/3.0", "returned to pending", "return-x", "tell-x"),
    entry("08", f"package/{TWO}/Approved/4.0", "refresh", "refresh-b-1", reason="board RB-1"),
    entry("09", "refresh/refresh-b", "refresh failed", reason="no token"),
    entry("10", f"package/{TWO}/Approved/5.0", "refresh", "refresh-c-1"),
    entry("11", "refresh/refresh-c", "live", reason=f"{TWO} through https://ci/2"),
    entry("12", f"package/{TWO}/Rejected/6.0", f"back to {ONE}", "refresh-d-1"),
    entry("13", "refresh/refresh-d", "live", reason=f"{ONE} through https://ci/3"),
]


def times(steps: Any) -> list[str]:
    return [step.time for step in steps]


def test_a_request_is_what_joined_it_or_the_missed_threshold_that_opened_it() -> None:
    assert times(books.requested(STORY, REQUEST)) == ["01", "02"]
    assert times(books.requested(STORY, "retune-1")) == ["06"]
    assert times(books.requested(STORY, "")) == []


def test_reviews_are_what_people_did_to_that_version_and_no_other() -> None:
    assert times(books.reviews(STORY, ONE)) == ["04"]
    assert times(books.reviews(STORY, TWO)) == ["07", "08", "10", "12"]
    assert times(books.reviews(STORY, TEN)) == []


def test_ci_is_each_refresh_with_the_version_also_one_that_went_back_to_it() -> None:
    assert times(books.ci(STORY, ONE)) == ["05", "13"]
    assert times(books.ci(STORY, TWO)) == ["09", "11"]


def test_live_says_since_when_and_until_when() -> None:
    assert books.live(STORY, ONE, ONE) == "it is live, since 13"
    assert books.live(STORY, ONE, TWO) == "it was live from 11 until 13"
    assert books.live(STORY, ONE, TEN) == "it never was live"


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
        live="it never was live",
    )
    text = "\n".join(chain.lines())
    assert "9.csv (version v9)" in text
    assert "and 2 more" in text
    assert "nobody has decided yet" in text
    assert len(chain.document()["objects"]) == 12
