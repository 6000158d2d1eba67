"""Reconcile at the size of a year: what one invocation calls is bounded, and nothing is missed."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from headrace.adapters.data_bucket import DataBucket
from headrace.domain.lane import Request
from headrace.domain.project import Project
from headrace.use_cases.sweep import PROJECTS

from tests.simulation.act import TaskFailed
from tests.simulation.clock import HOUR, MINUTE
from tests.simulation.stories import QUIET, SUCCEEDED
from tests.simulation.world import BUCKET, World

MANY = 10_000
MILLION = 1_000_000
GO_ON: Any = {"continue": True}
# Calls of one invocation: what 100 projects without trouble take, and what AWS takes in a minute.
MOST_CALLS, MOST_PAGES = 2_500, 300
MOST_VERSIONS = 51_000  # the page in which the budget of 50,000 runs out is finished


@dataclass
class Account:
    """A world whose calls to AWS are counted by invocation."""

    world: World
    calls: list[Counter[str]]

    def invoke(self, request_id: str = "", **event: bool) -> Counter[str]:
        """Invoke reconcile; return its calls by kind, also if it failed."""
        self.calls.append(Counter())
        try:
            self.world._call("reconcile", event, request_id)
        except TaskFailed:
            self.calls[-1]["failed"] = 1
        return self.calls[-1]

    def put_back(self) -> list[dict[str, Any]]:
        """Return the events that wait in the inbox."""
        return [json.loads(message.body) for message in self.world.inbox._waiting]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    world = World(1, QUIET, lambda run: SUCCEEDED)
    calls: list[Counter[str]] = [Counter()]
    around = world.faults.around

    def counted(label: str, apply: Any) -> Any:
        calls[-1][label.split()[0]] += 1
        return around(label, apply)

    monkeypatch.setattr(world.faults, "around", counted)
    with world.running():
        yield Account(world, calls)


def project(name: str) -> Project:
    settings = {"project": name, "quality": {"metric": "mse", "threshold": 10.0}}
    return Project.parse(settings, "project.yaml")


def stalled(world: World, settings: Project) -> str:
    """Have a request wait for hours in a lane, its execution lost; return its pipeline."""
    pipeline = settings.pipelines.training
    lane = world.ledger.lane(pipeline)
    long_ago = world.clock.now - 9 * HOUR
    world.ledger.claim(lane, replace(lane, waiting=Request("r", long_ago, long_ago, objects=1)))
    return pipeline


def test_each_of_ten_thousand_projects_has_its_turn_and_none_holds_back_another(
    account: Account,
) -> None:
    world = account.world
    for number in range(MANY):
        world.ledger.put_project(project(f"p{number:05d}"))
    broken = world.dynamodb._items["PROJECTS"]
    expires, item = broken["p00007"]
    broken["p00007"] = expires, {**item, "doc": {"S": '{"project": 7}'}}
    found = {stalled(world, project(name)) for name in ("p00000", "p00008", "p05000", "p09999")}
    sweep = [account.invoke(inventory=False)]
    while account.world.runtime.marks.sweep().is_over is False:
        sweep.append(account.invoke(**GO_ON))
    assert len(sweep) == MANY // PROJECTS + 1  # the last turn finds nobody left
    assert max(calls.total() for calls in sweep) < MOST_CALLS
    assert [calls["failed"] for calls in sweep] == [1] + [0] * (len(sweep) - 1)
    assert {event["detail"]["pipeline"] for event in account.put_back()} == found
    assert account.invoke(**GO_ON).total() == 1  # nothing to go on with


def test_lambdas_retry_has_the_turn_of_the_first_attempt_again(account: Account) -> None:
    world = account.world
    for number in range(PROJECTS + 5):
        world.ledger.put_project(project(f"p{number:05d}"))
    first, last = project("p00000"), project(f"p{PROJECTS + 4:05d}")
    pipelines = [stalled(world, first), stalled(world, last)]

    def pipelines_put_back() -> list[str]:
        return [event["detail"]["pipeline"] for event in account.put_back()]

    account.invoke("one", inventory=False)
    account.invoke("one", inventory=False)
    assert pipelines_put_back() == [pipelines[0]] * 2
    account.invoke("two", inventory=False)
    assert pipelines_put_back() == [pipelines[0]] * 2 + [pipelines[1]]


class Folders:
    """The S3 client of a bucket with so many old versions in each training folder.

    `lost` are new uploads whose events were lost, by key.
    """

    def __init__(self, sizes: dict[str, int], lost: dict[str, float], account: Account) -> None:
        self._sizes, self._lost, self._account = sizes, lost, account
        self.listed = 0

    def list_object_versions(
        self, *, Bucket: str, Prefix: str, KeyMarker: str = "", VersionIdMarker: str = ""
    ) -> dict[str, Any]:
        self._account.calls[-1]["page"] += 1
        count = self._sizes.get(Prefix, 0)
        begin = int(KeyMarker.removeprefix(Prefix).removesuffix(".csv")) + 1 if KeyMarker else 0
        numbers = range(begin, min(begin + 1000, count))
        self._account.calls[-1]["version"] += len(numbers)
        keys = [f"{Prefix}{number:07d}.csv" for number in numbers]
        page: dict[str, Any] = {
            "Versions": [
                {
                    "Key": key,
                    "VersionId": "v1",
                    "Size": 100,
                    "LastModified": datetime.fromtimestamp(self._lost.get(key, 1e9), UTC),
                    "IsLatest": True,
                }
                for key in keys
            ]
        }
        if begin + 1000 < count:
            page |= {"IsTruncated": True, "NextKeyMarker": keys[-1], "NextVersionIdMarker": "v1"}
        return page


def watched(account: Account, sizes: dict[str, int], lost: dict[str, int]) -> None:
    """Have projects with so many old versions; the one of a number is new, and its event lost."""
    world = account.world
    folders = {name: project(name).folder("training") for name in sizes}
    for name in sizes:
        world.ledger.put_project(project(name))
    uploaded = world.clock.now
    client: Any = Folders(
        {folders[name]: size for name, size in sizes.items()},
        {f"{folders[name]}{number:07d}.csv": uploaded for name, number in lost.items()},
        account,
    )
    world.runtime.bucket = DataBucket(client, BUCKET)


def swept(account: Account, minutes: float) -> list[str]:
    """Sweep every ten minutes for so long; return the keys of uploads that were put back."""
    for _ in range(int(minutes / 10)):
        account.world.clock.now += 10 * MINUTE
        calls = account.invoke(inventory=False)
        assert calls["page"] <= MOST_PAGES
        assert calls["version"] <= MOST_VERSIONS
        assert calls.total() - calls["version"] < MOST_CALLS
    return [event["detail"]["object"]["key"] for event in account.put_back()]


def test_a_lost_upload_in_the_last_page_of_a_million_versions_is_found(account: Account) -> None:
    watched(account, {"big": MILLION}, {"big": MILLION - 1})
    hundred_and_ninety = swept(account, 190)
    assert hundred_and_ninety == []
    assert swept(account, 10) == [f"big/training/data/raw/{MILLION - 1:07d}.csv"]
    assert sum(calls["page"] for calls in account.calls) == MILLION // 1000


def test_an_upload_lost_behind_the_place_of_an_inventory_is_found_by_the_next(
    account: Account,
) -> None:
    watched(account, {"big": 100_000}, {})
    assert swept(account, 10) == []
    key = "big/training/data/raw/0000000.csv"
    account.world.runtime.bucket._client._lost[key] = account.world.clock.now
    assert swept(account, 50) == []  # 20 minutes of listing, then the rest of the hour
    assert swept(account, 10) == [key]


def test_a_project_with_many_versions_holds_back_no_other_in_its_turn(account: Account) -> None:
    watched(account, {"big": MILLION, "small": 10}, {"small": 3})
    assert swept(account, 20) == ["small/training/data/raw/0000003.csv"]
