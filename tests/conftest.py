"""Sorts the tests: which need a cloud, which share something expensive, and which start first.

A worker of pytest-xdist runs a whole group, so that what the group shares is made only once.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from local_cloud.ministack.process import Server

# Several processes share the cores: threads that wait for work must not keep them busy.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Fixtures that start a server of the laptop cloud, or GitLab's CI: their tests are marked `cloud`.
SERVERS = {
    *("aws", "cloud", "ends", "endpoint", "hosted", "own_cloud", "planned", "sample", "stormy"),
}
# Folders whose tests share what takes seconds to make; of others, a worker takes a file at once.
WHOLE = {
    f"tests/{name}"
    for name in (
        *("accounts", "cloud", "conformance", "engine", "headrace", "loop", "performance"),
        *("pipeline_specs", "sagemaker_api"),
    )
}
# The groups that take longest start first, and the longest of the other tests before the short
# ones, so that no worker is left with them at the end.
FIRST = ("tests/loop", "tests/chaos/test_main_job_under_chaos.py", "tests/accounts")
LONG = "tests/simulation/"


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives a worker all tests of a group. xdist's own groups do nothing under pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    return ByGroup(config, log)


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SERVERS.intersection(item.fixturenames):  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.cloud)
    items.sort(key=lambda item: _rank(item.nodeid))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lasts as long as the process."""
    gc.collect()
    gc.freeze()


def group_of(nodeid: str) -> str:
    """Return the folder, the file or the test itself: what one worker takes at once."""
    if nodeid.startswith(LONG):
        return nodeid
    path = nodeid.partition("::")[0]
    folder = path.rpartition("/")[0]
    return folder if folder in WHOLE else path


def pytest_runtest_setup(item: pytest.Item) -> None:
    Server.start = _start if item.get_closest_marker("cloud") else _refuse  # type: ignore[method-assign, assignment]  # for every test


def _rank(nodeid: str) -> int:
    group = group_of(nodeid)
    if group in FIRST:
        return FIRST.index(group)
    return len(FIRST) + (0 if group in WHOLE else 1 if nodeid.startswith(LONG) else 2)


_start = Server.start


def _refuse(server: Server) -> None:
    pytest.fail("starts a laptop cloud: mark the test `cloud`, or name its fixture in SERVERS")
