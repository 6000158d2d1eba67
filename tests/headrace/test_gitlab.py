"""What GitLab's trouble means to a refresh: patience, never a sleep inside a function."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from headrace.adapters import gitlab_ci
from headrace.domain.errors import RetryableError

from local_cloud.gitlab.gitlab import GitLab, start_gitlab

CALLS: dict[str, Callable[[gitlab_ci.GitLab], Any]] = {
    "trigger": lambda to: to.trigger({}),
    "find": lambda to: to.find("refresh"),
    "status": lambda to: to.status(1),
    "jobs": lambda to: to.jobs(1),
}


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitLab]:
    root = tmp_path_factory.mktemp("project")
    (root / ".gitlab-ci.yml").write_text("job: {script: [echo done]}\n")
    hosted = start_gitlab(root, tmp_path_factory.mktemp("gitlab"), {})
    yield hosted
    hosted.stop()


@pytest.fixture
def to(hosted: GitLab) -> gitlab_ci.GitLab:
    tokens = hosted.trigger_token, hosted.api_token
    return gitlab_ci.GitLab(gitlab_ci.Settings(hosted.url, hosted.project_path, "main", *tokens))


@pytest.mark.parametrize("call", CALLS)
def test_a_limit_of_an_hour_is_waited_for_by_the_state_machine(
    hosted: GitLab, to: gitlab_ci.GitLab, call: str
) -> None:
    hosted.throttle(1, retry_after=3600)
    began = time.monotonic()
    with pytest.raises(RetryableError, match="GitLab said 429"):
        CALLS[call](to)
    assert time.monotonic() - began < 5
