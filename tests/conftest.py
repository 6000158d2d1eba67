"""Sorts the tests: which need a cloud, which share something expensive, and which start first.

A worker of pytest-xdist runs a whole group, so that what the group shares is made only once.
"""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.ministack.process import Server

# Fixtures that start a server of the laptop cloud. Whatever uses one is marked `cloud`.
SERVERS = {"aws", "cloud", "ends", "endpoint", "hosted", "own_cloud", "sample", "stormy"}
# Fixtures that take seconds without one: the SageMaker SDK, the functions as they are deployed.
SLOW = {"artefacts", "builders"}
# The groups that take longest start first, and the longest of the other tests before the short
# ones, so that no worker is left with them at the end.
FIRST = ("tests/loop", "tests/chaos/test_main_job_under_chaos.py", "tests/accounts")
LONG = "tests/simulation/"


@pytest.hookimpl(tryfirst=True)  # before `-m` selects and xdist groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        used = _fixtures(item, SERVERS | SLOW)
        if SERVERS.intersection(used):
            item.add_marker(pytest.mark.cloud)
        if group := _group(item, used.values()):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_rank)


def pytest_runtest_setup(item: pytest.Item) -> None:
    Server.start = _start if item.get_closest_marker("cloud") else _refuse  # type: ignore[method-assign]


def _fixtures(item: pytest.Item, names: set[str]) -> dict[str, Any]:
    """Return those of the named fixtures that a test needs, itself or through others."""
    found = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]  # pytest tells it nowhere else
    return {name: found[name][-1] for name in sorted(names.intersection(found))}


def _group(item: pytest.Item, fixtures: Any) -> str:
    """Return the folder or file whose tests share one of the fixtures; nothing if none do."""
    scopes = {fixture.scope: fixture.baseid for fixture in fixtures}
    if "module" in scopes:
        return item.nodeid.partition("::")[0]
    return str(scopes.get("session", ""))


def _rank(item: pytest.Item) -> int:
    group = item.get_closest_marker("xdist_group")
    if group is None:
        return len(FIRST) + (1 if item.nodeid.startswith(LONG) else 2)
    return FIRST.index(group.args[0]) if group.args[0] in FIRST else len(FIRST)


_start = Server.start


def _refuse(server: Server) -> None:
    pytest.fail("starts a laptop cloud: mark the test `cloud`, or name its fixture in SERVERS")
